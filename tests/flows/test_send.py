"""From approval to the mail sink: each consenting person gets one mail, everybody else none."""

import email
from email import policy

import pytest
from django.db import connection

from campaigns.contracts import Step
from campaigns.models import Assignment, Message
from campaigns.queries.audience import waterfall
from campaigns.services import delivery, tracking
from campaigns.services.messages import UNSUBSCRIBE, sign
from customers.services.learning import exclude_from_learning
from customers.services.withdraw import withdraw
from recommendations.models import Exposure
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


def mails(folder) -> list[email.message.EmailMessage]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [email.message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]


def send_all(campaign_id: int) -> None:
    while delivery.send_batch(campaign_id):
        pass


def test_each_consenting_person_gets_one_mail_and_nobody_else_any(sink):
    folder = sink()
    shop = open_shop(people=6, consenting=4)

    result = delivery.start(shop.campaign.pk)
    send_all(shop.campaign.pk)

    assert (result.treated, result.steps) == (4, (Step("no_consent", 2),))
    assert {m["To"] for m in mails(folder)} == {f"{c.external_id}@example.invalid" for c in shop.people[:4]}
    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "sent"
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    assert Exposure.objects.count() == 4


def test_a_mail_names_the_facts_and_carries_the_headers_of_one_click_unsubscribe(sink):
    folder = sink()
    shop = open_shop(people=1)
    delivery.start(shop.campaign.pk)
    send_all(shop.campaign.pk)

    (mail,) = mails(folder)
    text = mail.get_body(("plain",)).get_content()
    assert mail["Subject"] == "Rye rolls again?"
    assert "Rye rolls is waiting for you. 15% off until" in text
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].startswith("<http")
    assert "Advertisement from" in text


def test_who_withdraws_after_the_approval_and_before_the_send_gets_nothing(sink):
    folder = sink()
    shop = open_shop(people=3)
    left = shop.people[0]
    withdraw(customer_id=left.pk, channel="email", purpose="marketing", method="preference_centre", actor="subject")

    delivery.start(shop.campaign.pk)
    send_all(shop.campaign.pk)

    assert Assignment.objects.get(customer=left).arm == "excluded"
    assert len(mails(folder)) == 2


def test_who_withdraws_while_their_message_is_queued_gets_nothing(sink):
    folder = sink()
    shop = open_shop(people=3)
    delivery.start(shop.campaign.pk)
    message = Message.objects.get(customer=shop.people[1])
    tracking.unsubscribe(sign(message.pk, UNSUBSCRIBE), method="one_click")
    withdraw(customer_id=shop.people[2].pk, channel="email", purpose="marketing", method="staff", actor="subject")

    send_all(shop.campaign.pk)

    states = {m.customer_id: (m.state, m.reason) for m in Message.objects.all()}
    assert states[shop.people[1].pk] == ("skipped", "withdrawn")
    assert states[shop.people[2].pk] == ("skipped", "suppressed")
    assert [m["To"] for m in mails(folder)] == [f"{shop.people[0].external_id}@example.invalid"]
    # Intention to treat: who was skipped later still counts in the arm.
    assert waterfall(shop.campaign.pk).treated == 3


def test_who_is_under_a_fraud_flag_is_excluded_before_the_arms_are_drawn():
    shop = open_shop(people=4, holdout_share=0.5)
    exclude_from_learning(customer_ids=[shop.people[3].pk], reason="R-VEL-1H")

    result = delivery.start(shop.campaign.pk)

    assert result.steps == (Step("risk", 1),)
    assert result.treated + result.holdout == 3


def test_a_pause_stops_the_next_message_and_a_resume_goes_on_exactly_there(sink):
    folder = sink()
    shop = open_shop(people=5)
    delivery.start(shop.campaign.pk)
    delivery.send_batch(shop.campaign.pk, size=2)
    delivery.pause(shop.campaign.pk, actor=shop.marketer, reason="a look at the first ones")
    assert delivery.send_batch(shop.campaign.pk) == 0
    assert len(mails(folder)) == 2

    delivery.resume(shop.campaign.pk, actor=shop.marketer)
    send_all(shop.campaign.pk)

    assert len(mails(folder)) == 5
    assert len({m["To"] for m in mails(folder)}) == 5


def test_a_changed_offer_goes_back_to_review_instead_of_out(sink):
    shop = open_shop(people=2)
    shop.campaign.offer.version += 1
    shop.campaign.offer.save()

    assert delivery.start(shop.campaign.pk) is None

    shop.campaign.refresh_from_db()
    assert (shop.campaign.state, Message.objects.count(), Assignment.objects.count()) == ("in_review", 0, 0)
    assert "no longer what was approved" in shop.campaign.note


@pytest.mark.parametrize("plan", ["as it comes", "nested loops"])
def test_a_claim_takes_no_more_rows_than_it_was_asked_for_whatever_the_plan(plan):
    """A subquery with LIMIT and SKIP LOCKED that the planner runs again, row by row, would take rows again."""
    shop = open_shop(people=5)
    delivery.start(shop.campaign.pk)
    ways = ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize", "bitmapscan", "indexscan")
    with connection.cursor() as cursor:
        for way in ways:
            cursor.execute(f"SET LOCAL enable_{way} = {'on' if plan == 'as it comes' else 'off'}")

    batch = delivery.claim(shop.campaign.pk, size=2)

    assert len(batch.messages) == 2
    assert Message.objects.filter(campaign=shop.campaign, state="sending").count() == 2
