"""The demo store's merchants, products and offers, from the Complete Journey files: everything in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from django.db import transaction

from catalog import queries
from catalog.models import Merchant, Offer, OfferProduct, Origin, Product
from catalog.services.bulk import analyze, copy_csv, csv_block
from catalog.services.completejourney import OFFER_PREFIX, CompleteJourney, merchant_id, shift_for
from catalog.services.products import COLUMNS, upsert
from catalog.services.titles import title

CURRENCY = "USD"
Progress = Callable[[int, int], object]
BLOCK = 20_000  # products a block: 3 MB of CSV
# Coupons handed in, gift cards, fuel, the store's own supplies: bought, but nothing that a message could offer.
NOT_GOODS = ("COUPON/MISC ITEMS", "COUPONS/STORE & MFG", "COUPON", "FUEL", "PROD SUPPLIES")


@dataclass(frozen=True, slots=True)
class CatalogueReport:
    products: int
    unlisted: int  # of them in baskets or coupons, and in no list of products
    priced: int
    merchants: int
    offers: int
    offer_products: int
    is_new: bool  # False: everything was there already, and nothing was touched


def stored_shift() -> timedelta | None:
    """By how much the dates of the demo store were moved when it was loaded; None before that."""
    campaigns = CompleteJourney(timedelta(0)).campaigns()
    first = campaigns.filter(pl.col("campaign_id") == 1)["starts_at"][0]
    offer = Offer.objects.filter(merchant=None, external_id__startswith=f"{OFFER_PREFIX}1-").first()
    return None if offer is None else offer.starts_at - first


def source(now: datetime, households: int | None = None) -> CompleteJourney:
    """The files as this store tells them: with the shift of the first load, or before it the one for `now`."""
    shift = stored_shift()
    return CompleteJourney(shift_for(now) if shift is None else shift, households)


def load_catalogue(store: CompleteJourney, *, progress: Progress = lambda rows, total: None) -> CatalogueReport:
    """Loads merchants, products and offers; a second call sees that they are there.

    `progress` is called with the rows that went in and the number of all.

    Either all of it is loaded or nothing: a call that was killed leaves no trace.
    """
    products, listed = store.products(), store.offers()
    external = products["product_id"].cast(pl.String)
    coupons = listed.join(products.select("product_id"), on="product_id", how="semi")
    offers = _offers(store, listed)
    names = [merchant_id(maker) for maker in store.merchants()]
    report = {"products": products.height, "unlisted": (~products["is_known"]).sum(), "merchants": len(names),
              "priced": products["price"].count(), "offers": offers.height, "offer_products": coupons.height}  # fmt: skip
    known = queries.product_ids(names)
    if external.is_in(list(known)).all() and len(queries.offer_ids(OFFER_PREFIX)) == offers.height:
        return CatalogueReport(**report, is_new=False)
    total = products.height + coupons.height

    def went_in(rows: int) -> None:
        progress(rows, total)

    with transaction.atomic():
        upsert(_blocks(_rows(products, _merchants(store.merchants())), went_in))
        _load_offers(offers, coupons, queries.product_ids(names), went_in)
    analyze([model._meta.db_table for model in (Product, Offer, OfferProduct)])
    return CatalogueReport(**report, is_new=True)


def _merchants(makers: list[int]) -> dict[int, int]:
    """Maker to merchant. The data holds no merchant, so these are simulated; their products are real."""
    Merchant.objects.bulk_create(
        (Merchant(external_id=merchant_id(m), name=f"Manufacturer {m}", origin=Origin.SIMULATED) for m in makers),
        ignore_conflicts=True,
    )
    rows = Merchant.objects.filter(external_id__in=map(merchant_id, makers)).values_list("external_id", "id")
    ids = dict(rows)
    return {maker: ids[merchant_id(maker)] for maker in makers}


def _rows(products: pl.DataFrame, merchants: dict[int, int]) -> pl.DataFrame:
    classes = ["product_type", "product_category", "department", "package_size"]
    named = products.select(classes).unique()
    named = named.with_columns(title=pl.Series([title(*row) for row in named.iter_rows()], dtype=pl.String))
    is_goods = (
        pl.col("is_known")
        & pl.col("product_type").is_not_null()
        & ~pl.col("product_category").is_in(NOT_GOODS).fill_null(False)
    )
    columns = {
        "place": pl.col("product_id"),
        "merchant_id": pl.col("manufacturer_id").replace_strict(merchants, default=None, return_dtype=pl.Int64),
        "external_id": pl.col("product_id").cast(pl.String),
        # Some have no name in any list. They were bought all the same, so they keep their place in the orders.
        "title": pl.when(pl.col("title") != "").then("title").otherwise(pl.format("Item {}", "product_id")),
        "department": pl.col("department").fill_null(""),
        "category": pl.col("product_category").fill_null(""),
        "product_type": pl.col("product_type").fill_null(""),
        "brand": pl.col("brand").fill_null(""),
        "size": pl.col("package_size").fill_null(""),
        "description": pl.lit(""),
        "url": pl.lit(""),
        "image_url": pl.lit(""),
        "price": pl.col("price"),
        "currency": pl.lit(CURRENCY),
        "stock": pl.lit(None, dtype=pl.Int64),
        "is_active": is_goods,
        "origin": pl.lit(Origin.OBSERVED.value),
    }
    joined = products.join(named, on=classes, how="left", nulls_equal=True)
    return joined.select(**{name: columns[name] for name in COLUMNS})


def _blocks(rows: pl.DataFrame, progress: Callable[[int], object]):
    for block in rows.iter_slices(BLOCK):
        yield csv_block(block)
        progress(block.height)


def _offers(store: CompleteJourney, listed: pl.DataFrame) -> pl.DataFrame:
    """offer_id, title, starts_at, ends_at: one for each coupon of each campaign, named after what it is most often for."""
    counted = listed.group_by("offer_id", "campaign_id", "product_category").len()
    counted = counted.sort("offer_id", "len", "product_category", descending=[False, True, False], nulls_last=True)
    grouped = counted.group_by("offer_id", "campaign_id", maintain_order=True).agg(
        first=pl.col("product_category").drop_nulls().first(), more=pl.col("product_category").drop_nulls().len() - 1
    )
    titles = [_offer_title(first, more) for first, more in grouped.select("first", "more").iter_rows()]
    times = store.campaigns().select("campaign_id", "starts_at", "ends_at")
    return grouped.with_columns(title=pl.Series(titles, dtype=pl.String)).join(times, on="campaign_id")


def _offer_title(category: str | None, more: int) -> str:
    thing = title(None, category, None)
    if not thing:
        return "Coupon"
    return f"Coupon for {thing}" + (f" and {more} more kinds" if more > 1 else " and one more kind" if more else "")


def _load_offers(offers: pl.DataFrame, coupons: pl.DataFrame, products: dict[str, int], progress) -> None:
    Offer.objects.bulk_create(
        (
            Offer(external_id=row["offer_id"], title=row["title"][:120], kind=Offer.Kind.COUPON, value=None,
                  currency=CURRENCY, starts_at=row["starts_at"], ends_at=row["ends_at"])
            for row in offers.iter_rows(named=True)
        ),
        ignore_conflicts=True,
        batch_size=1_000,
    )  # fmt: skip
    ids = queries.offer_ids(OFFER_PREFIX)
    OfferProduct.objects.filter(offer__in=ids.values()).delete()  # what a load of fewer households left
    pairs = coupons.select(
        offer_id=pl.col("offer_id").replace_strict(ids, return_dtype=pl.Int64),
        product_id=pl.col("product_id").cast(pl.String).replace_strict(products, return_dtype=pl.Int64),
    )
    copy_csv(OfferProduct._meta.db_table, pairs.columns, _blocks(pairs, progress))
