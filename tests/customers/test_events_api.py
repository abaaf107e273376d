"""POST /api/v1/events/: what a merchant's system meets."""

import json

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from customers import api
from customers.models import Event, Order, Quarantine
from customers.services.events import record_events
from tests import factories
from tests.customers.rows import event, order

pytestmark = pytest.mark.django_db
URL = "/api/v1/events/"


@pytest.fixture
def merchant():
    return factories.merchant()


def client(merchant, *scopes) -> Client:
    return Client(headers={"authorization": f"Bearer {factories.api_key(merchant, *(scopes or ('events.write',)))}"})


def post(caller: Client, body, **headers):
    text = body if isinstance(body, str) else json.dumps(body)
    return caller.post(URL, text, content_type="application/json", headers=headers)


def test_a_batch_is_taken_in_and_each_bad_event_is_named(merchant):
    answer = post(client(merchant), {"batch": [event(), event("Bought"), event()]})

    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["duplicates"]) == (2, 0)
    (bad,) = body["quarantined"]
    assert (bad["index"], bad["field"]) == (1, "event")
    assert set(Event.objects.values_list("merchant", "source")) == {(merchant.pk, "api")}


def test_one_event_may_come_without_a_batch(merchant):
    assert post(client(merchant), event()).json() == {"accepted": 1, "duplicates": 0, "quarantined": []}


def test_a_repeated_request_gets_the_first_answer_and_another_body_is_refused(merchant):
    caller, body = client(merchant), {"batch": [event()]}
    first = post(caller, body, **{"Idempotency-Key": "k-1"})
    again = post(caller, body, **{"Idempotency-Key": "k-1"})
    other = post(caller, {"batch": [event()]}, **{"Idempotency-Key": "k-1"})

    assert again.json() == first.json() == {"accepted": 1, "duplicates": 0, "quarantined": []}
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"batch": []}, 400, "1 to 1000 events, this one 0"),
        ({"batch": [{}] * 1001}, 400, "1 to 1000 events, this one 1001"),
        ({"batch": "all"}, 400, "Send a list of events"),
        ("{", 400, "JSON parse error"),
        ("[" * 100_000, 400, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole_with_its_limits(merchant, body, status, words):
    answer = post(client(merchant), body)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in answer.content.decode()
    assert not Event.objects.exists()
    assert not Quarantine.objects.exists()


def test_a_body_over_the_limit_is_refused_by_its_size_with_the_limit_named(merchant, monkeypatch):
    monkeypatch.setattr(api, "MAX_BODY", 100)
    answer = post(client(merchant), {"batch": [event()]})
    assert answer.status_code == 413
    assert "may have 100, with at most 1000 events" in answer.json()["detail"]


@pytest.mark.parametrize(("scopes", "status"), [(["products.write"], 403), (["events.write"], 202)])
def test_a_key_needs_the_scope(merchant, scopes, status):
    assert post(client(merchant, *scopes), event()).status_code == status


def test_without_a_key_nothing_is_taken_in():
    assert post(Client(), event()).status_code == 401
    assert post(Client(headers={"authorization": "Bearer att_00000000_x"}), event()).status_code == 401


def test_a_merchant_lists_its_own_quarantine_alone(merchant):
    other = factories.merchant("Other")
    for owner in (merchant.pk, other.pk, None):
        record_events([event("Bought"), event("Sold")], merchant_id=owner, source="api")

    rows = client(merchant).get(f"{URL}quarantine/?limit=1").json()
    (first,) = rows["results"]
    assert set(first) == {"id", "message_id", "source", "field", "reason", "received_at"}
    (second,) = client(merchant).get(rows["next"]).json()["results"]
    assert {first["id"], second["id"]} == set(Quarantine.objects.filter(merchant=merchant).values_list("pk", flat=True))
    assert len(client(None).get(f"{URL}quarantine/").json()["results"]) == 2


def test_a_merchant_tries_its_own_events_again_and_nobody_elses(merchant):
    other = factories.merchant("Other")
    record_events([order("1", ("oats", 1, "2.50"))], merchant_id=merchant.pk, source="api")
    waiting = Quarantine.objects.get()
    factories.product(external_id="oats", merchant=merchant)
    factories.product(external_id="oats", merchant=other)

    def retry(owner):
        body = json.dumps({"ids": [waiting.pk]})
        return client(owner).post(f"{URL}quarantine/retry/", body, content_type="application/json").json()

    assert retry(other) == {"accepted": 0, "duplicates": 0, "quarantined": []}
    assert not Order.objects.exists()
    assert retry(merchant) == {"accepted": 1, "duplicates": 0, "quarantined": []}
    assert Order.objects.get().merchant == merchant


def test_the_description_names_the_batch_and_the_receipt():
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    send = paths["/api/v1/events/"]["post"]
    assert list(send["responses"]) == ["202"]
    assert any(parameter["name"] == "Idempotency-Key" for parameter in send["parameters"])
    assert {"/api/v1/events/quarantine/", "/api/v1/events/quarantine/retry/"} <= set(paths)
