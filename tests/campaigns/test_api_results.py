"""The API: what campaigns did, exact for the platform. What a merchant is told stands in test_merchant_results.py."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Click, Message
from customers.models import Order
from tests import factories
from tests.campaigns.pages import again, shop_sent, signed_in
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


def with_key(merchant, *scopes: str) -> Client:
    return Client(headers={"authorization": f"Bearer {factories.api_key(merchant, *(scopes or ('campaigns.read',)))}"})


def results(client: Client, campaign: Campaign, **query):
    return client.get(reverse("api:campaign-results", args=[campaign.pk]), query)


@pytest.fixture
def mill():
    return factories.merchant("Mill & Co")


@pytest.fixture
def shop(mill):
    shop = shop_sent(people=20, holdout_share=0.5)
    Campaign.objects.filter(pk=shop.campaign.pk).update(merchant=mill, started_at=timezone.now() - timedelta(days=2))
    return again(shop)


def test_the_platform_reads_the_results_of_a_merchants_campaign(shop, mill):
    buyer = Message.objects.first().customer
    Order.objects.create(
        external_id="o-1", customer=buyer, total="12.30", ordered_at=timezone.now() - timedelta(days=1),
        channel="web", source="api",
    )  # fmt: skip
    Click.objects.create(message=Message.objects.first(), origin="simulated")

    body = results(with_key(None), shop.campaign).json()

    assert (body["campaign"]["id"], body["campaign"]["merchant"]) == (shop.campaign.pk, mill.external_id)
    found = body["results"]
    assert found["treated"] == {
        "customers": Message.objects.count(), "converted": 1, "orders": 1, "revenue": "12.30", "currency": "USD",
    }  # fmt: skip
    assert found["treated"]["customers"] + found["holdout"]["customers"] == 20
    assert found["conversion"]["verdict"] == "cannot tell"
    assert found["conversion"]["reason"].startswith("Too few")
    assert found["sample_ratio"]["expected_share"] == 0.5
    assert (found["funnel"]["clicked"], found["funnel"]["clicks_origin"]) == (1, "simulated")
    assert found["orders_origin"] == "observed"
    assert (found["window"]["is_complete"], found["window"]["is_replay"]) == (False, False)


def test_intervals_of_shares_are_numbers_and_of_money_strings():
    shop = shop_sent(people=120, holdout_share=0.5)  # either arm has 30, but for odds of one in 10 million
    Campaign.objects.filter(pk=shop.campaign.pk).update(started_at=timezone.now() - timedelta(days=2))
    for number, person in enumerate(shop.people[::2]):
        Order.objects.create(
            external_id=f"o-{number}", customer=person, total=f"{10 + number}.00", channel="web", source="api",
            ordered_at=timezone.now() - timedelta(days=1),
        )  # fmt: skip

    found = results(with_key(None), shop.campaign).json()["results"]

    share, money = found["conversion"]["difference"], found["revenue"]["difference"]
    assert share["low"] <= share["estimate"] <= share["high"]
    assert share["level"] == money["level"] == 0.95
    low, estimate, high = (Decimal(money[name]) for name in ("low", "estimate", "high"))
    assert low <= estimate <= high
    assert all(isinstance(money[name], str) for name in ("low", "estimate", "high"))
    assert Decimal(found["revenue"]["treated"]) - Decimal(found["revenue"]["holdout"]) == pytest.approx(
        estimate, abs=Decimal("0.0002")
    )


def test_another_merchants_campaign_is_not_found(shop):
    answer = results(with_key(factories.merchant("Other")), shop.campaign)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert shop.campaign.name not in answer.content.decode()


def test_the_list_holds_a_merchants_own_campaigns_and_for_the_platform_all(shop, mill):
    other = Campaign.objects.create(name="Everybody's")

    own = with_key(mill).get(reverse("api:campaigns")).json()["results"]
    every = with_key(None).get(reverse("api:campaigns")).json()["results"]

    assert [row["id"] for row in own] == [shop.campaign.pk]
    assert [row["id"] for row in every] == [other.pk, shop.campaign.pk]
    assert own[0]["origin"] == "observed"


def test_the_list_costs_the_same_for_one_and_for_many_and_counts_nothing(mill, django_assert_num_queries):
    for number in range(20):
        Campaign.objects.create(name=f"C {number}", merchant=mill)
    client = with_key(mill)

    client.get(reverse("api:campaigns"))  # marks the key as used, once a minute
    with django_assert_num_queries(3) as done:  # the key with its user, its merchant, the page
        assert len(client.get(reverse("api:campaigns")).json()["results"]) == 20
    assert not [query for query in done.captured_queries if "COUNT(" in query["sql"]]


def test_a_key_without_the_scope_is_refused(shop, mill):
    client = with_key(mill, "events.write")
    assert results(client, shop.campaign).status_code == 403
    assert client.get(reverse("api:campaigns")).status_code == 403
    assert Client().get(reverse("api:campaigns")).status_code == 401


def test_staff_read_with_their_session_what_their_roles_allow(shop):
    assert results(signed_in(factories.staff("analyst")), shop.campaign).status_code == 200
    nobody = factories.User.objects.create_user("nobody", password="x")
    assert results(signed_in(nobody), shop.campaign).status_code == 403


def test_before_the_start_the_results_are_null(mill):
    shop = open_shop(people=2)
    body = results(with_key(None), shop.campaign).json()
    assert (body["results"], body["campaign"]["state"]) == (None, "scheduled")


@pytest.mark.parametrize(
    ("as_of", "words"),
    [
        ("2999-01-01", "Orders are known until"),
        ("2999-01-01T00:00:00Z", "Orders are known until"),
        ("2026-01-01T00:00:00", "time with zone"),
        ("yesterday", "Not a day like"),
        ("2026-02-30", "Not a day like"),
    ],
)
def test_a_moment_that_cannot_be_answered_names_the_field_and_the_remedy(as_of, words, shop, mill):
    answer = results(with_key(mill), shop.campaign, as_of=as_of)
    assert answer.status_code == 400
    (problem,) = answer.json()["fields"]
    assert problem["field"] == "as_of"
    assert words in problem["reason"]


def test_an_earlier_moment_counts_earlier_orders_only(shop):
    day = (timezone.now() - timedelta(days=2)).date()
    body = results(with_key(None), shop.campaign, as_of=f"{day}").json()["results"]
    assert body["window"]["until"] == f"{day + timedelta(days=1)}T00:00:00Z"
    moment = results(with_key(None), shop.campaign, as_of=f"{day}T23:00:00Z").json()["results"]
    assert moment["window"]["as_of"] == f"{day}T23:00:00Z"


def test_the_schema_describes_both_routes():
    schema = Client().get("/api/schema/?format=json", headers={"accept": "application/json"}).json()
    read = schema["paths"]["/api/v1/campaigns/{campaign_id}/results/"]["get"]
    assert read["summary"] == "Lift of the treated over the hold-out, with intervals"
    assert [p["name"] for p in read["parameters"]] == ["as_of", "campaign_id"]
    assert "/api/v1/campaigns/" in schema["paths"]
