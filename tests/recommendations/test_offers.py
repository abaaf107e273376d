"""kind=offer: which live offer suits this person, at the same value for everybody."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.models import Offer, OfferProduct
from customers.models import Customer
from customers.services import people
from customers.services.events import record_events
from recommendations.models import Exposure
from recommendations.queries.live import shown_often
from recommendations.queries.outcomes import outcomes
from recommendations.services import exposures
from tests import factories
from tests.customers.rows import order
from tests.recommendations import shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]


@pytest.fixture
def ask(client):
    key = factories.api_key(None, "recommendations.read")

    def ask(key=key, **query):
        answer = client.get(
            "/api/v1/recommendations/", {"kind": "offer", **query}, headers={"authorization": f"Bearer {key}"}
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    return ask


def offer(name: str, *products, merchant=None, starts=-1, ends=5, value="10") -> Offer:
    now = timezone.now()
    made = Offer.objects.create(
        external_id=name, merchant=merchant, title=name, kind="percent", value=Decimal(value),
        starts_at=now + timedelta(days=starts), ends_at=now + timedelta(days=ends),
    )  # fmt: skip
    OfferProduct.objects.bulk_create(OfferProduct(offer=made, product=product) for product in products)
    return made


@pytest.fixture
def offers():
    goods = shop.open_shop()
    shop.trade()
    shop.publish()
    offer("breakfast", *(goods[name] for name in shop.BREAKFAST))
    offer("supper", *(goods[name] for name in shop.SUPPER))
    offer("everything", value="5")
    offer("over", goods["oats"], starts=-9, ends=-1)
    offer("to-come", goods["oats"], starts=1)
    return goods


def names(body) -> list[str]:
    return [row["offer_id"] for row in body["offers"]]


def test_each_person_gets_the_offer_that_covers_what_they_buy_at_the_same_value(ask, offers):
    early, late = ask(customer="a-0"), ask(customer="b-0")

    assert names(early) == ["breakfast", "everything", "supper"]
    assert names(late) == ["supper", "everything", "breakfast"]
    assert early["offers"][0]["reason"] == "Holds for 3 of the products that you bought in the last year."
    assert {row["offer_id"]: row["value"] for row in early["offers"]} == {
        row["offer_id"]: row["value"] for row in late["offers"]
    }
    assert early["value_note"] == "The value is the same for everybody who may use the offer."


def test_a_session_is_followed_here_too(ask, offers):
    assert ask(anonymous="v")["is_fallback"] is True
    shop.look("pasta", anonymousId="v")

    body = ask(anonymous="v", limit=1)

    assert body["is_fallback"] is False
    assert names(body) == ["supper"]
    assert body["offers"][0]["reason_code"] == "covers_near"


def test_who_does_not_want_to_be_personalised_gets_what_ends_first(ask, offers):
    offer("last-day", offers["cheese"], ends=1)
    people.set_personalise(Customer.objects.get(external_id="a-0").pk, False, actor=None)

    body = ask(customer="a-0")

    assert names(body)[0] == "last-day"
    assert body["is_fallback"] is True
    assert "asked not to be personalised" in body["note"]


def test_a_merchant_is_told_of_its_own_offers_alone(ask, offers):
    mill = factories.merchant()
    offer("of-the-mill", merchant=mill)

    assert names(ask(key=factories.api_key(mill, "recommendations.read"), customer="a-0")) == ["of-the-mill"]


def test_a_merchant_does_not_learn_from_a_score_how_much_somebody_buys_elsewhere(ask, offers):
    mill = factories.merchant()
    rye = factories.product("Rye", external_id="rye", merchant=mill)
    receipt = record_events([order("at-the-mill", ("rye", 1, "2.00"), user="a-0")], merchant_id=mill.pk, source="api")
    assert receipt.accepted == 1
    offer("on-rye", rye, merchant=mill)
    key = factories.api_key(mill, "recommendations.read")

    assert ask(key=key, customer="a-0")["offers"][0]["score"] == 1.0
    assert ask(key=key, customer="a-1")["is_fallback"] is True


def test_an_answer_of_offers_is_kept_and_counts_what_it_led_to(ask, offers):
    body = ask(customer="a-0", limit=2)
    anonymous = ask(limit=1)

    exposures.drain()
    kept = Exposure.objects.get(request_id=body["request_id"])
    named = list(Offer.objects.filter(pk__in=kept.items).values_list("external_id", flat=True))
    assert (kept.kind, kept.surface, sorted(named)) == ("offer", "api", ["breakfast", "everything"])
    assert (kept.customer.external_id, kept.propensities, kept.strategy) == ("a-0", [1.0, 1.0], "interest")
    other = Exposure.objects.get(request_id=anonymous["request_id"])
    assert (other.kind, other.customer, other.strategy) == ("offer", None, "ends_first")
    # Ids of offers are no ids of products: none of them counts as a product that was shown.
    assert shown_often(kept.customer_id, timezone.now() - timedelta(days=1), 1) == set()

    posted = order("from-an-offer", ("oats", 1, "2.00"), user="a-0")
    posted["properties"]["request_id"] = body["request_id"]
    assert record_events([posted], merchant_id=None, source="api").accepted == 1
    version = factories.live_recommender()
    Exposure.objects.update(model_version=version)
    (found,) = outcomes(timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1))
    assert (found.surface, found.shown, found.ordered) == ("api offers", 2, 1)
