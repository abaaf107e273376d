"""Campaigns that were sent elsewhere, as history: who received them, their coupons, and which were used.

Nothing here was sent by Attune: no message, no hold-out, no approval, and no step of the lifecycle. What the replay has
not reached yet is not there yet: call again after it, and only the new part goes in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from django.db import transaction

from campaigns.models import Assignment, Campaign, CouponCode, Redemption
from campaigns.queries import history
from campaigns.state import CampaignState, Kind
from catalog.exceptions import DemoStoreRefused
from catalog.queries import offer_ids
from catalog.services.bulk import analyze, copy_csv, csv_block
from catalog.services.completejourney import OFFER_PREFIX, CompleteJourney
from customers.queries.store import demo_store

OBSERVED = "observed"
CHANNEL = "post"
KINDS = {
    "Type A": "Coupons picked for each household from a pool, by what it had bought",
    "Type B": "The same coupons for every household",
    "Type C": "The same coupons for every household",
}
MOST_DAYS = 90  # the longest window that a campaign may have; one of these ran for 161 days


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """What is there now, and what still waits for the replay."""

    campaigns: int
    receivers: int
    codes: int
    redemptions: int
    with_order: int  # redemptions whose basket is certain
    waiting_campaigns: int
    waiting_redemptions: int
    added: int  # rows of this call; 0: everything was there already


def load_history() -> HistoryReport:
    """Brings in every campaign that began, and every coupon used, before the cut-off or as far as the replay has come.

    One transaction. Raises DemoStoreRefused before the demo store's people are loaded.
    """
    demo = demo_store()
    if demo is None:
        raise DemoStoreRefused("The people are not there yet: run load_completejourney_people first.")
    store = CompleteJourney.named(demo.name, demo.shift)
    until = max(demo.cutoff_at, demo.replayed_until or demo.cutoff_at)
    campaigns, redemptions = store.campaigns(), store.redemptions()
    begun = campaigns.filter(pl.col("starts_at") < until)
    used = redemptions.filter(pl.col("redeemed_at") < until)
    with transaction.atomic():
        new = begun.filter(~_external_id().is_in(list(history.campaigns(OFFER_PREFIX))))
        Campaign.objects.bulk_create(_campaign(row) for row in new.iter_rows(named=True))
        ids = history.campaigns(OFFER_PREFIX)
        added = new.height + _add_receivers(store, new, ids) + _add_codes(store, new, ids) + _add_redemptions(used, ids)
    if added:
        analyze([model._meta.db_table for model in (Campaign, Assignment, CouponCode, Redemption)])
    mine = list(ids.values())
    return HistoryReport(
        campaigns=begun.height,
        receivers=Assignment.objects.filter(campaign__in=mine).count(),
        codes=CouponCode.objects.filter(campaign__in=mine).count(),
        redemptions=used.height,
        with_order=used["basket_id"].count(),
        waiting_campaigns=campaigns.height - begun.height,
        waiting_redemptions=redemptions.height - used.height,
        added=added,
    )


def _external_id() -> pl.Expr:
    return pl.format(OFFER_PREFIX + "{}", "campaign_id")


def _campaign(row: dict) -> Campaign:
    starts_at: datetime = row["starts_at"]
    lasted: timedelta = row["ends_at"] - starts_at
    return Campaign(
        external_id=f"{OFFER_PREFIX}{row['campaign_id']}",
        name=f"Campaign {row['campaign_id']} ({row['campaign_type']})",
        goal=KINDS[row["campaign_type"]],
        kind=Kind.HISTORY,
        state=CampaignState.SENT,
        channels=[CHANNEL],
        holdout_share=0,
        attribution_days=min(max(lasted.days, 1), MOST_DAYS),
        scheduled_at=starts_at,
        started_at=starts_at,
        finished_at=row["ends_at"],
        note="From the Complete Journey data: sent by post before Attune, without a hold-out, so it shows no lift.",
    )


def _add_receivers(store: CompleteJourney, new: pl.DataFrame, ids: dict[str, int]) -> int:
    """Everyone whom the files name received it: treated, on the day it began."""
    rows = store.receivers().join(new, on="campaign_id")
    customers = history.customers(rows["household_id"].cast(pl.String).unique())
    rows = rows.select(
        campaign_id=_external_id().replace_strict(ids, return_dtype=pl.Int64),
        customer_id=pl.col("household_id").cast(pl.String).replace_strict(customers, return_dtype=pl.Int64),
        arm=pl.lit(Assignment.Arm.TREATED.value),
        reason=pl.lit(""),
        unit=pl.lit(""),
        assigned_at="starts_at",
    )
    return _copy(Assignment, rows)


def _add_codes(store: CompleteJourney, new: pl.DataFrame, ids: dict[str, int]) -> int:
    """One code for each coupon of a campaign, nobody's own: the files do not say who got which."""
    rows = store.offers().select("offer_id", "campaign_id", "coupon_upc").unique().join(new, on="campaign_id")
    rows = rows.sort("offer_id").select(
        campaign_id=_external_id().replace_strict(ids, return_dtype=pl.Int64),
        offer_id=pl.col("offer_id").replace_strict(offer_ids(OFFER_PREFIX), return_dtype=pl.Int64),
        code=pl.col("coupon_upc").cast(pl.String),
        origin=pl.lit(OBSERVED),
    )
    return _copy(CouponCode, rows)


def _add_redemptions(used: pl.DataFrame, ids: dict[str, int]) -> int:
    codes, offers = history.codes(ids.values()), offer_ids(OFFER_PREFIX)
    of_offer = {name: codes[offer] for name, offer in offers.items() if offer in codes}
    customers = history.customers(used["household_id"].cast(pl.String).unique())
    orders = history.orders(used["basket_id"].drop_nulls().cast(pl.String).unique())
    rows = used.select(
        code_id=pl.col("offer_id").replace_strict(of_offer, return_dtype=pl.Int64),
        customer_id=pl.col("household_id").cast(pl.String).replace_strict(customers, return_dtype=pl.Int64),
        # A basket that was taken out, or that the replay set aside, is no order.
        order_id=pl.col("basket_id").cast(pl.String).replace_strict(orders, default=None, return_dtype=pl.Int64),
        redeemed_at="redeemed_at",
        origin=pl.lit(OBSERVED),
    )
    there = set(Redemption.objects.filter(code__in=codes.values()).values_list("code_id", "customer_id", "redeemed_at"))
    is_new = [key not in there for key in rows.select("code_id", "customer_id", "redeemed_at").iter_rows()]
    return _copy(Redemption, rows.filter(pl.Series(is_new, dtype=pl.Boolean)))


def _copy(model, rows: pl.DataFrame) -> int:
    return copy_csv(model._meta.db_table, rows.columns, [csv_block(rows)]) if rows.height else 0
