"""Trainings and comparisons by the button: what the page says, what a worker does, what the Models page shows after it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from customers.services.events import record_events
from recommendations.contracts import COMPARISON, FAMILIES
from recommendations.training import comparison
from recommendations.training.run import MEASUREMENTS, TRAININGS, train
from recommendations.views.trainings import WHAT
from registry.models import Comparison, ModelVersion, TrainingRun
from tests import factories
from tests.customers.rows import order
from tests.recommendations.shop import BREAKFAST, SUPPER, open_shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]
WEEKS = 16


@pytest.fixture
def shop():
    """Breakfast people and supper people, two of their three products every week; which two goes round."""
    open_shop()
    posted = []
    for number in range(12):
        for kind, basket in (("a", BREAKFAST), ("b", SUPPER)):
            for week in range(WEEKS):
                names = [basket[(number + week + step) % 3] for step in range(2)]
                ago = timedelta(days=1 + 7 * week, minutes=number)
                posted.append(
                    order(f"{kind}{number}-{week}", *((n, 1, "2.00") for n in names), user=f"{kind}-{number}", ago=ago)
                )
    assert record_events(posted, merchant_id=None, source="api").accepted == len(posted)


@pytest.fixture
def administrator(client):
    user = factories.staff("administrator")
    client.force_login(user)
    return user


def page(client) -> str:
    return client.get(reverse("trainings:list")).content.decode()


def test_everything_that_a_worker_can_do_here_has_its_line(administrator, client):
    told = page(client)
    assert set(WHAT) == set(TRAININGS) | {COMPARISON} and COMPARISON in MEASUREMENTS
    assert set(FAMILIES) <= set(WHAT)
    assert told.count('name="kind"') == len(WHAT)
    assert told.count(">never<") == len(WHAT) - 1


def test_a_family_is_trained_by_the_button_and_its_cost_is_told(shop, administrator, client):
    asked = client.post(reverse("trainings:list"), {"kind": "ease"}, follow=True)
    run = TrainingRun.objects.get()
    assert (run.kind, run.params, run.state, run.asked_by) == ("ease", {"promote": False}, "queued", administrator)
    assert f"Run {run.pk} is asked for." in asked.content.decode()
    # While one waits the list of runs asks for itself again, and the button is gone.
    assert 'hx-select="#trainings" hx-trigger="every 3s"' in asked.content.decode()
    assert page(client).count('value="ease"') == 0

    train(run.pk)
    version = ModelVersion.objects.get()
    assert (version.kind, version.status) == ("ease", "candidate")
    told = page(client)
    assert reverse("registry:version", args=[version.pk]) in told
    shown = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    mean, low, high = version.metrics["ndcg@10 all"]["over_baseline"]
    assert f"{mean:.4f}<br>" in shown and f"{low:.4f} – {high:.4f}" in shown
    assert shown.count('<svg class="sparkline"') == len(version.metrics) == 2
    assert "How much of what people bought stands among their ten" in shown
    assert "every 3s" not in client.get(reverse("registry:list")).content.decode()


def test_asking_twice_asks_once(administrator, client):
    for kind in ("recency", "recency", COMPARISON, COMPARISON):
        client.post(reverse("trainings:list"), {"kind": kind})
    assert TrainingRun.objects.count() == 2
    told = page(client)
    assert told.count(">under way<") == 2
    assert f'value="{COMPARISON}"' not in told and 'value="recency"' not in told


def test_a_kind_that_nobody_knows_is_refused_and_leaves_nothing(administrator, client):
    refused = client.post(reverse("trainings:list"), {"kind": "magic"})
    assert refused.status_code == 400
    assert "There is no training of that name. Choose one of the list." in refused.content.decode()
    assert not TrainingRun.objects.exists() and not AuditEntry.objects.filter(action__startswith="model").exists()


def test_families_are_compared_by_the_button_and_held_against_the_ranker(shop, administrator, client, monkeypatch):
    steps, really = [], comparison.registry.beat

    def beat(lease, step, share):
        steps.append((step, share))
        really(lease, step, share)

    monkeypatch.setattr(comparison.registry, "beat", beat)
    client.post(reverse("trainings:list"), {"kind": COMPARISON})
    run = TrainingRun.objects.get()
    assert train(run.pk) == []
    run.refresh_from_db()
    assert (run.state, run.error) == ("succeeded", "")
    # Each family beats, and each snapshot within the ranker: a lease of five minutes must not run out over a slow one.
    shares = [share for _, share in steps]
    assert shares == sorted(shares) and shares[-1] < 1
    assert "judging by item: popularity" in [step for step, _ in steps]
    assert any(step.startswith("judging by type: two_stage, ranking") for step, _ in steps)

    kept = {one.level: one for one in Comparison.objects.all()}
    assert set(kept) == {"item", "type"}
    assert kept["item"].horizon_days == 28.0 and kept["item"].catalogue == 6
    told = client.get(reverse("registry:list")).content.decode()
    assert "All purchases: the ranker less each family, person by person" in told
    held = [row["ranker_over"] for row in kept["item"].rows if row["view"] == "all" and row["family"] != "two_stage"]
    assert len(held) == len(kept["item"].rows) - 1 > 5
    for mean, low, high in held:
        assert f">{mean:.4f}<" in told and f">{low:.4f} – {high:.4f}<" in told


def test_a_shop_without_orders_is_told_so(administrator, client):
    client.post(reverse("trainings:list"), {"kind": COMPARISON})
    run = TrainingRun.objects.get()
    train(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "Too few data: there are no orders to judge by")
    assert not Comparison.objects.exists()
