"""The words of advertisements: for each segment and platform a headline and a text within what the platform shows.

An advertisement is seen by everybody on its list, and by strangers beside them: it names nobody, holds no code of one's own,
and speaks of the product that most people of the segment would see first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import transaction

from accounts.services import audit
from campaigns.exceptions import RenderRefused, WordsRefused
from campaigns.models import AdCopy, Campaign, Codes, Target
from campaigns.queries.handover import ads
from campaigns.queries.wording import channels_of
from campaigns.render import compile_template
from campaigns.services import audience
from campaigns.services.briefs import briefs_of, slotted
from campaigns.services.messages import Words, check_words, render_words
from catalog.queries import by_ids
from copywriting.contracts import CHANNELS, ERROR, PERSON, CopyBrief, Finding
from copywriting.services.briefs import judge

WRITTEN_FOR = {Target.META: "meta_ads", Target.GOOGLE: "google_ads"}


@dataclass(frozen=True)
class Ad:
    """An advertisement as it would be shown now, with the room that its platform gives."""

    row: AdCopy
    subject: str
    body: str
    refused: str  # why it cannot be filled; "" when it can

    @property
    def room(self) -> tuple[int, int]:
        return room_of(self.row)


def room_of(row: AdCopy) -> tuple[int, int]:
    """(headline, text): the most signs that the platform shows."""
    limits = CHANNELS[WRITTEN_FOR[Target(row.target)]]
    return limits.subject, limits.body


def briefs(campaign: Campaign) -> list[tuple[int, str, CopyBrief]]:
    """(segment id, platform, brief) of every advertisement; [] for a campaign that makes no audience list."""
    if "social" not in campaign.channels:
        return []
    first = channels_of(campaign)[0]
    return [
        (segment_id, target.value, _brief(campaign, brief, channel))
        for (segment_id, written), brief in briefs_of(campaign).items()
        if written == first
        for target, channel in WRITTEN_FOR.items()
    ]


def _brief(campaign: Campaign, brief: CopyBrief, channel: str) -> CopyBrief:
    code = brief.code if campaign.codes == Codes.SHARED else ""
    said = tuple(phrase for phrase in brief.must_say if code or "{code}" not in phrase)
    return replace(brief, channel=channel, code=code, must_say=said)


def wanted(campaign: Campaign) -> list[tuple[int, str, CopyBrief]]:
    """The briefs of those that nobody wrote by hand."""
    by_hand = {(one.segment_id, one.target) for one in ads(campaign) if one.writer == PERSON}
    return [one for one in briefs(campaign) if one[:2] not in by_hand]


def keep(campaign: Campaign, written: Iterable[tuple[tuple[int, str, CopyBrief], object]]) -> None:
    """Makes what a writer returned the words of each advertisement. Inside a transaction."""
    for (segment_id, target, _), copy in written:
        own = AdCopy.objects.filter(campaign=campaign, segment_id=segment_id, target=target, is_current=True)
        own.update(is_current=False)
        AdCopy.objects.create(
            campaign=campaign, segment_id=segment_id, target=target, subject=copy.subject, body=copy.body,
            generation_id=copy.generation_id, draft_id=copy.draft_id, writer=copy.writer,
        )  # fmt: skip


def shown(campaign: Campaign) -> list[Ad]:
    """Every advertisement with the facts of now in its place; a constant number of queries."""
    rows = ads(campaign)
    if not rows:
        return []
    tops = audience.most_frequent_first_items(campaign.pk)
    products = by_ids(tops.values())
    return [_shown(campaign, row, products.get(tops.get(row.segment_id, 0))) for row in rows]


def _shown(campaign: Campaign, row: AdCopy, product) -> Ad:
    if product is None:
        return Ad(row, row.subject, row.body, "No product can be shown in it now.")
    words = Words(compile_template(row.subject), compile_template(row.body))
    try:
        return Ad(row, *render_words(campaign, words, product), "")
    except RenderRefused as refusal:
        return Ad(row, row.subject, row.body, str(refusal))


def findings(brief: CopyBrief, subject: str, body: str, writer: str = PERSON) -> list[Finding]:
    return list(judge(brief, slotted(subject), slotted(body), writer=writer))


def faults(campaign: Campaign) -> list[str]:
    """What stands against showing the advertisements as they are, in sentences that name segment and platform."""
    rows = ads(campaign)
    by_place = {(segment, target): brief for segment, target, brief in briefs(campaign)} if rows else {}
    return [
        f"{one.get_target_display()}, {one.segment.name}, {found.rule}: {found.message} {found.remedy}"
        for one in rows
        if (one.segment_id, one.target) in by_place
        for found in findings(by_place[one.segment_id, one.target], one.subject, one.body, one.writer)
        if found.severity == ERROR
    ]


def edit(ad: AdCopy, *, subject: str, body: str, actor) -> AdCopy:
    """Replaces the words of one advertisement; the caller has opened the campaign for it (services.words.edit_ad).

    Raises TemplateRefused for words that cannot be filled, WordsRefused for what breaks a rule, with every remedy.
    """
    check_words(ad.campaign, subject)
    check_words(ad.campaign, body)
    if ad.campaign.codes == Codes.UNIQUE and "{code}" in slotted(subject) + slotted(body):
        raise WordsRefused("Everybody sees the same advertisement: leave out the code, which is each person's own.")
    brief = next((b for s, t, b in briefs(ad.campaign) if (s, t) == (ad.segment_id, ad.target)), None)
    errors = [one for one in findings(brief, subject, body) if one.severity == ERROR] if brief else []
    if errors:
        raise WordsRefused(" ".join(f"{one.rule}: {one.message} {one.remedy}" for one in errors))
    with transaction.atomic():
        AdCopy.objects.filter(pk=ad.pk).update(is_current=False)
        new = AdCopy.objects.create(
            campaign=ad.campaign, segment=ad.segment, target=ad.target, subject=subject, body=body,
            generation=ad.generation, draft=ad.draft, writer=PERSON,
        )  # fmt: skip
        before = {"subject": ad.subject, "body": ad.body}
        audit(actor, "ad.edited", new, before=before, after={"subject": subject, "body": body})
    return new
