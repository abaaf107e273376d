"""What a rule may ask: every windowed field against people whose answer a reader can count."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.exceptions import RuleRefused
from campaigns.models import Segment
from campaigns.queries import segments as queries
from campaigns.queries.rule_fields import FIELDS
from campaigns.queries.rule_words import reading
from campaigns.services import segments
from customers.contracts import NewConsent
from customers.models import Customer, Event, Order, OrderLine
from customers.services.consent import publish_notice, record
from tests import factories

pytestmark = pytest.mark.django_db


def order(customer, total: str, days_ago: float, product=None, **fields) -> Order:
    at = timezone.now() - timedelta(days=days_ago)
    made = Order.objects.create(
        external_id=f"o-{Order.objects.count()}", customer=customer, total=total, ordered_at=at, channel="web", source="api",
        **fields,
    )  # fmt: skip
    if product is not None:
        OrderLine.objects.create(order=made, product=product, quantity=1, amount=total)
    return made


def who(rule: dict) -> set[str]:
    segment = Segment(slug="asked", name="asked", rule=rule)
    return set(queries.members(segment).values_list("external_id", flat=True))


@pytest.fixture
def people():
    """ann ordered twice this month and once long ago, ben once, cat never, dan only what does not count."""
    found = {name: factories.customer(external_id=name) for name in ("ann", "ben", "cat", "dan")}
    milk = factories.product(department="DAIRY", category="MILK", product_type="WHOLE MILK", brand="National")
    rye = factories.product(department="BAKERY", category="BREAD", product_type="RYE", brand="Private")
    order(found["ann"], "10.00", 1, milk)
    order(found["ann"], "5.00", 20, rye, refunded="2.00")
    order(found["ann"], "99.00", 100, rye)
    order(found["ben"], "7.50", 3, rye, coupon_discount="1.00")
    order(found["dan"], "50.00", 1, milk, cancelled_at=timezone.now())
    order(found["dan"], "50.00", 1, milk, excluded_at=timezone.now())
    order(found["dan"], "50.00", 1, milk, origin="simulated")
    return found


def ask(field: str, op: str, value, days=30) -> set[str]:
    return who({"field": field, "op": op, "value": value, "days": days})


ALL = {"ann", "ben", "cat", "dan"}


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        (">=", 2, {"ann"}),
        (">=", 1, {"ann", "ben"}),
        (">=", 0, ALL),
        (">", 1, {"ann"}),
        (">", 0, {"ann", "ben"}),
        (">", -1, ALL),
        ("=", 1, {"ben"}),
        ("=", 0, {"cat", "dan"}),
        ("<=", 1, {"ben", "cat", "dan"}),
        ("<=", 0, {"cat", "dan"}),
        ("<", 1, {"cat", "dan"}),
        ("<", 0, set()),
    ],
)
def test_orders_of_the_last_days_are_counted_and_who_has_none_has_zero(op, value, expected, people):
    assert ask("orders_in", op, value) == expected


def test_a_longer_window_counts_more(people):
    assert ask("orders_in", ">=", 3, days=30) == set()
    assert ask("orders_in", ">=", 3, days=120) == {"ann"}


def test_spend_is_what_was_paid_less_what_was_given_back(people):
    assert ask("spend_in", "=", 13) == {"ann"}
    assert ask("spend_in", "<", 7.5) == {"cat", "dan"}
    assert ask("coupon_orders_in", ">=", 1) == {"ben"}


def test_the_largest_order_is_one_order_and_not_their_sum(people):
    assert ask("spend_in", ">=", 13) == {"ann"}
    assert ask("largest_order_in", ">=", 13) == set()
    assert ask("largest_order_in", ">", 0) == {"ann", "ben"}
    assert ask("largest_order_in", "=", 0) == {"cat", "dan"}


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("bought_department", "DAIRY", {"ann"}),
        ("bought_category", "BREAD", {"ann", "ben"}),
        ("bought_type", "RYE", {"ann", "ben"}),
        ("bought_brand", "National", {"ann"}),
        ("bought_department", "dairy", set()),
    ],
)
def test_bought_means_an_order_that_counts_with_such_a_product(field, value, expected, people):
    assert ask(field, "=", value) == expected
    assert who({"not": {"field": field, "op": "=", "value": value, "days": 30}}) == ALL - expected


def test_events_count_by_name_and_simulated_ones_for_nobody(people):
    for number, (name, person, origin) in enumerate(
        [("Product Viewed", "cat", "observed"), ("Product Viewed", "cat", "observed"), ("Products Searched", "cat", "observed"),
         ("Product Viewed", "dan", "simulated")]
    ):  # fmt: skip
        Event.objects.create(
            occurred_at=timezone.now(), message_id=f"m{number}", name=name, source="api", channel="web",
            customer=people[person], origin=origin,
        )  # fmt: skip

    assert ask("viewed", ">=", 2) == {"cat"}
    assert ask("searched", ">=", 2) == set()
    assert ask("viewed", "=", 0) == {"ann", "ben", "dan"}


def test_consent_is_the_newest_word(people):
    publish_notice("v1", "en", "We write to you about offers.")
    said = [
        ("ann", "given"),
        ("ann", "withdrawn"),
        ("ann", "given"),
        ("ben", "given"),
        ("cat", "refused"),
        ("ben", "withdrawn"),
    ]
    for name, action in said:
        record(consent(people[name], action))

    assert who({"field": "consent_email", "op": "in", "value": ["given"]}) == {"ann"}
    assert who({"field": "consent_email", "op": "in", "value": ["not given"]}) == {"ben", "cat", "dan"}
    assert who({"field": "consent_email", "op": "in", "value": ["given", "not given"]}) == ALL


def test_a_segment_may_build_on_another_in_one_statement(people, django_assert_num_queries):
    segments.save_segment(
        slug="buyers", name="Buyers", audience_phrase="our guests",
        rule={"field": "orders_in", "op": ">=", "value": 1, "days": 30},
    )  # fmt: skip
    rule = {"all": [{"field": "segment", "op": "=", "value": "buyers"},
                    {"not": {"field": "bought_department", "op": "=", "value": "DAIRY", "days": 30}}]}  # fmt: skip

    with django_assert_num_queries(2):  # the other segment's rule, then everybody
        assert who(rule) == {"ben"}
    assert reading(rule) == (
        "people who are in segment “buyers” and not those who bought from department “DAIRY” in the last 30 days"
    )


def test_segments_that_build_on_each_other_are_refused_before_anything_is_kept(people):
    first = {"field": "orders_in", "op": ">=", "value": 1, "days": 30}
    segments.save_segment(slug="a", name="A", audience_phrase="guests", rule=first)
    segments.save_segment(
        slug="b", name="B", audience_phrase="guests", rule={"field": "segment", "op": "=", "value": "a"}
    )

    for slug, other in (("a", "b"), ("a", "a"), ("c", "nobody")):
        with pytest.raises(RuleRefused, match=r"part of itself|No such segment"):
            segments.save_segment(
                slug=slug, name=slug, audience_phrase="guests", rule={"field": "segment", "op": "=", "value": other}
            )
    assert Segment.objects.get(slug="a").rule == first
    assert not Segment.objects.filter(slug="c").exists()


def test_a_segment_does_not_grow_beyond_what_those_that_build_on_it_can_hold(people):
    one = {"field": "orders_in", "op": ">=", "value": 1, "days": 30}
    segments.save_segment(slug="a", name="A", audience_phrase="guests", rule=one)
    built = {"all": [one] * 30 + [{"field": "segment", "op": "=", "value": "a"}]}
    b = segments.save_segment(slug="b", name="B", audience_phrase="guests", rule=built)

    with pytest.raises(RuleRefused, match="“B” builds on this segment: More than 60 conditions"):
        segments.save_segment(slug="a", name="A", audience_phrase="guests", rule={"all": [one] * 40})

    assert Segment.objects.get(slug="a").rule == one
    assert queries.members(b).count() == 2
    segments.save_segment(slug="a", name="A", audience_phrase="guests", rule={"all": [one] * 20})


def test_a_merchants_segment_never_builds_on_another_merchants(people):
    one, other = factories.merchant("One"), factories.merchant("Other")
    rule = {"field": "orders_in", "op": ">=", "value": 1, "days": 30}
    segments.save_segment(slug="theirs", name="T", audience_phrase="guests", rule=rule, merchant_id=other.pk)

    with pytest.raises(RuleRefused, match="No such segment"):
        queries.compile_rule({"field": "segment", "op": "=", "value": "theirs"}, merchant_id=one.pk)
    with pytest.raises(RuleRefused, match="No such segment"):
        queries.compile_rule({"field": "segment", "op": "=", "value": "theirs"})


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"field": "orders_in", "op": ">=", "value": 1}, "rule"),
        ({"field": "orders_in", "op": ">=", "value": 1, "days": 0}, "rule.days"),
        ({"field": "orders_in", "op": ">=", "value": 1, "days": "30; DROP TABLE"}, "rule.days"),
        ({"field": "orders_in", "op": "~", "value": 1, "days": 30}, "rule.op"),
        ({"field": "r_score", "op": ">=", "value": 1, "days": 30}, "rule"),
        ({"field": "bought_type", "op": "=", "value": "", "days": 30}, "rule.value"),
        ({"field": "consent_email", "op": "=", "value": "maybe"}, "rule.value"),
        ({"field": ["orders_in"], "op": ">=", "value": 1, "days": 30}, "rule.field"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_its_place(rule, place):
    with pytest.raises(RuleRefused) as refused:
        queries.compile_rule(rule)
    assert refused.value.place == place


def test_every_field_compiles_to_one_statement_that_postgres_runs(people, django_assert_num_queries):
    parts = []
    for name, field in FIELDS.items():
        if field.kind in ("segment", "list"):
            continue
        value = list(field.choices[:1]) or ("x" if field.kind in ("text", "bought") else 1)
        op = "in" if field.choices else "=" if field.kind in ("text", "bought") else ">="
        more = ({"days": 30} if field.has_days else {}) | ({"of": 'it\'s 100% "so"__x'} if field.has_of else {})
        parts.append({"field": name, "op": op, "value": value} | more)
    with django_assert_num_queries(1):
        who({"any": parts})


def consent(person: Customer, action: str) -> NewConsent:
    return NewConsent(
        customer_id=person.pk, purpose="marketing", channel="email", action=action, lawful_basis="consent", method="form",
        origin="observed", actor="subject", notice_version="v1",
    )  # fmt: skip
