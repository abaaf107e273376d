"""Words of a campaign against the facts as they are now: in the editor, at approval, and before the start.

One linter for all of them. A text is true of a product, an offer and an end that others may change at any time, so what
was found good once is asked again whenever somebody is about to rely on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import QuerySet

from accounts.services import audit
from campaigns.exceptions import WordsRefused
from campaigns.models import AdCopy, Campaign, MessageVariant, Rewrite, Segment
from campaigns.queries import wording
from campaigns.queries.review import generations
from campaigns.services import ads
from campaigns.services.briefs import briefs_of, slotted
from campaigns.services.lifecycle import move
from campaigns.services.messages import check_words
from campaigns.state import Action, CampaignState
from copywriting import queries as copywriting
from copywriting.contracts import ERROR, PERSON, CopyBrief, Fact, Finding
from copywriting.services import drafts, jobs
from copywriting.services.briefs import as_template, judge
from copywriting.services.provenance import Shown, changed_facts, show

CHANNEL_NAMES = {"email": "e-mail", "sms": "SMS", "push": "push"}
LABELS = ("A", "B", "C", "D")  # five per cent for each at the least, so that each can be told apart


@dataclass(frozen=True)
class Judged:
    """The words of one variant with what the rules of today have against them."""

    variant: MessageVariant
    brief: CopyBrief | None  # None: nobody is in the segment, so nobody would read them
    subject: str  # slotted
    body: str
    stated: tuple[Fact, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity == ERROR)


def current(campaign: Campaign) -> QuerySet[MessageVariant]:
    rows = wording.current(campaign)
    return rows.select_related("segment", "generation", "draft").prefetch_related("draft__stated_facts")


def judged(campaign: Campaign) -> list[Judged]:
    """Every current variant, in the order of segments, labels and channels."""
    briefs = briefs_of(campaign)
    return [_judged(variant, briefs.get((variant.segment_id, variant.channel))) for variant in current(campaign)]


def _judged(variant: MessageVariant, brief: CopyBrief | None) -> Judged:
    subject, body = slotted(variant.subject), slotted(variant.body)
    stated = drafts.stated_in(variant.draft) if variant.draft else ()
    found = findings(brief, subject, body, writer=variant.writer, stated=stated) if brief else ()
    return Judged(variant, brief, subject, body, stated, found)


def findings(
    brief: CopyBrief, subject: str, body: str, *, writer: str = PERSON, stated: Sequence[Fact] = ()
) -> tuple[Finding, ...]:
    """By the rules of the brief's channel, and of the numbers that somebody named a source for."""
    found = judge(brief, subject, body, writer=writer, stated=stated)
    return tuple(dict.fromkeys([*found, *changed_facts(subject, body, stated)]))


def briefs_written(campaign: Campaign, variants: Sequence[MessageVariant]) -> dict[int, CopyBrief]:
    """By variant: the brief that the words were written for; for words that never had one, what a writer would get today."""
    kept = {one.pk: CopyBrief.of(one.generation.brief) for one in variants if one.generation and one.generation.brief}
    without = {one.segment_id for one in variants if one.pk not in kept}
    now = briefs_of(campaign, without) if without else {}
    keys = {one.pk: (one.segment_id, one.channel) for one in variants if one.pk not in kept}
    return kept | {pk: now[key] for pk, key in keys.items() if key in now}


def show_in(brief: CopyBrief, subject: str, body: str, *, writer: str = PERSON, stated: Sequence[Fact] = ()) -> Shown:
    """As the studio shows a text, with what has changed since its facts were named."""
    shown = show(brief, subject, body, writer=writer, stated=stated)
    return replace(shown, findings=findings(brief, subject, body, writer=writer, stated=stated))


def faults(campaign: Campaign) -> list[str]:
    """What stands against sending the words as they are, in sentences that name the segment; [] when nothing does."""
    return [
        f"Words for {_named(one.variant)}, {error.rule}: {error.message} {error.remedy}"
        for one in judged(campaign)
        for error in one.errors
    ] + ads.faults(campaign)


def _named(variant: MessageVariant) -> str:
    return f"{variant.segment.name} on {CHANNEL_NAMES.get(variant.channel, variant.channel)} ({variant.label})"


def unwritten(campaign: Campaign) -> list[str]:
    """The channels that a segment has no words of its own for, in sentences; [] when each has some."""
    return [
        f"There are no words for {segment.name} on {CHANNEL_NAMES.get(channel, channel)}: write them on the copy page."
        for segment, channel in wording.missing(campaign)
    ]


# --- changing them


def edit(variant_id: int, *, subject: str, body: str, stated: Sequence[Fact] = (), actor) -> MessageVariant:
    """Replaces the words of one variant. Raises TemplateRefused, and SourceMissing for a number without a source; an approved
    or scheduled campaign goes back to draft, and one in review stays there, with the editor as an author.
    """
    with transaction.atomic():
        old = MessageVariant.objects.select_for_update(of=("self",)).select_related("draft", "generation").get(
            pk=variant_id, is_current=True
        )  # fmt: skip
        campaign = _opened(old.campaign_id, actor, "The words were edited.")
        check_words(campaign, subject)
        check_words(campaign, body)
        brief = briefs_of(campaign, {old.segment_id}).get((old.segment_id, old.channel))
        kept = None
        if brief is not None:
            kept = drafts.by_hand(
                brief, old.generation, subject=slotted(subject), body=slotted(body), stated=stated, actor=actor,
                parent=old.draft,
            )  # fmt: skip
        new = MessageVariant(
            campaign=campaign,
            segment_id=old.segment_id,
            channel=old.channel,
            label=old.label,
            subject=subject,
            body=body,
            generation=kept.generation if kept else old.generation,
            draft=kept,
            writer=PERSON,
        )
        return _replaced(old, new, actor, "variant.edited")


def edit_ad(ad_id: int, *, subject: str, body: str, actor) -> AdCopy:
    """Replaces the words of an advertisement, as `edit` does those of a message. Raises TemplateRefused, WordsRefused."""
    with transaction.atomic():
        old = AdCopy.objects.select_for_update(of=("self",)).select_related("segment").get(pk=ad_id, is_current=True)
        old.campaign = _opened(old.campaign_id, actor, "An advertisement was edited.")
        new = ads.edit(old, subject=subject, body=body, actor=actor)
        old.campaign.authors.add(actor)
        return new


def accept(campaign_id: int, segment_id: int, label: str, draft_id: int, *, actor) -> MessageVariant:
    """Makes a draft the words of a variant, a new one where the label is free. Raises WordsRefused for a draft that was not
    written for these readers, or that breaks a rule today; TransitionRefused in another state.
    """
    with transaction.atomic():
        campaign = _opened(campaign_id, actor, "Another draft was accepted.")
        draft = copywriting.drafts().filter(pk=draft_id).first()
        if draft is None or draft.generation_id not in generations(campaign.pk).get(segment_id, ()):
            raise WordsRefused("This draft was not written for this segment.")
        if label not in LABELS:
            raise WordsRefused(f"A variant is called {', '.join(LABELS)}.")
        channel = draft.generation.brief["channel"]
        brief = briefs_of(campaign, {segment_id}).get((segment_id, channel))
        if brief is None:
            raise WordsRefused("Nobody is in this segment, or the plan has left this channel: make the drafts again.")
        found = findings(brief, draft.subject, draft.body, writer=draft.writer, stated=drafts.stated_in(draft))
        errors = [f"{one.rule}: {one.message} {one.remedy}" for one in found if one.severity == ERROR]
        if errors:
            raise WordsRefused(" ".join(errors))
        subject, body = as_template(draft.subject), as_template(draft.body)
        check_words(campaign, subject)
        check_words(campaign, body)
        old = (
            MessageVariant.objects.select_for_update(of=("self",))
            .filter(campaign=campaign, segment_id=segment_id, channel=channel, label=label, is_current=True)
            .first()
        )
        new = MessageVariant(
            campaign=campaign,
            segment_id=segment_id,
            channel=channel,
            label=label,
            subject=subject,
            body=body,
            generation=draft.generation,
            draft=draft,
            writer=draft.writer,
        )
        return _replaced(old, new, actor, "variant.accepted")


def retire(variant_id: int, *, actor) -> None:
    """Takes one of several variants away; the last one of a segment's channel stays."""
    with transaction.atomic():
        old = MessageVariant.objects.select_for_update(of=("self",)).get(pk=variant_id, is_current=True)
        campaign = _opened(old.campaign_id, actor, "A variant was taken away.")
        beside = campaign.variants.filter(segment_id=old.segment_id, channel=old.channel, is_current=True)
        if beside.exclude(pk=old.pk).first() is None:
            raise WordsRefused("These are the only words of the segment on this channel: accept others first.")
        MessageVariant.objects.filter(pk=old.pk).update(is_current=False)
        campaign.authors.add(actor)
        audit(actor, "variant.retired", old, before={"subject": old.subject, "body": old.body})


def _opened(campaign_id: int, actor, reason: str) -> Campaign:
    """The campaign, locked, in a state in which words may change: an approval falls."""
    campaign = Campaign.objects.select_for_update(of=("self",)).select_related("offer", "merchant").get(pk=campaign_id)
    if campaign.state in (CampaignState.APPROVED, CampaignState.SCHEDULED):
        move(campaign.pk, Action.EDIT, actor=actor, reason=reason)
    elif campaign.state not in (CampaignState.DRAFT, CampaignState.IN_REVIEW):
        move(campaign.pk, Action.EDIT, actor=actor)  # refused, and says what is possible
    return campaign


def _replaced(old: MessageVariant | None, new: MessageVariant, actor, action: str) -> MessageVariant:
    if old is not None:
        MessageVariant.objects.filter(pk=old.pk).update(is_current=False)
    new.save()
    new.campaign.authors.add(actor)
    before = {"subject": old.subject, "body": old.body} if old else {}
    audit(actor, action, new, before=before, after={"subject": new.subject, "body": new.body})
    return new


# --- asking for others


def ask_again(campaign_id: int, segment_id: int, channel: str, wishes: dict, *, label: str = "A", actor) -> Rewrite:
    """More drafts for one segment and channel, with what is to be different; the door nudges the worker. Nothing changes
    until one is accepted. Raises WordsRefused when nobody is in the segment or it has no such channel; BriefInvalid.
    """
    with transaction.atomic():
        campaign = Campaign.objects.select_related("offer", "merchant").get(pk=campaign_id)
        segment = Segment.objects.get(pk=segment_id)
        briefs = briefs_of(campaign, {segment_id})
        if not briefs:
            raise WordsRefused("Nobody is in this segment yet: make the drafts first.")
        brief = briefs.get((segment_id, channel))
        if brief is None:
            raise WordsRefused(f"The plan has no words on {channel!r}.")
        if label not in LABELS:
            raise WordsRefused(f"A variant is called {', '.join(LABELS)}.")
        tries = Rewrite.objects.filter(campaign=campaign, segment_id=segment_id).count()
        job = jobs.ask_again(
            replace(brief, seed=brief.seed + 100_000 * (tries + 1)),
            wishes,
            kind="campaign",
            name=f"{campaign.name}: {segment.name} {channel} {label}",
            actor=actor,
            merchant_id=campaign.merchant_id,
        )
        return Rewrite.objects.create(campaign=campaign, segment=segment, label=label, job=job)
