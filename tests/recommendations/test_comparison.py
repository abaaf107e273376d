"""Comparing families on the shop's own orders, by the command, and what the Models page shows of it."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from customers.services.events import record_events
from recommendations.contracts import FAMILIES
from recommendations.ml import families as ml_families
from recommendations.training.run import train
from registry import queries, services
from registry.models import Comparison, ModelVersion
from tests import factories
from tests.customers.rows import order
from tests.recommendations.shop import BREAKFAST, SUPPER, open_shop

pytestmark = pytest.mark.django_db
WEEKS = 16


@pytest.fixture
def shop(own_folder):
    """Breakfast people and supper people, two of their three products every week; which two goes round."""
    open_shop()
    posted = []
    for number in range(12):
        for kind, basket in (("a", BREAKFAST), ("b", SUPPER)):
            for week in range(WEEKS):
                names = [basket[(number + week + step) % 3] for step in range(2)]
                ago = timedelta(days=1 + 7 * week, minutes=number)
                lines = ((name, 1, "2.00") for name in names)
                posted.append(order(f"{kind}{number}-{week}", *lines, user=f"{kind}-{number}", ago=ago))
    assert record_events(posted, merchant_id=None, source="api").accepted == len(posted)


def run(cut: int = WEEKS - 5, **options) -> str:
    out = StringIO()
    call_command("evaluate_recommenders", cut=cut, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_every_family_is_judged_on_orders_only_and_the_table_is_kept(shop):
    told = run(levels=["item"], without_two_stage=True)
    assert "cut after week 11, orders only: 6 items" in told
    kept = Comparison.objects.get()
    assert (kept.name, kept.level, kept.basis, kept.catalogue) == ("recommenders", "item", "orders only", 6)
    of_all = {row["family"]: row for row in kept.rows if row["view"] == "all"}
    assert {"popularity", "recency", "repurchase", "tifu", "ease", "als", "user_tfidf", "item_bm25"} <= set(of_all)
    # Three of six products are a person's own; popularity cannot know whose.
    assert of_all["recency"]["figures"]["ndcg@10"] == 1.0 > of_all["popularity"]["figures"]["ndcg@10"]
    assert of_all["recency"]["over"][1] > 0
    assert of_all["popularity"]["over"] is None


def test_types_are_judged_too_and_the_newest_of_a_cut_is_shown(shop):
    run(levels=["type"], without_two_stage=True)
    run(levels=["type"], without_two_stage=True)
    assert Comparison.objects.count() == 2
    assert [one.pk for one in queries.comparisons("recommenders")] == [Comparison.objects.latest("pk").pk]


def test_the_ranker_is_left_out_of_a_shop_that_is_too_young_for_it(shop):
    told = run(cut=4, levels=["item"])  # four weeks before that there was nothing to learn from
    assert "left out: two_stage: " in told
    assert list(Comparison.objects.get().left_out) == ["two_stage"]


def test_the_ranker_is_held_against_every_family(shop):
    told = run(levels=["item"])
    assert "the ranker less each of the others, NDCG@10, 95 %" in told
    of_all = {row["family"]: row for row in Comparison.objects.get().rows if row["view"] == "all"}
    reached = of_all["two_stage"]["figures"]["ndcg@10"]
    for name in set(of_all) - {"two_stage"}:
        apart = reached - of_all[name]["figures"]["ndcg@10"]
        assert of_all[name]["ranker_over"][0] == pytest.approx(apart, abs=1e-9), name
    assert of_all["two_stage"]["ranker_over"] is None


def test_a_cut_that_leaves_nothing_to_judge_is_refused_with_what_there_is(shop):
    with pytest.raises(CommandError, match=r"--cut 60: the orders span 1\d whole weeks: a cut after week 60 leaves"):
        call_command("evaluate_recommenders", cut=60)
    assert not Comparison.objects.exists()


def test_what_can_be_asked_for_is_what_can_be_trained():
    """The task and the command know the names alone, without loading a learning library."""
    assert tuple(ml_families.FAMILIES) == FAMILIES


def test_without_orders_it_says_what_to_do(db):
    with pytest.raises(CommandError, match="no orders to learn from; load some first"):
        call_command("evaluate_recommenders")


@pytest.mark.parametrize("kind", ["tifu", "item_cosine", "lstm"])
def test_a_family_trains_through_the_registry_and_comes_back(shop, kind):
    asked = services.ask(kind, {})
    (version,) = train(asked.pk)
    assert (version.kind, version.status, version.baseline) == (kind, ModelVersion.Status.CANDIDATE, "popularity")
    assert version.metrics["ndcg@10 all"]["people"] == 24
    cost = version.params["cost"]
    assert cost["rows"] == version.rows == 24 * WEEKS * 2
    assert cost["seconds_at_100"] >= 10 * cost["seconds_at_10"] > 0
    assert {"customer_ids", "product_ids"} <= set(services.load_arrays(version))
    live = services.promote(version.pk, actor=None, reason="First of its kind.")
    (second,) = train(services.ask(kind, {"again": 1}).pk)
    assert live.status == "live"
    assert second.metrics["ndcg@10 all"]["beats_live"] is None  # the same model cannot beat itself


def test_the_models_page_shows_the_table_and_says_orders_only(shop, client):
    run(levels=["item"], without_two_stage=True)
    client.force_login(factories.staff("analyst"))
    page = client.get(reverse("registry:list")).content.decode()
    assert "orders only" in page
    assert "user tfidf" in page
    assert "<svg" in page
    assert "NDCG@10" in page


def test_the_page_without_a_comparison_says_how_to_make_one(client, db):
    client.force_login(factories.staff("analyst"))
    assert "manage.py evaluate_recommenders" in client.get(reverse("registry:list")).content.decode()


def test_a_kept_comparison_cannot_be_changed_by_the_application(shop):
    from django.db import DatabaseError, transaction

    services.keep_comparison(
        name="recommenders", level="item", basis="orders only", cut_at=datetime(2026, 1, 1, tzinfo=UTC),
        horizon_days=28, catalogue=1, history_rows=1, rows=[], left_out={}, seconds=0.0,
    )  # fmt: skip
    with pytest.raises(DatabaseError), transaction.atomic():
        Comparison.objects.update(basis="everything")
