"""Two records that are one person become one, keep every word that was said, and can be taken apart to what they were."""

import threading
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import connection, connections
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.models import AuditEntry
from customers.contracts import NewContact, Purpose
from customers.exceptions import MergeRefused
from customers.models import (
    ConsentState,
    ContactPoint,
    Customer,
    Event,
    MergeProposal,
    MergeTrail,
    Order,
    Suppression,
)
from customers.queries.consent import contactable
from customers.queries.people import by_contact, contacts, customer_id_of, records_of, standing
from customers.queries.personal import personal
from customers.services import consent, merge, partitions, people
from customers.services.events import record_events
from customers.services.match import match_all
from customers.services.withdraw import withdraw
from customers.tasks import match as ask_who_is_one_person
from tests import factories
from tests.customers.rows import act, event, order, reachable

db = pytest.mark.django_db
races = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def point(customer: Customer, kind: str, value: str, verified: bool = False) -> None:
    people.add_contact_points([NewContact(customer.pk, kind, value, verified_at=timezone.now() if verified else None)])


def state(*customers: Customer) -> dict:
    """Everything that a merge may touch, as it would be compared by eye."""
    ids = [one.pk for one in customers]
    fields = ("attributes", "personalise", "first_seen_at", "excluded_at", "language", "timezone", "merged_into_id")
    return {
        "rows": list(Customer.objects.filter(pk__in=ids).order_by("pk").values(*fields)),
        "events": sorted(Event.objects.filter(customer__in=ids).values_list("message_id", "customer_id", "came_as")),
        "orders": sorted(Order.objects.filter(customer__in=ids).values_list("external_id", "customer_id", "came_as")),
        "contacts": {
            pk: sorted((row["kind"], row["value"]) for row in personal(pk).get("contact_points", ())) for pk in ids
        },
        "points": sorted(
            ContactPoint.objects.filter(customer__in=ids).values_list("pk", "customer_id", "came_as", "verified_at")
        ),
        "allowed": sorted(
            ConsentState.objects.filter(customer__in=ids, is_given=True).values_list(
                "customer_id", "purpose", "channel"
            )
        ),
        "refused": sorted(
            ConsentState.objects.filter(customer__in=ids, action__in=("refused", "withdrawn", "objected")).values_list(
                "customer_id", "purpose", "channel"
            )
        ),
        "suppressed": sorted(Suppression.objects.filter(lifted_at=None).values_list("channel", "reason")),
    }


def pair() -> tuple[Customer, Customer]:
    """An account of the web shop, and what the till knows of the same person by a card."""
    ann = reachable("ann@example.invalid", external_id="ann", attributes={"age": "25-34"}, first_seen_at=JUNE)
    card = factories.customer(
        external_id="loyalty-1", is_provisional=True, attributes={"age": "35-44", "kids": "1"}, first_seen_at=MAY,
        timezone="Europe/Zurich",
    )  # fmt: skip
    point(card, "loyalty", "card-1")
    point(card, "email", "ANN@example.invalid", verified=True)
    point(card, "email", "annie@example.invalid")
    factories.product(external_id="oats")
    record_events([order("web-1", ("oats", 1, "2.00"), user="ann"), event(user="ann")], merchant_id=None, source="api")
    record_events(
        [order("till-1", ("oats", 2, "2.00"), user="loyalty-1", context={"channel": "store"}),
         event("Product Reviewed", user="loyalty-1", properties={"product_id": "oats", "review_body": "crumbly"})],
        merchant_id=None, source="store",
    )  # fmt: skip
    return ann, card


@db
def test_a_merge_brings_everything_together_and_undo_takes_it_apart_exactly():
    ann, card = pair()
    before = state(ann, card)

    trail = merge.merge(ann.pk, card.pk, rule="loyalty_card")

    ann.refresh_from_db()
    assert set(Event.objects.values_list("customer_id", flat=True)) == {ann.pk}
    assert set(Order.objects.values_list("customer_id", flat=True)) == {ann.pk}
    assert ann.attributes == {"age": "25-34", "kids": "1"}
    assert (ann.first_seen_at, ann.timezone) == (MAY, "Europe/Zurich")
    assert sorted(line.kind for line in contacts(ann.pk)) == ["e-mail", "e-mail", "loyalty card"]
    assert by_contact("loyalty", "card-1").get() == ann
    assert customer_id_of("loyalty-1") == ann.pk
    assert standing([card.pk, ann.pk]) == {card.pk: ann.pk}
    assert records_of(ann.pk) == sorted([ann.pk, card.pk])
    assert list(Customer.objects.present()) == [ann]
    # What was written before stays readable for the person.
    (review,) = [row for row in personal(ann.pk)["events"] if row["event"] == "Product Reviewed"]
    assert review["properties"]["review_body"] == "crumbly"
    assert contactable(Purpose.MARKETING, "email").get() == ann

    staff = factories.staff("officer")
    merge.undo(trail.pk, actor=staff, reason="The card is her mother's.")

    assert state(ann, card) == before
    done = AuditEntry.objects.order_by("id").values_list("action", "actor", "reason")
    assert list(done) == [
        ("customer.merged", None, "the same loyalty card"),
        ("customer.merge_undone", staff.pk, "The card is her mother's."),
    ]
    assert "annie" not in str(list(AuditEntry.objects.values())) + str(list(MergeTrail.objects.values()))
    assert list(consent.verify()) == []
    assert list(consent.compare_state()) == []


@db
def test_what_comes_for_a_merged_record_goes_to_its_person_and_back_with_it():
    ann, card = pair()
    trail = merge.merge(ann.pk, card.pk, rule="loyalty_card")
    late = [
        event("Product Reviewed", user="loyalty-1", messageId="late",
              properties={"product_id": "oats", "review_body": "soggy"}),
        order("till-2", ("oats", 1, "2.00"), user="loyalty-1"),
    ]  # fmt: skip
    assert record_events(late, merchant_id=None, source="store").accepted == 2
    assert people.import_customers([]) == {}

    assert Event.objects.get(message_id="late").customer_id == ann.pk
    assert Order.objects.get(external_id="till-2").customer_id == ann.pk
    assert "soggy" in str(personal(ann.pk))

    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert Event.objects.get(message_id="late").customer_id == card.pk
    assert Order.objects.get(external_id="till-2").customer_id == card.pk
    assert "soggy" in str(personal(card.pk))
    assert "soggy" not in str(personal(ann.pk))


YES, NO = "given", "refused"


@db
@pytest.mark.parametrize(
    ("kept", "merged", "allowed"),
    [
        ([YES], [YES], True),
        ([YES], [NO], False),
        ([NO], [YES], False),
        ([NO], [NO], False),
        ([YES], [], True),
        ([], [YES], True),
        ([], [NO], False),
        ([YES], ["given", "expired"], False),
        ([YES], ["requested"], True),  # an open question is no word
        ([], ["given", "expired"], False),
        ([], [], False),
    ],
)
def test_the_stricter_word_stands_and_undo_gives_each_their_own_back(kept, merged, allowed):
    ann, card = factories.customer(), factories.customer(is_provisional=True)
    point(ann, "email", "ann@example.invalid")
    for one, words in ((ann, kept), (card, merged)):
        for word in words:
            consent.record(act(one.pk, word))
    before = state(ann, card)

    trail = merge.merge(ann.pk, card.pk, rule="loyalty_card")
    assert contactable(Purpose.MARKETING, "email").exists() is allowed

    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert state(ann, card) == before
    assert list(consent.compare_state()) == []


@db
def test_a_no_to_every_channel_closes_what_the_other_record_allowed_and_opens_again_with_undo():
    ann, card = factories.customer(), factories.customer(is_provisional=True)
    consent.record_many([act(ann.pk), act(ann.pk, channel="sms"), act(ann.pk, purpose="profiling", channel="any")])
    consent.record(act(card.pk, "objected", channel="any"))
    before = state(ann, card)

    trail = merge.merge(ann.pk, card.pk, rule="loyalty_card")
    given = ConsentState.objects.filter(customer=ann, is_given=True)
    assert [(row.purpose, row.channel) for row in given] == [("profiling", "any")]

    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert state(ann, card) == before


@db
def test_a_shorter_yes_ends_when_the_shorter_one_does():
    ann, card = factories.customer(), factories.customer(is_provisional=True)
    soon = timezone.now() + timedelta(days=2)
    consent.record(act(ann.pk))
    consent.record(act(card.pk, valid_until=soon))
    trail = merge.merge(ann.pk, card.pk, rule="loyalty_card")
    assert ConsentState.objects.get(customer=ann).valid_until == soon
    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert ConsentState.objects.get(customer=ann).valid_until is None


@db
def test_a_withdrawal_in_the_meantime_holds_for_both_when_they_part():
    ann, card = reachable("ann@example.invalid"), reachable("card@example.invalid", is_provisional=True)
    trail = merge.merge(ann.pk, card.pk, rule="loyalty_card")
    # By a link in a message that the shell once got.
    assert withdraw(customer_id=card.pk, channel="email", purpose="marketing", method="one_click", actor="subject")
    assert not contactable(Purpose.MARKETING, "email").exists()

    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert not contactable(Purpose.MARKETING, "email").exists()
    assert set(ConsentState.objects.values_list("customer_id", "action")) == {
        (ann.pk, "withdrawn"), (card.pk, "withdrawn")
    }  # fmt: skip
    assert Suppression.objects.filter(lifted_at=None).count() == 2


@db
def test_a_no_to_one_address_holds_for_the_other_and_a_bounce_does_not():
    ann, card = reachable("ann@example.invalid"), reachable("card@example.invalid", is_provisional=True)
    for one, reason in ((ann, "bounced"), (card, "complained")):
        lookup = one.contact_points.get()
        Suppression.objects.create(channel="email", lookup=lookup.lookup, reason=reason)
    Customer.objects.filter(pk=card.pk).update(personalise=False, excluded_at=MAY, excluded_reason="card testing")

    trail = merge.merge(ann.pk, card.pk, rule="loyalty_card")
    assert Suppression.objects.count() == 2  # each has one already: the bounce stays what it is
    ann.refresh_from_db()
    assert (ann.personalise, ann.excluded_reason) == (False, "card testing")

    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    ann.refresh_from_db()
    assert (ann.personalise, ann.excluded_at, ann.excluded_reason) == (True, None, "")

    other = reachable("other@example.invalid")
    trail = merge.merge(other.pk, card.pk, rule="loyalty_card")
    lookup = ContactPoint.objects.filter(customer=other, came_as=None).get().lookup
    assert Suppression.objects.get(lookup=lookup).reason == "complained"
    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert Suppression.objects.get(lookup=lookup).lifted_at is not None


# --- chains


@db
def test_a_chain_is_taken_apart_from_its_end():
    a, b, c = (factories.customer(external_id=name, is_provisional=name != "c") for name in "abc")
    for one in (a, b, c):
        record_events([event(user=one.external_id, messageId=one.external_id)], merchant_id=None, source="api")
    before = state(a, b, c)
    first = merge.merge(b.pk, a.pk, rule="loyalty_card")
    second = merge.merge(c.pk, b.pk, rule="loyalty_card")
    assert set(Event.objects.values_list("customer_id", flat=True)) == {c.pk}
    assert standing([a.pk]) == {a.pk: c.pk}
    staff = factories.staff("officer")

    with pytest.raises(MergeRefused, match="b was itself merged since"):
        merge.undo(first.pk, actor=staff, reason="Two people.")
    merge.undo(second.pk, actor=staff, reason="Two people.")
    assert dict(Event.objects.values_list("message_id", "customer_id")) == {"a": b.pk, "b": b.pk, "c": c.pk}
    merge.undo(first.pk, actor=staff, reason="Two people.")
    assert state(a, b, c) == before
    with pytest.raises(MergeRefused, match="taken back already"):
        merge.undo(first.pk, actor=staff, reason="Two people.")


@db
def test_merges_into_one_record_are_taken_back_newest_first():
    a, b, c = (factories.customer(external_id=name) for name in "abc")
    first, second = (merge.merge(a.pk, one.pk, rule="staff") for one in (b, c))
    staff = factories.staff("officer")
    with pytest.raises(MergeRefused, match="c was merged into it later"):
        merge.undo(first.pk, actor=staff, reason="Two people.")
    merge.undo(second.pk, actor=staff, reason="Two people.")
    merge.undo(first.pk, actor=staff, reason="Two people.")


@db
def test_rings_and_the_same_record_twice_are_refused_and_nothing_changes():
    a, b = factories.customer(external_id="a"), factories.customer(external_id="b")
    gone = factories.customer(erased_at=timezone.now())
    merge.merge(b.pk, a.pk, rule="staff")
    before = state(a, b)
    for kept, merged, words in (
        (a.pk, b.pk, "a was merged already"), (b.pk, b.pk, "one record already"), (b.pk, gone.pk, "was erased")
    ):  # fmt: skip
        with pytest.raises(MergeRefused, match=words):
            merge.merge(kept, merged, rule="staff")
    assert state(a, b) == before
    assert MergeTrail.objects.count() == 1


@db
def test_undo_needs_a_reason():
    a, b = factories.customer(), factories.customer()
    trail = merge.merge(b.pk, a.pk, rule="staff")
    with pytest.raises(Refused):
        merge.undo(trail.pk, actor=factories.staff("officer"), reason=" ")
    assert standing([a.pk]) == {a.pk: b.pk}


# --- rules


@db
def test_the_alarm_clock_that_asks_who_is_one_person_may_ring_twice():
    card, ann = factories.customer(is_provisional=True), factories.customer()
    for one in (card, ann):
        point(one, "loyalty", "card-1")
    ask_who_is_one_person()
    before = state(card, ann)
    assert (MergeTrail.objects.count(), standing([card.pk])) == (1, {card.pk: ann.pk})
    ask_who_is_one_person()
    assert (MergeTrail.objects.count(), state(card, ann)) == (1, before)


@db
@pytest.mark.parametrize(
    ("kind", "value", "verified", "rule"),
    [
        ("email", "ann@example.invalid", True, "verified_email"),
        ("phone", "+41 44 668 18 00", True, "verified_phone"),
        ("loyalty", "card-1", False, "loyalty_card"),
        ("social", "instagram:@Ann", True, "social_handle"),
        ("device", "device-1", False, "known_device"),
    ],
)
def test_each_rule_merges_the_provisional_record_into_the_account(kind, value, verified, rule):
    card, ann = factories.customer(is_provisional=True), factories.customer()
    point(card, kind, value, verified)
    assert match_all().merged == 0
    point(ann, kind, value, verified)
    assert match_all().merged == 1
    assert (MergeTrail.objects.get().rule, standing([card.pk])) == (rule, {card.pk: ann.pk})
    assert match_all().asked == 0


@db
@pytest.mark.parametrize(("kind", "value"), [("email", "ann@example.invalid"), ("phone", "+41446681800")])
def test_an_address_that_nobody_verified_merges_nobody(kind, value):
    for provisional in (True, False):
        point(factories.customer(is_provisional=provisional), kind, value)
    done = match_all()
    assert (done.asked, done.merged, done.proposed) == (2, 0, 0)


@db
def test_verifying_an_address_later_asks_again():
    card, ann = factories.customer(is_provisional=True), factories.customer()
    for one, verified in ((card, True), (ann, False)):
        point(one, "email", "ann@example.invalid", verified)
    assert match_all().merged == 0
    point(ann, "email", "ann@example.invalid", verified=True)
    assert match_all().merged == 1


@db
def test_two_accounts_become_a_proposal_that_a_person_decides_once():
    ann, anna = factories.customer(external_id="ann"), factories.customer(external_id="anna")
    for one in (ann, anna):
        point(one, "loyalty", "card-1")
    done = match_all()
    assert (done.merged, done.proposed) == (0, 1)
    proposal = MergeProposal.objects.get()
    assert (proposal.one, proposal.other, proposal.state) == (ann, anna, "open")
    assert proposal.conflict == "The platform has an account for each of them."

    officer = factories.staff("officer")
    with pytest.raises(Refused):
        merge.decide(proposal.pk, accept=True, actor=officer, reason="")
    trail = merge.decide(proposal.pk, accept=True, actor=officer, reason="She wrote to us.")
    assert (trail.kept, trail.actor, trail.reason) == (ann, officer, "She wrote to us.")
    with pytest.raises(MergeRefused, match="decided this already"):
        merge.decide(proposal.pk, accept=False, actor=officer, reason="No.")

    merge.undo(trail.pk, actor=officer, reason="Her daughter.")
    ContactPoint.objects.update(matched_at=None)
    assert (match_all().merged, MergeProposal.objects.get().state) == (0, "declined")


@db
def test_different_verified_addresses_are_never_merged_silently():
    one, two = factories.customer(is_provisional=True), factories.customer(is_provisional=True)
    for customer, address in ((one, "ann@example.invalid"), (two, "ben@example.invalid")):
        point(customer, "email", address, verified=True)
        point(customer, "loyalty", "card-1")
    done = match_all()
    assert (done.merged, done.proposed) == (0, 1)
    assert MergeProposal.objects.get().conflict == "They have verified different e-mail addresses."
    merge.decide(MergeProposal.objects.get().pk, accept=False, actor=factories.staff("officer"), reason="Flatmates.")
    ContactPoint.objects.update(matched_at=None)
    assert match_all().proposed == 0


@db
def test_a_card_that_many_share_says_nothing():
    for _ in range(5):
        point(factories.customer(is_provisional=True), "loyalty", "0000")
    done = match_all()
    assert (done.asked, done.merged, done.proposed) == (5, 0, 0)


# --- races


def at_once(*works) -> list:
    """What each returned or raised, all started together on connections of their own."""
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def run(place, work):
        barrier.wait()
        try:
            results[place] = work()
        except MergeRefused as refusal:
            results[place] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return results


@races
def test_two_merges_of_one_record_at_once_let_one_through():
    for _ in range(5):
        a, b, c = (factories.customer() for _ in range(3))
        results = at_once(
            partial(merge.merge, b.pk, a.pk, rule="staff"), partial(merge.merge, c.pk, a.pk, rule="staff")
        )
        assert sorted(type(result).__name__ for result in results) == ["MergeRefused", "MergeTrail"]
        assert MergeTrail.objects.filter(merged=a).count() == 1


@races
def test_a_ring_at_once_is_refused():
    for _ in range(5):
        a, b = factories.customer(), factories.customer()
        results = at_once(
            partial(merge.merge, b.pk, a.pk, rule="staff"), partial(merge.merge, a.pk, b.pk, rule="staff")
        )
        assert sorted(type(result).__name__ for result in results) == ["MergeRefused", "MergeTrail"]
        assert Customer.objects.present().filter(pk__in=[a.pk, b.pk]).count() == 1


@races
def test_a_withdrawal_during_a_merge_is_never_lost():
    for _ in range(5):
        ann, card = reachable("ann@example.invalid"), reachable("card@example.invalid", is_provisional=True)
        at_once(
            partial(merge.merge, ann.pk, card.pk, rule="loyalty_card"),
            partial(
                withdraw, customer_id=card.pk, channel="email", purpose="marketing", method="one_click", actor="subject"
            ),
        )
        assert not contactable(Purpose.MARKETING, "email").exists()


@races
def test_a_yes_during_a_merge_counts_for_the_person():
    for _ in range(5):
        ann, card = factories.customer(), factories.customer(is_provisional=True)
        at_once(
            partial(merge.merge, ann.pk, card.pk, rule="loyalty_card"), partial(consent.record, act(card.pk)),
        )  # fmt: skip
        assert ConsentState.objects.get(customer=ann).is_given
        assert list(consent.compare_state()) == []


@races
def test_events_that_arrive_during_a_merge_reach_the_person():
    partitions.ensure()
    ann, card = factories.customer(external_id="ann"), factories.customer(external_id="card", is_provisional=True)

    def post():
        for _ in range(10):
            record_events([event(user="card") for _ in range(20)], merchant_id=None, source="api")

    at_once(post, lambda: merge.merge(ann.pk, card.pk, rule="loyalty_card"))
    match_all()
    assert list(Event.objects.values_list("customer_id", flat=True).distinct()) == [ann.pk]
    assert Event.objects.count() == 200
    connections["owner"].close()
