"""Hands over which coupons went out to whom and who used one: what the redemption model learns from."""

from datetime import timedelta

from campaigns.models import Campaign
from campaigns.queries import outcomes
from campaigns.state import Kind
from recommendations.contracts import Wave
from recommendations.services.waves import take_wave


def hand_over() -> int:
    """Every campaign of the platform that began and has coupon codes; returns how many. Safe to repeat."""
    handed = 0
    for campaign in outcomes.with_coupons():
        take_wave(_wave(campaign), outcomes.receivers(campaign.pk))
        handed += 1
    return handed


def _wave(campaign: Campaign) -> Wave:
    # What was imported says when its coupons ended; of our own, effects are counted for so many days.
    ends_at = campaign.started_at + timedelta(days=campaign.attribution_days)
    if campaign.kind == Kind.HISTORY and campaign.finished_at is not None:
        ends_at = campaign.finished_at
    return Wave(
        external_id=campaign.external_id or f"campaign-{campaign.pk}",
        kind=outcomes.kind_of(campaign),
        starts_at=campaign.started_at,
        ends_at=max(ends_at, campaign.started_at + timedelta(days=1)),
        offers=outcomes.offers_of(campaign.pk),
    )
