"""Propensities under differential privacy: off unless asked for, paid for first, and never beyond the budget."""

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import PrivacyBudget
from customers.queries.budget import CAP, budgets
from recommendations.contracts import COUPON, PROPENSITIES, PURCHASE
from recommendations.training.run import train
from registry import queries as registry
from registry import services as runs
from registry.models import Alarm, TrainingRun
from tests import factories
from tests.recommendations import households

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(settings, tmp_path):
    settings.ARTIFACTS_DIR = tmp_path
    households.fill()
    return settings


def run(number: int = 0) -> TrainingRun:
    asked = runs.ask(PROPENSITIES, {"promote": True, "until": households.END.isoformat(), "number": number})
    train(asked.pk)
    asked.refresh_from_db()
    return asked


def test_nothing_is_private_or_spent_unless_the_settings_ask_for_it(shop):
    assert shop.PROPENSITY_EPSILON == 0
    assert run().state == "succeeded"
    assert "differential privacy" not in registry.live(PURCHASE).params
    assert not PrivacyBudget.objects.exists()


def test_each_training_pays_until_the_quarter_is_spent_and_then_the_live_model_stays(shop):
    shop.PROPENSITY_EPSILON = 1.0
    assert [run(number).state for number in range(3)] == ["succeeded"] * 3
    rows = list(PrivacyBudget.objects.values_list("dataset", "unit", "epsilon", "delta"))
    assert rows == [("propensity training", "customer", 0.5, 1.5e-7)] * 6
    (line,) = budgets()
    assert line.summed_epsilon == 3.0 == CAP.epsilon
    for kind in (PURCHASE, COUPON):
        told = registry.live(kind).params["differential privacy"]
        assert (told["unit"], told["paid epsilon"], told["paid delta"]) == ("customer", 0.5, 1.5e-7)
        assert 0 < told["epsilon"] <= 0.5  # by Opacus's own account
    before = registry.live(PURCHASE).pk
    refused = run(3)
    assert refused.state == "failed"
    assert "The privacy budget of propensity training" in refused.error
    assert registry.live(PURCHASE).pk == before
    assert Alarm.objects.filter(kind=PROPENSITIES, cleared_at=None).count() == 1
    assert PrivacyBudget.objects.count() == 6

    client = Client()
    client.force_login(factories.staff("officer"))
    page = client.get(reverse("customers:budget")).content.decode()
    assert "propensity training" in page and "DP-SGD (Opacus, PRV accountant)" in page
    client.force_login(factories.staff("marketer"))
    version = client.get(reverse("registry:version", args=[before])).content.decode()
    assert "differential privacy" in version and "&#x27;paid epsilon&#x27;: 0.5" in version
