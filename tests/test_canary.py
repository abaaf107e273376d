"""A canary: one person whose address, number and name go through every door, and are then looked for where nothing personal
may rest: each column that is not sealed, the log, the cache, the broker, error pages.

Every other test looks for what itself brings in (conftest); here it is one person by all doors, the broker among them.
"""

import io
import json
import logging
import pickle
import re

import pytest
import redis
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.contracts import Scope
from campaigns.models import Message, SurveyAnswer
from campaigns.services import delivery
from campaigns.services.messages import CLICK, PREFERENCES, SURVEY, UNSUBSCRIBE, sign
from campaigns.tasks import deliver
from config.celery import app
from customers.contracts import NewContact
from customers.models import ContactPoint, Customer, Event, Quarantine
from customers.queries.people import by_contact
from customers.services import consent, people
from customers.services.withdraw import withdraw
from tests import canary, factories
from tests.accounts.test_access import key_client
from tests.customers.rows import act, event
from tests.flows.conftest import sink  # noqa: F401 - a fixture: the mail server of the send
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

EMAIL = "zephyrine.kanarie@canary-7f3a91.example"
PHONE = "+493034567890"
NAME = "Zephyrine Kanarienvogel-Quist"
WORDS = (EMAIL, PHONE, NAME, "kanarienvogel", "canary-7f3a91")
AGENT = f"Mozilla/5.0 ({NAME})"


@pytest.fixture
def log():
    """What the site's own handler writes, everything from DEBUG on, in its own format and through its own filters."""
    handler = next(one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler)
    stream, level = io.StringIO(), logging.getLogger().level
    before = handler.setStream(stream)
    logging.getLogger().setLevel(logging.DEBUG)
    yield stream
    logging.getLogger().setLevel(level)
    handler.setStream(before)


def staff(role: str) -> Client:
    client = Client(headers={"user-agent": AGENT}, raise_request_exception=False)
    client.force_login(factories.staff(role))
    return client


def comes_in(shop) -> Customer:
    """By import, by API, by consent: as a person of the shop's campaign."""
    person = shop.people[0]
    people.add_contact_points([NewContact(person.pk, "email", EMAIL), NewContact(person.pk, "phone", PHONE)])
    consent.record(act(person.pk, ip="192.0.2.77", user_agent=AGENT))
    key = key_client(None, *Scope)
    user = person.external_id
    said = [
        event("Products Searched", user=user, properties={"query": f"oats for {NAME} {EMAIL}"}),
        event("Product Reviewed", user=user,
              properties={"product_id": "oats", "review_body": f"{NAME}, {PHONE}", "traits": {"email": EMAIL}}),
        event("Product Viewed", user=user, context={"channel": "web", "traits": {"name": NAME}, "ip": "192.0.2.77"}),
        {"event": "Nothing at all", "userId": user, "properties": {"email": EMAIL, "phone": PHONE, "name": NAME}},
        event("Products Searched", user=None, anonymousId=EMAIL, properties={"query": NAME}),
        {"event": NAME, "messageId": "bad-name", "userId": user},
        EMAIL,
    ]  # fmt: skip
    said = [{k: v for k, v in one.items() if v is not None} if isinstance(one, dict) else one for one in said]
    answer = key.post(reverse("api:events"), {"batch": said}, content_type="application/json",
                      headers={"Idempotency-Key": "canary-1"})  # fmt: skip
    assert (answer.status_code, answer.json()["accepted"], len(answer.json()["quarantined"])) == (202, 4, 3)
    return person


def is_served(shop, person: Customer, start_mail_server) -> list[str]:
    """Mail is sent; its links are opened, and every page about the person. Returns the texts of refusals and errors."""
    start_mail_server()
    delivery.start(shop.campaign.pk)
    while delivery.send_batch(shop.campaign.pk):
        pass
    message = Message.objects.get(customer=person)
    assert message.state == "sent"
    public = Client(headers={"user-agent": AGENT, "referer": f"https://x.example/?m={EMAIL}"})
    public.get(reverse("campaigns:click", args=[sign(message.pk, CLICK)]))
    public.post(
        reverse("campaigns:survey", args=[sign(message.pk, SURVEY)]), {"score": 2, "comment": f"{NAME} {EMAIL}"}
    )
    assert SurveyAnswer.objects.get().sealed_comment is not None
    public.post(reverse("campaigns:preferences", args=[sign(message.pk, PREFERENCES)]), {"email": "on"})
    public.post(reverse("campaigns:unsubscribe", args=[sign(message.pk, UNSUBSCRIBE)]))
    withdraw(customer_id=person.pk, channel="email", purpose="marketing", method="staff", actor="subject")

    marketer = staff("marketer")
    found = marketer.post(reverse("customers:find"), {"email": EMAIL})
    assert found.status_code in {200, 302}
    marketer.get(reverse("customers:detail", args=[person.pk]))
    officer = staff("officer")
    for name in ("customers:ledger", "customers:events", "accounts:audit"):
        assert officer.get(reverse(name)).status_code == 200
    return [
        marketer.post(reverse("customers:find"), {"email": f"{NAME} <{EMAIL}"}),
        marketer.get(f"/nothing/{EMAIL}/{NAME}"),
        public.get(f"/u/{EMAIL}/"),
        Client().post("/accounts/login/", {"login": EMAIL, "password": NAME}),
        Client(headers={"authorization": f"Bearer att_{EMAIL}_{NAME}"}).get(reverse("api:products")),
        key_client(None, *Scope).post(reverse("api:events"), f'{{"batch": "{EMAIL}"', content_type="application/json"),
    ]  # fmt: skip


def test_no_address_number_or_name_rests_or_shows_in_the_clear(sink, log, monkeypatch):  # noqa: F811
    cache.clear()
    shop = open_shop(people=3)
    factories.product(external_id="oats")
    person = comes_in(shop)
    refusals = is_served(shop, person, sink)

    # A fault in the middle of it: its page, and its trace in the log.
    def break_down(kind, value):
        raise RuntimeError("the index is away")

    monkeypatch.setattr("customers.views.people.by_contact", break_down)
    fault = staff("marketer").post(reverse("customers:find"), {"email": EMAIL})
    assert fault.status_code == 500
    monkeypatch.undo()

    # It is there, sealed, and found by who has the keys.
    assert person in by_contact("email", EMAIL)
    assert ContactPoint.objects.filter(customer=person).count() == 3
    assert Event.objects.filter(customer=person, sealed__isnull=False).count() == 2
    assert Quarantine.objects.count() == 3

    assert canary.in_database(WORDS) == []
    assert canary.in_text(log.getvalue(), WORDS) == []
    assert "Internal Server Error: /customers/people/find/" in log.getvalue()
    assert "Not Found: (no such page)" in log.getvalue()
    assert canary.in_text(str([pickle.loads(entry) for entry in cache._cache.values()]), WORDS) == []  # noqa: S301 - our own
    assert canary.in_text(str(cache._cache.keys()), WORDS) == []
    assert canary.in_text(in_broker(), WORDS) == []
    assert canary.in_text(fault.content.decode() + str(fault.headers), WORDS) == []
    shown = [answer.content.decode() for answer in refusals]
    # What somebody typed stands in their own form again, and nowhere else.
    shown = [re.sub(r'<input[^>]*value="[^"]*"[^>]*>', "", page) for page in shown]
    assert [canary.in_text(page, WORDS) for page in shown] == [[]] * len(shown)


def in_broker() -> str:
    """Everything that the broker holds, after work was really left there: names and ids, never a person's words."""
    queue = "canary"
    deliver.apply_async([Message.objects.first().campaign_id], queue=queue)
    path = app.conf.broker_url.removeprefix("redis+socket://")
    with redis.Redis(unix_socket_path=path) as broker:
        held = {key: broker.dump(key) for key in broker.scan_iter()}
        waiting = broker.lrange(queue, 0, -1)
        broker.delete(queue)
    bodies = [json.loads(one) for one in waiting]
    assert len(bodies) == 1
    return str(held) + str(bodies)


def test_the_canary_is_found_where_it_does_rest():
    """Else the test above could not fail: in text, JSON, bytes, as hex and base64, and in a session."""
    person = factories.customer(attributes={"note": NAME})
    assert [row.split(":")[0] for row in canary.in_database([NAME])] == ["customers_customer"]
    assert [row.split(":")[0] for row in canary.in_database(["kanarienvogel"])] == ["customers_customer"]
    Customer.objects.filter(pk=person.pk).update(attributes={})
    ContactPoint.objects.create(customer=person, kind="email", sealed=b"\x01" + EMAIL.encode(), lookup=b"x")
    assert [row.split(":")[0] for row in canary.in_database([EMAIL])] == ["customers_contactpoint"]
    ContactPoint.objects.all().delete()
    assert canary.in_database(WORDS) == []
    client = staff("marketer")
    session = client.session
    session["note"] = EMAIL
    session.save()
    assert any(row.startswith("django_session") for row in canary.in_database([EMAIL]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(%s, 'base64')", [f"xy{EMAIL}z".encode()])
        assert canary.in_text(cursor.fetchone()[0].replace("\n", ""), [EMAIL]) == [EMAIL]
