"""The words of a campaign: each variant with its sources and findings, the drafts beside it, one more try, an edit by hand."""

from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from campaigns.exceptions import TemplateRefused, WordsRefused
from campaigns.forms.plan import CHANNEL_WORDS
from campaigns.forms.words import SplitForm, WishesForm
from campaigns.models import Campaign, MessageVariant, Rewrite, Segment
from campaigns.queries import review as queries
from campaigns.queries.wording import channels_of
from campaigns.services import compose, words
from campaigns.state import CampaignState
from campaigns.tasks import write_copy
from campaigns.views.answers import REFUSALS, SeeOther, campaign_or_404, say_refusal
from campaigns.views.shell import shell
from copywriting import queries as copywriting
from copywriting.contracts import CopyBrief
from copywriting.exceptions import BriefInvalid
from copywriting.services.drafts import stated_in
from copywriting.services.provenance import Shown, diff, show

EDITABLE = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)
MOST_DRAFTS = 12  # of one segment and channel on the page, the newest first


@dataclass(frozen=True)
class ShownVariant:
    variant: MessageVariant
    shown: Shown | None
    changes: list[tuple[str, str]]  # since the last approval; [] when it is as it was approved, or never was
    is_new: bool  # there was an approval, and it knew no such variant


@dataclass(frozen=True)
class ShownDraft:
    draft: object
    shown: Shown
    used_as: str


@dataclass(frozen=True)
class ChannelCopy:
    """The words of a segment on one channel."""

    channel: str
    variants: list[ShownVariant]
    drafts: list[ShownDraft]
    labels: list[str]  # under which a draft may be accepted
    wishes: WishesForm

    @property
    def name(self) -> str:
        return CHANNEL_WORDS.get(self.channel, self.channel)

    @property
    def taken(self) -> set[str]:
        return {one.variant.label for one in self.variants}


@dataclass(frozen=True)
class SegmentCopy:
    segment: Segment
    channels: list[ChannelCopy]
    is_writing: bool

    @property
    def has_words(self) -> bool:
        return any(one.variants for one in self.channels)


@requires(Capability.CAMPAIGN_READ)
@require_GET
def copy(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _page(request, campaign_or_404(campaign_id))


def _page(request: HttpRequest, campaign: Campaign, refused: str = "", status: int = 200) -> HttpResponse:
    parts = _segments(campaign)
    may_edit = campaign.state in EDITABLE and request.user.can(Capability.CAMPAIGN_COMPOSE)
    context = shell(request, campaign, "copy") | {
        "segments": parts,
        "is_writing": any(part.is_writing for part in parts),
        "may_edit": may_edit,
        "refused": refused,
        "voids": campaign.state in (CampaignState.APPROVED, CampaignState.SCHEDULED),
        "has_several": any(len(one.variants) > 1 for part in parts for one in part.channels),
        "split_form": SplitForm(initial={"split": campaign.split}),
    }
    return render(request, "campaigns/copy.html", context, status=status)


def _segments(campaign: Campaign) -> list[SegmentCopy]:
    """The same number of queries for two segments as for twenty."""
    current = list(words.current(campaign))
    briefs = words.briefs_written(campaign, current)
    rewrites: dict[int, list[Rewrite]] = {}
    rows = Rewrite.objects.filter(campaign=campaign).select_related("job__run")
    for rewrite in rows.order_by("pk"):
        rewrites.setdefault(rewrite.segment_id, []).append(rewrite)
    drafted = queries.generations(campaign.pk)
    drafts = copywriting.of_generations([pk for pks in drafted.values() for pk in pks])
    approved = queries.approved_words(campaign.pk)
    found = []
    for part in campaign.campaign_segments.select_related("segment"):
        own = [one for one in current if one.segment_id == part.segment_id]
        texts = [draft for pk in drafted.get(part.segment_id, ()) for draft in drafts.get(pk, ())]
        asked = rewrites.get(part.segment_id, [])
        labels = sorted({one.label for one in own})
        labels += [label for label in words.LABELS if labels and label not in labels][:1]
        channels = []
        for channel in channels_of(campaign):
            shown = [_variant(one, briefs.get(one.pk), approved) for one in own if one.channel == channel]
            written = [one for one in texts if one.generation.brief and one.generation.brief["channel"] == channel]
            wishes = WishesForm(
                initial={"tone": campaign.tone, "festival": campaign.festival}, prefix=f"s{part.segment_id}-{channel}"
            )
            channels.append(ChannelCopy(channel, shown, _drafts(written, shown), labels, wishes))
        is_writing = any(one.job.run and one.job.run.state in ("queued", "running") for one in asked)
        found.append(SegmentCopy(part.segment, channels, is_writing))
    return found


def _drafts(texts: list, variants: list[ShownVariant]) -> list[ShownDraft]:
    """The drafts of one segment and channel: those in use first, then the newest."""
    used = {one.variant.draft_id: one.variant.label for one in variants if one.variant.draft_id}
    texts = sorted(texts, key=lambda one: (one.pk not in used, -one.generation_id, one.pk))
    return [_draft(one, used) for one in texts[:MOST_DRAFTS]]


def _variant(variant: MessageVariant, brief: CopyBrief | None, approved: dict | None) -> ShownVariant:
    subject, body = words.slotted(variant.subject), words.slotted(variant.body)
    stated = stated_in(variant.draft) if variant.draft else ()
    shown = words.show_in(brief, subject, body, writer=variant.writer, stated=stated) if brief else None
    before = approved.get((variant.segment_id, variant.channel, variant.label)) if approved else None
    changes = diff(before, f"{variant.subject} {variant.body}") if before else []
    differs = any(what != "same" for what, _ in changes)
    return ShownVariant(variant, shown, changes if differs else [], approved is not None and before is None)


def _draft(draft, used: dict[int, str]) -> ShownDraft:
    brief = CopyBrief.of(draft.generation.brief)
    shown = show(brief, draft.subject, draft.body, writer=draft.writer, stated=stated_in(draft))
    return ShownDraft(draft, shown, used.get(draft.pk, ""))


# --- steps


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def accept(request: HttpRequest, campaign_id: int, segment_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    text, label = request.POST.get("draft", ""), request.POST.get("label", "A")
    draft_id = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    try:
        words.accept(campaign_id, segment_id, label, draft_id, actor=request.user)
    except (WordsRefused, TemplateRefused, *REFUSALS) as refusal:
        return _page(request, campaign, _("Not accepted: %(reason)s") % {"reason": refusal}, status=409)
    messages.success(request, _("These are the words of variant %(label)s now.") % {"label": label})
    return SeeOther(_here(campaign_id, segment_id))


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def again(request: HttpRequest, campaign_id: int, segment_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    get_object_or_404(campaign.campaign_segments, segment_id=segment_id)
    channel = request.POST.get("channel", channels_of(campaign)[0])
    form = WishesForm(request.POST, prefix=f"s{segment_id}-{channel}")
    if not form.is_valid():
        problems = "; ".join(f"{form.fields[name].label}: {' '.join(said)}" for name, said in form.errors.items())
        return _page(request, campaign, problems, status=400)
    label = request.POST.get("label", "A")
    try:
        with transaction.atomic():
            asked = words.ask_again(campaign_id, segment_id, channel, form.changes(), label=label, actor=request.user)
            _nudge(asked.job.run_id)
    except (WordsRefused, BriefInvalid) as refusal:
        return _page(request, campaign, str(refusal), status=409)
    messages.success(request, _("A worker writes. The words stay as they are until you accept a draft."))
    return SeeOther(_here(campaign_id, segment_id))


def _nudge(run_id: int) -> None:
    try:
        write_copy.delay_on_commit(run_id)
    except write_copy.OperationalError:
        return  # beat finds the row within half a minute


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def retire(request: HttpRequest, campaign_id: int, variant_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    variant = get_object_or_404(MessageVariant, pk=variant_id, campaign=campaign, is_current=True)
    try:
        words.retire(variant_id, actor=request.user)
    except (WordsRefused, *REFUSALS) as refusal:
        return _page(request, campaign, str(refusal), status=409)
    messages.success(request, _("Variant %(label)s is taken away.") % {"label": variant.label})
    return SeeOther(_here(campaign_id, variant.segment_id))


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def split(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """How the variants of a segment share its readers."""
    campaign_or_404(campaign_id)
    form = SplitForm(request.POST)
    if form.is_valid():
        try:
            compose.set_split(campaign_id, form.cleaned_data["split"], actor=request.user)
        except REFUSALS as refusal:
            say_refusal(request, refusal)
        else:
            messages.success(request, _("Saved."))
    return SeeOther(reverse("campaigns:copy", args=[campaign_id]))


def _here(campaign_id: int, segment_id: int) -> str:
    return f"{reverse('campaigns:copy', args=[campaign_id])}#segment-{segment_id}"
