"""A recommendation block: pins, filters and fall-back, the same for a whole audience as for the sample of the page."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.contracts import Block, Choice
from campaigns.models import AudienceMember, Campaign
from campaigns.queries.block import sample
from campaigns.services import audience
from customers.models import Customer, Order, OrderLine
from recommendations.models import Recommendation
from tests import factories
from tests.campaigns.pages import shop_in_review, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    """Three people, each with six scored products; popular: the milk. One asked not to be personalised."""
    shop = shop_in_review(people=3)
    Recommendation.objects.all().delete()
    shop.goods = [
        factories.product(title, category=category, product_type="X", price=Decimal(price), stock=stock)
        for title, category, price, stock in [
            ("Rolls", "BREAD", "2.00", None), ("Baguette", "BREAD", "3.00", 0), ("Cheddar", "CHEESE", "6.00", 5),
            ("Brie", "CHEESE", "9.00", 5), ("Tea", "DRINKS", "4.00", None), ("Coffee", "DRINKS", "7.00", None),
        ]
    ]  # fmt: skip
    shop.milk = factories.product("Milk", category="DAIRY", product_type="MILK", price=Decimal("1.50"))
    model = shop.campaign.recommender
    for place, person in enumerate(shop.people):
        for rank, product in enumerate(shop.goods[place:] + shop.goods[:place], start=1):
            Recommendation.objects.create(
                customer=person, product=product, rank=rank, score=1 / rank, is_novel=False,
                reason_code="bought_again", reason_value=2, reason_days=3, model_version=model,
            )  # fmt: skip
    for person in shop.people[::2]:
        buy(person, shop.milk, days=3)
    buy(shop.people[1], shop.goods[4], days=10)
    Customer.objects.filter(pk=shop.people[2].pk).update(personalise=False)
    return shop


def buy(person, product, *, days: int) -> None:
    order = Order.objects.create(
        external_id=f"{person.pk}-{product.pk}", customer=person, ordered_at=timezone.now() - timedelta(days=days),
        channel="web", total=product.price,
    )  # fmt: skip
    OrderLine.objects.create(order=order, product=product, quantity=1, amount=product.price)


def frozen(shop, block: Block, items: int = 3) -> list[list[str]]:
    """The titles that each person gets, in the order of people; the page's sample must say the same."""
    Campaign.objects.filter(pk=shop.campaign.pk).update(block=block.kept(), items_per_message=items)
    campaign = Campaign.objects.get(pk=shop.campaign.pk)
    audience.freeze(campaign)
    rows = dict(AudienceMember.objects.filter(campaign=campaign).values_list("customer_id", "items"))
    segment = campaign.segments.get()
    shown = {p.pk: sample(block, p.pk, None, items, segment=segment) for p in shop.people}
    assert rows == {pk: [item.product_id for item in one.items] for pk, one in shown.items()}
    titles = {item.product_id: item.title for one in shown.values() for item in one.items}
    return [[titles[pk] for pk in rows[person.pk]] for person in shop.people]


def test_by_default_each_person_has_their_own_and_who_said_no_to_that_the_common_list(shop):
    assert frozen(shop, Block()) == [["Rolls", "Cheddar", "Brie"], ["Cheddar", "Brie", "Tea"], ["Milk", "Tea"]]


def test_pins_stand_first_for_everybody_as_long_as_they_are_on_sale(shop):
    pins = (shop.goods[1].pk, shop.goods[5].pk)  # the first is out of stock

    assert frozen(shop, Block(pins=pins), items=2) == [["Coffee", "Rolls"], ["Coffee", "Cheddar"], ["Coffee", "Milk"]]


def test_filters_leave_out_and_the_common_list_fills_up_under_the_same_filters(shop):
    assert frozen(shop, Block(max_price=Decimal(4))) == [
        ["Rolls", "Tea", "Milk"],
        ["Tea", "Rolls", "Milk"],
        ["Milk", "Tea"],
    ]
    assert frozen(shop, Block(category="CHEESE")) == [["Cheddar", "Brie"], ["Cheddar", "Brie"], []]


def test_what_was_bought_lately_is_left_out_of_every_list(shop):
    block = Block(category="DRINKS", not_bought_days=14)

    assert frozen(shop, block) == [["Tea", "Coffee"], ["Coffee"], ["Tea"]]
    assert frozen(shop, Block(category="DRINKS", not_bought_days=7))[1] == ["Tea", "Coffee"]


def test_without_a_fall_back_only_those_who_are_not_personalised_get_the_common_list(shop):
    assert frozen(shop, Block(category="DAIRY", falls_back=False)) == [[], [], ["Milk"]]


def test_one_list_for_a_segment_is_what_stands_highest_in_its_peoples_lists(shop):
    found = frozen(shop, Block(choice=Choice.SEGMENT), items=2)

    # Sums of 1 / rank over the two who are personalised: Rolls 1 + 1/6, Cheddar 1/3 + 1/2, Brie 1/4 + 1/3 ...
    assert found == [["Rolls", "Cheddar"], ["Rolls", "Cheddar"], ["Milk", "Tea"]]


def test_fixed_products_are_the_pins_alone(shop):
    assert frozen(shop, Block(choice=Choice.FIXED, pins=(shop.milk.pk,))) == [["Milk"], ["Milk"], ["Milk"]]


def test_the_sample_says_why_something_was_left_out(shop):
    block = Block(max_price=Decimal("5"), not_bought_days=14, pins=(shop.goods[1].pk,))
    segment = shop.campaign.segments.get()

    dropped = {item.title: item.reason for item in sample(block, shop.people[1].pk, None, 6, segment=segment).dropped}

    assert dropped["Baguette"] == "It is out of stock."
    assert dropped["Brie"] == "It costs 9.00 USD."
    assert dropped["Tea"].startswith("Bought on ")


def test_the_composer_pins_and_unpins_and_tries_the_block_without_losing_what_was_typed(shop):
    from tests.campaigns.test_compose_page import form

    client, url = signed_in(shop.marketer), reverse("campaigns:new")
    typed = form(name="Half typed", holdout="99", segment_1=shop.campaign.segments.get().pk)

    found = client.post(url, {**typed, "find": "chedar", "do": "find"})  # with a typing error
    assert [product.title for product in found.context["form"].matches()] == ["Cheddar"]
    pinned = client.post(url, {**typed, "do": f"pin:{shop.goods[2].pk}"})
    assert [product.title for product, _ in pinned.context["form"].pinned()] == ["Cheddar"]
    assert 'value="Half typed"' in pinned.content.decode()
    tried = client.post(url, {**typed, "pins": str(shop.goods[2].pk), "do": "sample"})
    assert [one.items[0].title for one in tried.context["samples"]] == ["Cheddar"] * 3
    gone = client.post(url, {**typed, "pins": str(shop.goods[2].pk), "do": f"unpin:{shop.goods[2].pk}"})
    assert gone.context["form"].pinned() == []
    assert Campaign.objects.count() == 1  # nothing was saved


def test_a_foreign_or_missing_pin_is_refused_at_its_field(shop):
    from tests.campaigns.test_compose_page import form

    client = signed_in(shop.marketer)
    merchant = factories.merchant("bakery")

    answer = client.post(reverse("campaigns:new"), form(choice="fixed"))
    assert answer.context["form"].errors["find"] == ["Pin at least one product, or choose another way above."]
    answer = client.post(reverse("campaigns:new"), form(pins=str(shop.milk.pk), merchant=str(merchant.pk)))
    assert answer.context["form"].errors["find"][0].startswith("Milk: not this merchant's.")
