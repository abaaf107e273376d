"""What merchants' systems are told: written with what happened, signed, tried again, and never more than they may hear."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.channels.signing import verify
from campaigns.exceptions import EndpointRefused
from campaigns.models import (
    Campaign,
    Message,
    Transition,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)
from campaigns.services import delivery, endpoints, telling
from campaigns.services.endpoints import NewEndpoint
from campaigns.services.senders import offered
from campaigns.tasks import deliver, tell
from customers.models import Customer
from customers.services import erasure
from customers.services.events import record_events
from customers.services.withdraw import withdraw
from tests import factories
from tests.campaigns.channels.provider import HANG_UP, provider
from tests.campaigns.pages import shop_sending
from tests.campaigns.test_gate import on_channels
from tests.customers.rows import order
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db

URL = "https://shop.example/hook"


def endpoint(url: str = URL, *kinds: str, merchant=None):
    new = NewEndpoint("Shop", url, kinds or ("message.sent",), merchant and merchant.pk)
    return endpoints.register(new, actor=factories.staff("administrator"))


def order_of(person, product, number: str = "o-1") -> dict:
    return order(number, (product.external_id, 1, "2.00"), user=person.external_id, ago=timedelta(0))


def waiting() -> list[tuple[str, str]]:
    rows = WebhookDelivery.objects.filter(state="waiting").order_by("id")
    return [(one.kind, one.endpoint.url) for one in rows.select_related("endpoint")]


def sent(message: Message) -> None:
    now = timezone.now()
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=now, attempted_at=now)


# --- written with what happened


def test_what_happens_is_written_down_in_the_same_transaction():
    shop = shop_sending(people=2)
    message = Message.objects.order_by("pk").first()
    sent(message)
    assert waiting() == []  # nobody listens
    endpoint(URL, "message.delivered", "consent.withdrawn", "campaign.paused", "order.attributed")

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(state="delivered")
        raise ZeroDivisionError
    assert waiting() == []
    Message.objects.filter(pk=message.pk).update(state="delivered")
    withdraw(customer_id=message.customer_id, channel="email", purpose="marketing", method="staff", actor="subject")
    delivery.pause(shop.campaign.pk, actor=shop.marketer, reason="a typing error")
    person = Customer.objects.get(pk=message.customer_id)
    product = factories.product(external_id="rolls")
    assert record_events([order_of(person, product)], merchant_id=None, source="api").accepted == 1

    told = {one.kind: telling.facts(one) for one in WebhookDelivery.objects.select_related("customer", "order")}
    person_id, campaign = person.external_id, shop.campaign.pk
    assert told == {
        "message.delivered": {
            "campaign": campaign, "message": message.pk, "customer": person_id, "channel": "email", "reason": "",
        },
        "consent.withdrawn": {"customer": person_id, "purpose": "marketing", "channel": "email"},
        "campaign.paused": {"campaign": campaign},
        "order.attributed": {"campaign": campaign, "customer": person_id, "order": "o-1"},
    }  # fmt: skip


def test_an_order_outside_of_the_window_or_of_somebody_else_is_attributed_to_nothing():
    shop = shop_sending(people=2)
    ann, ben = shop.people
    sent(Message.objects.get(customer=ann))
    Message.objects.filter(customer=ann).update(
        sent_at=timezone.now() - timedelta(days=shop.campaign.attribution_days, hours=1)
    )
    endpoint(URL, "order.attributed")
    product = factories.product(external_id="rolls")
    for place, person in enumerate((ann, ben)):
        assert record_events([order_of(person, product, f"o-{place}")], merchant_id=None, source="api").accepted == 1
    assert waiting() == []


def test_a_merchant_hears_of_people_only_what_its_own_sender_wrote_and_who_said_no_to_it():
    ours, theirs = factories.merchant("Ours"), factories.merchant("Theirs")
    shop = shop_sending(people=3)
    ann, ben, cid = shop.people
    Campaign.objects.update(merchant=ours)
    Message.objects.filter(customer=ben).update(channel="webhook")
    for merchant in (ours, theirs):
        endpoint(f"https://{merchant.name.lower()}.example/", "message.sent", "consent.withdrawn", "campaign.paused",
                 merchant=merchant)  # fmt: skip

    for message in Message.objects.order_by("pk"):
        sent(message)
    for person in (ann, ben, cid):
        withdraw(customer_id=person.pk, channel="email", purpose="marketing", method="staff", actor="subject")
    delivery.pause(shop.campaign.pk, actor=shop.marketer, reason="a typing error")

    told = WebhookDelivery.objects.order_by("id").values_list(
        "kind", "customer__external_id", "endpoint__merchant__name"
    )
    assert list(told) == [
        ("message.sent", ben.external_id, "Ours"),
        ("consent.withdrawn", ben.external_id, "Ours"),
        ("campaign.paused", None, "Ours"),
    ]
    with pytest.raises(EndpointRefused, match="Only the platform's own"):
        endpoint(URL, "order.attributed", merchant=ours)


def test_what_a_merchants_key_writes_reaches_the_platforms_endpoint():
    shop = shop_sending(people=1)
    ann = shop.people[0]
    sent(Message.objects.get())
    endpoint(URL, "order.attributed")
    mill = factories.merchant()
    product = factories.product(external_id="rolls", merchant=mill)
    key = Client(headers={"authorization": f"Bearer {factories.api_key(mill, 'events.write')}"})
    answer = key.post(reverse("api:events"), {"batch": [order_of(ann, product)]}, content_type="application/json")

    assert answer.json()["accepted"] == 1
    assert waiting() == [("order.attributed", URL)]


# --- posted


@pytest.fixture
def told(settings):
    """A receiver on loopback, and something that waits for it."""
    settings.MAIL_SINK = True

    class Told:
        def __init__(self, server):
            self.server = server
            self.shop = shop_sending(people=3)
            self.endpoint, self.secret = endpoint(f"{server.url}/hook?shop=1", "message.sent")
            for message in Message.objects.order_by("pk"):
                sent(message)

        def rows(self):
            return list(WebhookDelivery.objects.order_by("id").values_list("state", "tries"))

    return Told


def test_each_is_posted_once_and_signed_by_every_secret_that_still_holds(told):
    with provider() as server:
        one = told(server)
        newer = endpoints.rotate(one.endpoint, actor=None)
        assert telling.tell(one.endpoint.pk) == 3
        assert telling.tell(one.endpoint.pk) == 0
    assert one.rows() == [("delivered", 1)] * 3
    assert len({posted.headers["webhook-id"] for posted in server.got}) == 3
    assert server.connections == 1
    for posted in server.got:
        assert posted.target == "/hook?shop=1"
        assert verify([one.secret], posted.headers, posted.body) and verify([newer], posted.headers, posted.body)
        assert set(posted.json) == {"type", "timestamp", "data"}
        assert set(posted.json["data"]) == {"campaign", "message", "customer", "channel", "reason"}
        assert b"@" not in posted.body
    assert [attempt.words for attempt in WebhookAttempt.objects.all()] == ["The server answered 200."] * 3

    WebhookSecret.objects.filter(ends_at__isnull=False).update(ends_at=timezone.now())
    assert endpoints.secrets_of(one.endpoint.pk) == (newer,)


def test_what_is_not_taken_waits_longer_each_time_and_is_given_up_in_the_end(told):
    with provider((500, b""), (404, b""), HANG_UP) as server:
        one = told(server)
        assert telling.tell(one.endpoint.pk) == 0
        assert len(server.got) == 3
        now = timezone.now()
        waits = [row.not_before - now for row in WebhookDelivery.objects.all()]
        assert one.rows() == [("waiting", 1)] * 3 and all(timedelta(0) < wait <= timedelta(seconds=5) for wait in waits)
        server.answers[:] = [(500, b"")] * 30
        for tries, pause in enumerate(telling.PAUSES[1:], start=2):
            WebhookDelivery.objects.update(not_before=now)
            telling.tell(one.endpoint.pk)
            row = WebhookDelivery.objects.first()
            assert (row.state, row.tries) == ("waiting", tries)
            assert pause - timedelta(seconds=5) < row.not_before - timezone.now() <= pause
        WebhookDelivery.objects.update(not_before=now)
        telling.tell(one.endpoint.pk)
    assert one.rows() == [("failed", 10)] * 3
    assert {posted.headers["webhook-id"] for posted in server.got[:3]} == {p.headers["webhook-id"] for p in server.got}
    assert telling.due() == []


def test_three_refusals_in_a_row_let_the_rest_of_the_batch_wait_without_a_try(told):
    with provider(usual=(503, b"")) as server:
        one = told(server)
        for _ in range(5):
            WebhookDelivery.objects.create(endpoint=one.endpoint, kind="message.sent")
        telling.tell(one.endpoint.pk)
        assert len(server.got) == 3
    assert one.rows() == [("waiting", 1)] * 3 + [("waiting", 0)] * 5
    assert not WebhookDelivery.objects.filter(lease_until__isnull=False).exists()


def test_410_switches_it_off_and_drops_what_waits_until_it_is_saved_again(told):
    with provider((410, b"")) as server:
        one = told(server)
        telling.tell(one.endpoint.pk)
        telling.tell(one.endpoint.pk)
        assert len(server.got) == 1
        one.endpoint.refresh_from_db()
        assert one.endpoint.disabled_reason == "It answered 410: it wants no more of these."
        assert {state for state, _ in one.rows()} == {"dropped"}
        Message.objects.update(state="delivered")
        Message.objects.update(state="sent")
        assert waiting() == []
        row = WebhookDelivery.objects.select_related("endpoint").first()
        with pytest.raises(EndpointRefused, match="switched off"):
            endpoints.redeliver(row, actor=None)

        endpoints.change(one.endpoint, NewEndpoint("Shop", one.endpoint.url, ("message.sent",)), actor=None)
        row.endpoint.refresh_from_db()
        endpoints.redeliver(row, actor=None)
        assert telling.tell(one.endpoint.pk) == 1
    assert server.got[-1].headers["webhook-id"] == f"evt_{row.event.hex}"


def test_no_redirect_is_followed(told):
    with provider((302, b"", "Location: http://127.0.0.1:1/")) as server:
        one = told(server)
        WebhookDelivery.objects.exclude(pk=WebhookDelivery.objects.order_by("id").first().pk).delete()
        telling.tell(one.endpoint.pk)
    assert one.rows() == [("waiting", 1)] and len(server.got) == 1
    assert "No redirect is followed" in WebhookAttempt.objects.get().words


def test_what_is_about_somebody_who_was_erased_since_is_told_to_nobody(told):
    with provider() as server:
        one = told(server)
        erasure.erase(one.shop.people[0].pk)
        assert telling.tell(one.endpoint.pk) == 2
    assert sorted(one.rows()) == [("delivered", 1), ("delivered", 1), ("dropped", 1)]


def test_a_worker_that_was_lost_leaves_what_it_had_claimed_to_the_next(told):
    with provider() as server:
        one = told(server)
        telling._claim(one.endpoint.pk)
        assert telling.due() == []  # another worker has it
        WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert telling.due() == [one.endpoint.pk]
        assert telling.tell(one.endpoint.pk) == 3


def test_beat_nudges_one_task_an_endpoint_and_old_rows_go(told, monkeypatch):
    nudged = []
    monkeypatch.setattr("campaigns.tasks.tell_one.delay", nudged.append)
    with provider() as server:
        one = told(server)
        tell()
        assert nudged == [one.endpoint.pk]
        telling.tell(one.endpoint.pk)
    assert telling.forget() == 0
    WebhookDelivery.objects.update(at=timezone.now() - timedelta(days=31))
    telling.forget()
    assert (WebhookDelivery.objects.count(), WebhookAttempt.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/", "https://127.0.0.1/", "https://10.1.2.3/x", "https://a:b@shop.example/", "ftp://x", "x"],
)
def test_an_address_that_nobody_may_be_posted_to_is_refused_in_words(url, settings):
    settings.MAIL_SINK = False
    with pytest.raises(EndpointRefused) as refusal:
        endpoint(url)
    assert (refusal.value.field, WebhookEndpoint.objects.count()) == ("url", 0)


# --- the campaign channel


def test_a_campaign_goes_through_the_merchants_own_sender_and_no_address_leaves(settings):
    settings.MAIL_SINK = True
    shop = open_shop(people=2)
    mill = factories.merchant("Mill")
    Campaign.objects.update(merchant=mill)
    assert "webhook" not in offered()
    with provider() as server:
        _, secret = endpoint(server.url, "campaign.message", merchant=mill)
        assert "webhook" in offered()
        on_channels(shop, "webhook")
        delivery.start(shop.campaign.pk)
        deliver(shop.campaign.pk)

    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "sent"
    assert sorted(posted.json["data"]["customer"] for posted in server.got) == sorted(
        p.external_id for p in shop.people
    )
    for posted in server.got:
        assert posted.json["type"] == "campaign.message" and verify([secret], posted.headers, posted.body)
        assert posted.json["data"]["unsubscribe_url"].startswith("http://testserver/u/")
        assert "Rye rolls" in posted.json["data"]["html"] and b"@example.invalid" not in posted.body


def test_a_sender_that_wants_no_more_pauses_the_campaign_and_is_switched_off(settings):
    settings.MAIL_SINK = True
    shop = open_shop(people=2)
    with provider((410, b"")) as server:
        kept, _ = endpoint(server.url, "campaign.message")
        on_channels(shop, "webhook")
        delivery.start(shop.campaign.pk)
        deliver(shop.campaign.pk)
    shop.campaign.refresh_from_db()
    kept.refresh_from_db()
    assert (shop.campaign.state, kept.disabled_at is not None, len(server.got)) == ("paused", True, 1)
    assert Transition.objects.order_by("-pk").first().reason.startswith("Stopped by itself: The receiver answered 410")
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}

    delivery.resume(shop.campaign.pk, actor=shop.marketer)
    deliver(shop.campaign.pk)  # and without an endpoint it does not try for ever
    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "paused"


# --- the API


def test_a_merchant_keeps_its_endpoints_by_the_api(settings):
    settings.MAIL_SINK = True
    mill = factories.merchant()
    api = Client(headers={"authorization": f"Bearer {factories.api_key(mill, 'webhooks.write')}"})
    new = {"name": "Till", "url": URL, "kinds": ["campaign.finished"]}

    made = api.post(reverse("api:webhooks"), new, content_type="application/json")
    assert made.status_code == 201 and made.json()["secret"].startswith("whsec_")
    where = {"endpoint_id": made.json()["id"]}
    assert "secret" not in api.get(reverse("api:webhook", kwargs=where)).json()
    rotated = api.post(reverse("api:webhook-rotate", kwargs=where)).json()["secret"]
    assert endpoints.secrets_of(where["endpoint_id"]) == (rotated, made.json()["secret"])

    for bad, field in (
        ({"url": "http://x"}, "url"),
        ({"kinds": ["order.attributed"]}, "kinds"),
        ({"kinds": []}, "kinds"),
    ):
        answer = api.post(reverse("api:webhooks"), {**new, **bad}, content_type="application/json")
        assert answer.status_code == 400 and answer.json()["fields"][0]["field"].startswith(field)

    with provider((500, b"")) as server:
        change = {**new, "url": server.url}
        assert api.put(reverse("api:webhook", kwargs=where), change, content_type="application/json").status_code == 200
        assert api.post(reverse("api:webhook-test", kwargs=where)).status_code == 202
        telling.tell(where["endpoint_id"])
        (row,) = api.get(reverse("api:webhook-deliveries", kwargs=where)).json()["results"]
        assert (row["kind"], row["state"], row["tries"]) == ("endpoint.test", "waiting", 1)
        assert [one["words"] for one in row["attempts"]] == ["The server answered 500."]
        again = reverse("api:webhook-redeliver", kwargs={**where, "delivery_id": row["id"]})
        assert api.post(again).status_code == 202
        assert telling.tell(where["endpoint_id"]) == 1
    assert [posted.headers["webhook-id"] for posted in server.got] == [row["webhook_id"]] * 2
    assert api.delete(reverse("api:webhook", kwargs=where)).status_code == 204
    assert api.get(reverse("api:webhooks")).json()["results"] == []
