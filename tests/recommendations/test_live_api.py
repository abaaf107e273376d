"""GET /api/v1/recommendations/: the right list for a person, a session, a product or a segment, and why."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from catalog.models import Product
from customers.models import Customer
from customers.services import consent, people
from recommendations.models import Exposure, Profile, Recommendation
from recommendations.services import exposures
from tests import factories
from tests.customers.rows import act
from tests.recommendations import shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]
URL = "/api/v1/recommendations/"


@pytest.fixture
def ask(client):
    """Asks as the platform, or with another key; gives the answer and its JSON."""
    key = factories.api_key(None, "recommendations.read")

    def ask(key=key, **query):
        answer = client.get(URL, query, headers={"authorization": f"Bearer {key}"})
        return answer, answer.json()

    return ask


@pytest.fixture
def goods():
    goods = shop.open_shop()
    shop.trade()
    shop.publish()
    return goods


def names(body) -> list[str]:
    return [item["product_id"] for item in body["items"]]


def test_a_person_without_a_nightly_list_is_ranked_from_what_they_bought(ask, goods):
    answer, body = ask(customer="a-0", limit=3, explore="false")

    assert answer.status_code == 200
    assert set(names(body)) == set(shop.BREAKFAST)
    assert body["is_fallback"] is False
    assert {item["source"] for item in body["items"]} == {"history"}
    assert body["items"][0]["reason"] == "Bought 4 times, last yesterday."


def test_the_nightly_list_keeps_its_order_and_its_reasons_while_nothing_happens(ask, goods):
    person = Customer.objects.get(external_id="a-0")
    version = factories.live_recommender()
    for rank, name in enumerate(("sauce", "milk"), start=1):
        Recommendation.objects.create(
            customer=person, product=goods[name], rank=rank, score=1, is_novel=name == "sauce", reason_code="popular_now",
            reason_value=12, reason_days=14, model_version=version,
        )  # fmt: skip

    _, body = ask(customer="a-0", limit=2, explore="false")

    assert names(body) == ["sauce", "milk"]
    assert [item["source"] for item in body["items"]] == ["own_list", "own_list"]
    assert body["items"][0]["reason"] == "Popular now: 12 customers bought it in the last 2 weeks."


def test_an_anonymous_session_is_followed_from_its_first_look(ask, goods):
    _, before = ask(anonymous="visitor-1", limit=3, explore="false")
    shop.look("pasta", anonymousId="visitor-1")
    _, after = ask(anonymous="visitor-1", limit=3, explore="false")

    assert before["is_fallback"] is True
    assert {item["source"] for item in before["items"]} == {"popular"}
    assert set(names(after)[:2]) == {"sauce", "cheese"}
    assert after["is_fallback"] is False
    assert after["items"][0]["reason"] == "Because you looked at Penne pasta."


def test_a_look_of_a_known_person_moves_their_list_at_once(ask, goods):
    assert set(names(ask(customer="a-1", limit=3, explore="false")[1])) == set(shop.BREAKFAST)

    shop.look("pasta", user="a-1")
    shop.look("sauce", user="a-1")

    _, body = ask(customer="a-1", limit=3, explore="false")
    assert names(body)[0] == "cheese"
    assert body["items"][0]["is_novel"] is True


def test_what_is_in_the_cart_is_not_shown_until_it_is_taken_out(ask, goods):
    shop.look("pasta", anonymousId="v", act="Product Added", ago=timedelta(minutes=2))
    _, body = ask(anonymous="v", explore="false", explain="true")
    assert "pasta" not in names(body)
    assert {
        "product_id": "pasta",
        "title": "Penne pasta",
        "rule": "in_cart",
        "detail": "It is in the cart already.",
    } in (body["dropped"])
    assert body["items"][0]["reason"] == "Because Penne pasta is in your cart."

    shop.look("pasta", anonymousId="v", act="Product Removed")
    assert "pasta" in names(ask(anonymous="v", explore="false")[1])


def test_bought_together_counts_the_orders_that_hold_both(ask, goods):
    _, body = ask(product="oats", relation="bought_together", limit=2, explore="false")

    assert set(names(body)) == {"milk", "honey"}
    assert body["items"][0]["reason"] == "In 48 orders together with Rolled oats."
    assert body["items"][0]["source"] == "bought_together"


def test_similar_reads_the_words_and_so_knows_a_product_nobody_bought_yet(ask, goods):
    factories.product(
        "Steel-cut oats", external_id="new", category="Cereals", product_type="OATS", department="GROCERY"
    )
    shop.publish()

    _, body = ask(product="new", relation="similar", limit=1, explore="false")

    assert names(body) == ["oats"]
    assert body["items"][0]["reason"] == "Reads much like Steel-cut oats."


def test_a_segment_gets_what_its_people_buy(ask, goods):
    version = factories.live_recommender()
    for person in Customer.objects.filter(external_id__startswith="b-"):
        Profile.objects.create(
            customer=person, cluster=2, cluster_name="Supper at home", as_of=timezone.now(), model_version=version
        )

    _, body = ask(segment="supper at home", limit=3, explore="false")

    assert set(names(body)) == set(shop.SUPPER)
    assert body["items"][0]["reason"] == "12 of “Supper at home” bought it in two weeks."
    assert names(ask(segment="2", limit=3, explore="false")[1]) == names(body)


def test_filters_hold_and_each_dropped_item_names_its_rule(ask, goods):
    Product.objects.filter(pk=goods["milk"].pk).update(stock=0)
    Product.objects.filter(pk=goods["honey"].pk).update(is_active=False)

    _, body = ask(customer="a-0", limit=5, explore="false", explain="true")
    assert "milk" not in names(body)
    assert "honey" not in names(body)
    assert {row["product_id"]: row["rule"] for row in body["dropped"]} == {
        "milk": "out_of_stock",
        "honey": "not_on_sale",
    }
    assert "milk" in names(ask(customer="a-0", limit=5, explore="false", in_stock="false")[1])

    _, dairy = ask(customer="a-0", category="dairy", explore="false")
    assert names(dairy) == ["cheese"]
    _, cheap = ask(customer="a-0", price_max="1.50", explore="false")
    assert names(cheap) == ["oats"]
    _, dear = ask(customer="a-0", price_min="4.00", explore="false")
    assert set(names(dear)) == {"pasta", "sauce", "cheese"}


def test_what_was_bought_lately_can_be_left_out(ask, goods):
    _, body = ask(customer="a-0", exclude_bought_days=7, explore="false", explain="true")

    assert set(names(body)) == set(shop.SUPPER)
    assert {row["rule"] for row in body["dropped"]} == {"bought_recently"}


def test_pins_stand_first_and_caps_count_them(ask, goods):
    _, body = ask(customer="a-0", pin=["cheese", "sauce"], per_category=1, explore="false", explain="true")

    assert names(body)[:2] == ["cheese", "sauce"]
    assert body["items"][0]["reason"] == "Pinned by the request."
    full = {row["product_id"]: row["rule"] for row in body["dropped"]}
    assert full == {"milk": "category_full", "pasta": "category_full"}  # dairy and dry goods have their one


def test_a_title_stands_once(ask, goods):
    Product.objects.filter(pk=goods["milk"].pk).update(title="Rolled oats")

    _, body = ask(customer="a-0", explore="false", explain="true")

    assert sum(item["title"] == "Rolled oats" for item in body["items"]) == 1
    assert "same_title" in {row["rule"] for row in body["dropped"]}


def test_what_was_shown_too_often_gives_way(ask, goods):
    for _ in range(2):
        ask(customer="a-0", limit=3, explore="false")
    assert exposures.drain() == 2

    _, body = ask(customer="a-0", limit=3, repeat_cap=2, explore="false", explain="true")

    assert set(names(body)) == set(shop.SUPPER)
    assert {row["rule"] for row in body["dropped"]} == {"shown_often"}


def test_who_does_not_want_to_be_personalised_gets_what_everybody_gets(ask, goods):
    quiet = Customer.objects.get(external_id="a-0")
    people.set_personalise(quiet.pk, False, actor=None)
    refuses = Customer.objects.get(external_id="a-1")
    consent.record(act(refuses.pk, "objected", purpose="profiling", channel="any"))
    shop.look("pasta", user="a-0")
    _, common = ask(limit=4, explore="false")

    for person, why in (("a-0", "asked not to be personalised"), ("a-1", "refused profiling")):
        _, body = ask(customer=person, limit=4, explore="false")
        assert why in body["note"]
        assert body["is_fallback"] is True
        assert names(body) == names(common)
    # Nothing about these two is written down, not even that they asked.
    exposures.drain()
    assert set(Exposure.objects.values_list("customer_id", flat=True)) == {None}


def test_a_merchant_sees_its_own_and_hears_nothing_of_what_people_do_elsewhere(ask, client):
    mill, dairy = factories.merchant("Mill"), factories.merchant("Dairy")
    goods = shop.open_shop(mill)
    shop.trade(mill)
    theirs = factories.product("Goat cheese", external_id="goat", merchant=dairy, product_type="CHEESE")
    shop.publish()
    key = factories.api_key(mill, "recommendations.read")

    _, body = ask(key=key, customer="a-0", explore="false", explain="true")
    assert set(names(body)) <= set(goods)
    assert all(row["product_id"] != "goat" for row in body["dropped"])
    for query, field in (
        ({"product": "goat"}, "product"),
        ({"customer": "a-0", "pin": "goat"}, "pin"),
        ({"customer": "a-0", "merchant": dairy.external_id}, "merchant"),
    ):
        answer, body = ask(key=key, **query)
        assert answer.status_code == 404, query
        assert body["fields"][0]["field"] == field
    assert theirs.pk


@pytest.mark.parametrize(
    ("query", "status", "field", "remedy"),
    [
        ({"customer": "nobody"}, 404, "customer", "send an event"),
        ({"product": "nothing"}, 404, "product", "send it in a feed"),
        ({"segment": "nowhere"}, 404, "segment", "lists them"),
        ({"customer": "a-0", "category": "Rockets"}, 404, "category", "No product on sale"),
        ({"customer": "a-0", "colour": "red"}, 400, "colour", "The parameters are"),
        ({"customer": "a-0", "limit": "31"}, 400, "limit", "30"),
        ({"customer": "a-0", "price_min": "5", "price_max": "2"}, 400, "price_min", "Swap them"),
        ({"customer": "a-0", "product": "oats"}, 400, "product", "Ask for one"),
        ({"relation": "similar"}, 400, "relation", "send product"),
        ({"product": "oats", "kind": "offer"}, 400, "kind", "customer or an anonymous"),
        ({"customer": "a-0", "price_max": "NaN"}, 400, "price_max", "number"),
        ({"customer": "a\x00b"}, 400, "customer", "Null"),
    ],
)
def test_a_bad_question_names_the_field_and_the_remedy(ask, goods, query, status, field, remedy):
    answer, body = ask(**query)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert [row["field"] for row in body["fields"]] == [field]
    assert remedy in body["fields"][0]["reason"]


def test_every_answer_becomes_an_exposure_with_true_probabilities(ask, goods):
    _, body = ask(customer="a-0", limit=5)

    assert not Exposure.objects.exists()  # the request did not wait for it
    assert exposures.drain() == 1
    kept = Exposure.objects.get(request_id=UUID(body["request_id"]))
    assert kept.items == [goods[name].pk for name in names(body)]
    assert kept.propensities[:4] == [1.0] * 4
    assert kept.slot == 4
    assert sum(kept.odds.values()) == pytest.approx(1.0, abs=1e-5)
    assert kept.odds[str(kept.items[4])] == kept.propensities[4]
    assert kept.customer.external_id == "a-0"
    assert kept.surface == "api"


def test_without_any_published_index_the_common_list_answers(ask):
    shop.open_shop()
    shop.trade()

    _, body = ask(anonymous="v", limit=3, explore="false")

    assert len(body["items"]) == 3
    assert body["chain"][-1] == {"step": "popular", "items": 3}
    assert body["items"][0]["reason"] == "Popular now: 12 customers bought it in two weeks."
