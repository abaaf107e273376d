"""From orders to what a person's page says: trained, scored and explained; what is not known stays so."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from catalog.models import Membership
from customers.models import Customer, Event
from customers.services import consent
from recommendations.contracts import COUPON, LIFETIME, PURCHASE
from recommendations.models import Profile
from recommendations.queries.lookalikes import lookalikes
from recommendations.queries.people import profile
from recommendations.scoring.everyone import score_everyone
from registry import queries as registry
from registry.models import ModelVersion
from tests import factories
from tests.customers.rows import act
from tests.recommendations import households

pytestmark = pytest.mark.django_db


@pytest.fixture
def artifacts(settings, tmp_path):
    settings.ARTIFACTS_DIR = tmp_path


@pytest.fixture
def people(artifacts) -> list[Customer]:
    found = households.fill()
    call_command(
        "train_recommenders", "--here", "--only", "clusters", LIFETIME, "propensities", until=households.END.isoformat()
    )
    return found


def page(customer: Customer, role: str = "marketer", **headers) -> str:
    client = Client(headers=headers)
    client.force_login(factories.staff(role))
    answer = client.get(reverse("recommendations:customer", args=[customer.pk]))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_each_training_says_what_it_cost_and_what_more_data_would_cost(people):
    costs = {version.kind: version.params["cost"] for version in ModelVersion.objects.all()}
    assert set(costs) == {"clusters", LIFETIME, PURCHASE, COUPON}
    for kind, cost in costs.items():
        assert cost["rows"] >= households.PEOPLE * 0.9, kind
        assert cost["peak_mb"] > 10, kind
        assert 1.0 <= cost["exponent"] <= 3.0, kind
        assert cost["seconds_at_10"] == pytest.approx(cost["seconds"] * 10 ** cost["exponent"]), kind
        assert cost["seconds_at_100"] >= 10 * cost["seconds_at_10"], kind


def test_habits_are_found_and_kept_with_their_reasons(people):
    """h-002 uses coupons and comes weekly, h-001 comes weekly without, h-006 stopped and used coupons."""
    weekly, plain, gone = (profile(people[number].pk) for number in (2, 1, 6))
    assert weekly.coupon_propensity > 0.8
    assert plain.coupon_propensity < 0.2
    assert weekly.purchase_propensity > 0.8
    assert gone.purchase_propensity < 0.2
    assert weekly.alive > 0.9
    assert gone.alive < 0.1
    assert weekly.lifetime_value > 10 * gone.lifetime_value
    soonest, half, latest = weekly.next_order
    assert households.END < soonest < half < latest < households.END + timedelta(days=60)
    assert (weekly.discount_share, plain.discount_share) == (0.5, 0.0)
    assert 0.3 < weekly.shop_discount_share < 0.35
    assert weekly.channels == {"store": weekly.frequency}
    assert profile(people[5].pk).leanings[365][0][0] == "MEAT"
    assert len(weekly.factors[COUPON]) == 3 and any("coupon" in name for name, _, _ in weekly.factors[COUPON])


def test_versions_stand_in_the_registry_beside_the_base_rate(people):
    for kind in (PURCHASE, COUPON):
        version = registry.live(kind)
        assert version.metrics["roc_auc"]["value"] > 0.9 > version.metrics["roc_auc"]["baseline"] == 0.5
        assert version.metrics["log loss"]["value"] < version.metrics["log loss"]["baseline"]
        assert set(version.params["compared"]) == {"linear", "logistic", "boosting"}
        assert 0.5 <= version.params["accuracy of guessing"] < version.params["accuracy"]
    error = registry.live(LIFETIME).metrics["error of orders in 4 weeks"]
    assert error["value"] < error["baseline"]


def test_the_page_says_each_figure_and_what_it_follows_from(people):
    text = page(people[2])
    assert "<h1>What h-002 is like</h1>" in text
    for words in ("Worth in the next year", "Has left us", "Next order", "Uses a coupon within four weeks",
                  "with a coupon in the last", "Bought reduced", "more than the shop&#x27;s", "store 100%",
                  "None recorded: no search, view or cart"):  # fmt: skip
        assert words in text, words
    fragment = page(people[2], **{"hx-request": "true"})
    assert fragment.strip().startswith("<section") and "<h1>" not in fragment


def test_visits_are_counted_where_events_came_in(people):
    """Two visits: one with a search, a view and an order, one with a view alone 31 minutes later; a store event is none."""
    seen = people[2]
    began = households.END - timedelta(days=3)
    for minutes, name, channel in (
        (0, "Products Searched", "web"), (10, "Product Viewed", "web"), (25, "Order Completed", "web"),
        (56, "Product Viewed", "app"), (200, "Order Completed", "store"),
    ):  # fmt: skip
        Event.objects.create(
            occurred_at=began + timedelta(minutes=minutes), message_id=f"v-{minutes}", name=name, source="api",
            channel=channel, customer=seen,
        )  # fmt: skip
    score_everyone()
    assert profile(seen.pk).visits == (2, 1, 2, 0, 1)
    assert profile(people[1].pk).visits is None
    assert "Visits in the last year" in page(seen)


def test_who_refused_to_be_learnt_from_has_no_profile(people):
    consent.record(act(people[2].pk, "refused", purpose="model_training"))
    score_everyone()
    assert profile(people[2].pk) is None
    assert Profile.objects.count() == households.PEOPLE - 1
    assert "Not described yet" in page(people[2])


def test_a_young_shop_is_told_what_is_missing_and_has_no_invented_figure(artifacts, capsys):
    households.fill()
    early = households.END - timedelta(days=7 * households.WEEKS - 21)  # three weeks of orders
    call_command("train_recommenders", "--here", "--only", "clusters", "propensities", until=early.isoformat())
    assert "propensities is left out: Too few data: propensity: orders reach back" in capsys.readouterr().out
    found = Profile.objects.first()
    assert found.cluster_name and found.coupon_propensity is None and found.lifetime_value is None


def test_a_merchant_sees_no_person(people):
    user = factories.staff("marketer")
    Membership.objects.create(user=user, merchant=factories.merchant())
    client = Client()
    client.force_login(user)
    assert client.get(reverse("recommendations:customer", args=[people[2].pk])).status_code == 403


def test_the_groups_of_the_next_training_keep_their_numbers(people):
    before = dict(Profile.objects.values_list("customer_id", "cluster"))
    call_command(
        "train_recommenders", "--here", "--only", "clusters", until=(households.END - timedelta(days=7)).isoformat()
    )
    newest = registry.versions("clusters").first()
    assert newest.params["people who keep their group"] > 0.9
    assert newest.metrics["explained share of differences"]["value"] > 0.5
    after = dict(Profile.objects.values_list("customer_id", "cluster"))
    assert sum(before[who] == group for who, group in after.items()) > 0.9 * len(after)


def test_look_alikes_share_the_habits_of_the_given_and_are_not_they(people):
    """Given: weekly buyers of meat (5, 10, 20, 25, 35, 40). The other such people come before everybody else."""
    alike = [n for n in range(households.PEOPLE) if n % 5 == 0 and n % 3]
    given = [people[number].pk for number in alike[:6]]
    found = lookalikes(given, limit=20)
    assert not {who for who, _ in found} & set(given)
    others = {people[number].pk for number in alike[6:]}
    assert sum(who in others for who, _ in found[:10]) == 10
    assert found[0][1] >= found[-1][1] > 0


def test_too_few_to_be_alike_to_is_told(people):
    with pytest.raises(ValueError, match="1 of the given people have a profile; 5 are needed"):
        lookalikes([people[1].pk])
