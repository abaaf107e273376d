"""Descriptions over HTTP: asked for in bulk, written by a worker, accepted onto the products, and nobody else's."""

import json

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from catalog.models import Product
from copywriting import generation
from copywriting.api import MAX_BODY, MOST
from copywriting.models import Draft, Job, Piece
from copywriting.services.jobs import JOB
from registry import queries as registry
from tests import factories
from tests.copywriting.script import Script

pytestmark = pytest.mark.django_db
URL = "/api/v1/descriptions/"
GOOD = "Subject: A full fridge again\nBody: A full fridge is a happy one. Enjoy {product} at {store}."


def client(merchant, *scopes) -> APIClient:
    api = APIClient()
    scopes = scopes or ("products.write", "products.read")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.api_key(merchant, *scopes)}")
    return api


@pytest.fixture(autouse=True)
def writer(monkeypatch):
    monkeypatch.setattr(generation, "_generator", lambda folder: Script(GOOD))


@pytest.fixture
def merchant():
    return factories.merchant("Mill & Co")


@pytest.fixture
def shop(merchant):
    return client(merchant)


def milk(merchant, **changed) -> Product:
    facts = {"title": "White Milk", "category": "FLUID MILK PRODUCTS", "external_id": "milk", "merchant": merchant}
    return factories.product(**{**facts, **changed})


def worked() -> None:
    for run_id in registry.waiting((JOB,)):
        generation.write_job(run_id)


def asked(shop, *ids, **more) -> dict:
    answer = shop.post(URL, {"products": list(ids), **more}, format="json")
    assert answer.status_code == 202, answer.json()
    return answer.json()


def fields_of(answer) -> dict[str, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return {row["field"]: row["reason"] for row in answer.json()["fields"]}


def test_a_job_is_taken_in_written_and_answered_with_drafts_findings_and_sources(shop, merchant):
    product = milk(merchant)

    first = shop.post(URL, {"products": ["milk"], "never_say": ["cheap"]}, format="json")

    assert first.status_code == 202
    assert first.json()["state"] == "queued"
    address = first["Location"]
    waiting = shop.get(address).json()
    assert (waiting["asked"], waiting["written"], waiting["results"][0]["drafts"]) == (1, 0, [])
    worked()
    done = shop.get(address).json()
    assert (done["state"], done["share_done"], done["written"]) == ("succeeded", 1.0, 1)
    (draft,) = done["results"][0]["drafts"]
    assert (draft["body"], draft["slotted"]) == (
        "A full fridge is a happy one. Enjoy White Milk at Mill & Co.",
        "A full fridge is a happy one. Enjoy {product} at {store}.",
    )
    source = draft["sources"][0]
    assert draft["body"][source["start"] : source["end"]] == "White Milk"
    assert (source["fact"], source["source"]) == ("product", f"catalog.product:{product.pk}@1")
    assert draft["is_usable"]


def test_an_accepted_draft_is_the_description_of_its_product_and_the_trail_says_so(shop, merchant):
    product = milk(merchant)
    job = asked(shop, "milk")
    worked()
    address = reverse("api:descriptions-accept", args=[job["id"]])
    draft = Draft.objects.get()

    answer = shop.post(address, {"drafts": [draft.pk]}, format="json")

    assert answer.json() == {"accepted": [draft.pk], "refused": []}
    product.refresh_from_db()
    assert (product.description, product.version) == ("A full fridge is a happy one. Enjoy White Milk at Mill & Co.", 2)
    assert AuditEntry.objects.filter(action="product.described", object_id=str(product.pk)).exists()
    assert shop.get(f"{URL}{job['id']}/").json()["results"][0]["drafts"][0]["is_accepted"]


def test_what_the_feed_changed_in_the_meantime_is_refused_with_the_reason(shop, merchant):
    product = milk(merchant)
    job = asked(shop, "milk")
    worked()
    Product.objects.filter(pk=product.pk).update(title="Red Milk", version=2)

    answer = shop.post(f"{URL}{job['id']}/accept/", {"drafts": [Draft.objects.get().pk]}, format="json").json()

    assert answer["accepted"] == []
    assert "the catalogue has changed since the brief" in answer["refused"][0]["reason"]
    product.refresh_from_db()
    assert product.description == ""


def test_another_merchants_product_job_and_draft_are_not_there(shop, merchant):
    milk(merchant)
    theirs = factories.merchant("Theirs")
    milk(theirs, external_id="their-milk")
    stranger = client(theirs)
    job = asked(shop, "milk")
    worked()

    unknown = shop.post(URL, {"products": ["milk", "their-milk"]}, format="json")
    assert unknown.status_code == 404
    assert fields_of(unknown) == {"products[1]": "No product 'their-milk' of yours."}
    assert stranger.get(f"{URL}{job['id']}/").status_code == 404
    assert (
        stranger.post(f"{URL}{job['id']}/accept/", {"drafts": [Draft.objects.get().pk]}, format="json").status_code
        == 404
    )
    own = asked(stranger, "their-milk")
    worked()
    other_draft = Piece.objects.get(job=own["id"]).generation.drafts.get().pk
    refused = shop.post(f"{URL}{job['id']}/accept/", {"drafts": [other_draft]}, format="json")
    assert (refused.status_code, fields_of(refused)) == (404, {"drafts[0]": "No draft of this job."})
    assert not Product.objects.exclude(description="").exists()


def test_every_bad_field_is_named_and_nothing_is_asked_for(shop):
    answer = shop.post(
        URL,
        {"products": [], "locale": "fr", "channel": "fax", "tone": "x" * 61, "festival": "eid", "must_say": ["x"] * 7},
        format="json",
    )

    assert answer.status_code == 400
    assert fields_of(answer).keys() == {"products", "locale", "channel", "tone", "festival", "must_say"}
    unknown = shop.post(URL, {"products": ["milk"], "mood": "gay"}, format="json")
    assert fields_of(unknown).keys() == {"mood"}
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("wish", "field", "words"),
    [
        ({"products": ["milk", "milk"]}, "products", "Named more than once: milk."),
        ({"products": [str(n) for n in range(MOST + 1)]}, "products", f"no more than {MOST}"),
        ({"products": "milk"}, "products", "list"),
        ({"products": ["milk"], "channel": "wechat_moments"}, "products[0]", "choose locale zh-Hans"),
        ({"products": ["milk"], "channel": "weibo", "must_say": ["{first_name}"]}, "products[0]", "seen by strangers"),
    ],
)
def test_a_wish_that_cannot_be_met_says_what_to_change(shop, merchant, wish, field, words):
    milk(merchant)

    answer = shop.post(URL, wish, format="json")

    assert answer.status_code == 400
    assert words in fields_of(answer)[field]
    assert Job.objects.count() == 0


def test_too_large_a_body_is_refused_before_it_is_read(shop):
    answer = shop.post(URL, json.dumps({"products": ["x" * MAX_BODY]}), content_type="application/json")

    assert answer.status_code == 413


def test_the_same_key_and_body_get_the_first_answer_and_one_job(shop, merchant):
    milk(merchant)
    first = shop.post(URL, {"products": ["milk"]}, format="json", headers={"Idempotency-Key": "k"})
    again = shop.post(URL, {"products": ["milk"]}, format="json", headers={"Idempotency-Key": "k"})
    other = shop.post(URL, {"products": ["rye"]}, format="json", headers={"Idempotency-Key": "k"})

    assert (again.json(), again["Idempotent-Replayed"], again["Location"]) == (first.json(), "true", first["Location"])
    assert (other.status_code, Job.objects.count()) == (422, 1)


def test_the_platform_writes_for_a_merchant_by_name_and_for_itself_without(merchant):
    milk(merchant)
    factories.product("Rye", external_id="rye", category="BREAD")
    platform = client(None)

    named = asked(platform, "milk", merchant=merchant.external_id)
    own = asked(platform, "rye")

    assert (named["merchant"], own["merchant"]) == (merchant.external_id, None)
    assert fields_of(platform.post(URL, {"products": ["milk"], "merchant": "nobody"}, format="json")) == {
        "merchant": "No such merchant."
    }


def test_a_job_may_be_worked_on_twice_and_writes_once(shop, merchant):
    milk(merchant)
    asked(shop, "milk")
    (run_id,) = registry.waiting((JOB,))
    generation.write_job(run_id)
    generation.write_job(run_id)

    assert Draft.objects.count() == 1
