"""Saying no: recorded and effective in one transaction, and holding for everyone who shares the address."""

import pytest
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.models import AuditEntry
from customers.contracts import NewContact
from customers.models import ConsentRecord, ConsentState, ContactPoint, Suppression
from customers.queries.consent import contactable
from customers.services import consent, learning, people, suppression
from customers.services.withdraw import withdraw
from tests import factories
from tests.customers.rows import act, reachable

pytestmark = pytest.mark.django_db


def say_no(customer, channel="email", actor="subject") -> bool:
    return withdraw(customer_id=customer.pk, channel=channel, purpose="marketing", method="one_click", actor=actor)


def may_write_to() -> set[str]:
    return set(contactable("marketing", "email").values_list("external_id", flat=True))


def test_a_withdrawal_is_recorded_and_effective_at_once():
    ann, ben = reachable("ann@example.invalid", external_id="ann"), reachable("ben@example.invalid", external_id="ben")
    assert may_write_to() == {"ann", "ben"}

    assert say_no(ann) is True

    assert may_write_to() == {"ben"}
    record = ConsentRecord.objects.filter(customer_id=ann.pk).order_by("-id").first()
    assert (record.action, record.method, record.actor, record.channel) == (
        "withdrawn",
        "one_click",
        "subject",
        "email",
    )
    assert Suppression.objects.get().reason == "unsubscribed"
    assert list(consent.compare_state()) == []
    assert ConsentState.objects.get(customer=ben).is_given


def test_whoever_shares_the_address_gets_nothing_there_either():
    ann, _ = reachable(external_id="ann"), reachable(external_id="partner")
    say_no(ann)
    assert may_write_to() == set()


def test_withdrawing_from_all_channels_stops_every_address():
    ann = reachable()
    people.add_contact_points([NewContact(ann.pk, "push", "token-1"), NewContact(ann.pk, "loyalty", "card-1")])
    say_no(ann, channel="any")
    assert set(Suppression.objects.values_list("channel", flat=True)) == {"email", "push", "social"}
    assert not ConsentState.objects.filter(customer=ann, is_given=True).exists()


def test_every_act_is_recorded_and_the_suppression_stays_one():
    ann = reachable()
    say_no(ann)
    say_no(ann)
    assert ConsentRecord.objects.filter(action="withdrawn").count() == 2
    assert Suppression.objects.count() == 1


def test_a_member_of_staff_is_named_in_the_record():
    ann, officer = reachable(), factories.staff("officer")
    say_no(ann, actor=officer)
    assert ConsentRecord.objects.latest("id").actor == f"staff:{officer.pk}"


def test_an_erased_person_cannot_be_written_to_and_needs_no_record():
    ann = factories.customer(erased_at=timezone.now())
    assert say_no(ann) is False
    assert not ConsentRecord.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"erased_at": timezone.now},
        {"excluded_at": timezone.now},
    ],
)
def test_nobody_writes_to_who_is_gone_or_under_a_flag(change):
    ann = reachable()
    type(ann).objects.filter(pk=ann.pk).update(**{name: value() for name, value in change.items()})
    assert may_write_to() == set()


def test_consent_that_ended_is_no_consent():
    ann = factories.customer(external_id="ann")
    people.add_contact_points([NewContact(ann.pk, "email", "ann@example.invalid")])
    consent.record(act(ann.pk, valid_until=timezone.now()))
    assert may_write_to() == set()


def test_without_an_address_or_without_a_word_nobody_is_written_to():
    consent.record(act(factories.customer().pk))
    people.add_contact_points([NewContact(factories.customer().pk, "email", "ben@example.invalid")])
    assert may_write_to() == set()


def test_a_suppression_by_staff_is_audited_and_lifted_with_a_reason_alone():
    ann, officer = reachable(external_id="ann"), factories.staff("officer")
    point = ContactPoint.objects.get(customer=ann)
    assert suppression.suppress(channel="email", contact_point_id=point.pk, reason="staff", actor=officer)
    assert not suppression.suppress(channel="email", contact_point_id=point.pk, reason="staff", actor=officer)
    assert may_write_to() == set()

    with pytest.raises(Refused):
        suppression.lift(channel="email", contact_point_id=point.pk, actor=officer, reason=" ")
    assert may_write_to() == set()
    assert suppression.lift(channel="email", contact_point_id=point.pk, actor=officer, reason="typed by mistake")
    assert may_write_to() == {"ann"}
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "contact.suppressed",
        "contact.suppression_lifted",
    ]


def test_an_erased_address_stays_stopped():
    point = ContactPoint.objects.get(customer=reachable())
    suppression.suppress(channel="email", contact_point_id=point.pk, reason="erased", actor="privacy")
    assert not suppression.lift(
        channel="email", contact_point_id=point.pk, actor=factories.staff("officer"), reason="asked"
    )


def test_a_person_or_an_order_is_left_out_and_taken_back():
    ann = reachable(external_id="ann")
    assert learning.exclude_from_learning(customer_ids=[ann.pk], reason="card testing") == 1
    assert learning.exclude_from_learning(customer_ids=[ann.pk], reason="again") == 0
    ann.refresh_from_db()
    assert ann.excluded_reason == "card testing"
    assert may_write_to() == set()
    assert learning.include_again(customer_ids=[ann.pk]) == 1
    assert may_write_to() == {"ann"}
