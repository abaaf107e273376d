"""What a composer chooses from, and what an experiment of that size could see."""

from dataclasses import dataclass

from django.db.models import Avg, Case, Count, FloatField, Q, QuerySet, Value, When
from django.utils import timezone

from campaigns.models import Campaign, PlanDraft, Segment
from campaigns.state import CampaignState
from catalog.models import Offer
from recommendations.models import Profile


@dataclass(frozen=True)
class Baseline:
    """The share of known customers who ordered in the last `days` before the newest scoring."""

    share: float
    days: int


def offers(current_id: int | None = None) -> QuerySet[Offer]:
    """Offers that still run, the next to end first, and the one that the campaign has already."""
    runs = Q(ends_at__gt=timezone.now()) | Q(pk=current_id)
    return Offer.objects.filter(runs).select_related("merchant").order_by("ends_at", "pk")


def all_offers() -> QuerySet[Offer]:
    return Offer.objects.select_related("merchant")


def offers_with_use(limit: int) -> QuerySet[Offer]:
    """The newest offers with `used`: by how many campaigns."""
    return all_offers().annotate(used=Count("campaigns")).order_by("-ends_at", "pk")[:limit]


def promising(offer_id: int) -> list[Campaign]:
    """Campaigns whose approval a change of this offer voids."""
    held = (CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)
    return list(Campaign.objects.filter(offer=offer_id, state__in=held).order_by("pk")[:20])


def baseline(days: int) -> Baseline | None:
    """Read from everybody's profile, so ask it rarely: views keep the answer for an hour. None without a profile."""
    recent = Case(When(recency_days__lte=days, then=Value(1.0)), default=Value(0.0), output_field=FloatField())
    share = Profile.objects.aggregate(share=Avg(recent))["share"]
    return None if share is None else Baseline(share, days)


def kept(user, campaign_id: int | None) -> PlanDraft | None:
    """What this person typed into the composer and has not saved."""
    return PlanDraft.objects.filter(user=user, campaign_id=campaign_id).first()


def segments(ids: list[int]) -> list[Segment]:
    """In the order of the ids; an unknown one is left out."""
    found = Segment.objects.in_bulk([pk for pk in ids if pk])
    return [found[pk] for pk in dict.fromkeys(ids) if pk in found]


def known_size(segment_ids: list[int]) -> int | None:
    """At most so many people may be written to: the kept numbers added up. None when one of them was never counted."""
    sizes = list(Segment.objects.filter(pk__in=segment_ids).values_list("reachable", flat=True))
    return None if not sizes or None in sizes else sum(sizes)
