"""The demo store's catalogue on a cut of the real files: forty households and what they bought."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from catalog import queries
from catalog.models import Merchant, Offer, OfferProduct, Product
from catalog.services.completejourney import CUTOFF, WEEK, CompleteJourney, folder, shift_for
from catalog.services.demo_products import load_catalogue, stored_shift
from tests.demo_cut import NOW, demo_source, loaded

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


@pytest.fixture(scope="module")
def store(django_db_setup, django_db_blocker):
    with loaded(django_db_blocker, people=False) as store:
        yield store


@pytest.mark.parametrize(
    ("now", "cutoff"),
    [
        (datetime(2026, 11, 23, 5, tzinfo=UTC), datetime(2026, 11, 23, 5, tzinfo=UTC)),
        (datetime(2026, 11, 23, 4, 59, tzinfo=UTC), datetime(2026, 11, 16, 5, tzinfo=UTC)),
        (datetime(2026, 11, 29, 23, tzinfo=UTC), datetime(2026, 11, 23, 5, tzinfo=UTC)),
    ],
)
def test_dates_move_by_whole_weeks_to_the_last_monday(now, cutoff):
    shift = shift_for(now)

    assert CUTOFF + shift == cutoff
    assert shift % WEEK == timedelta(0)
    assert cutoff.weekday() == CUTOFF.weekday() == 0


def test_every_product_that_the_households_bought_is_there(store):
    assert Product.objects.count() == 8_275
    assert set(Product.objects.values_list("origin", "version")) == {("observed", 1)}


def test_a_product_of_no_list_keeps_its_place_and_is_never_offered(store):
    unlisted = Product.objects.filter(title__startswith="Item ", category="", department="")

    assert sorted(unlisted.values_list("title", "is_active")) == [
        ("Item 5126106", False), ("Item 5978648", False), ("Item 5978656", False),
    ]  # fmt: skip


def test_the_ten_largest_makers_play_merchants_and_say_so(store):
    assert sorted(Merchant.objects.values_list("external_id", "origin")) == sorted(
        (f"manufacturer-{maker}", "simulated") for maker in (69, 2, 5423, 764, 1407, 693, 544, 5143, 1046, 1251)
    )
    assert Product.objects.filter(merchant__isnull=False).count() == 2_685


def test_a_product_has_a_readable_title_and_the_median_price_of_the_tills(store):
    milk = Product.objects.get(external_id="1029743")

    assert (milk.title, milk.price, milk.currency) == ("White Milk, 1 gal", Decimal("2.66"), "USD")
    assert (milk.product_type, milk.category, milk.brand, milk.size) == (
        "FLUID MILK WHITE ONLY", "FLUID MILK PRODUCTS", "Private", "1 GA",
    )  # fmt: skip
    assert milk.merchant.external_id == "manufacturer-69"
    assert milk.is_active


def test_what_was_never_sold_before_the_cut_off_has_no_price(store):
    sold = pl.scan_parquet(folder() / "transactions.parquet").filter(
        pl.col("transaction_timestamp") < CUTOFF.replace(tzinfo=None), pl.col("quantity") > 0
    )
    ids = set(sold.select(pl.col("product_id").cast(pl.String)).unique().collect()["product_id"])
    prices = dict(Product.objects.values_list("external_id", "price"))

    assert len(prices.keys() - ids) == 50
    assert all(prices[name] is None for name in prices.keys() - ids)
    # Eleven more went for less than half a cent a piece: fuel by the thousandth gallon, and what came free.
    assert sum(price is None for price in prices.values()) == 61
    assert Decimal(0) not in prices.values()


def test_fuel_and_coupons_handed_in_are_never_offered(store):
    assert Product.objects.filter(category="COUPON/MISC ITEMS").exists()
    assert not Product.objects.filter(category__in=["COUPON/MISC ITEMS", "FUEL"], is_active=True).exists()


def test_each_coupon_of_each_campaign_is_an_offer_without_a_value(store):
    assert Offer.objects.count() == 1_197
    assert set(Offer.objects.values_list("kind", "value", "merchant", "origin")) == {("coupon", None, None, "observed")}
    assert OfferProduct.objects.count() == 12_416
    offer = Offer.objects.get(external_id="cj-1-51111030050")
    # From 3 March to 9 April 2017 in New York, 468 weeks later: the clocks went forward in between.
    assert (offer.starts_at, offer.ends_at) == (
        datetime(2026, 2, 20, 5, tzinfo=UTC), datetime(2026, 3, 30, 4, tzinfo=UTC),
    )  # fmt: skip
    assert offer.title.startswith("Coupon for ")


def test_a_second_load_notices_and_touches_nothing(store):
    before = list(Product.objects.order_by("id").values_list("id", "version", "updated_at")[:50])

    report = load_catalogue(store)

    assert not report.is_new
    assert (report.products, report.offers, report.unlisted) == (8_275, 1_197, 3)
    assert list(Product.objects.order_by("id").values_list("id", "version", "updated_at")[:50]) == before


def test_a_load_in_a_later_week_keeps_the_dates_of_the_first(store):
    assert stored_shift() == store.shift == 468 * WEEK
    assert demo_source() == CompleteJourney(468 * WEEK, 40)
    assert shift_for(NOW + 3 * WEEK) == 471 * WEEK


def test_a_load_that_lacks_a_part_is_completed(store):
    gone = Product.objects.filter(external_id="1029743")
    OfferProduct.objects.filter(product__in=gone).delete()
    gone.delete()

    report = load_catalogue(store)

    assert report.is_new
    assert Product.objects.count() == 8_275
    assert OfferProduct.objects.count() == 12_416
    assert Product.objects.exclude(version=1).count() == 0


def test_search_forgives_a_typing_error_and_shows_what_is_on_sale(store):
    found = queries.search("choclate milk", limit=5)

    assert found
    assert all("Chocolate Milk" in product.title for product in found)


def test_a_merchant_finds_its_own_alone(store):
    merchant = queries.merchant("manufacturer-69")

    assert {product.merchant_id for product in queries.search("milk", merchant_id=merchant.id)} == {merchant.id}
    assert sum(one.products for one in queries.classes(merchant_id=merchant.id)) < sum(
        one.products for one in queries.classes()
    )


def test_facts_come_by_id_and_unknown_ids_are_left_out(store):
    milk = Product.objects.get(external_id="1029743")

    facts = queries.by_ids([milk.pk, -1])

    assert list(facts) == [milk.pk]
    assert (facts[milk.pk].title, facts[milk.pk].price) == ("White Milk, 1 gal", Decimal("2.66"))
