"""Who and what is new: a product that nobody bought yet, and a person who bought nothing yet, each with a true reason."""

import pytest
from django.utils import timezone

from customers.models import Customer, Order, OrderLine
from tests import factories
from tests.recommendations import shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]


@pytest.fixture
def ask(client):
    key = factories.api_key(None, "recommendations.read")

    def ask(**query):
        answer = client.get(
            "/api/v1/recommendations/", {"explore": "false", **query}, headers={"authorization": f"Bearer {key}"}
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    return ask


@pytest.fixture
def goods():
    """The shop, and three products that came this morning: two kinds of oats, and a torch that is like nothing."""
    goods = shop.open_shop()
    shop.trade()
    for name, title, category, kind, department in (
        ("spelt", "Spelt flakes", "Cereals", "OATS", "GROCERY"),
        ("penne", "Wholemeal penne", "Dry goods", "PASTA", "GROCERY"),
        ("torch", "Torch", "Outdoors", "TORCHES", "SPORTS"),
    ):
        goods[name] = factories.product(
            title, external_id=name, category=category, product_type=kind, department=department, price="3.50"
        )
    shop.publish()
    return goods


def by_name(body) -> dict[str, dict]:
    return {item["product_id"]: item for item in body["items"]}


def test_a_new_product_is_shown_to_those_who_buy_what_it_is_like(ask, goods):
    early, late = (by_name(ask(customer=who, limit=6)) for who in ("a-0", "b-0"))

    assert early["spelt"]["source"] == late["penne"]["source"] == "newcomers"
    assert early["spelt"]["reason"] == "Few know it yet; it is like Rolled oats, which you buy."
    assert early["spelt"]["reason_code"] == "like_known"
    order = [item["product_id"] for item in ask(customer="a-0", limit=6)["items"]]
    assert order.index("spelt") < order.index("penne") if "penne" in order else True
    # It fills a list, it does not make it: what the person buys stands before it. And what is like nothing goes to nobody.
    assert set(order[:3]) == set(shop.BREAKFAST)
    assert "torch" not in by_name(ask(customer="a-0", limit=9))


def test_a_filter_reaches_new_products_too(ask, goods):
    body = ask(customer="a-0", category="Cereals", limit=3)
    assert [item["product_id"] for item in body["items"]] == ["oats", "spelt"]


def test_a_look_at_a_new_product_says_what_a_look_at_its_like_says(ask, goods):
    shop.look("spelt", anonymousId="visitor")

    body = ask(anonymous="visitor", limit=3)

    assert {"milk", "honey"} <= set(by_name(body))
    assert by_name(body)["milk"]["reason"] == "Because you looked at Spelt flakes."
    assert body["is_fallback"] is False


def test_a_new_person_gets_what_people_who_told_the_same_buy(ask, goods):
    for kind, age in (("a", "25-34"), ("b", "65+")):
        Customer.objects.filter(external_id__startswith=f"{kind}-").update(attributes={"age": age})
    for name, age in (("young", "25-34"), ("old", "65+"), ("silent", None), ("odd", "19-24")):
        factories.customer(external_id=name, attributes={"age": age} if age else {})
    shop.publish()

    young, old = ask(customer="young", limit=3), ask(customer="old", limit=3)

    assert set(by_name(young)) == set(shop.BREAKFAST)
    assert set(by_name(old)) == set(shop.SUPPER)
    assert {item["source"] for item in young["items"] + old["items"]} == {"alike"}
    first = young["items"][0]
    assert (first["reason_code"], first["reason"]) == (
        "popular_with_alike", "Bought by people who told the same of themselves as you.",
    )  # fmt: skip
    # Nobody hears which age it was; it is a fall-back, and says so.
    assert "25" not in str(young["items"])
    assert young["is_fallback"] is True
    for name in ("silent", "odd"):
        assert {item["source"] for item in ask(customer=name, limit=3)["items"]} <= {"popular", "newcomers"}


def test_the_first_order_ends_the_cold_start(ask, goods):
    Customer.objects.filter(external_id__startswith="a-").update(attributes={"age": "25-34"})
    person = factories.customer(external_id="young", attributes={"age": "25-34"})
    shop.publish()
    assert ask(customer="young", limit=3)["items"][0]["source"] == "alike"
    bought = Order.objects.create(
        external_id="first", customer=person, ordered_at=timezone.now(), channel="web", source="api", total=2
    )
    OrderLine.objects.create(order=bought, product=goods["pasta"], quantity=1, amount=2)

    body = ask(customer="young", limit=3)

    assert body["items"][0]["product_id"] == "pasta"
    assert {item["source"] for item in body["items"]} <= {"history", "newcomers"}
    assert body["is_fallback"] is False
