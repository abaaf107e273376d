"""What is known of a household when a coupon campaign begins, and whether it then redeems: one row per receiver.

Every feature stops at the campaign's first moment. A coupon used in another campaign that is still running counts as far
as it was used by then; whether more will follow is not known, so such campaigns enter the habit with the share of their
time that has passed. What carries most, measured on earlier campaigns: whether the coupons are for things that the
household buys, its habit of using coupons at all, and the departments that it shops in.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

NOW = -1  # the number of a campaign that is only imagined
NEVER_DAYS = 400.0  # stands for "never", longer than the year that is looked at
DECAY_DAYS = 43.0  # of recent behaviour: a half-life of 30 days
AGE_BANDS = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
INCOME_BANDS = (
    "Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100-124K", "125-149K", "150-174K", "175-199K",
    "200-249K", "250K+",
)  # fmt: skip
DEPARTMENTS = {"fuel": "FUEL", "drug": "DRUG GM", "produce": "PRODUCE", "meat": "MEAT", "grocery": "GROCERY"}


@dataclass(frozen=True, eq=False)
class Past:
    """Frames of everything, whenever it happened; times in days since 1970.

    lines: household_id, basket_id, product_id, product_type, department, brand, store_id, day, amount, retail_discount,
    coupon_discount, match_discount. campaigns: campaign_id, campaign_type, starts, ends. receivers: campaign_id,
    household_id. coupons: campaign_id, coupon, product_id, product_type. redemptions: household_id, campaign_id, coupon,
    day. people: household_id, age, income, household_size, kids_count, home_ownership (bands as text, null unknown).
    """

    lines: pl.DataFrame
    campaigns: pl.DataFrame
    receivers: pl.DataFrame
    coupons: pl.DataFrame
    redemptions: pl.DataFrame
    people: pl.DataFrame


def rows_of(past: Past, campaign_id: int) -> pl.DataFrame:
    """household_id, campaign_id, starts, ends, redeemed (0 or 1, whenever the files say so), and one column a feature."""
    campaign = past.campaigns.row(by_predicate=pl.col("campaign_id") == campaign_id, named=True)
    start = campaign["starts"]
    receivers = past.receivers.filter(pl.col("campaign_id") == campaign_id).select("household_id")
    before = past.lines.filter(pl.col("day") < start).join(receivers, on="household_id", how="semi")
    before = before.with_columns(ago=start - pl.col("day"))
    span = max(1.0, start - past.lines["day"].min())
    mine = past.coupons.filter(pl.col("campaign_id") == campaign_id)
    used = past.redemptions.filter(pl.col("day") < start)
    redeemed = past.redemptions.filter(pl.col("campaign_id") == campaign_id).select("household_id").unique()
    table = receivers.sort("household_id")
    for part in (
        _shopping(before, span), _overlap(before, mine, campaign, span), _habit(past, used, start),
        _same_types(used, past.coupons, mine), _demographics(past.people),
        redeemed.with_columns(redeemed=pl.lit(1.0)),
    ):  # fmt: skip
        table = table.join(part, on="household_id", how="left")
    never = pl.col("days_since_trip", "days_since_coupon", "days_since_overlap", "days_since_redemption")
    table = table.with_columns(
        never.fill_null(NEVER_DAYS), pl.col("age").fill_null(2.5), pl.col("income").fill_null(4.0)
    )
    return table.fill_null(0.0).with_columns(
        *_campaign(campaign, mine, span),
        redeemed_rate=(pl.col("redeemed_campaigns") + 0.15) / (pl.col("time_received") + 1.5),
        redeemed_rate_a=(pl.col("redeemed_a") + 0.3) / (pl.col("received_a") + 2.0),
        overlap_share=pl.col("overlap_coupons") / max(1, mine["coupon"].n_unique()),
        campaign_id=pl.lit(campaign_id), starts=pl.lit(start), ends=pl.lit(campaign["ends"]),
    )  # fmt: skip


def as_if_now(past: Past, campaign_id: int, now: float, n_households: int) -> Past:
    """The same past with one more campaign, `NOW`: the coupons of this one, as long as it ran, for everybody (households
    0 to n_households - 1), beginning now.
    """
    like = past.campaigns.row(by_predicate=pl.col("campaign_id") == campaign_id, named=True)
    ends = now + like["ends"] - like["starts"]
    one = pl.DataFrame([(NOW, like["campaign_type"], now, ends)], past.campaigns.schema, orient="row")
    everybody = pl.DataFrame({"campaign_id": pl.repeat(NOW, n_households, dtype=pl.Int64, eager=True),
                              "household_id": pl.arange(n_households, dtype=pl.Int64, eager=True)})  # fmt: skip
    coupons = past.coupons.filter(pl.col("campaign_id") == campaign_id).with_columns(campaign_id=pl.lit(NOW, pl.Int64))
    return replace(
        past,
        campaigns=pl.concat([past.campaigns, one]),
        receivers=pl.concat([past.receivers, everybody.select(past.receivers.columns)]),
        coupons=pl.concat([past.coupons, coupons]),
    )


def feature_names(table: pl.DataFrame) -> list[str]:
    return [name for name in table.columns if name not in {"household_id", "campaign_id", "starts", "ends", "redeemed"}]


def matrix(table: pl.DataFrame, names: list[str]) -> np.ndarray:
    return table.select(pl.col(names).cast(pl.Float64)).to_numpy()


def _campaign(campaign: dict, mine: pl.DataFrame, span: float) -> list[pl.Expr]:
    figures = {
        "is_type_a": float(campaign["campaign_type"] == "Type A"),
        "is_type_c": float(campaign["campaign_type"] == "Type C"),
        "lasts_days": campaign["ends"] - campaign["starts"],
        "coupons": mine["coupon"].n_unique(),
        "products": mine["product_id"].n_unique(),
        "history_days": span,
    }
    return [pl.lit(float(value)).alias(name) for name, value in figures.items()]


def _shopping(before: pl.DataFrame, span: float) -> pl.DataFrame:
    """Recency, frequency, spend, use of coupons and discounts, breadth and departments."""
    ago = pl.col("ago")
    with_coupon = pl.col("coupon") > 0
    baskets = before.group_by("household_id", "basket_id").agg(
        ago.first(), pl.col("store_id").first(), lines=pl.len(), amount=pl.col("amount").sum(),
        coupon=pl.col("coupon_discount").sum(), match=pl.col("match_discount").sum(),
        retail=pl.col("retail_discount").sum(),
    )  # fmt: skip
    by_basket = baskets.group_by("household_id").agg(
        days_since_trip=ago.min(), days_since_first=ago.max(), trips=pl.len(), spend=pl.col("amount").sum(),
        trips_28=(ago < 28).sum(), trips_84=(ago < 84).sum(), stores=pl.col("store_id").n_unique(),
        spend_28=pl.col("amount").filter(ago < 28).sum(), spend_84=pl.col("amount").filter(ago < 84).sum(),
        coupon_trips=with_coupon.sum(), coupon_trips_28=(with_coupon & (ago < 28)).sum(),
        coupon_trips_84=(with_coupon & (ago < 84)).sum(), days_since_coupon=ago.filter(with_coupon).min(),
        coupon_discount=pl.col("coupon").sum(), match_trips=(pl.col("match") > 0).sum(),
        match_discount=pl.col("match").sum(), retail_discount=pl.col("retail").sum(), lines=pl.col("lines").sum(),
    )  # fmt: skip
    spend, coupon_trips, retail = pl.col("spend"), pl.col("coupon_trips"), pl.col("retail_discount")
    by_basket = by_basket.with_columns(
        trip_rate=pl.col("trips") / span, spend_rate=spend / span, coupon_trip_rate=coupon_trips / span,
        coupon_trip_share=(coupon_trips + 0.2) / (pl.col("trips") + 10), basket=spend / pl.col("trips"),
        coupon_discount_rate=pl.col("coupon_discount") / span, retail_share=retail / (spend + retail + 0.01),
        match_rate=pl.col("match_discount") / span,
    )  # fmt: skip
    weight = (-ago / DECAY_DAYS).exp()
    with_coupon = pl.col("coupon_discount") > 0
    by_line = before.group_by("household_id").agg(
        types=pl.col("product_type").n_unique(), distinct_products=pl.col("product_id").n_unique(),
        coupon_lines=with_coupon.sum(), private_share=(pl.col("brand") == "Private").mean(),
        lines_lately=weight.sum(), coupon_lines_lately=weight.filter(with_coupon).sum(),
        spend_lately=(weight * pl.col("amount")).sum(), days_lately=pl.col("day").floor().filter(ago < 56).n_unique(),
        coupon_weeks=(pl.col("day").filter(with_coupon) // 7).n_unique(),
        variety=pl.col("product_id").n_unique() / pl.len(),
        **{f"lines_{name}": (pl.col("department") == department).sum() for name, department in DEPARTMENTS.items()},
    )  # fmt: skip
    return by_basket.join(by_line, on="household_id")


def _overlap(before: pl.DataFrame, mine: pl.DataFrame, campaign: dict, span: float) -> pl.DataFrame:
    """How far the coupons are for what the household buys: by product, by coupon and by product type."""
    ago = pl.col("ago")
    weight = (-ago / DECAY_DAYS).exp()
    with_coupon = pl.col("coupon_discount") > 0
    products, types = mine.select("product_id").unique(), mine.select("product_type").drop_nulls().unique()
    of_product = before.join(products, on="product_id", how="semi")
    of_type = before.join(types, on="product_type", how="semi")
    by_product = of_product.group_by("household_id").agg(
        overlap_products=pl.col("product_id").n_unique(), overlap_lines=pl.len(), overlap_spend=pl.col("amount").sum(),
        overlap_lines_84=(ago < 84).sum(), overlap_trips=pl.col("basket_id").n_unique(),
        overlap_with_coupon=with_coupon.sum(), days_since_overlap=ago.min(), overlap_lately=weight.sum(),
        overlap_reduced=(pl.col("retail_discount") > 0).sum(),
    )  # fmt: skip
    by_type = of_type.group_by("household_id").agg(
        type_lines=pl.len(), type_types=pl.col("product_type").n_unique(), type_spend=pl.col("amount").sum(),
        type_lately=weight.sum(), type_with_coupon=with_coupon.sum(),
    )  # fmt: skip
    # The chance that a product of a coupon is bought while the campaign runs, at the rate so far.
    bought = of_product.join(mine.select("product_id", "coupon"), on="product_id")
    by_coupon = bought.group_by("household_id", "coupon").agg(trips=pl.col("basket_id").n_unique().cast(pl.Float64))
    days = min(campaign["ends"] - campaign["starts"], 60.0)
    chance = 1 - (-pl.col("trips") / span * days).exp()
    by_coupon = by_coupon.group_by("household_id").agg(
        overlap_coupons=pl.len(), coupons_expected=chance.sum(), most_bought=pl.col("trips").max(),
        coupons_expected_16=chance.sort(descending=True).head(16).sum(),  # type A: 16 are picked for each household
    )  # fmt: skip
    return by_type.join(by_product, on="household_id", how="left").join(by_coupon, on="household_id", how="left")


def _habit(past: Past, used: pl.DataFrame, start: float) -> pl.DataFrame:
    """Campaigns received and redeemed before; one that still runs counts with the share of its time that has passed."""
    ran = pl.min_horizontal((start - pl.col("starts")) / (pl.col("ends") - pl.col("starts")), pl.lit(1.0))
    is_a = pl.col("campaign_type") == "Type A"
    earlier = past.campaigns.filter(pl.col("starts") < start)
    did = used.select("household_id", "campaign_id").unique().with_columns(did=pl.lit(1.0))
    received = past.receivers.join(earlier, on="campaign_id")
    received = received.join(did, on=["household_id", "campaign_id"], how="left").with_columns(
        pl.col("did").fill_null(0.0)
    )
    by_campaign = received.group_by("household_id").agg(
        received=pl.len(), received_a=is_a.sum(), received_other=(~is_a).sum(), time_received=ran.sum(),
        running=(pl.col("ends") > start).sum(), redeemed_campaigns=pl.col("did").sum(),
        redeemed_a=(pl.col("did") * is_a).sum(),
    )  # fmt: skip
    ago = start - pl.col("day")
    by_coupon = used.group_by("household_id").agg(
        redeemed_coupons=pl.len(), redeemed_days=pl.col("day").n_unique(), redeemed_90=(ago < 90).sum(),
        days_since_redemption=ago.min(), redeemed_lately=(-ago / 60).exp().sum(),
    )  # fmt: skip
    return by_campaign.join(by_coupon, on="household_id", how="left")


def _same_types(used: pl.DataFrame, coupons: pl.DataFrame, mine: pl.DataFrame) -> pl.DataFrame:
    """Coupons redeemed before for product types that this campaign has coupons for."""
    types = mine.select("product_type").drop_nulls().unique()
    alike = coupons.join(types, on="product_type", how="semi").select("coupon").unique()
    found = used.join(alike, on="coupon", how="semi").select("household_id", "coupon", "day").unique()
    return found.group_by("household_id").agg(redeemed_same_types=pl.len())


def _demographics(people: pl.DataFrame) -> pl.DataFrame:
    """Bands as their places. Who was not asked stands in the middle, with `is_described` 0."""

    def number(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.String).str.slice(0, 1).cast(pl.Float64, strict=False)

    def place(name: str, bands: tuple[str, ...]) -> pl.Expr:
        places = {band: float(index) for index, band in enumerate(bands)}
        return pl.col(name).cast(pl.String).replace_strict(places, default=None, return_dtype=pl.Float64)

    return people.select(
        "household_id", age=place("age", AGE_BANDS), income=place("income", INCOME_BANDS), is_described=pl.lit(1.0),
        household_size=number("household_size"), kids=number("kids_count"),
        owns_home=(pl.col("home_ownership").cast(pl.String) == "Homeowner").cast(pl.Float64),
    )  # fmt: skip
