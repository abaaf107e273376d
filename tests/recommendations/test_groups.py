"""segment= of the live API: a segment that somebody defined and counted, as well as a group of the model."""

import pytest

from campaigns.models import Segment
from campaigns.services import segments
from customers.models import Customer
from recommendations.models import GroupList
from tests import factories
from tests.recommendations import shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]
OATS = {"field": "bought_product", "op": "=", "value": "oats", "days": 90}


@pytest.fixture
def ask(client):
    platform = factories.api_key(None, "recommendations.read")

    def ask(key=platform, **query):
        answer = client.get(
            "/api/v1/recommendations/", {"explore": "false", **query}, headers={"authorization": f"Bearer {key}"}
        )
        return answer.status_code, answer.json()

    return ask


def names(body) -> list[str]:
    return [item["product_id"] for item in body["items"]]


def define(slug="oat-people", name="People of oats", rule=OATS, merchant=None) -> Segment:
    return segments.save_segment(
        slug=slug, name=name, rule=rule, audience_phrase="people who like oats", merchant_id=merchant and merchant.pk
    )


@pytest.fixture
def goods():
    goods = shop.open_shop()
    shop.trade()
    shop.publish()
    return goods


def test_a_counted_segment_gets_what_its_people_buy_by_name_and_by_slug(ask, goods):
    segments.count(define())

    status, body = ask(segment="people of OATS", limit=3)

    assert status == 200
    assert set(names(body)) == set(shop.BREAKFAST)
    assert {item["source"] for item in body["items"]} == {"segment"}
    assert body["items"][0]["reason"] == "12 of “People of oats” bought it in two weeks."
    assert body["is_fallback"] is False
    assert names(ask(segment="oat-people", limit=3)[1]) == names(body)


def test_a_segment_that_nobody_counted_or_whose_rule_changed_is_not_known(ask, goods):
    segment = define()
    status, body = ask(segment="oat-people")
    assert (status, "counts a new one" in str(body)) == (404, True)
    segments.count(segment)
    assert ask(segment="oat-people")[0] == 200

    define(rule=OATS | {"value": "pasta"})

    assert ask(segment="oat-people")[0] == 404
    segments.nightly()
    assert set(names(ask(segment="oat-people", limit=3)[1])) == set(shop.SUPPER)


def test_what_a_few_people_bought_says_nothing_of_a_segment(ask, goods):
    Customer.objects.filter(external_id__in=[f"a-{n}" for n in range(4)]).update(attributes={"age": "65+"})
    assert segments.count(define(rule={"field": "age", "op": "=", "value": "65+"})) == 4

    status, body = ask(segment="oat-people", limit=3)

    assert (status, body["is_fallback"]) == (200, True)
    assert {item["source"] for item in body["items"]} == {"popular"}


def test_a_merchant_asks_for_its_own_segment_first_and_is_shown_its_own_products(ask, goods):
    mill = factories.merchant()
    shop.open_shop(mill)
    shop.trade(mill)
    shop.publish()
    segments.count(define())
    key = factories.api_key(mill, "recommendations.read")

    _, platforms = ask(key=key, segment="oat-people", limit=3)
    assert set(names(platforms)) == set(shop.BREAKFAST)
    assert {item["source"] for item in platforms["items"]} == {"segment"}

    segments.count(define(name="Of the mill", rule=OATS | {"value": "pasta"}, merchant=mill))
    _, own = ask(key=key, segment="oat-people", limit=3)
    assert "Of the mill" in own["items"][0]["reason"]
    # Nobody else's segment is known to the platform by that name, nor to another merchant.
    assert ask(segment="Of the mill")[0] == 404
    other = factories.api_key(factories.merchant(), "recommendations.read")
    assert ask(key=other, segment="Of the mill")[0] == 404


def test_a_rule_that_is_refused_by_now_keeps_its_last_list(goods):
    segments.count(define())
    Segment.objects.update(rule={"field": "no_longer", "op": "=", "value": 1})

    segments.nightly()

    assert GroupList.objects.get().picks.count() == 3
