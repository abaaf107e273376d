"""What a composer chooses from, and what an experiment of that size could see."""

from dataclasses import dataclass

from django.db.models import Avg, Case, FloatField, Q, QuerySet, Value, When
from django.utils import timezone

from campaigns.models import Segment
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


def baseline(days: int) -> Baseline | None:
    """Read from everybody's profile, so ask it rarely: views keep the answer for an hour. None without a profile."""
    recent = Case(When(recency_days__lte=days, then=Value(1.0)), default=Value(0.0), output_field=FloatField())
    share = Profile.objects.aggregate(share=Avg(recent))["share"]
    return None if share is None else Baseline(share, days)


def known_size(segment_ids: list[int]) -> int | None:
    """At most so many people may be written to: the kept numbers added up. None when one of them was never counted."""
    sizes = list(Segment.objects.filter(pk__in=segment_ids).values_list("reachable", flat=True))
    return None if not sizes or None in sizes else sum(sizes)
