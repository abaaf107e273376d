"""Trains what recommends: fit on the past, judge on the weeks after, keep as candidates."""

from recommendations.contracts import RECOMMENDER
from recommendations.dataset import day_of, purchases
from recommendations.ml.blend import Blend, tune
from recommendations.ml.ease import Ease
from recommendations.ml.metrics import Evaluation, bootstrap, evaluate, judgeable, paired_difference
from recommendations.ml.popularity import Popularity
from recommendations.ml.recency import Recency
from recommendations.ml.recommender import Recommender
from recommendations.ml.splits import Split, time_split
from recommendations.training.cost import measured
from recommendations.training.live import judge_live
from recommendations.training.window import window
from registry import services as runs
from registry.contracts import Lease, Trained

HORIZON_DAYS = 28.0  # "what is bought in the next four weeks" is the question of a campaign
METRICS = ("ndcg@10", "recall@20")
BASELINE = Popularity.kind
# A bootstrap of a handful of people is far too narrow: four who happen to agree would decide what everybody is shown.
FEWEST_JUDGED = 20


def train_recommender(lease: Lease) -> list:
    """Popularity, recency and EASE, each on its own and blended; judged on the last four weeks, kept fitted on all."""
    span = window(lease.params)
    runs.beat(lease, "reading orders", 0.02)
    data = purchases(since=span.since, until=span.until)
    end = day_of(span.until)

    runs.beat(lease, "tuning the blend on earlier weeks", 0.10)
    validation = time_split(data.log, end - 2 * HORIZON_DAYS, HORIZON_DAYS)
    weights = tune(Blend().fit(validation.history), validation)
    del validation

    split = time_split(data.log, end - HORIZON_DAYS, HORIZON_DAYS)
    families: dict[str, Recommender] = {kind: family() for kind, family in _families().items()}
    judged: dict[str, dict[str, Evaluation]] = {}
    for place, (kind, model) in enumerate(families.items()):
        runs.beat(lease, f"judging {kind}", 0.25 + 0.10 * place)
        judged[kind] = _judge(model.fit(split.history), split)
    runs.beat(lease, "judging the blend", 0.55)
    blended = Blend.of_fitted(weights, {kind: families[kind] for kind, _ in weights.weights})
    judged[RECOMMENDER] = _judge(blended, split)
    runs.beat(lease, "judging the live recommender", 0.65)
    live = judge_live(data, split, end - HORIZON_DAYS, families)

    runs.beat(lease, "fitting on everything", 0.75)
    whole = time_split(data.log, end, 0.0)
    final, cost = measured(lambda: Blend(weights), whole.history)
    ids = {"customer_ids": data.customers, "product_ids": data.products[whole.items]}
    versions = []
    for kind, model in {**final.models, RECOMMENDER: final}.items():
        trained = Trained(
            # One fit of all: a member's version says what the whole cost.
            params={**_params(model), "min_buyers": 5, "horizon_days": HORIZON_DAYS, "cost": cost.as_dict()},
            data_since=span.since,
            data_until=span.until,
            rows=len(whole.history),
            metrics=judged_metrics(judged[kind], judged[BASELINE], live if kind == RECOMMENDER else None),
            baseline=BASELINE,
        )
        versions.append(runs.save_version(lease, kind, {**model.state(), **ids}, trained))
    runs.beat(lease, "kept", 0.99)
    return versions


def _families() -> dict[str, type[Recommender]]:
    return {family.kind: family for family in (Popularity, Recency, Ease)}


def _judge(model, split: Split) -> dict[str, Evaluation]:
    return {view: evaluate(model, split, view) for view in judgeable(split)}


def _params(model) -> dict:
    if isinstance(model, Blend):
        return {"weights": dict(model.config.weights)}
    return dict(vars(model.config))


def judged_metrics(
    ours: dict[str, Evaluation], baseline: dict[str, Evaluation], live: dict[str, Evaluation] | None
) -> dict:
    """Per view and metric: value with interval, baseline, paired difference, and the verdict against the live model.

    `beats_live` is True when the paired interval lies above zero, False when it lies below, None in between and where
    fewer than `FEWEST_JUDGED` people were judged.
    """
    rows = {}
    for view, found in ours.items():
        for metric in METRICS:
            interval = bootstrap(found.values[metric])
            over = paired_difference(found, baseline[view], metric)
            row = {
                "value": interval.mean,
                "low": interval.low,
                "high": interval.high,
                "baseline": baseline[view].mean(metric),
                "over_baseline": [over.mean, over.low, over.high],
                "people": len(found.users),
            }
            if live is not None and view in live:
                against = paired_difference(found, live[view], metric)
                row["live"] = live[view].mean(metric)
                is_enough = len(found.users) >= FEWEST_JUDGED
                row["beats_live"] = (
                    (True if against.low > 0 else False if against.high < 0 else None) if is_enough else None
                )
            rows[f"{metric} {view}"] = row
    return rows
