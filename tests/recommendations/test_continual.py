"""Learning goes on by itself: newer data at night, better recipes weekly; what breaks raises an alarm and changes nothing."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer, Order
from customers.services import consent
from customers.services.events import record_events
from customers.services.learning import exclude_from_learning
from recommendations import tasks
from recommendations.contracts import CLUSTERS, RECOMMENDER
from recommendations.ml.caser import Caser, CaserConfig
from recommendations.ml.trainer import Diverged as TrainingDiverged
from recommendations.models import Recommendation
from recommendations.scoring.everyone import score_everyone
from recommendations.services import exposures
from recommendations.services.watch import watch, wilson
from recommendations.serving import shelf as shelves
from recommendations.training import run as training
from registry import queries as registry
from registry import services
from registry.contracts import Trained
from registry.exceptions import DamagedArtifact, Diverged
from registry.models import Alarm, ModelVersion, TrainingRun
from tests import factories
from tests.customers.rows import act, event, order
from tests.recommendations import shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]


def train(kind: str = RECOMMENDER, **params) -> TrainingRun:
    run = services.ask(kind, {"promote": True, **params})
    training.train(run.pk)
    run.refresh_from_db()
    return run


@pytest.fixture
def goods():
    goods = shop.open_shop()
    shop.trade(people=16, weeks=16)  # tuning asks for two horizons of four weeks, and something before them
    return goods


def buy_tea(days: tuple[int, ...], people: int = 16) -> None:
    """Everybody finds tea, which the shop did not have before."""
    factories.product("Green tea", external_id="tea", category="Drinks", product_type="TEA", department="GROCERY")
    posted = [
        order(f"tea-{kind}{number}-{day}", ("tea", 1, "3.00"), user=f"{kind}-{number}", ago=timedelta(days=day))
        for number in range(people)
        for kind in "ab"
        for day in days
    ]
    assert record_events(posted, merchant_id=None, source="api").accepted == len(posted)


def test_the_nightly_training_brings_in_what_the_live_model_could_not_know(goods):
    # Weekly orders until 1 day ago: the live model has seen those before the 20th day, tea came after.
    old = timezone.now() - timedelta(days=20)
    assert train(until=old.isoformat()).state == "succeeded"
    first = registry.live(RECOMMENDER)
    buy_tea((18, 15, 12, 9, 6, 3))

    run = train(mode="incremental")

    live = registry.live(RECOMMENDER)
    assert run.state == "succeeded"
    assert live.pk != first.pk, [(v.pk, v.metrics) for v in registry.versions(RECOMMENDER)]
    assert live.params["weights"] == first.params["weights"]
    assert live.params["mode"] == "incremental"
    assert live.metrics["ndcg@10 all"]["beats_live"] is True
    assert live.promotion_reason.startswith("The training asked for it")


def test_the_nightly_training_has_nothing_to_say_while_the_live_model_is_fresh(goods):
    train()
    before = ModelVersion.objects.count()

    run = train(mode="incremental")

    assert run.state == "succeeded"
    assert ModelVersion.objects.count() == before
    assert "nothing to compare on" in TrainingRun.objects.get(pk=run.pk).step


def test_the_first_nightly_training_is_a_full_one(goods):
    assert train(mode="incremental").state == "succeeded"
    assert "mode" not in registry.live(RECOMMENDER).params


def test_a_diverging_training_stops_and_the_live_model_stays(goods, monkeypatch):
    train()
    live = registry.live(RECOMMENDER)

    def too_large_a_step(lease):
        weight = np.ones(3)
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(2000):
                weight = weight - 10.0 * (2 * weight * 3 - np.array([1.0, 2.0, np.inf * 0 + 1.0])) * weight
        return [services.save_version(lease, RECOMMENDER, {"weight": weight}, Trained({}, None, None, 3))]

    monkeypatch.setitem(training.TRAININGS, RECOMMENDER, too_large_a_step)
    versions = ModelVersion.objects.count()
    run = services.ask(RECOMMENDER, {"promote": True})
    with pytest.raises(Diverged):
        training.train(run.pk)

    run.refresh_from_db()
    assert run.state == "failed"
    assert "diverged" in run.error
    assert registry.live(RECOMMENDER).pk == live.pk
    assert ModelVersion.objects.count() == versions
    alarm = Alarm.objects.get(cleared_at=None)
    assert (alarm.kind, alarm.subject) == (RECOMMENDER, "training")
    assert "the live model stays" in alarm.text


def test_a_network_that_diverges_leaves_the_live_one_and_an_alarm(goods, client, monkeypatch):
    """No loss is faked: a step of 1e25 makes weights whose loss is no number."""
    assert train("caser").state == "succeeded"
    live = registry.live("caser")
    cost = live.params["cost"]
    client.force_login(factories.staff("marketer"))
    page = client.get(reverse("registry:version", args=[live.pk])).content.decode()
    assert f"about {cost['seconds_at_10']:.0f} s at 10 times the data" in page

    @dataclass(frozen=True)
    class Steep(CaserConfig):
        learning_rate: float = 1e25

    monkeypatch.setattr(Caser, "Config", Steep)
    run = services.ask("caser", {"promote": True})
    with pytest.raises(TrainingDiverged, match="the loss is nan in epoch"):
        training.train(run.pk)
    run.refresh_from_db()
    assert run.state == "failed" and "lower the learning rate" in run.error
    assert registry.live("caser").pk == live.pk
    assert registry.versions("caser").count() == 1
    assert "the live model stays" in Alarm.objects.get(kind="caser", subject="training", cleared_at=None).text


def test_a_network_whose_worker_was_lost_goes_on_from_its_last_pass(goods, monkeypatch, own_folder):
    until = timezone.now().isoformat()
    whole = train("caser", until=until, promote=False)
    (reached,) = ModelVersion.objects.filter(run=whole)
    passes, beat = [], services.beat

    class Lost(BaseException):
        """SIGKILL as the code sees it: nothing after it runs."""

    def counted(lease, step, share):
        beat(lease, step, share)
        if "pass" in step:
            passes.append(step)
            if len(passes) == 3:
                raise Lost  # the third pass is done and not kept yet

    monkeypatch.setattr(services, "beat", counted)
    run = services.ask("caser", {"until": until, "promote": False, "again": 1})
    with pytest.raises(Lost):
        training.train(run.pk)
    assert passes == [f"judging caser, pass {number}" for number in (1, 2, 3)]
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    (version,) = training.train(run.pk)

    assert passes[3] == "judging caser, pass 3"
    assert version.params["resumed"] is True and "resumed" not in reached.params
    assert version.artifact_digest == reached.artifact_digest  # to the bit what an undisturbed training learned
    assert not list((own_folder / "checkpoints").iterdir())
    assert version.status == "candidate"


def test_each_week_trains_anew_the_networks_that_somebody_tried(goods, monkeypatch):
    assert train("caser", promote=False).state == "succeeded"
    asked = []
    monkeypatch.setattr(tasks.train, "delay", asked.append)
    monkeypatch.setattr(tasks.score, "delay", lambda: asked.append("score"))
    monkeypatch.setattr(tasks.watch, "delay", lambda: asked.append("watch"))

    tasks.weekly()

    run = TrainingRun.objects.get(pk=asked[-1])
    assert (run.kind, run.params) == ("caser", {"promote": False})
    assert asked[-3:-1] == ["score", "watch"]  # it holds up nobody's list
    tasks.train(run.pk)
    assert [version.status for version in registry.versions("caser")] == ["candidate", "candidate"]
    assert not TrainingRun.objects.filter(kind__in=("lstm", "sasrec")).exists()


def test_too_few_data_leave_an_alarm_that_a_good_training_clears():
    assert train(CLUSTERS).state == "failed"
    assert train(CLUSTERS, again=1).state == "failed"
    alarm = Alarm.objects.get(cleared_at=None)
    assert "Too few data" in alarm.text
    assert alarm.times == 2

    shop.open_shop()
    shop.trade(people=32)
    assert train(CLUSTERS).state == "succeeded"
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_a_metric_that_is_no_number_is_refused(goods):
    lease = services.claim(services.ask("any").pk)
    with pytest.raises(Diverged, match="metric ndcg"):
        services.save_version(
            lease, "any", {"x": np.ones(1)}, Trained({}, None, None, 1, {"ndcg": {"value": float("nan")}})
        )


def test_a_damaged_model_is_refused_and_the_lists_of_before_still_answer(goods, own_folder):
    train()
    lists, _ = score_everyone()
    kept = Recommendation.objects.count()
    assert lists == kept
    path = own_folder / registry.live(RECOMMENDER).artifact_digest
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(DamagedArtifact):
        score_everyone()

    assert Recommendation.objects.count() == kept > 0
    assert Alarm.objects.get(subject="artifact").text.startswith(f"Version {registry.live(RECOMMENDER).pk} is refused.")


def test_a_damaged_index_is_refused_and_the_one_before_still_answers(goods, own_folder, monkeypatch):
    monkeypatch.setattr(shelves, "LOOK_EVERY", 0.0)
    first = shop.publish()
    assert shelves.shelf().digest == first
    buy_tea((3,))
    second = shop.publish()
    path = own_folder / "serving" / second / "neighbours.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    assert shelves.shelf().digest == first
    assert shelves.shelf().digest == first
    alarm = Alarm.objects.get(kind="served index")
    assert "neighbours.npy is not what was published" in alarm.text
    assert alarm.times == 1  # it was read once, not at every look

    third = shop.publish()
    assert shelves.shelf().digest == third
    assert Alarm.objects.get(kind="served index").cleared_at is not None


def test_a_world_that_moved_raises_an_alarm_with_the_histograms_behind_it(goods):
    train(until=(timezone.now() - timedelta(days=20)).isoformat())
    score_everyone()
    for number in range(9):
        factories.product(f"Paint {number}", external_id=f"paint-{number}", department="PAINT", product_type="PAINT")
    posted = [
        order(f"p-{person}-{n}", *((f"paint-{n}", 1, "9.00") for n in range(9)), user=f"a-{person}", ago=timedelta(hours=n + 1))
        for person in range(16)
        for n in range(4)
    ]  # fmt: skip
    record_events(posted, merchant_id=None, source="api")

    watch()

    live = registry.live(RECOMMENDER)
    reading = {one.name: one for one in registry.newest_readings(live.pk)}["psi departments"]
    assert reading.is_alarm
    assert dict(zip(reading.detail["labels"], reading.detail["before"], strict=True))["PAINT"] == 0
    assert dict(zip(reading.detail["labels"], reading.detail["now"], strict=True))["PAINT"] == 16 * 4 * 9
    assert Alarm.objects.get(subject="psi departments").kind == RECOMMENDER


def test_clicks_orders_and_ratings_come_back_to_the_model_and_simulated_ones_stand_apart(goods, client):
    train()
    score_everyone()
    key = factories.api_key(None, "recommendations.read")
    asked = [
        client.get(
            "/api/v1/recommendations/", {"customer": f"a-{n}", "limit": 5}, headers={"authorization": f"Bearer {key}"}
        ).json()
        for n in range(10)
    ]
    ids = [answer["request_id"] for answer in asked]
    exposures.drain()

    def clicked(request_id, **more):
        return event("Product Clicked", user="a-0", properties={"product_id": "oats", "request_id": request_id}, **more)

    bought = order("o-1", ("oats", 1, "2.00"), user="a-0", properties={"request_id": ids[0]})
    rated = event("Product Reviewed", user="a-0", properties={"product_id": "oats", "rating": 4, "request_id": ids[0]})
    real = [clicked(ids[0]), clicked(ids[0]), clicked(ids[1]), bought, rated]
    assert record_events(real, merchant_id=None, source="api").accepted == 5
    record_events([clicked(pk) for pk in ids[2:7]], merchant_id=None, source="simulator", origin="simulated")

    watch()

    newest = {one.name: one for one in registry.newest_readings(registry.live(RECOMMENDER).pk)}
    assert newest["click-through api observed"].value == 0.2
    assert newest["click-through api simulated"].value == 0.5
    assert newest["conversion api observed"].value == 0.1
    assert newest["conversion api simulated"].value == 0.0
    assert newest["satisfaction api observed"].value == 4.0
    assert "satisfaction api simulated" not in newest
    assert "are needed" in newest["off-policy always the best"].detail["refused"]


def test_wilson_by_hand():
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_what_training_leaves_out_is_counted_and_for_doubted_orders_measured(goods):
    refuses = Customer.objects.get(external_id="a-0")
    consent.record(act(refuses.pk, "refused", purpose="model_training", channel="any"))
    doubted = Order.objects.filter(customer__external_id__in=["b-0", "b-1"]).values_list("pk", flat=True)
    exclude_from_learning(order_ids=doubted, reason="test")
    train()
    watch()

    run = train("exclusions", of=RECOMMENDER)

    assert run.state == "succeeded", run.error
    live = registry.live(RECOMMENDER)
    newest = {one.name: one for one in registry.newest_readings(live.pk)}
    assert (newest["left out refused"].value, newest["left out refused"].detail["people"]) == (16, 1)
    assert (newest["left out flagged"].value, newest["left out flagged"].detail["people"]) == (32, 2)
    assert newest["left out flagged"].detail["of"] == 2 * 16 * 16
    measured = newest["flagged orders ndcg@10 all"]
    assert measured.detail["lines"] == 32 * 3 + 2
    assert measured.low <= measured.value <= measured.high
    assert measured.value == pytest.approx(measured.detail["with"] - measured.detail["without"])


def test_the_models_page_shows_alarms_with_a_way_back_and_the_readings_as_pictures(goods, client):
    train(until=(timezone.now() - timedelta(days=20)).isoformat())
    buy_tea((18, 15, 12, 9, 6, 3))
    train(mode="incremental")
    score_everyone()
    watch()
    watch()
    services.raise_alarm(RECOMMENDER, "psi scores", "psi scores is 0.400; the bound is 0.250.")
    live = registry.live(RECOMMENDER)
    client.force_login(factories.staff("administrator"))

    listed = client.get(reverse("registry:list")).content.decode()
    page = client.get(reverse("registry:version", args=[live.pk])).content.decode()

    assert "psi scores is 0.400" in listed
    assert f"Roll back to {registry.before(RECOMMENDER).pk}" in listed
    assert "What is bought" in page
    assert "<svg" in page
    assert "The index over time" in page
    assert "People who refused to be learnt from" in page

    asked = client.post(reverse("registry:measure", args=[live.pk]))
    assert asked.status_code == 302
    assert TrainingRun.objects.filter(kind="exclusions", state="queued").exists()
    back = client.post(reverse("registry:roll-back", args=[live.pk]), {"reason": "Alarm: psi scores is 0.400"})
    assert back.status_code == 302
    assert registry.live(RECOMMENDER).pk != live.pk


def test_the_probabilities_that_were_kept_judge_another_policy(goods, client, monkeypatch):
    """Everybody clicks the drawn product when it is the best of its ten, nobody otherwise: the value of always showing
    the best is 1, and of showing any alike one in their number."""
    train()
    score_everyone()
    live = registry.live(RECOMMENDER)
    rng = np.random.default_rng(0)
    best, others = 1, (2, 3, 4, 5)
    from recommendations.models import Exposure

    products = [factories.product(f"T{n}", external_id=f"x-{n}") for n in range(6)]
    odds = {str(products[n].pk): (0.6 if n == best else 0.1) for n in (best, *others)}
    rows, clicks = [], []
    for n in range(1500):
        shown = int(rng.choice((best, *others), p=[0.6, 0.1, 0.1, 0.1, 0.1]))
        request_id = UUID(int=n + 1)
        rows.append(
            Exposure(
                request_id=request_id, surface="api", model_version=live, items=[products[0].pk, products[shown].pk],
                propensities=[1.0, odds[str(products[shown].pk)]], slot=1, odds=odds,
            )
        )  # fmt: skip
        if shown == best:
            clicks.append(
                event(
                    "Product Clicked", user="a-0", properties={"product_id": f"x-{best}", "request_id": str(request_id)}
                )
            )
    Exposure.objects.bulk_create(rows)
    record_events(clicks, merchant_id=None, source="api")

    watch()

    newest = {one.name: one for one in registry.newest_readings(live.pk)}
    for name in ("IPS", "SNIPS", "DR"):
        assert (
            newest[f"off-policy always the best {name}"].low <= 1.0 <= newest[f"off-policy always the best {name}"].high
        )
        alike = newest[f"off-policy any alike {name}"]
        assert alike.low <= 0.2 <= alike.high
