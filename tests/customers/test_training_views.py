"""Learning reads pseudonyms, days and coarse demographics, with the key alone; and only a service here leads back."""

import base64
import hashlib
import hmac
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from customers.exceptions import BadKeyring, UnknownEpoch
from customers.models import Customer, Event
from customers.queries import anonymity
from customers.queries.behaviour import interactions
from customers.queries.pseudonyms import EPOCH_BITS, epoch_of, people_of_epochs, reading
from customers.services import consent, learning
from customers.services.pseudonyms import named
from recommendations.dataset import purchases
from recommendations.queries import behaviour
from tests import factories
from tests.customers.rows import act, reachable
from tests.customers.test_interactions import NOON, buy

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SPAN = {"since": NOON - 30 * DAY, "until": NOON + 30 * DAY}
ONE, TWO = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def query(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.fixture
def shop():
    people, oats = [factories.customer() for _ in range(300)], factories.product(category="BREAD", product_type="ROLLS")
    for person in people:
        buy(person, oats, at=NOON)
    return people


def test_no_view_holds_anything_without_the_key(shop):
    for name in ("line", "order", "person"):
        assert query(f"SELECT count(*) FROM customers_training_{name}") == [(0,)]
    with reading(**SPAN):
        assert query("SELECT count(*) FROM customers_training_line") == [(300,)]
    assert query("SELECT count(*) FROM customers_training_line") == [(0,)]


def test_the_application_may_not_read_which_customer_a_pseudonym_is_in_a_view():
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        query("SELECT * FROM customers_training_learnable")


def test_the_views_carry_no_number_name_contact_or_text():
    columns = query(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_name LIKE 'customers_training_%' "
        "AND table_name <> 'customers_training_learnable' ORDER BY 1, ordinal_position"
    )
    assert columns == [
        *(("customers_training_deed", name) for name in ("person", "action", "network", "product", "deeds")),
        *(("customers_training_line", name) for name in (
            "person", "product_id", "moment", "quantity", "amount", "is_doubted", "store")),
        *(("customers_training_order", name) for name in (
            "person", "moment", "channel", "total", "discount", "coupon_discount", "is_doubted")),
        *(("customers_training_person", name) for name in ("person", "age", "income", "household_size")),
        *(("customers_training_sale", name) for name in ("person", "product_id", "week")),
        *(("customers_training_search", name) for name in ("person", "week", "sealed")),
        *(("customers_training_visit", name) for name in ("person", "visit", "name")),
    ]  # fmt: skip


def test_training_arrays_cannot_be_joined_to_customers_without_the_key(shop, settings):
    """Not by number, not by order, not by another of the install's keys.

    By history they can, by whoever holds the orders themselves: pseudonyms protect what leaves, an artifact or a copy of
    the arrays, not the database from its own reader.
    """
    data = purchases(**SPAN)
    ids = {person.pk for person in shop}
    assert len(data.customers) == 300
    assert ids.isdisjoint(data.customers.tolist())

    by_person, by_id = dict(zip(*(column.tolist() for column in people_of_epochs()), strict=True)), sorted(ids)
    places = np.array([by_id.index(by_person[person]) for person in data.customers.tolist()])
    assert abs(np.corrcoef(places, np.arange(300))[0, 1]) < 0.25  # 4.3 standard deviations of no correlation

    hashes = set((data.customers & ((1 << EPOCH_BITS) - 1)).tolist())
    guesses = [b"", settings.SECRET_KEY.encode(), *(
        base64.b64decode(key) for key in (settings.PERSON_KEY, settings.LOOKUP_KEY, settings.TRAINING_KEY))]  # fmt: skip
    for key in guesses:
        for person in ids:
            for message in (str(person).encode(), person.to_bytes(8)):
                digest = hmac.digest(key, message, hashlib.sha256) if key else hashlib.sha256(message).digest()
                assert int.from_bytes(digest[:8]) >> 7 not in hashes


def test_the_database_computes_what_rfc_2104_says(settings):
    settings.TRAINING_KEY = ONE
    ann = factories.customer()
    buy(ann, factories.product())
    key = hmac.digest(b"\1" * 32, b"attune training\0" + (1).to_bytes(2) + b"recommending", hashlib.sha256)
    expected = (1 << EPOCH_BITS) + (int.from_bytes(hmac.digest(key, ann.pk.to_bytes(8), hashlib.sha256)[:8]) >> 7)
    assert interactions(**SPAN).customer_id.tolist() == [expected]


def test_another_purpose_and_another_epoch_are_other_names_of_the_same_people(shop, settings):
    settings.TRAINING_KEY = f"1:{ONE},2:{TWO}"
    found = {}
    for purpose, epoch in (("recommending", 1), ("recommending", 2), ("risk", 2)):
        with reading(**SPAN, purpose=purpose, epoch=epoch):
            found[purpose, epoch] = {person for (person,) in query("SELECT person FROM customers_training_line")}
    assert [len(people) for people in found.values()] == [300, 300, 300]
    assert len(set.union(*found.values())) == 900


def test_an_artifact_of_the_epoch_before_still_finds_its_people_until_its_key_is_gone(shop, settings):
    settings.TRAINING_KEY = ONE
    old = purchases(**SPAN).customers
    settings.TRAINING_KEY = f"1:{ONE},2:{TWO}"
    new = purchases(**SPAN).customers
    assert (epoch_of(old), epoch_of(new)) == (1, 2)
    assert purchases(**SPAN, epoch=1).customers.tolist() == old.tolist()
    assert {row[0] for row in named([(person,) for person in [*old.tolist(), *new.tolist()]])} == {p.pk for p in shop}

    settings.TRAINING_KEY = f"2:{TWO}"
    assert list(named([(person, "row") for person in old.tolist()])) == []
    with pytest.raises(UnknownEpoch, match=r"epoch 1; .* keys of 2. Train again"):
        epoch_of(old)
    with pytest.raises(UnknownEpoch):
        epoch_of(np.array([shop[0].pk]))  # an artifact from before there were pseudonyms


def test_who_is_erased_gets_no_row(shop):
    (one, *_), people = interactions(**SPAN).customer_id.tolist(), dict(zip(*people_of_epochs(), strict=True))
    Customer.objects.filter(pk=people[one]).update(erased_at=NOON)
    assert list(named([(one, 1.0)])) == []


def test_a_moment_is_its_day_and_baskets_of_a_day_stay_apart_in_their_order():
    ann, first, second = factories.customer(), factories.product(), factories.product()
    buy(ann, second, at=NOON + timedelta(hours=5), amount="2.00")
    buy(ann, first, at=NOON, amount="1.00")
    buy(ann, first, at=NOON + DAY, amount="3.00")
    day = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
    columns = interactions(**SPAN)
    assert columns.occurred_at.tolist() == [day, day + 1, day + 86_400]
    assert columns.amount.tolist() == [1.0, 2.0, 3.0]
    orders = behaviour.orders(**SPAN)
    assert orders.day.tolist() == pytest.approx([day / 86_400, (day + 1) / 86_400, day / 86_400 + 1])


def test_visits_are_counted_under_pseudonyms_of_who_may_be_learnt_from():
    """Half an hour of silence parts two visits; no time and no number comes out of the database."""
    ann, ben, cid = (factories.customer(external_id=name) for name in ("ann", "ben", "cid"))
    steps = [
        (ann, 0, "Products Searched", "web"), (ann, 30, "Product Viewed", "web"), (ann, 61, "Product Added", "app"),
        (ann, 62, "Order Completed", "app"), (ann, 63, "Product Viewed", "store"), (ann, 64, "Coupon Entered", "web"),
        (ben, 0, "Product Viewed", "web"), (cid, 0, "Product Viewed", "web"),
    ]  # fmt: skip
    for who, minutes, name, channel in steps:
        Event.objects.create(
            occurred_at=NOON + timedelta(minutes=minutes), message_id=f"{who.pk}-{minutes}", name=name, source="api",
            channel=channel, customer=who,
        )  # fmt: skip
    consent.record(act(ben.pk, "refused", purpose="model_training"))
    learning.exclude_from_learning(customer_ids=[cid.pk], reason="ring")

    found = behaviour.sessions(**SPAN)

    (counted,) = found.items()
    assert [row[0] for row in named([(counted[0],)])] == [ann.pk]
    assert counted[1] == behaviour.Sessions(visits=2, searched=1, viewed=1, added=1, ordered=1)
    assert behaviour.sessions(since=NOON + DAY, until=NOON + 2 * DAY) == {}
    assert query("SELECT count(*) FROM customers_training_visit") == [(0,)]


def test_no_reading_of_learning_names_a_table_of_people():
    """What learns or scores reads views. Left over, each with its reason: an answer to one person who asks (live), words
    that open with their writer's own key (texts), and acts that are counted by answer and name nobody (outcomes, health)."""
    tables = re.compile(r"(?:FROM|JOIN)\s+customers_(?!training_|risk_|pseudonym)\w+", re.I)
    root = Path(behaviour.__file__).parents[2]
    files = [
        path for app in ("recommendations", "risk", "copywriting", "registry") for path in (root / app).rglob("*.py")
    ]
    found = {
        str(path.relative_to(root))
        for path in files
        if tables.search(path.read_text()) and "migrations" not in path.parts
    }
    assert found == {
        f"recommendations/{name}.py"
        for name in ("queries/live", "queries/texts", "queries/outcomes", "queries/health", "services/exposures")
    }


def test_doubted_orders_can_be_told_apart_to_measure_what_leaving_them_out_does(shop):
    learning.exclude_from_learning(customer_ids=[shop[0].pk], reason="ring")
    assert len(interactions(**SPAN)) == 299
    with reading(**SPAN):
        assert query("SELECT count(*) FROM customers_training_line WHERE is_doubted") == [(1,)]


def test_demographics_are_read_as_far_as_five_people_share_them():
    def people(number: int, **attributes):
        for _ in range(number):
            factories.customer(attributes=attributes)

    people(5, age="35-44", income="50-74K", household_size="2", marital_status="Married")
    people(4, age="35-44", income="50-74K", household_size="5+")
    people(2, age="35-44", income="50-74K", household_size="1")
    people(3, age="65+", income="250K+", household_size="1")
    people(4, age="65+", income="Under 15K", household_size="2")
    people(1, age="19-24", income="Under 15K", household_size="3")
    assert Counter(tuple(sorted(told.items())) for told in behaviour.attributes().values()) == {
        (("age", "35-44"), ("household_size", "2"), ("income", "50-74K")): 5,
        (("age", "35-44"), ("income", "50-74K")): 6,
        (("age", "65+"),): 7,
        (): 1,
    }
    out = StringIO()
    call_command("measure_k", stdout=out)
    assert "as learning reads them" in out.getvalue()
    assert out.getvalue().splitlines()[-1].split()[-4:] == ["18", "3", "5", "0"]


def test_measuring_k_fails_where_a_class_is_smaller(monkeypatch):
    factories.customer(attributes={"age": "65+"})
    monkeypatch.setattr(anonymity, "READ", "SELECT '65+', NULL, NULL")
    with pytest.raises(CommandError, match="a class of 1; 5 is the least"):
        call_command("measure_k", stdout=StringIO())


def test_a_key_that_is_none_is_named(settings):
    reachable()
    settings.TRAINING_KEY = "short"
    with pytest.raises(BadKeyring, match="training keys"):
        interactions(**SPAN)
    settings.TRAINING_KEY = f"64:{ONE}"
    with pytest.raises(BadKeyring, match="from 1 to 63"):
        interactions(**SPAN)
