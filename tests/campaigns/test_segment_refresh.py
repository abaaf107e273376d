"""Members are kept by asking only whom something happened to, and are whom a rebuild would find, whatever happened."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import ChangedPerson, Segment, SegmentMember, SegmentMove
from campaigns.queries import membership as kept
from campaigns.queries import segments as queries
from campaigns.services import membership, segments
from customers.models import ConsentRecord, ConsentState, Customer, Event, Order, OrderLine
from customers.services.consent import publish_notice, record
from recommendations.models import Profile
from registry.models import ModelVersion
from tests import factories
from tests.flows.shop import consent_of

pytestmark = pytest.mark.django_db

NOW = timezone.now()
RULES = {
    "orders": {"field": "orders_in", "op": ">=", "value": 2, "days": 10},
    "quiet": {"not": {"field": "viewed", "op": ">", "value": 0, "days": 5}},
    "milk": {"field": "bought_category", "op": "=", "value": "MILK", "days": 7},
    "spends": {"field": "category_spend", "of": "MILK", "op": ">", "value": 15, "days": 8},
    "new": {"field": "known_for_days", "op": "<", "value": 6},
    "soon": {"field": "next_order_in", "op": "<=", "value": 3},
    "free": {"all": [{"field": "consent_email", "op": "in", "value": ["given"]},
                     {"any": [{"field": "segment", "op": "=", "value": "orders"},
                              {"field": "affinity", "of": "DAIRY", "op": ">=", "value": 0.5}]}]},
}  # fmt: skip


def save(slug: str, rule: dict) -> Segment:
    return segments.save_segment(slug=slug, name=slug, rule=rule, audience_phrase="guests")


def members(segment: Segment) -> set[int]:
    return set(SegmentMember.objects.filter(segment=segment).values_list("customer_id", flat=True))


@pytest.fixture
def shop():
    """Four people, two products and a segment for every kind of rule, all of them fresh as of NOW."""
    people = [factories.customer(first_seen_at=NOW - timedelta(days=days)) for days in (1, 4, 9, 30)]
    products = [factories.product(category=category) for category in ("MILK", "BREAD")]
    publish_notice("newsletter-1", "en", "Yes, send me offers by e-mail.")
    record(consent_of(people[3], "refused"))
    for slug, rule in RULES.items():
        save(slug, rule)
    membership.refresh(now=NOW)
    return people, products


STEP = st.tuples(
    st.sampled_from(["order", "cancel", "refund", "view", "consent", "profile", "first", "erase", "delete", "shelf"]),
    st.integers(0, 3),  # whom
    st.integers(0, 12),  # how many days ago
    st.integers(0, 5),  # how many days pass before the next refresh
)


def happen(what: str, person: Customer, days: int, now, products) -> None:
    at = now - timedelta(days=days)
    newest = Order.objects.filter(customer=person).order_by("-pk").first()
    if what == "order":
        made = Order.objects.create(
            external_id=f"o-{Order.objects.count()}",
            customer=person,
            total=10,
            ordered_at=at,
            channel="web",
            source="api",
        )
        OrderLine.objects.create(order=made, product=products[days % 2], quantity=1, amount=10)
    elif what == "cancel" and newest:
        Order.objects.filter(pk=newest.pk).update(cancelled_at=now)
    elif what == "refund" and newest:
        Order.objects.filter(pk=newest.pk).update(refunded=5)
        OrderLine.objects.filter(order=newest).update(amount=5)
    elif what == "view":
        Event.objects.create(
            occurred_at=at, message_id=f"m-{Event.objects.count()}", name="Product Viewed", source="api", channel="web",
            customer=person,
        )  # fmt: skip
    elif what == "consent":
        ConsentState.objects.update_or_create(
            customer=person, purpose="marketing", channel="email",
            defaults={"is_given": days % 2 == 0, "action": "given", "since": at, "origin": "observed",
                      "record": ConsentRecord.objects.first()},
        )  # fmt: skip
    elif what == "profile":
        model, _ = ModelVersion.objects.get_or_create(kind="clusters", artifact_digest="0" * 64)
        Profile.objects.update_or_create(
            customer=person,
            defaults={
                "affinities": {"DAIRY": days / 12}, "next_order_at": now + timedelta(days=days), "as_of": now,
                "model_version": model,
            },
        )  # fmt: skip
    elif what == "first":
        Customer.objects.filter(pk=person.pk).update(first_seen_at=at)
    elif what == "erase":
        Customer.objects.filter(pk=person.pk).update(erased_at=now if days % 2 else None)
    elif what == "delete" and newest:
        OrderLine.objects.filter(order=newest).delete()
    elif what == "shelf":
        products[0].category = "MILK" if days % 2 else "BUTTER"
        products[0].save()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=1, max_size=10))
def test_after_any_history_the_kept_members_are_those_of_a_full_rebuild(shop, steps):
    people, products = shop
    now = Segment.objects.get(slug="orders").fresh_at
    for what, whom, days, pass_days in steps:
        happen(what, people[whom], days, now, products)
        now += timedelta(days=pass_days)
        membership.refresh(now=now)
        for segment in Segment.objects.all():
            assert members(segment) == set(queries.members(segment, now=now).values_list("pk", flat=True)), segment.slug
    assert not ChangedPerson.objects.exists()


def test_a_window_lets_go_of_somebody_of_whom_nothing_changed(shop):
    people, products = shop
    happen("order", people[0], 1, NOW, products)
    happen("order", people[0], 8, NOW, products)
    orders = Segment.objects.get(slug="orders")

    assert membership.refresh(now=NOW + timedelta(days=1))[orders.pk] == (1, 0)
    assert orders.pk not in membership.refresh(now=NOW + timedelta(days=1, hours=23))
    assert membership.refresh(now=NOW + timedelta(days=2, hours=1))[orders.pk] == (0, 1)


def test_a_refresh_asks_about_nobody_else(shop, monkeypatch):
    people, products = shop
    asked = []
    settle = membership._settle
    monkeypatch.setattr(
        membership, "_settle", lambda one, now, among, **more: asked.append(among) or settle(one, now, among, **more)
    )
    happen("view", people[2], 1, NOW, products)

    membership.refresh(now=NOW)

    assert asked == [[people[2].pk]] * len(RULES)


def test_a_transaction_that_commits_late_is_not_missed(shop):
    """The row of the change commits with the change: what was not to be seen stays for the next refresh."""
    people, products = shop
    ChangedPerson.objects.all().delete()
    happen("order", people[1], 0, NOW, products)
    assert list(ChangedPerson.objects.values_list("customer_id", flat=True).distinct()) == [people[1].pk]


def test_many_changes_at_once_are_a_rebuild(shop, monkeypatch):
    people, products = shop
    monkeypatch.setattr(membership, "REBUILD_SHARE", 0)
    monkeypatch.setattr(membership, "BATCH", 1)
    happen("order", people[0], 1, NOW, products)
    happen("order", people[0], 2, NOW, products)

    moved = membership.refresh(now=NOW)

    assert moved[Segment.objects.get(slug="orders").pk] == (1, 0)
    assert not ChangedPerson.objects.exists()
    assert Segment.objects.get(slug="orders").rebuilt_at == NOW


def test_a_changed_rule_begins_anew_also_for_those_that_build_on_it_and_leaves_no_moves(shop):
    people, products = shop
    happen("order", people[0], 1, NOW, products)
    happen("consent", people[0], 0, NOW, products)
    membership.refresh(now=NOW)
    orders, free = Segment.objects.get(slug="orders"), Segment.objects.get(slug="free")
    assert members(free) == set()

    save("orders", {"field": "orders_in", "op": ">=", "value": 1, "days": 10})
    assert Segment.objects.get(slug="free").fresh_at is None
    moved = membership.refresh(now=NOW)

    assert (moved[orders.pk], moved[free.pk]) == ((1, 0), (1, 0))
    assert members(free) == {people[0].pk}
    assert not SegmentMove.objects.filter(segment__in=[orders, free]).exists()


def test_a_segment_that_cannot_be_asked_says_so_and_holds_up_no_other(shop):
    people, products = shop
    Segment.objects.filter(slug="orders").update(rule={"field": "gone", "op": "=", "value": 1})
    happen("view", people[0], 0, NOW, products)

    moved = membership.refresh(now=NOW)

    assert Segment.objects.get(slug="orders").trouble.startswith("rule.field: No such field.")
    assert moved[Segment.objects.get(slug="quiet").pk] == (0, 1)


def test_who_came_and_left_since_a_moment_is_who_is_on_the_other_side_now(shop):
    people, products = shop
    quiet = Segment.objects.get(slug="quiet")
    for whom in (0, 1):
        happen("view", people[whom], 0, NOW, products)
    membership.refresh(now=NOW + timedelta(hours=1))  # both leave
    Event.objects.filter(customer=people[1]).delete()
    membership.refresh(now=NOW + timedelta(hours=2))  # one is back: nothing to tell of them

    assert kept.movement(quiet.pk, since=NOW) == (0, 1)
    assert [move.customer_id for move in kept.moves(quiet.pk, is_entry=False, since=NOW)] == [people[0].pk]
    assert list(kept.moves(quiet.pk, is_entry=True, since=NOW)) == []
    assert kept.movement(quiet.pk, since=NOW + timedelta(hours=1, minutes=1)) == (1, 0)


def test_the_night_keeps_the_size_and_who_moved(shop):
    people, products = shop
    happen("order", people[0], 1, timezone.now(), products)
    happen("order", people[0], 1, timezone.now(), products)
    segments.nightly(day=NOW.date())
    segments.nightly(day=NOW.date())  # twice is once

    (night,) = kept.nights(Segment.objects.get(slug="orders"))
    assert (night.day, night.size, night.entered, night.left, night.is_comparable) == (NOW.date(), 1, 1, 0, True)


def test_an_overlap_counts_every_part_once(shop):
    people, _ = shop
    one, two = save("one", RULES["orders"]), save("two", RULES["milk"])
    for segment, inside in ((one, people[:3]), (two, people[2:])):
        for person in inside:
            SegmentMember.objects.create(segment=segment, customer=person, entered_at=NOW)

    assert [(part.places, part.people) for part in kept.overlap([one.pk, two.pk])] == [
        ((0,), 2),
        ((0, 1), 1),
        ((1,), 1),
    ]
