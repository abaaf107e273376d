"""What a marketer writes: the campaign's plan. Every edit makes its author an author, who may not approve it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.services import audit
from campaigns.contracts import Block, Trigger
from campaigns.exceptions import NotReady
from campaigns.models import Campaign, CampaignSegment, Codes, PlanDraft
from campaigns.queries.places import latest
from campaigns.queries.progress import RUN
from campaigns.services.lifecycle import move
from campaigns.state import Action, CampaignState, Kind
from registry import services as runs

EDITABLE = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)


CAREFUL = ("waves", "wave_wait", "stop_limits", "keeps_email_quiet")


@dataclass(frozen=True)
class Plan:
    """All that a marketer decides; the rest is generated."""

    name: str
    segment_ids: tuple[int, ...]
    goal: str = ""
    offer_id: int | None = None
    merchant_id: int | None = None
    channels: tuple[str, ...] = ("email",)
    tone: str = "warm and plain"
    items_per_message: int = 3
    holdout_share: float = 0.1
    cap_days: int = 3
    caps: tuple[dict, ...] = ()
    attribution_days: int = 28
    scheduled_at: datetime | None = None
    local_at: str = ""  # by each recipient's own clock: Campaign.local_at
    late_after: timedelta | None = timedelta(hours=6)
    per_second: int = 50
    # How carefully it goes out. None: as it was, or as is usual.
    waves: tuple[float, ...] | None = None
    wave_wait: timedelta | None = None
    stop_limits: dict[str, float] | None = None
    keeps_email_quiet: bool | None = None
    block: Block = field(default_factory=Block)
    festival: str = ""
    codes: str = Codes.NONE
    shared_code: str = ""
    utm_campaign: str = ""
    trigger: Trigger | None = None  # None: it is sent once

    def fields(self) -> dict:
        plain = {name: value for name, value in self.__dict__.items() if name != "segment_ids"}
        plain = {name: value for name, value in plain.items() if value is not None or name not in CAREFUL}
        lists = {"channels": list(self.channels), "caps": list(self.caps)}
        kind = Kind.TRIGGERED if self.trigger else Kind.SCHEDULED
        trigger = self.trigger.kept() if self.trigger else {}
        return plain | lists | {"block": self.block.kept(), "kind": kind.value, "trigger": trigger}


def create(plan: Plan, *, actor) -> Campaign:
    with transaction.atomic():
        campaign = Campaign.objects.create(**plan.fields(), created_by=actor)
        _set_segments(campaign, plan.segment_ids)
        discard(actor, None)
        campaign.authors.add(actor)
        audit(actor, "campaign.created", campaign, after={"name": plan.name})
    return campaign


def update(campaign_id: int, plan: Plan, *, actor) -> Campaign:
    """Changes the plan. What was in review, approved or scheduled goes back to draft: an edit voids it."""
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
        if campaign.state != CampaignState.DRAFT:
            move(campaign_id, Action.EDIT, actor=actor, reason="The plan was edited.")
        Campaign.objects.filter(pk=campaign_id).update(**plan.fields())
        _set_segments(campaign, plan.segment_ids)
        discard(actor, campaign_id)
        campaign.authors.add(actor)
        audit(actor, "campaign.edited", campaign, after={"name": plan.name})
    campaign.refresh_from_db()
    return campaign


def keep(user, campaign_id: int | None, fields: dict[str, str]) -> PlanDraft:
    """What somebody has typed so far, as it is, right or wrong: the composer shows it again when they come back."""
    draft, _ = PlanDraft.objects.update_or_create(
        user=user, campaign_id=campaign_id, defaults={"fields": fields, "kept_at": timezone.now()}
    )
    return draft


def discard(user, campaign_id: int | None) -> None:
    PlanDraft.objects.filter(user=user, campaign_id=campaign_id).delete()


def _set_segments(campaign: Campaign, segment_ids: tuple[int, ...]) -> None:
    CampaignSegment.objects.filter(campaign=campaign).delete()
    CampaignSegment.objects.bulk_create(
        CampaignSegment(campaign=campaign, segment_id=segment_id, priority=place)
        for place, segment_id in enumerate(dict.fromkeys(segment_ids))
    )


def ask_for_drafts(campaign_id: int, *, actor) -> None:
    """Starts the generation. Raises NotReady with every problem; the door then nudges the worker."""
    campaign = Campaign.objects.select_related("offer").get(pk=campaign_id)
    problems = problems_of(campaign)
    if problems:
        raise NotReady(problems)
    with transaction.atomic():
        move(campaign_id, Action.GENERATE, actor=actor)
        runs.ask(RUN, {"campaign": campaign_id}, actor)


def problems_of(campaign: Campaign) -> tuple[str, ...]:
    found = []
    if not campaign.campaign_segments.exists():
        found.append("No segment is chosen: choose at least one.")
    if campaign.offer and campaign.offer.ends_at <= timezone.now():
        found.append("The offer has ended: choose one that still runs.")
    if campaign.codes and not campaign.offer:
        found.append("There are codes and no offer that they open: choose an offer, or no codes.")
    if "store" in campaign.channels and not campaign.codes:
        found.append("A coupon sheet needs codes: choose a shared code, or one of one's own for each person.")
    last = latest(campaign.local_at) if campaign.local_at else campaign.scheduled_at
    if last and campaign.offer and last >= campaign.offer.ends_at:
        found.append("The offer ends before the send: move one of them.")
    return tuple(found)


def set_split(campaign_id: int, split: str, *, actor) -> None:
    """How the variants of a segment share its readers; an approval falls, for it named another way."""
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
        if campaign.state not in (CampaignState.DRAFT, CampaignState.IN_REVIEW):
            move(campaign_id, Action.EDIT, actor=actor, reason="The share of the variants was changed.")
        Campaign.objects.filter(pk=campaign_id).update(split=split)
        campaign.authors.add(actor)
        audit(actor, "campaign.edited", campaign, before={"split": campaign.split}, after={"split": split})


def schedule(campaign_id: int, *, actor) -> None:
    """Arms an approved campaign. Raises NotReady without a time."""
    at = Campaign.objects.values_list("scheduled_at", flat=True).get(pk=campaign_id)
    if at is None:
        raise NotReady(("No time is set: edit the plan and choose when to send.",))
    move(campaign_id, Action.SCHEDULE, actor=actor)


def unschedule(campaign_id: int, *, actor) -> None:
    """Takes the release back; the approval stands."""
    move(campaign_id, Action.UNSCHEDULE, actor=actor)
