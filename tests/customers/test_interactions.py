"""What a model may learn from, and everything that is known of a person."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from customers.models import Customer, Order, OrderLine, SubjectKey
from customers.queries import behaviour
from customers.queries.behaviour import interactions, timeline
from customers.queries.consent import consent_totals
from customers.queries.people import contacts, customer_totals
from customers.queries.personal import personal
from customers.services import consent, learning
from customers.services.events import record_events
from customers.services.pseudonyms import named
from tests import factories
from tests.customers.rows import act, event, order, reachable

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 5, 1, tzinfo=UTC)  # what is read of NOON


def buy(customer: Customer, product, at=NOON, quantity=2, amount="5.25", **fields) -> Order:
    fields = {"external_id": f"o-{Order.objects.count()}", "channel": "web", "source": "api", "total": amount} | fields
    made = Order.objects.create(customer=customer, ordered_at=at, **fields)
    OrderLine.objects.create(order=made, product=product, quantity=quantity, amount=amount)
    return made


def read(since=NOON - DAY, until=NOON + DAY):
    return interactions(since=since, until=until)


def ids(columns) -> list[int]:
    """Whose lines these are; learning itself knows pseudonyms alone."""
    return [row[0] for row in named([(person,) for person in columns.customer_id.tolist()])]


def test_a_line_is_read_with_its_person_product_moment_quantity_and_amount():
    ann, oats = factories.customer(), factories.product()
    buy(ann, oats)

    columns = read()
    assert ids(columns) == [ann.pk]
    assert columns.product_id.tolist() == [oats.pk]
    assert columns.occurred_at.tolist() == [MIDNIGHT.timestamp()]
    assert columns.quantity.tolist() == [2.0]
    assert columns.amount.tolist() == [5.25]
    kinds = [column.dtype for column in (columns.customer_id, columns.occurred_at, columns.quantity, columns.amount)]
    assert kinds == [np.int64, np.float64, np.float32, np.float32]


def test_nothing_is_read_as_five_empty_columns():
    columns = read()
    assert len(columns) == len(columns.amount) == 0


def test_the_window_takes_its_start_and_leaves_its_end():
    ann, oats = factories.customer(), factories.product()
    for moved in (-DAY, timedelta(0), DAY):
        buy(ann, oats, at=NOON + moved)
    assert read(since=NOON - DAY, until=NOON + DAY).occurred_at.tolist() == [
        (MIDNIGHT - DAY).timestamp(),
        MIDNIGHT.timestamp(),
    ]


def test_lines_come_in_order_of_time_then_person_then_product():
    people = [factories.customer() for _ in range(3)]
    products = [factories.product() for _ in range(3)]
    for at in (NOON + DAY / 2, NOON):
        for person in reversed(people):
            for product in reversed(products):
                buy(person, product, at=at)
    columns = read()
    rows = list(
        zip(columns.occurred_at.tolist(), columns.customer_id.tolist(), columns.product_id.tolist(), strict=True)
    )
    assert len(rows) == 18
    assert rows == sorted(rows)


def test_doubtful_simulated_cancelled_and_empty_lines_are_left_out():
    ann, oats = factories.customer(), factories.product()
    kept = buy(ann, oats)
    buy(ann, oats, origin="simulated")
    buy(ann, oats, cancelled_at=NOON)
    buy(ann, oats, quantity=0)
    flagged = buy(ann, oats)
    buy(factories.customer(origin="simulated"), oats)
    buy(factories.customer(erased_at=NOON), oats)
    learning.exclude_from_learning(order_ids=[flagged.pk], reason="velocity")
    assert ids(read()) == [kept.customer_id]

    learning.include_again(order_ids=[flagged.pk])
    assert len(read()) == 2
    learning.exclude_from_learning(customer_ids=[ann.pk], reason="ring")
    assert len(read()) == 0


@pytest.mark.parametrize(("action", "lines"), [("refused", 0), ("withdrawn", 0), ("objected", 0), ("given", 1)])
def test_who_refused_to_be_learnt_from_is_left_out(action, lines):
    ann = factories.customer()
    buy(ann, factories.product())
    consent.record(act(ann.pk, action, purpose="model_training", channel="any"))
    consent.record(act(ann.pk, "refused"))  # marketing is another matter
    assert len(read()) == lines


def test_rows_are_put_together_again_across_blocks(monkeypatch):
    ann, oats = factories.customer(), factories.product()
    for n in range(50):
        buy(ann, oats, at=NOON + timedelta(minutes=n), quantity=n + 1)
    monkeypatch.setattr(behaviour, "COPY_BLOCK", 100)
    assert read().quantity.tolist() == [float(n + 1) for n in range(50)]


def test_the_timeline_tells_what_was_done_in_words_newest_first():
    factories.product("Oat biscuits", external_id="oats")
    factories.product("Milk", external_id="milk")
    record_events(
        [
            event(ago=2 * DAY),
            event("Products Searched", properties={"query": "tea"}, ago=DAY),
            order("1001", ("oats", 1, "2.50"), ("milk", 1, "1.20"), context={"channel": "store"}),
        ],
        merchant_id=None,
        source="api",
    )
    ann = Customer.objects.get()

    entries = timeline(ann.pk, 50)
    assert [(entry.title, entry.detail, entry.channel) for entry in entries] == [
        ("Order Completed", "Oat biscuits, Milk · order 1001", "store"),
        ("Products Searched", "with words of their own, sealed", "web"),
        ("Product Viewed", "Oat biscuits", "web"),
    ]
    assert [entry.title for entry in timeline(ann.pk, 1)] == ["Order Completed"]
    assert len(timeline(ann.pk, 50, before=entries[1].at)) == 1


def test_everything_known_of_a_person_is_handed_out_opened_and_as_json():
    factories.product("Oat biscuits", external_id="oats")
    ann = reachable("ann@example.invalid", external_id="ann", attributes={"age": "25-34"})
    record_events(
        [event("Products Searched", properties={"query": "tea for two"}), order("1001", ("oats", 1, "2.50"))],
        merchant_id=None,
        source="api",
    )
    known = json.loads(json.dumps(personal(ann.pk), cls=DjangoJSONEncoder))

    assert known["profile"]["attributes"] == {"age": "25-34"}
    assert [point["value"] for point in known["contact_points"]] == ["ann@example.invalid"]
    assert [record["action"] for record in known["consent"]] == ["given"]
    assert {"query": "tea for two"} in [row["properties"] for row in known["events"]]
    assert known["orders"][0]["lines"] == [
        {"product": "oats", "title": "Oat biscuits", "quantity": 1, "amount": "2.50"}
    ]


def test_of_an_erased_person_the_proof_alone_is_left():
    ann = reachable(external_id="ann")
    Customer.objects.filter(pk=ann.pk).update(erased_at=timezone.now())
    SubjectKey.objects.filter(customer=ann).delete()
    known = personal(ann.pk)
    assert set(known) == {"consent"}
    assert len(known["consent"]) == 1
    assert contacts(ann.pk) == ()
    assert list(consent.verify()) == []


def test_people_are_counted_for_reports():
    ann, ben = reachable("a@example.invalid"), factories.customer()
    consent.record(act(ben.pk, "refused"))
    factories.customer(erased_at=NOON)
    buy(ann, factories.product())
    buy(ann, factories.product(), origin="simulated")
    totals = customer_totals()
    assert (totals.customers, totals.orders, totals.lines) == (2, 1, 1)
    said = consent_totals("marketing", "email")
    assert (said.given, said.refused) == (1, 1)
