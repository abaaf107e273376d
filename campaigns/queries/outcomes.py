"""Reads what became of coupons that went out: campaigns with codes, whom they reached, and who used one when."""

import re
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists, Min, OuterRef, QuerySet, Subquery

from campaigns.models import Assignment, Campaign, CouponCode, Redemption
from campaigns.state import Kind

# What an imported campaign's name says of its sort: "Campaign 8 (Type A)".
SORT = re.compile(r"\(([^()]+)\)\s*$")


def with_coupons() -> QuerySet[Campaign]:
    """The platform's campaigns that began and have coupon codes, the oldest first."""
    codes = CouponCode.objects.filter(campaign=OuterRef("pk"))
    begun = Campaign.objects.filter(Exists(codes), merchant=None, started_at__isnull=False)
    return begun.order_by("started_at", "pk")


def kind_of(campaign: Campaign) -> str:
    """What campaigns of this sort have in common: the sort that an imported name gives, else the channel."""
    found = SORT.search(campaign.name) if campaign.kind == Kind.HISTORY else None
    return found.group(1) if found else campaign.channel


def offers_of(campaign_id: int) -> tuple[int, ...]:
    rows = CouponCode.objects.filter(campaign=campaign_id).order_by("offer_id")
    return tuple(rows.values_list("offer_id", flat=True).distinct())


def receivers(campaign_id: int) -> Iterator[tuple[int, datetime | None]]:
    """(customer id, when they first used a code of it), of everybody treated."""
    used = (
        Redemption.objects.filter(code__campaign=campaign_id, customer=OuterRef("customer"), origin="observed")
        .values("customer")
        .annotate(first=Min("redeemed_at"))
    )
    treated = Assignment.objects.filter(campaign=campaign_id, arm=Assignment.Arm.TREATED)
    rows = treated.annotate(used_at=Subquery(used.values("first"))).values_list("customer_id", "used_at")
    return rows.iterator(chunk_size=20_000)
