"""The demo store's people and orders on a cut of the real files: forty households, everything before the cut-off."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import polars as pl
import pytest
from django.db import IntegrityError
from django.db.models import Count, Sum

from catalog.exceptions import DemoStoreRefused
from catalog.queries import product_ids
from catalog.services.completejourney import CompleteJourney
from customers.models import (
    ConsentRecord,
    ConsentState,
    ContactPoint,
    Customer,
    DemoStore,
    Event,
    EventKey,
    Order,
    OrderLine,
)
from customers.services import consent, demo_people, seal
from customers.services.demo_people import STORE, answer, load_people, order_lines
from customers.services.load import load_orders
from tests import factories
from tests.demo_cut import HOUSEHOLDS, loaded

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
CUTOFF = datetime(2026, 11, 23, 5, tzinfo=UTC)
# Monday to Sunday, in UTC, as counted in the files themselves.
BASKETS_A_WEEKDAY = [356, 335, 327, 362, 353, 386, 425]


@pytest.fixture(scope="module")
def store(django_db_setup, django_db_blocker):
    with loaded(django_db_blocker) as store:
        yield store


def test_every_basket_before_the_cut_off_is_an_order_with_all_its_lines(store):
    assert Order.objects.count() == 2_544
    assert OrderLine.objects.count() == 22_224
    assert set(Order.objects.values_list("source", "channel", "origin", "merchant", "currency")) == {
        ("store", "store", "observed", None, "USD")
    }


def test_money_is_conserved_to_the_cent(store):
    sums = Order.objects.aggregate(total=Sum("total"), discount=Sum("discount"), coupon=Sum("coupon_discount"))

    # retail_disc 11,526.05 and coupon_match_disc 151.14 are what the store gave; coupon_disc is what makers gave.
    assert sums == {"total": Decimal("73523.17"), "discount": Decimal("11677.19"), "coupon": Decimal("633.04")}
    assert OrderLine.objects.aggregate(amount=Sum("amount")) == {"amount": Decimal("73523.17")}


def test_dates_are_shifted_by_whole_weeks_and_keep_their_weekday(store):
    weekdays = (
        Order.objects.values_list("ordered_at__iso_week_day")
        .annotate(n=Count("id"))
        .order_by("ordered_at__iso_week_day")
    )

    assert [n for _, n in weekdays] == BASKETS_A_WEEKDAY
    # 1 January 2017, 23:02:11.
    assert Order.objects.get(external_id="31198707419").ordered_at == datetime(2025, 12, 21, 23, 2, 11, tzinfo=UTC)


def test_nothing_from_the_cut_off_on_is_there_before_the_replay(store):
    row = DemoStore.objects.get()

    assert (row.cutoff_at, row.shift.days, row.replayed_until) == (CUTOFF, 468 * 7, None)
    assert row.loaded_at is not None
    assert not Order.objects.filter(ordered_at__gte=CUTOFF).exists()
    assert not Event.objects.filter(occurred_at__gte=CUTOFF).exists()


def test_each_order_left_its_event_and_the_key_that_keeps_it_from_coming_twice(store):
    assert Event.objects.count() == EventKey.objects.filter(merchant=None).count() == 2_544
    event = Event.objects.get(message_id="31198707419")
    order = Order.objects.get(external_id="31198707419")

    assert (event.name, event.source, event.channel, event.occurred_at) == (
        "Order Completed", "store", "store", order.ordered_at,
    )  # fmt: skip
    assert event.customer_id == order.customer_id
    assert event.properties["order_id"] == "31198707419"
    assert Decimal(event.properties["total"]) == order.total
    lines = {p["product_id"]: (p["quantity"], Decimal(p["amount"])) for p in event.properties["products"]}
    assert lines == {
        line.product.external_id: (line.quantity, line.amount) for line in order.lines.select_related("product")
    }
    assert len(lines) == 5


def test_events_lie_in_the_partition_of_their_month(store):
    assert not Event.objects.extra(where=["tableoid = 'customers_event_default'::regclass"]).exists()


def test_demographics_that_are_missing_stay_missing(store):
    assert Customer.objects.count() == HOUSEHOLDS
    assert set(Customer.objects.values_list("origin", flat=True)) == {"observed"}
    assert Customer.objects.exclude(attributes={}).count() == 15
    assert Customer.objects.get(external_id="2").attributes == {}
    # Household 13 did not say whether it is married.
    assert Customer.objects.get(external_id="13").attributes == {
        "age": "25-34", "income": "75-99K", "home_ownership": "Homeowner", "household_size": "4",
        "household_comp": "2 Adults Kids", "kids_count": "2",
    }  # fmt: skip


def test_a_customer_was_first_seen_with_the_first_basket(store):
    for customer in Customer.objects.filter(external_id__in=["1", "23"]):
        assert customer.first_seen_at == customer.orders.earliest("ordered_at").ordered_at


def test_addresses_are_simulated_sealed_and_lead_nowhere(store):
    points = ContactPoint.objects.select_related("customer")

    assert set(points.values_list("kind", "origin")) == {("email", "simulated")}
    assert points.count() == HOUSEHOLDS
    opened = seal.open_contacts(point.pk for point in points)
    assert {point.customer.external_id: opened[point.pk] for point in points}["7"] == "household-7@example.invalid"
    assert all(b"example.invalid" not in bytes(point.sealed) for point in points)


def test_consent_is_simulated_for_a_fixed_share_and_names_the_wording(store):
    agreed = sorted(str(n) for n in range(1, HOUSEHOLDS + 1) if answer(str(n)) == "imported")

    assert len(agreed) == 29
    for purpose, channel in (("marketing", "email"), ("profiling", "any"), ("model_training", "any")):
        states = ConsentState.objects.filter(purpose=purpose, channel=channel)
        given = states.filter(is_given=True, action="imported", origin="simulated")
        assert sorted(given.values_list("customer__external_id", flat=True)) == agreed
        assert states.count() == 29
    assert ConsentRecord.objects.count() == 3 * 29
    assert set(ConsentRecord.objects.values_list("method", "origin", "notice_version")) == {
        ("import", "simulated", "demo-import-1")
    }
    assert list(consent.verify()) == []


def test_whoever_refuses_is_recorded_and_whoever_was_not_asked_is_not(store):
    refuser, silent = (next(str(n) for n in count(1_000) if answer(str(n)) == said) for said in ("refused", None))
    ids = {name: factories.customer(external_id=name).pk for name in (refuser, silent)}

    demo_people._record_consent(ids)

    said = ConsentState.objects.filter(customer__in=ids.values()).values_list(
        "customer", "purpose", "channel", "action"
    )
    assert sorted(said) == [
        (ids[refuser], "marketing", "email", "refused"),
        (ids[refuser], "model_training", "any", "refused"),
        (ids[refuser], "profiling", "any", "refused"),
    ]


def test_over_many_people_seventy_in_a_hundred_agree_and_five_refuse():
    said = [answer(str(number)) for number in range(10_000)]

    assert 0.69 < said.count("imported") / 10_000 < 0.71
    assert 0.045 < said.count("refused") / 10_000 < 0.055


def test_a_second_load_notices_and_touches_nothing(store):
    before = DemoStore.objects.values().get()

    report = load_people(store)

    assert not report.is_new
    assert (report.totals.orders, report.totals.lines, report.totals.cents) == (2_544, 22_224, 7_352_317)
    assert DemoStore.objects.values().get() == before
    assert ConsentRecord.objects.count() == 3 * 29


@pytest.fixture
def in_this_connection(monkeypatch):
    """Loads in the test's own transaction: other connections do not see what it took away."""
    monkeypatch.setattr(demo_people, "_side_by_side", map)
    monkeypatch.setattr(demo_people.connection, "close", lambda: None)
    monkeypatch.setattr(demo_people.partitions, "ensure", lambda since, until: [])


def test_a_load_that_was_killed_half_way_is_completed(store, in_this_connection):
    DemoStore.objects.update(loaded_at=None)
    late = datetime(2026, 9, 1, tzinfo=UTC)
    blocks = [order_lines(block) for block in store.blocks(until=store.cutoff_at)]
    lost = [name for block in blocks if block["ordered_at"].min() > late for name in block["order"].unique()]
    OrderLine.objects.filter(order__external_id__in=lost).delete()
    Order.objects.filter(external_id__in=lost).delete()
    EventKey.objects.filter(message_id__in=lost).delete()
    Event.objects.filter(message_id__in=lost).delete()
    somebody = ContactPoint.objects.first()
    somebody.delete()
    assert 300 < len(lost) < 1_000

    report = load_people(store)

    assert report.is_new
    assert (Order.objects.count(), OrderLine.objects.count(), Event.objects.count()) == (2_544, 22_224, 2_544)
    assert OrderLine.objects.aggregate(amount=Sum("amount")) == {"amount": Decimal("73523.17")}
    assert ContactPoint.objects.count() == HOUSEHOLDS
    assert ConsentRecord.objects.count() == 3 * 29
    assert DemoStore.objects.get().loaded_at is not None


def test_a_block_with_an_order_that_is_there_leaves_nothing_behind(store):
    block = order_lines(next(store.blocks(until=store.cutoff_at)))
    customers = dict(Customer.objects.values_list("external_id", "id"))
    fresh = block.filter(pl.col("order") == block["order"][-1]).with_columns(order=pl.lit("fresh"))

    with pytest.raises(IntegrityError):
        load_orders(
            pl.concat([fresh, block]), STORE, customers=customers,
            products=product_ids(DemoStore.objects.get().merchants),
        )  # fmt: skip

    assert not Order.objects.filter(external_id="fresh").exists()
    assert not EventKey.objects.filter(message_id="fresh").exists()


def test_another_cut_of_the_data_needs_a_database_of_its_own(store):
    with pytest.raises(DemoStoreRefused, match="“complete journey, 40 households” is loaded"):
        load_people(CompleteJourney(store.shift, 41))


def test_people_do_not_load_without_the_catalogue(store):
    DemoStore.objects.all().delete()

    with pytest.raises(DemoStoreRefused, match="run load_completejourney_products first"):
        load_people(CompleteJourney(store.shift, 60))

    assert Customer.objects.count() == HOUSEHOLDS
