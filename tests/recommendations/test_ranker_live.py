"""The ranker as the live recommender: trained by a run, promoted by the paired test, shown in lists and answers, rolled back."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from customers.queries.pseudonyms import people_of_epochs
from recommendations import tasks
from recommendations.contracts import RECOMMENDER, TWO_STAGE, Filters, Person
from recommendations.models import Recommendation
from recommendations.scoring.everyone import score_everyone
from recommendations.serving.answer import Question, answer
from recommendations.serving.steps import Subject
from recommendations.training import run as training
from registry import queries as registry
from registry import services
from registry.models import ModelVersion, TrainingRun
from tests.recommendations import cycles, shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]
SMALL = {"promote": True, "budget": "small"}


def train(kind: str, **params):
    run = services.ask(kind, {"promote": True, **params})
    training.train(run.pk)
    run.refresh_from_db()
    assert run.state == "succeeded", run.error
    return registry.live(RECOMMENDER)


def test_a_ranker_that_the_paired_test_finds_better_goes_live_and_makes_the_lists():
    people, products = cycles.fill(timezone.now())
    blend = train(RECOMMENDER)
    assert "family" not in blend.params

    ranker = train(TWO_STAGE, budget="small")

    # It saw that half of what somebody has is due, and the blend shows first what was just bought.
    figures = ranker.metrics["ndcg@10 all"]
    assert (ranker.kind, ranker.params["family"], figures["beats_live"]) == (RECOMMENDER, TWO_STAGE, True)
    assert figures["value"] > 0.9 > figures["live"] == pytest.approx(blend.metrics["ndcg@10 all"]["value"])
    assert ranker.params["weights"] == blend.params["weights"]
    assert ranker.params["cost"]["seconds"] > 0
    # Trees, and no row of anybody: nobody need be taken out of it.
    assert not set(services.load_arrays(ranker)) & {"customer_ids", "product_ids"}

    score_everyone()
    first = {number: people[number].recommendations.order_by("rank")[0] for number in range(20)}
    for number, row in first.items():
        assert row.product in cycles.due(products, number), number
        assert (row.reason_code, row.model_version_id) == ("bought_again", ranker.pk)
        assert row.reason_days > 27

    # What somebody does now counts in the same second, on top of the list of the night.
    subject = Subject(person=Person(people[0].pk, True, False, None))
    before = answer(Question(subject, Filters(), k=5, explore=False))
    assert [item.source for item in before.items] == ["own_list"] * 5
    assert before.model_version_id == ranker.pk
    looked_at = before.items[3].product.external_id
    shop.look(looked_at, user="c-0", act="Product Added")
    after = answer(Question(subject, Filters(), k=5, explore=False))
    assert looked_at not in [item.product.external_id for item in after.items]  # it is in the cart already
    assert after.items[0].source == "session"

    # Who is flagged, refused or gone since the training has no list, though the trees learned from them.
    leaver = people[1]
    leaver.orders.update(excluded_at=timezone.now())
    score_everyone()
    assert not Recommendation.objects.filter(customer=leaver).exists()

    assert services.roll_back(RECOMMENDER, actor=None, reason="Try the old one.").pk == blend.pk
    score_everyone()
    assert Recommendation.objects.values_list("model_version_id").distinct().get() == (blend.pk,)


def test_the_nightly_training_gives_the_live_trees_newer_orders_and_the_weekly_one_compares_with_them():
    now = timezone.now()
    cycles.fill(now)
    old = (now - timedelta(days=42)).isoformat()
    train(RECOMMENDER, until=old)
    first = train(TWO_STAGE, budget="small", until=old)
    assert first.params["family"] == TWO_STAGE

    second = train(RECOMMENDER, mode="incremental")

    # Six weeks later what is due is something else; the trees are the same.
    assert second.pk != first.pk
    assert second.metrics["ndcg@10 all"]["beats_live"] is True
    assert second.artifact_digest == first.artifact_digest
    assert (second.params["mode"], second.params["compared_days"]) == ("incremental", 21.0)
    assert second.data_until > first.data_until

    # A blend on the same split is no match for them.
    train(RECOMMENDER)
    blend = ModelVersion.objects.latest("pk")
    assert "family" not in blend.params
    assert blend.metrics["ndcg@10 all"]["beats_live"] is False
    assert registry.live(RECOMMENDER).pk == second.pk
    # Trees that newer weeks taught are compared with those that answer; and the same recipe on the same data, with itself.
    train(TWO_STAGE, budget="small")
    third = ModelVersion.objects.latest("pk").metrics["ndcg@10 all"]
    assert third["live"] > 0.9
    is_live = registry.live(RECOMMENDER).pk != second.pk
    train(TWO_STAGE, budget="small")
    again = ModelVersion.objects.latest("pk").metrics["ndcg@10 all"]["beats_live"]
    assert again is not True if is_live else again == third["beats_live"]


def test_a_shop_that_is_too_small_keeps_what_it_has():
    shop.open_shop()
    shop.trade(people=4, weeks=3)
    run = services.ask(TWO_STAGE, SMALL)
    assert training.train(run.pk) == []
    run.refresh_from_db()
    assert (run.state, run.error.split(":")[0]) == ("failed", "Too few data")
    assert registry.live(RECOMMENDER) is None
    assert len(people_of_epochs()[0]) == 8


def test_behind_the_demo_a_worker_is_asked_and_nobody_waits(monkeypatch):
    cycles.fill(timezone.now())
    nudged = []
    monkeypatch.setattr(tasks.train, "delay", nudged.append)
    monkeypatch.setattr(tasks.score, "delay", lambda: nudged.append("score"))

    call_command("train_recommenders", only=[], ranker="small", later=True)

    run = TrainingRun.objects.get()
    assert (run.kind, run.state, run.params) == (TWO_STAGE, "queued", {"promote": True, "budget": "small"})
    assert nudged == [run.pk, "score"]
    # A nudge that is lost is swept.
    assert registry.waiting(tasks.SWEPT) == [run.pk]
