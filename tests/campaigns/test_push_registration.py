"""A shop's page registers a browser: with a token for one person, and under the words that were shown."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.channels.push import public_key
from campaigns.models import Campaign, Message
from campaigns.queries.personal import everything
from campaigns.services import delivery, push
from campaigns.services.messages import UNSUBSCRIBE, link
from customers.models import ConsentRecord, ConsentState, ContactPoint, Customer, Suppression
from customers.services import erasure, merge
from customers.services.seal import open_contacts
from tests import factories
from tests.campaigns.channels.provider import provider
from tests.campaigns.channels.test_push import KEY, given
from tests.campaigns.test_gate import on_channels
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db

ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc:def"
WORDS = "eu-push-en-1"


@pytest.fixture(autouse=True)
def _set_up(settings):
    settings.PUSH_KEY = KEY
    cache.clear()


def token(person, language: str = "en", scopes=("push.write",), merchant=None):
    shop = Client(headers={"authorization": f"Bearer {factories.api_key(merchant, *scopes)}"})
    return shop.post(
        reverse("api:push-tokens"),
        {"customer": person.external_id, "language": language},
        content_type="application/json",
    )


def page(person) -> tuple[Client, dict]:
    """The page of somebody who is signed in at the shop: the token that its server asked for."""
    answer = token(person).json()
    return Client(headers={"authorization": f"Bearer {answer['token']}", "user-agent": "Firefox/140"}), answer


def subscribe(person, endpoint: str = ENDPOINT, **changes):
    browser, answer = page(person)
    body = {"subscription": given(endpoint), "notice": answer["notice"]["version"], **changes}
    return browser.post(reverse("api:push-subscriptions"), body, content_type="application/json")


def unsubscribe(person, endpoint: str = ENDPOINT):
    browser, _ = page(person)
    return browser.delete(reverse("api:push-subscriptions"), {"endpoint": endpoint}, content_type="application/json")


def allowed(person) -> bool | None:
    return ConsentState.objects.filter(customer=person, channel="push").values_list("is_given", flat=True).first()


def browsers(person) -> list[str]:
    points = ContactPoint.objects.filter(customer=person, kind="push").order_by("pk")
    opened = open_contacts(points.values_list("pk", flat=True))
    return [json.loads(opened[point.pk])["endpoint"] for point in points]


def test_the_token_brings_the_key_and_the_words_that_have_to_be_shown():
    ann = factories.customer(jurisdiction="EU")
    answer = token(ann)
    assert answer.status_code == 201
    said = answer.json()
    assert said["public_key"] == public_key(KEY)
    assert said["notice"] == {
        "version": WORDS, "language": "en", "article": "GDPR art. 7(2)-(3)",
        "text": "Yes, send me offers as notifications on this device. I can switch this off at any time.",
    }  # fmt: skip
    raw = base64.urlsafe_b64decode(said["public_key"] + "==")
    assert ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw).public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    ) == raw  # fmt: skip
    assert token(ann, language="zh").json()["notice"]["text"].startswith("是的")
    assert token(ann, scopes=("events.write",)).status_code == 403
    assert Client().get(reverse("api:push-key")).json() == {"public_key": said["public_key"]}


def test_a_browser_is_kept_sealed_with_the_consent_that_was_given_there():
    ann = factories.customer(jurisdiction="EU")

    assert subscribe(ann).status_code == 201

    assert browsers(ann) == [ENDPOINT]
    point = ContactPoint.objects.get(customer=ann)
    assert ENDPOINT.encode() not in bytes(point.sealed) and point.verified_at is not None
    record = ConsentRecord.objects.get(customer_id=ann.pk)
    assert (record.purpose, record.channel, record.action, record.lawful_basis) == (
        "marketing", "push", "given", "consent",
    )  # fmt: skip
    assert (record.method, record.actor, record.notice_version, record.language) == ("browser", "subject", WORDS, "en")
    assert (record.ip_truncated, bool(record.sealed), record.valid_until is not None) == ("127.0.0.0/24", True, True)


def test_it_can_be_repeated_and_somebody_new_is_made_as_by_an_event():
    ann = factories.customer()
    subscribe(ann)
    assert subscribe(ann).status_code == 201
    assert subscribe(ann, f"{ENDPOINT}2").status_code == 201
    assert browsers(ann) == [ENDPOINT, f"{ENDPOINT}2"]
    new = Customer(external_id="new-here")
    assert subscribe(new).status_code == 201
    assert browsers(Customer.objects.get(external_id="new-here")) == [f"{ENDPOINT}"]
    assert browsers(ann) == [f"{ENDPOINT}2"]  # whoever signed in there last has the browser


def test_nobody_registers_a_browser_for_somebody_else():
    ann, ben = factories.customer(), factories.customer()
    browser, answer = page(ben)
    body = {"subscription": given(ENDPOINT), "notice": WORDS, "customer": ann.external_id}
    path = reverse("api:push-subscriptions")
    assert Client().post(path, body, content_type="application/json").status_code == 401
    forged = Client(headers={"authorization": f"Bearer {answer['token'][:-2]}xx"})
    assert forged.post(path, body, content_type="application/json").status_code == 401
    key = Client(headers={"authorization": f"Bearer {factories.api_key(None, 'push.write')}"})
    assert key.post(path, body, content_type="application/json").status_code == 401
    assert browser.post(path, body, content_type="application/json").status_code == 201
    assert (browsers(ann), browsers(ben)) == ([], [ENDPOINT])


def test_a_token_ends_after_its_hour(monkeypatch):
    text = push.token_for(factories.customer().external_id, "en").text
    assert push.customer_of(text) is not None
    monkeypatch.setattr("django.core.signing.time.time", lambda: timezone.now().timestamp() + 3601)
    assert push.customer_of(text) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"notice": "eu-push-en-0"}, "notice"),
        ({"subscription": {**given(ENDPOINT), "keys": {}}}, "subscription.p256dh"),
        ({"subscription": given("https://evil.example/x")}, "subscription.endpoint"),
        ({"subscription": given("http://10.0.0.1/x")}, "subscription.endpoint"),
        ({"subscription": "x"}, "subscription"),
        ({"language": "xx"}, "language"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(changes, field, settings):
    ann = factories.customer()
    answer = subscribe(ann, **changes)
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["fields"]] == [field]
    assert (allowed(ann), browsers(ann)) == (None, [])


def test_a_page_of_any_shop_may_ask_and_no_cookie_is_looked_at():
    answer = Client().options(
        reverse("api:push-subscriptions"),
        headers={"origin": "https://shop.example", "access-control-request-method": "POST"},
    )
    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Origin"] == "*" and "Access-Control-Allow-Credentials" not in answer
    assert answer["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert {"POST", "DELETE"} <= set(answer["Access-Control-Allow-Methods"].split(", "))
    signed_in = Client()
    signed_in.force_login(factories.staff("administrator"))
    assert signed_in.post(reverse("api:push-subscriptions"), {}, content_type="application/json").status_code == 401


def test_the_last_browser_takes_the_consent_along_and_a_new_yes_holds_again():
    ann = factories.customer()
    subscribe(ann)
    subscribe(ann, f"{ENDPOINT}2")

    assert unsubscribe(ann).json() == {"was_known": True, "is_withdrawn": False}
    assert (allowed(ann), browsers(ann)) == (True, [f"{ENDPOINT}2"])
    assert unsubscribe(ann, f"{ENDPOINT}2").json() == {"was_known": True, "is_withdrawn": True}
    assert (allowed(ann), browsers(ann)) == (False, [])
    assert unsubscribe(ann, "https://fcm.googleapis.com/never").json() == {"was_known": False, "is_withdrawn": False}
    subscribe(ann)
    assert (allowed(ann), browsers(ann)) == (True, [ENDPOINT])


def test_a_no_by_the_link_of_a_message_stops_the_browser_until_its_person_switches_it_on_again():
    _, ann = sending()
    message = Message.objects.get(customer=ann)
    path = push_link(message)
    assert Client().post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert (allowed(ann), Suppression.objects.get(channel="push", lifted_at=None).reason) == (False, "unsubscribed")
    message.refresh_from_db()
    assert (message.state, message.reason) == ("skipped", "withdrawn")
    subscribe(ann)
    assert (allowed(ann), Suppression.objects.filter(channel="push", lifted_at=None).count()) == (True, 0)


def push_link(message) -> str:
    return link("unsubscribe", message.pk, UNSUBSCRIBE).removeprefix("http://testserver")


def sending(endpoint: str = ENDPOINT):
    shop = open_shop(people=2)
    ann = shop.people[0]
    subscribe(ann, endpoint)
    Customer.objects.update(timezone=f"Etc/GMT{timezone.now().hour - 12:+d}")  # noon: no quiet hours
    on_channels(shop, "push")
    delivery.start(shop.campaign.pk)
    return shop, ann


def test_a_campaign_reaches_the_browser_and_what_the_push_service_calls_gone_is_forgotten(settings):
    settings.MAIL_SINK = True
    with provider((201, b""), (410, b"")) as server:
        shop, ann = sending(f"{server.url}/push/abc")
        delivery.send_batch(shop.campaign.pk)
        assert Message.objects.get(customer=ann).state == "sent"
        assert browsers(ann) == [f"{server.url}/push/abc"]

        Message.objects.update(state="queued", sent_at=None)
        Campaign.objects.update(state="sending", finished_at=None)
        delivery.send_batch(shop.campaign.pk)

    message = Message.objects.get(customer=ann)
    assert (message.state, message.reason, message.contact_point_id) == ("failed", "gone", None)
    assert (browsers(ann), allowed(ann)) == ([], True)  # what the person allowed stands for their next browser


def test_a_merged_persons_page_and_an_erasure_cover_the_browser():
    ann, card = factories.customer(), factories.customer(is_provisional=True)
    browser, answer = page(card)
    merge.merge(ann.pk, card.pk, rule="loyalty_card")
    body = {"subscription": given(ENDPOINT), "notice": answer["notice"]["version"]}
    assert browser.post(reverse("api:push-subscriptions"), body, content_type="application/json").status_code == 201
    assert browsers(ann) == [ENDPOINT]
    assert "push" in json.dumps(everything(ann.pk)["customers"]["contact_points"], default=str)
    assert ENDPOINT in json.dumps(everything(ann.pk), default=str)

    erasure.erase(ann.pk)

    assert not ContactPoint.objects.filter(kind="push").exists()
    assert token(ann).status_code == 404
    assert browser.post(reverse("api:push-subscriptions"), body, content_type="application/json").status_code == 400


def test_an_install_without_a_key_says_so(settings):
    settings.PUSH_KEY, settings.MAIL_SINK = "", False
    assert Client().get(reverse("api:push-key")).status_code == 503
    assert token(factories.customer()).status_code == 503
    assert not push.is_set_up()
