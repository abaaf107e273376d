"""Through both doors: what a shop posts is in the next answer, within a second, for a person and for an anonymous session."""

import time

import pytest
from django.utils import timezone

from customers.models import Customer
from recommendations.models import Recommendation
from tests import factories
from tests.customers.rows import event
from tests.recommendations import shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]
EVENTS, ANSWERS = "/api/v1/events/", "/api/v1/recommendations/"


@pytest.fixture
def doors(client):
    """(post an event, ask for a list) with one key, as a shop's server does."""
    shop.open_shop()
    shop.trade()
    shop.publish()
    key = {"authorization": f"Bearer {factories.api_key(None, 'events.write', 'recommendations.read')}"}

    def post(**fields):
        body = event(timestamp=timezone.now().isoformat(), **fields)
        if "anonymousId" in fields:
            del body["userId"]
        answer = client.post(EVENTS, body, content_type="application/json", headers=key)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1), answer.content

    def ask(**who):
        answer = client.get(ANSWERS, {"limit": 3, "explore": "false", **who}, headers=key)
        assert answer.status_code == 200, answer.content
        return answer.json()

    ask()  # the index is opened by the first answer of a process
    return post, ask


def test_an_anonymous_look_is_in_the_next_answer(doors):
    post, ask = doors
    assert ask(anonymous="visitor-9")["is_fallback"] is True

    accepted = time.monotonic()
    post(anonymousId="visitor-9", properties={"product_id": "pasta"})
    body = ask(anonymous="visitor-9")
    spent = time.monotonic() - accepted

    assert {item["product_id"] for item in body["items"][:2]} == {"sauce", "cheese"}
    assert body["items"][0]["reason"] == "Because you looked at Penne pasta."
    assert spent < 1.0


def test_the_nightly_list_is_moved_by_what_was_posted_after_it(doors):
    post, ask = doors
    person, version = Customer.objects.get(external_id="a-0"), factories.live_recommender()
    of_name = {product.external_id: product for product in shop.Product.objects.all()}
    for rank, name in enumerate(("oats", "milk", "honey"), start=1):
        Recommendation.objects.create(
            customer=person, product=of_name[name], rank=rank, score=1, is_novel=False, reason_code="popular_now",
            reason_value=12, reason_days=14, model_version=version,
        )  # fmt: skip
    assert [item["product_id"] for item in ask(customer="a-0")["items"]] == ["oats", "milk", "honey"]

    accepted = time.monotonic()
    post(user="a-0", event="Product Added", properties={"product_id": "pasta"})
    body = ask(customer="a-0")
    spent = time.monotonic() - accepted

    assert body["items"][0]["product_id"] in {"sauce", "cheese"}
    assert body["items"][0]["reason"] == "Because Penne pasta is in your cart."
    assert spent < 1.0
