"""Events in: the good ones once and for all, the broken ones aside and whole, orders as orders."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.exceptions import BatchRefused
from customers.models import ConsentRecord, ConsentState, Customer, Event, EventKey, Order, Quarantine, Suppression
from customers.services import seal
from customers.services.events import record_events, retry_quarantined
from tests import factories
from tests.customers.rows import event, order, reachable

pytestmark = pytest.mark.django_db


@pytest.fixture
def oats():
    return factories.product("Oat biscuits", external_id="oats")


def take(*events, merchant_id=None, source="api", **more):
    return record_events(list(events), merchant_id=merchant_id, source=source, **more)


def counts(receipt) -> tuple[int, int, int]:
    return receipt.accepted, receipt.duplicates, len(receipt.quarantined)


def test_an_event_is_kept_with_the_person_it_names():
    posted = event(context={"channel": "app"}, properties={"product_id": "oats", "price": 2.5, "ip": "192.0.2.1"})

    assert counts(take(posted)) == (1, 0, 0)

    kept = Event.objects.get()
    assert (kept.name, kept.message_id, kept.channel, kept.origin) == (
        "Product Viewed",
        posted["messageId"],
        "app",
        "observed",
    )
    assert kept.properties == {"product_id": "oats", "price": "2.50"}  # what the spec does not name stays out
    assert Customer.objects.get(pk=kept.customer_id).external_id == "ann"


def test_a_repeated_message_id_is_ignored_for_good_also_in_another_month():
    posted = event()
    assert counts(take(posted)) == (1, 0, 0)
    moved = {**posted, "timestamp": (timezone.now() - timedelta(days=70)).isoformat()}

    assert counts(take(moved, posted)) == (0, 2, 0)
    assert Event.objects.count() == 1


def test_a_message_id_twice_in_one_batch_counts_once():
    posted = event()
    assert counts(take(posted, posted, event())) == (2, 1, 0)


def test_two_merchants_may_use_the_same_message_id():
    first, second = factories.merchant(), factories.merchant("Other")
    posted = event()
    assert counts(take(posted, merchant_id=first.pk)) == (1, 0, 0)
    assert counts(take(posted, merchant_id=second.pk)) == (1, 0, 0)
    assert counts(take(posted)) == (1, 0, 0)
    assert counts(take(posted)) == (0, 1, 0)


def test_a_new_customer_has_the_origin_of_the_events_and_a_key():
    early, late = event(ago=timedelta(days=3)), event(ago=timedelta(days=1))
    take(late, early, source="simulator", origin="simulated")

    ann = Customer.objects.get()
    assert (ann.external_id, ann.origin) == ("ann", "simulated")
    assert ann.first_seen_at == datetime.fromisoformat(early["timestamp"])
    assert len(bytes(ann.key.sealed)) == 73
    assert set(Event.objects.values_list("origin", flat=True)) == {"simulated"}


BROKEN = [
    ({"messageId": ""}, "messageId", "missing"),
    ({"messageId": "x" * 101}, "messageId", "100 characters"),
    ({"messageId": "a\x00b"}, "messageId", "control characters"),
    ({"messageId": "\ud800"}, "messageId", "half a letter"),
    ({"event": "Product viewed"}, "event", "Write “Product Viewed”"),
    ({"event": "Bought"}, "event", "no event of the e-commerce spec"),
    ({"event": ["Product Viewed"]}, "event", "no event of the e-commerce spec"),
    ({"type": "identify"}, "type", "track"),
    ({"timestamp": None}, "timestamp", "missing"),
    ({"timestamp": "yesterday"}, "timestamp", "ISO 8601"),
    ({"timestamp": "2026-05-01T10:00:00"}, "timestamp", "time zone"),
    ({"timestamp": "1999-12-31T23:59:59Z"}, "timestamp", "before the year 2000"),
    ({"timestamp": "0001-01-01T00:00:00+23:59"}, "timestamp", "no such time"),
    ({"userId": "", "anonymousId": None}, "userId", "Send one of them"),
    ({"userId": True}, "userId", "not text"),
    ({"userId": "x" * 65}, "userId", "64 characters"),
    ({"context": {"channel": "pigeon"}}, "context.channel", "web, app"),
    ({"properties": []}, "properties.product_id", "needs product_id or sku"),
    ({"properties": "oats"}, "properties", "not a JSON object"),
    ({"properties": {"product_id": "oats", "price": -1}}, "properties.price", "from 0"),
    ({"properties": {"product_id": "oats", "price": float("nan")}}, "properties.price", "not a number"),
    ({"properties": {"product_id": "oats", "price": "1e400"}}, "properties.price", "from 0"),
    ({"properties": {"product_id": "oats", "price": 10**40}}, "properties.price", "from 0"),
    ({"properties": {"product_id": "oats", "quantity": 1.5}}, "properties.quantity", "whole number"),
    ({"properties": {"product_id": "oats", "currency": "usd"}}, "properties.currency", "ISO 4217"),
    ({"properties": {"product_id": {"id": 1}}}, "properties.product_id", "not text"),
    ({"properties": {"product_id": "oats", "request_id": "7"}}, "properties.request_id", "recommendation"),
    ({"event": "Products Searched", "properties": {"query": 7}}, "properties.query", "not text"),
    ({"event": "Order Completed", "properties": {"order_id": "1"}}, "properties.products", "needs products"),
    (
        {"event": "Order Completed", "properties": {"order_id": "1", "products": [{"product_id": "oats"}]}},
        "properties.products[0].price",
        "needs the price",
    ),
    (
        {"event": "Cart Viewed", "properties": {"products": [{"sku": "a"}, {"quantity": 1}]}},
        "properties.products[1].product_id",
        "product_id or sku",
    ),
    ({"event": "Cart Viewed", "properties": {"products": [7]}}, "properties.products[0]", "not a JSON object"),
    (
        {"event": "Cart Viewed", "properties": {"products": [{"sku": "a"}] * 501}},
        "properties.products",
        "More than 500",
    ),
]


@pytest.mark.parametrize(("change", "field", "reason"), BROKEN)
def test_a_broken_event_is_set_aside_with_its_field_and_reason_and_the_good_ones_load(change, field, reason):
    bad = event(**change)
    receipt = take(event(), bad, event())

    assert counts(receipt) == (2, 0, 1)
    (said,) = receipt.quarantined
    assert (said.index, said.field) == (1, field)
    assert reason in said.reason
    row = Quarantine.objects.get()
    assert (row.field, row.reason) == (said.field, said.reason)
    assert json.dumps(json.loads(seal.open_install(row.sealed))["event"]) == json.dumps(bad)


@pytest.mark.parametrize("raw", ["{not json", None, 7, []])
def test_what_is_no_object_is_set_aside_as_it_came(raw):
    assert take(raw, event()).quarantined[0].field == "event"
    assert json.loads(seal.open_install(Quarantine.objects.get().sealed))["event"] == raw


def test_a_time_to_come_is_taken_from_the_replay_alone():
    minutes = {"timestamp": (timezone.now() + timedelta(minutes=4)).isoformat()}
    weeks = {"timestamp": (timezone.now() + timedelta(weeks=3)).isoformat()}

    assert counts(take(event(**minutes), event(**weeks))) == (1, 0, 1)
    assert counts(take(event(**weeks), source="replay")) == (1, 0, 0)


@pytest.mark.parametrize("number", [0, 1001])
def test_an_empty_or_too_long_batch_is_refused_whole(number):
    with pytest.raises(BatchRefused, match="1 to 1000"):
        take(*[event() for _ in range(number)])
    assert not EventKey.objects.exists()


def test_words_of_a_person_rest_sealed_under_their_key_and_anonymous_words_are_not_kept():
    searched = {"event": "Products Searched", "properties": {"query": "gift for Ann Smith"}}
    take(event(**searched), event(**searched, userId=None, anonymousId="s-1"))

    known, anonymous = Event.objects.order_by("customer_id")
    assert known.properties == anonymous.properties == {}
    assert b"Ann" not in bytes(known.sealed)
    ann = Customer.objects.get()
    assert json.loads(seal.open_for(ann, known.sealed, "event")) == {"query": "gift for Ann Smith"}
    assert anonymous.sealed is None
    assert len(bytes(anonymous.anonymous_lookup)) == 32


def test_an_order_is_one_row_with_its_lines(oats):
    milk = factories.product("Milk", external_id="milk")
    request_id = "0b6f2c5e-6d7c-4a53-9c4e-1f1f6ad1b0a1"
    details = {"total": 9, "discount": "0.5", "coupon": "SPRING", "request_id": request_id, "store": "12"}
    posted = order("1001", ("oats", 3, "1.333333"), ("milk", 0, "1.20"), properties=details)

    assert counts(take(posted)) == (1, 0, 0)

    kept = Order.objects.get()
    assert (kept.total, kept.discount, kept.coupon, str(kept.request_id), kept.store) == (
        Decimal("9.00"), Decimal("0.50"), "SPRING", request_id, "12",
    )  # fmt: skip
    assert kept.ordered_at == datetime.fromisoformat(posted["timestamp"])
    lines = kept.lines.order_by("product_id").values_list("product_id", "quantity", "amount")
    assert list(lines) == [(oats.pk, 3, Decimal("4.00")), (milk.pk, 0, Decimal("0.00"))]


def test_an_order_without_a_total_is_the_sum_of_its_lines_and_a_line_may_state_its_amount(oats):
    posted = order("1001", ("oats", 2, "2.50"))
    posted["properties"]["products"].append({"product_id": "oats", "quantity": 1, "price": "3.00", "amount": "2.19"})
    take(posted)
    assert Order.objects.get().total == Decimal("7.19")


def test_an_order_id_makes_one_order_whatever_the_message_id(oats):
    assert counts(take(order("1001", ("oats", 1, "2.50")), order("1001", ("oats", 9, "2.50")))) == (2, 0, 0)
    take(order("1001", ("oats", 5, "2.50")))

    assert Order.objects.get().lines.get().quantity == 1


def test_refunds_add_up_to_what_was_paid_and_a_cancellation_takes_the_order_out(oats):
    take(order("1001", ("oats", 4, "2.50")), order("1002", ("oats", 4, "2.50")))
    refund = {"event": "Order Refunded", "properties": {"order_id": "1001", "total": "6.00"}}
    once = event(**refund)
    take(once, event(event="Order Cancelled", properties={"order_id": "1002"}))
    take(once)
    assert Order.objects.get(external_id="1001").refunded == Decimal("6.00")
    take(event(**refund))

    refunded, cancelled = Order.objects.order_by("external_id")
    assert refunded.refunded == Decimal("10.00")
    assert cancelled.cancelled_at is not None
    assert list(Order.objects.counted()) == [refunded]


def test_an_order_and_its_refund_may_come_in_one_batch_in_any_order(oats):
    refund = event("Order Refunded", properties={"order_id": "1001"})
    assert counts(take(refund, order("1001", ("oats", 1, "2.50")))) == (2, 0, 0)
    assert Order.objects.get().refunded == Decimal("2.50")


def test_an_order_waits_for_its_product_and_a_refund_for_its_order():
    receipt = take(order("1001", ("oats", 1, "2.50")), event("Order Refunded", properties={"order_id": "1001"}))
    assert [(one.field, one.index) for one in receipt.quarantined] == [
        ("properties.products[0].product_id", 0),
        ("properties.order_id", 1),
    ]
    assert not Customer.objects.exists()  # nobody is made for what is set aside
    ids = list(Quarantine.objects.order_by("id").values_list("pk", flat=True))
    assert counts(retry_quarantined(ids, merchant_id=None)) == (0, 0, 2)

    factories.product(external_id="oats")
    assert counts(retry_quarantined(ids, merchant_id=None)) == (2, 0, 0)
    assert Order.objects.get().refunded == Decimal("2.50")
    assert not Quarantine.objects.filter(resolved_at=None).exists()
    assert counts(retry_quarantined(ids, merchant_id=None)) == (0, 0, 0)


def test_what_is_tried_again_keeps_its_source_and_origin():
    take(order("1001", ("oats", 1, "2.50")), source="simulator", origin="simulated")
    factories.product(external_id="oats")
    retry_quarantined([Quarantine.objects.get().pk], merchant_id=None)
    kept = Order.objects.get()
    assert (kept.origin, kept.source) == ("simulated", "simulator")


def test_a_merchant_orders_its_own_products_alone():
    own, other = factories.merchant(), factories.merchant("Other")
    factories.product(external_id="oats", merchant=other)
    assert counts(take(order("1", ("oats", 1, "2.50")), event(), merchant_id=own.pk)) == (1, 0, 1)

    mine = factories.product(external_id="oats", merchant=own)
    take(order("1", ("oats", 1, "2.50")), merchant_id=own.pk)
    assert Order.objects.get(merchant=own).lines.get().product == mine


def test_a_merchant_changes_no_order_of_another():
    own, other = factories.merchant(), factories.merchant("Other")
    factories.product(external_id="oats", merchant=other)
    take(order("1001", ("oats", 1, "2.50")), merchant_id=other.pk)
    cancel = event("Order Cancelled", properties={"order_id": "1001"})

    assert counts(take(cancel, merchant_id=own.pk)) == (0, 0, 1)
    assert Order.objects.get().cancelled_at is None


def test_nothing_more_is_kept_of_an_erased_person():
    factories.customer(external_id="ann", erased_at=timezone.now())
    posted = event("Products Searched", properties={"query": "gift"})

    assert take(posted).quarantined[0].field == "userId"
    assert not Event.objects.exists()
    assert json.loads(seal.open_install(Quarantine.objects.get().sealed))["event"] == {"messageId": posted["messageId"]}


@pytest.mark.parametrize(("name", "reason"), [("Unsubscribed", "unsubscribed"), ("Email Marked as Spam", "complained")])
def test_a_no_that_a_shop_heard_counts_here_at_once(name, reason):
    ann = reachable(external_id="ann")
    take(event(name, properties={}))

    assert not ConsentState.objects.get(customer=ann).is_given
    assert Suppression.objects.get().reason == reason
    assert ConsentRecord.objects.order_by("-id").first().method == "event"


def test_our_own_links_leave_the_withdrawal_to_whoever_follows_them():
    reachable(external_id="ann")
    take(event("Unsubscribed", properties={}), source="tracking")
    assert ConsentState.objects.get().is_given


def test_a_batch_costs_the_same_statements_however_long_it_is(oats):
    def batch(number: int) -> list[dict]:
        kinds = [
            lambda n: event(user=f"new-{n}"),
            lambda n: order(f"o-{number}-{n}", ("oats", 1, "2.50"), user=f"new-{n}"),
            lambda n: event("Order Refunded", properties={"order_id": f"o-{number}-{n - 1}", "total": 1}),
            lambda n: event("Products Searched", properties={"query": "tea"}),
            lambda n: event("Bought"),
        ]
        return [kinds[n % 5](n) for n in range(number)]

    statements = {}
    for number in (5, 500):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert counts(take(*batch(number)))[0] == number * 4 / 5
        statements[number] = len(queries)
    assert statements[5] == statements[500] <= 18


def test_an_event_of_long_ago_lands_in_the_default_partition():
    take(event(timestamp="2003-02-01T10:00:00Z"))
    assert Event.objects.get().occurred_at == datetime(2003, 2, 1, 10, tzinfo=UTC)
