"""An address that was stopped elsewhere, by a shop's event: what waits for it leaves the queue, whoever shares it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Message
from campaigns.services import withdrawal
from campaigns.tasks import sweep
from customers.contracts import NewContact
from customers.models import ContactPoint, Suppression
from customers.services.events import record_events
from customers.services.people import add_contact_points
from tests.campaigns.pages import shop_sending
from tests.customers.rows import event

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped(monkeypatch):
    """Three messages wait and one is claimed by a worker; the first two people share an address, and a shop hears a no."""
    monkeypatch.setattr("campaigns.tasks.wake", lambda *_: None)
    shop = shop_sending(people=4)
    ann, ben, cid, _ = shop.people
    add_contact_points([NewContact(ben.pk, "email", f"{ann.external_id}@example.invalid")])
    shared = ContactPoint.objects.filter(customer=ben).latest("pk")
    Message.objects.filter(customer=ben).update(contact_point=shared)
    Message.objects.filter(customer=ann).update(state="sending", lease_token="00000000-0000-4000-8000-000000000000",
                                                lease_until=timezone.now() + timedelta(minutes=2))  # fmt: skip
    record_events(
        [event("Unsubscribed", user=ann.external_id, properties={}),
         event("Email Marked as Spam", user=cid.external_id, properties={})],
        merchant_id=None, source="api",
    )  # fmt: skip
    return shop


def states(shop) -> list[tuple[str, str]]:
    return [Message.objects.values_list("state", "reason").get(customer=one) for one in shop.people]


def test_a_no_that_a_shop_heard_takes_what_waits_out_of_the_queue(stopped):
    sweep()
    gone = ("skipped", "suppressed")
    assert states(stopped) == [gone, gone, gone, ("queued", "")]
    assert not Message.objects.filter(state="skipped", lease_token__isnull=False).exists()
    sweep()  # may ring twice
    assert states(stopped) == [gone, gone, gone, ("queued", "")]


def test_what_a_worker_had_begun_to_hand_over_is_left_to_its_outcome(stopped):
    Message.objects.filter(customer=stopped.people[0]).update(attempted_at=timezone.now())
    assert withdrawal.fence_suppressed() == 2
    assert states(stopped)[0] == ("sending", "")


def test_an_address_that_was_let_through_again_is_not_taken_out(stopped):
    Suppression.objects.update(lifted_at=timezone.now())
    assert withdrawal.fence_suppressed() == 0
