"""Trains the two-stage recommender: a candidate for the live one, judged on the last four weeks against what is live.

The rankers that are judged were taught by snapshots whose horizons end before the cut; those that are kept are taught by
the newest snapshots too. What both share, first stages and lessons, is made once. The artifact holds trees and no row of
anybody; lists are made from the orders that may be read at the time.
"""

import time

import numpy as np

from recommendations.contracts import RECOMMENDER, TWO_STAGE
from recommendations.dataset import day_of, facts, purchases
from recommendations.ml.budget import FULL, SMALL, config_of
from recommendations.ml.interactions import TooFewData
from recommendations.ml.metrics import evaluate
from recommendations.ml.splits import PurchaseLog, time_split
from recommendations.ml.two_stage import TwoStage
from recommendations.training.cost import QUARTER, cost, growth
from recommendations.training.live import judge_live, judge_two_stage, weights_of
from recommendations.training.recommender import BASELINE, HORIZON_DAYS, judged_metrics
from recommendations.training.window import window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained


def train_two_stage(lease: Lease) -> list:
    """One candidate of kind `recommender`. `budget: small` of the parameters spends less (ml.budget). Raises TooFewData."""
    span, began = window(lease.params), time.process_time()
    runs.beat(lease, "reading orders", 0.02)
    data = purchases(since=span.since, until=span.until)
    end = day_of(span.until)
    cut = end - HORIZON_DAYS
    spent = SMALL if lease.params.get("budget") == "small" else FULL
    model = TwoStage(config_of(spent), facts(data))
    runs.beat(lease, "fitting the first stage", 0.05)
    started = time.process_time()
    newest = model.snapshot(data.log, time_split(data.log, cut, HORIZON_DAYS), cut)
    first_stage = time.process_time() - started
    exponent = _growth(model, data.log, cut, first_stage)
    lessons = []
    for turn, at in enumerate(model.moments(cut)):
        runs.beat(lease, f"lesson {turn + 1} of {len(model.moments(cut)) + 1}", 0.10 + 0.12 * turn)
        lessons.append(model.lesson(data.log, at))
    runs.beat(lease, "ranking what was known four weeks ago", 0.50)
    judged = judge_two_stage(model.learn(lessons), newest)
    popular = {view: evaluate(newest.models[BASELINE], newest.split, view) for view in judged}
    runs.beat(lease, "judging the live recommender", 0.70)
    live = judge_live(data, newest.split, cut, newest.models, snapshot=newest, same=(model, judged))
    rows = len(newest.split.history)
    runs.beat(lease, "ranking what is known now", 0.80)
    model.learn([model.teach(data.log, newest), *lessons[:-1]])
    runs.beat(lease, "keeping", 0.98)
    trained = Trained(
        params={
            "family": TWO_STAGE,
            **spent,
            "first_stage": sorted(model.config.first_stage),
            "weights": dict(weights_of(registry.live(RECOMMENDER)).weights),
            "min_buyers": 5,
            "horizon_days": HORIZON_DAYS,
            "taught_until": span.until.isoformat(),
            "cost": cost(rows, time.process_time() - began, exponent).as_dict(),
        },
        data_since=span.since,
        data_until=span.until,
        rows=len(data.log.user),
        metrics=judged_metrics(judged, popular, live),
        baseline=BASELINE,
    )
    return [runs.save_version(lease, RECOMMENDER, model.state(), trained)]


def _growth(model: TwoStage, log: PurchaseLog, cut: float, seconds: float) -> float:
    """How the first stage grows, by that of a quarter of the people; what follows it grows with the people's candidates."""
    of_quarter = log.user % QUARTER == 0
    users, user = np.unique(log.user[of_quarter], return_inverse=True)
    rows = (log.item[of_quarter], log.day[of_quarter], log.quantity[of_quarter])
    quarter = PurchaseLog(user.reshape(-1), *rows, len(users), log.n_items)
    started = time.process_time()
    try:
        TwoStage(model.config).snapshot(quarter, time_split(quarter, cut, HORIZON_DAYS), cut)
    except (TooFewData, ValueError):  # a quarter of a small shop teaches nothing; the whole may
        return growth(0.0, seconds, 1.0)
    return growth(time.process_time() - started, seconds, len(log.user) / max(1, int(of_quarter.sum())))
