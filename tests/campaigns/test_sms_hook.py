"""What a provider of texts reports: STOP stops, a status is kept, and an unsigned post is not heard."""

import base64
import hmac
import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.channels.signing import new_secret, sign
from campaigns.models import Campaign, Message
from campaigns.services import delivery
from customers.contracts import NewContact
from customers.models import ConsentState, Customer, Suppression
from customers.services.consent import record_many
from customers.services.people import add_contact_points
from tests import factories
from tests.campaigns.channels.provider import provider
from tests.flows.shop import consent_of, open_shop

pytestmark = pytest.mark.django_db

NUMBER = "+4930123456"
SECRET = new_secret()


@pytest.fixture
def person(settings):
    settings.SMS_HOOK_SECRET = SECRET
    shop = open_shop(people=2)
    person = shop.people[0]
    add_contact_points([NewContact(person.pk, "phone", NUMBER)])
    given = consent_of(person)
    record_many([type(given)(**{**{n: getattr(given, n) for n in given.__dataclass_fields__}, "channel": "sms"})])
    person.shop = shop
    return person


def post(said: dict, secret: str = SECRET):
    body = json.dumps(said).encode()
    headers = {name.title(): value for name, value in sign([secret], "msg_1", body).items()}
    return Client(enforce_csrf_checks=True).post(
        reverse("campaigns:sms-hook"), body, content_type="application/json", headers=headers
    )


def allowed(person, channel: str = "sms") -> bool:
    return ConsentState.objects.get(customer=person, purpose="marketing", channel=channel).is_given


def text_to(person, state: str = "sent") -> Message:
    variant = person.shop.campaign.variants.get()
    return Message.objects.create(
        campaign=person.shop.campaign, customer=person, channel="sms", variant=variant, state=state, sent_at=timezone.now(),
        contact_point=person.contact_points.get(kind="phone"),
    )  # fmt: skip


@pytest.mark.parametrize("words", ["STOP", " stop. ", "Stop please", "R", "退订", "opt out"])
def test_a_word_to_stop_withdraws_texts_alone_and_cancels_what_waits(words, person):
    waiting = text_to(person, "queued")

    assert post({"from": NUMBER, "text": words}).status_code == 204

    waiting.refresh_from_db()
    assert (allowed(person), allowed(person, "email")) == (False, True)
    assert (waiting.state, waiting.reason) == ("skipped", "withdrawn")
    assert Suppression.objects.get(lifted_at=None).channel == "sms"


@pytest.mark.parametrize("words", ["Thanks!", "Please do not stop", "R u serious", "", "…"])
def test_any_other_answer_changes_nothing(words, person):
    assert post({"from": NUMBER, "text": words}).status_code == 204
    assert post({"from": "12345", "text": "STOP"}).status_code == 204  # a short code is nobody's number
    assert allowed(person)


def test_what_became_of_a_text_is_kept_and_only_of_texts(person):
    text = text_to(person)

    post({"reference": f"attune-{text.pk}", "status": "delivered"})
    text.refresh_from_db()
    assert text.state == "delivered"
    post({"reference": f"attune-{text.pk}", "status": "failed"})
    text.refresh_from_db()
    assert text.state == "bounced"
    post({"reference": "attune-9999999999999999999999", "status": "delivered"})
    post({"reference": f"attune-{text.pk}", "status": "read"})
    text.refresh_from_db()
    assert text.state == "bounced"


def test_an_unsigned_post_is_not_heard(person, settings):
    assert post({"from": NUMBER, "text": "STOP"}, new_secret()).status_code == 403
    settings.SMS_HOOK_SECRET = ""
    assert post({"from": NUMBER, "text": "STOP"}).status_code == 403
    assert allowed(person)


@pytest.mark.parametrize("body", [b"not json", b"[1]"])
def test_what_is_no_object_is_refused_in_words(body, person):
    headers = {name.title(): value for name, value in sign([SECRET], "msg_1", body).items()}
    answer = Client().post(reverse("campaigns:sms-hook"), body, content_type="application/json", headers=headers)
    assert answer.status_code == 400 and answer.content.startswith(b"The body is not")


def test_twilios_form_is_heard_by_its_own_signature(person, settings):
    settings.SMS_STYLE, settings.SMS_SECRET, settings.PUBLIC_URL = "twilio", "auth", "https://attune.example"
    path = reverse("campaigns:sms-hook")

    def hear(fields: dict, query: str = "", secret: bytes = b"auth"):
        said = f"https://attune.example{path}{query}" + "".join(name + fields[name] for name in sorted(fields))
        digest = base64.b64encode(hmac.digest(secret, said.encode(), "sha1")).decode()
        return Client().post(path + query, fields, headers={"x-twilio-signature": digest})

    assert hear({"From": NUMBER, "Body": "STOP"}, secret=b"other").status_code == 403
    assert allowed(person)
    text = text_to(person)
    assert hear({"MessageSid": "SM1", "MessageStatus": "delivered"}, f"?message={text.pk}").status_code == 200
    text.refresh_from_db()
    assert text.state == "delivered"
    assert hear({"From": NUMBER, "Body": "STOP"}).status_code == 200
    assert not allowed(person)


def test_everybody_with_the_number_is_stopped(person):
    other = factories.customer()
    add_contact_points([NewContact(other.pk, "phone", NUMBER)])
    given = consent_of(other)
    record_many([type(given)(**{**{n: getattr(given, n) for n in given.__dataclass_fields__}, "channel": "sms"})])

    post({"from": NUMBER, "text": "STOP"})

    assert not allowed(person) and not allowed(other)


def test_a_text_that_the_operator_passed_on_to_nobody_because_of_a_stop_is_a_withdrawal(person):
    text = text_to(person)
    for _ in range(2):
        post({"reference": f"attune-{text.pk}", "status": "failed", "code": "opted_out"})
    text.refresh_from_db()
    assert (text.state, text.reason) == ("bounced", "opted_out")
    assert (allowed(person), allowed(person, "email")) == (False, True)
    assert Suppression.objects.get(lifted_at=None).channel == "sms"


def test_a_provider_that_was_told_to_stop_says_so_when_we_send_and_is_believed(person, settings):
    settings.SMS_STYLE, settings.SMS_USER, settings.SMS_SECRET = "twilio", "AC1", "auth"
    text = text_to(person, "queued")
    Message.objects.filter(pk=text.pk).update(sent_at=None)
    Campaign.objects.update(state="sending", channels=["sms"], started_at=timezone.now())
    Customer.objects.update(timezone=f"Etc/GMT{timezone.now().hour - 12:+d}")  # noon: no quiet hours
    with provider((400, {"code": 21610, "message": "Attempt to send to unsubscribed recipient"})) as server:
        settings.SMS_URL = server.url
        delivery.send_batch(person.shop.campaign.pk, channel="sms")
    text.refresh_from_db()
    assert (text.state, text.reason, len(server.got)) == ("failed", "opted_out", 1)
    assert (allowed(person), allowed(person, "email")) == (False, True)
    assert Suppression.objects.get(lifted_at=None).channel == "sms"
