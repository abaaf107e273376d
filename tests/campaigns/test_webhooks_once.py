"""A write of the webhook API with an Idempotency-Key: done once, answered alike, and no secret rests beside the key."""

import pytest
from django.test import Client
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from accounts.models import IdempotencyKey
from campaigns.models import WebhookDelivery, WebhookEndpoint, WebhookSecret
from campaigns.services import endpoints
from tests import factories

pytestmark = pytest.mark.django_db

NEW = {"name": "Till", "url": "https://shop.example/hook", "kinds": ["campaign.finished"]}


@pytest.fixture
def api():
    return Client(headers={"authorization": f"Bearer {factories.api_key(factories.merchant(), 'webhooks.write')}"})


def post(api, name: str, body=None, key: str = "k", **where):
    address = reverse(f"api:{name}", kwargs=where)
    return api.post(address, body or {}, content_type="application/json", headers={"Idempotency-Key": key})


def test_a_repeated_registration_makes_one_endpoint_and_shows_its_secret_again(api):
    first, again = post(api, "webhooks", NEW), post(api, "webhooks", NEW)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json() and first.json()["secret"].startswith("whsec_")
    assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
    endpoint = WebhookEndpoint.objects.get()
    assert endpoints.secrets_of(endpoint.pk) == (first.json()["secret"],)
    assert first.json()["secret"] not in str(IdempotencyKey.objects.get().answer)


def test_a_repeated_rotation_takes_no_secret_out_of_use(api):
    endpoint = post(api, "webhooks", NEW).json()["id"]
    first = post(api, "webhook-rotate", key="r", endpoint_id=endpoint)
    again = post(api, "webhook-rotate", key="r", endpoint_id=endpoint)

    assert again.json() == first.json()
    assert WebhookSecret.objects.filter(endpoint=endpoint, ends_at=None).count() == 1
    assert WebhookSecret.objects.filter(endpoint=endpoint).count() == 2
    assert endpoints.secrets_of(endpoint)[0] == first.json()["secret"]


def test_a_repeated_test_and_redelivery_post_once(api):
    endpoint = post(api, "webhooks", NEW).json()["id"]
    first = post(api, "webhook-test", key="t", endpoint_id=endpoint)
    assert post(api, "webhook-test", key="t", endpoint_id=endpoint).json() == first.json()
    row = WebhookDelivery.objects.get()

    where = {"endpoint_id": endpoint, "delivery_id": row.pk}
    assert post(api, "webhook-redeliver", key="d", **where).status_code == 202
    WebhookDelivery.objects.update(state="delivered")
    again = post(api, "webhook-redeliver", key="d", **where)
    assert (again.status_code, again["Idempotent-Replayed"]) == (202, "true")
    row.refresh_from_db()
    assert row.state == "delivered"  # the repeated request asked for nothing new


def test_a_key_is_of_one_request_and_what_was_refused_may_come_again(api):
    bad = post(api, "webhooks", NEW | {"url": "http://x"})
    assert (bad.status_code, bad.json()["fields"][0]["field"]) == (400, "url")
    assert post(api, "webhooks", NEW).status_code == 201

    other = post(api, "webhooks", NEW | {"name": "Other"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert WebhookEndpoint.objects.count() == 1
    long = post(api, "webhooks", NEW, key="k" * 256)
    assert (long.status_code, long.json()["fields"][0]["field"]) == (400, "Idempotency-Key")


def test_the_reference_names_the_key():
    schema = SchemaGenerator().get_schema(request=None, public=True)
    named = {
        path
        for path, doors in schema["paths"].items()
        if "/webhooks/" in path
        and any(one["name"] == "Idempotency-Key" for one in doors.get("post", {}).get("parameters", ()))
    }
    assert {path.rstrip("/").rpartition("/")[2] for path in named} == {"webhooks", "rotate", "test", "redeliver"}
