"""Trends and the fraud sweep read pseudonyms, and count as if they read customers."""

import base64
import hashlib
import hmac
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection

from customers.models import Customer, Event, Order, OrderLine
from customers.queries import doubt
from customers.queries.keys import EVENT_CONTEXT
from customers.queries.pseudonyms import EPOCH_BITS, RECOMMENDING, RISK, owners, read_once
from customers.services import consent, learning
from customers.services.pseudonyms import owned
from customers.services.seal import seal_for
from customers.services.searches import RARE, searched
from recommendations.queries.behaviour import sales_by_type
from risk import dataset
from tests import factories
from tests.customers.rows import act

pytestmark = pytest.mark.django_db
UNTIL = datetime(2026, 11, 2, 15, 30, 7, tzinfo=UTC)  # no midnight: weeks are counted from the window's own beginning
SINCE = UNTIL - timedelta(weeks=8)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# What the trends read before there was a view: numbers of customers.
SALES_BY_NUMBER = """
SELECT p.product_type, width_bucket(extract(epoch FROM o.ordered_at), %s, %s, 8), count(DISTINCT o.customer_id)
FROM customers_order o JOIN customers_customer c ON c.id = o.customer_id JOIN customers_orderline l ON l.order_id = o.id
JOIN catalog_product p ON p.id = l.product_id
WHERE c.origin = 'observed' AND c.excluded_at IS NULL AND c.erased_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM customers_consentstate s WHERE s.customer_id = c.id AND s.purpose = 'model_training'
    AND s.action IN ('refused', 'withdrawn', 'objected'))
  AND o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL AND l.quantity > 0
  AND o.ordered_at >= to_timestamp(%s) AND o.ordered_at < to_timestamp(%s) AND p.product_type <> ''
GROUP BY 1, 2 ORDER BY 1, 2
"""


def query(sql: str, params=None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


@pytest.fixture
def people() -> list[Customer]:
    """60 people, of whom one refused, one is doubted, one is erased and one is invented; each ordered on every edge of a
    week, a second before it and after it, and one order each was cancelled or is doubted."""
    people = Customer.objects.bulk_create(Customer(external_id=f"person-{number:03}") for number in range(60))
    goods = [factories.product(product_type=kind) for kind in ("MILK", "PLUMS", "")]
    seconds = (-1, 0, 1)
    orders = Order.objects.bulk_create(
        Order(external_id=f"{who.pk}-{week}-{second}", customer=who, channel="web", source="api", total=20 + week,
              ordered_at=SINCE + timedelta(weeks=week, seconds=second))
        for place, who in enumerate(people) for week in range(9) for second in seconds if (place + week) % 4
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=goods[(place * 7) % 3], quantity=place % 5, amount=5)
        for place, order in enumerate(orders)
    )
    consent.record(act(people[0].pk, "refused", purpose="model_training"))
    learning.exclude_from_learning(customer_ids=[people[1].pk], order_ids=[orders[100].pk], reason="ring")
    Customer.objects.filter(pk=people[2].pk).update(erased_at=UNTIL)
    Customer.objects.filter(pk=people[3].pk).update(origin="simulated")
    Order.objects.filter(pk=orders[101].pk).update(cancelled_at=UNTIL)
    return people


def flat(rows) -> set:
    """Every number and word in them."""
    return {value for row in rows for part in row for value in (part if isinstance(part, list) else [part])}


def test_sales_are_counted_under_pseudonyms_exactly_as_they_were_by_number(people):
    window = [SINCE.timestamp(), UNTIL.timestamp()]
    expected = query(SALES_BY_NUMBER, window * 2)
    found = sales_by_type(since=SINCE, until=UNTIL)
    assert {week for _, week, _ in found} == set(range(1, 9))
    assert sorted((kind, week, len(set(buyers))) for kind, week, buyers in found) == expected
    named = {person for *_, buyers in found for person in buyers}
    assert named == {pseudonym for pseudonym, pk in everybody(RECOMMENDING).items() if pk not in left_out(people)}
    assert_no_number(named, people)


def everybody(purpose: str) -> dict[int, int]:
    return dict(owners(Order.objects.values_list("pk", flat=True), purpose=purpose))


def left_out(people) -> set[int]:
    return {one.pk for one in people[:4]}


def assert_no_number(named: set, people) -> None:
    """Each is of an epoch, and no customer's number or name, nor a hash of one that could be made without the key."""
    assert named and all(person >> EPOCH_BITS == 1 for person in named)
    assert named.isdisjoint({one.pk for one in people} | {one.external_id for one in people})
    hashes = {person & ((1 << EPOCH_BITS) - 1) for person in named}
    training, secret = base64.b64decode(settings.TRAINING_KEY), settings.SECRET_KEY.encode()
    for one in people:
        for message in (str(one.pk).encode(), one.pk.to_bytes(8), one.external_id.encode()):
            digests = [hashlib.sha256(message), *(hmac.new(key, message, "sha256") for key in (training, secret))]
            assert hashes.isdisjoint(int.from_bytes(digest.digest()[:8]) >> 7 for digest in digests)


def test_searches_are_counted_by_pseudonym_and_rare_words_do_not_come_out(people):
    expected = defaultdict(set)
    for place, who in enumerate(people):
        if who.pk == people[2].pk:
            continue  # erased: their words open no more
        week, words = place % 8, "Plum  Jam" if place % 3 else f"{who.external_id} at home"
        Event.objects.create(
            occurred_at=SINCE + timedelta(weeks=week), message_id=f"s-{place}", name="Products Searched", source="api",
            channel="web", customer=who, sealed=seal_for(who, f'{{"query": "{words}"}}', EVENT_CONTEXT),
        )  # fmt: skip
        if who.pk not in left_out(people):
            expected["plum jam" if place % 3 else RARE, week + 1].add(who.pk)
    found = searched(since=SINCE, until=UNTIL, least=10)
    assert set(found) == {"plum jam", RARE}
    assert {(term, week): len(some) for term, weeks in found.items() for week, some in weeks.items()} == {
        key: len(some) for key, some in expected.items()
    }
    assert_no_number({person for weeks in found.values() for some in weeks.values() for person in some}, people)


def test_the_sweep_reads_neither_number_nor_name_and_its_pseudonyms_are_its_own(people):
    (rows,) = doubt.blocks(
        currency="USD", since=BEGINNING, size=100, history=dataset.HABIT, margin=dataset.MARGIN
    )  # fmt: skip
    newest = doubt.newest(currency="USD", limit=5000)
    own = everybody(RISK)
    for some in (rows, newest):
        assert {row[0] for row in some} <= set(Order.objects.values_list("pk", flat=True))  # a flag stands on an order
        assert flat(row[1:] for row in some).isdisjoint({one.external_id for one in people})
        assert_no_number({row[1] for row in some}, people)
    assert len(rows) == Order.objects.count()
    assert set(own).isdisjoint(everybody(RECOMMENDING))
    of = dict(Order.objects.values_list("pk", "customer_id"))
    assert all(of[order] == own[person] for order, person, *_ in rows if person in own)
    assert {of[order] for order, person, *_ in rows if person not in own} == {people[2].pk}


def test_the_views_of_the_sweep_hold_nothing_without_the_key_and_no_column_about_a_person_but_the_pseudonym(people):
    for name in (
        "customers_training_sale",
        "customers_training_search",
        "customers_risk_order",
        "customers_risk_ordinary",
    ):
        assert query(f"SELECT count(*) FROM {name}") == [(0,)]
    shown = read_once("SELECT count(*) > 0 FROM customers_risk_ordinary", {}, purpose=RISK)
    assert shown == [(True,)]
    assert query("SELECT count(*) FROM customers_risk_ordinary") == [(0,)]  # closed again within a transaction
    columns = query(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_name LIKE 'customers_risk_%' "
        "ORDER BY 1, ordinal_position"
    )
    shared = ("order_id", "person", "moment", "currency", "total", "coupon_discount", "lines")
    assert columns == [
        *(("customers_risk_order", name) for name in (*shared, "is_new")),
        *(("customers_risk_ordinary", name) for name in shared),
    ]


def test_only_the_owner_of_an_order_is_found_behind_a_pseudonym_and_nobody_who_is_gone(people):
    own = {pk: pseudonym for pseudonym, pk in everybody(RISK).items()}
    mine, other = (Order.objects.filter(customer=one).first().pk for one in (people[5], people[6]))
    assert owned([(own[people[5].pk], mine, "why")]) == [(people[5].pk, mine, "why")]
    assert owned([(own[people[5].pk], other, "why")]) == []
    assert owned([]) == []
    Customer.objects.filter(pk=people[5].pk).update(erased_at=UNTIL)
    assert owned([(own[people[5].pk], mine, "why")]) == []
