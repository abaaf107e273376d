"""Trains who uses a coupon of a campaign, from the campaigns that went out before.

One row a receiver: what was known of them when the campaign began, and whether they then used a coupon of it. The newest
campaigns are held back to judge; those that had not ended when the first of them began teach nothing there, for their
outcome was not known. Logistic regression, calibrated on campaigns that it did not see: on the demo store boosting,
forests and their means with it were worse on every figure (`python -m benchmarks.propensity`).
"""

import numpy as np
import polars as pl

from recommendations.contracts import REDEMPTION
from recommendations.dataset import coupon_past, day_of, orders_of, purchases
from recommendations.ml.calibrated import Calibrated
from recommendations.ml.classification import log_loss, quality
from recommendations.ml.interactions import TooFewData
from recommendations.ml.metrics import bootstrap
from recommendations.ml.redemption import Past, feature_names, matrix, rows_of
from recommendations.queries.waves import waves
from recommendations.training.cost import QUARTER, costed
from recommendations.training.propensity import LEAST_ANSWERS, classified, losses_of, verdict
from recommendations.training.window import window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained
from registry.services import load_arrays

LEAST_HISTORY = 14.0  # days of orders before a campaign, to know anything of its receivers
HELD = 0.25  # of the rows: the newest campaigns that hold at least so many are judged on
MOST_FOLDS = 5


def train_redemption(lease: Lease) -> list:
    span = window(lease.params)
    runs.beat(lease, "reading orders", 0.05)
    known = waves(span.until)
    end = day_of(span.until)
    ended = [wave for wave in known.waves if day_of(wave.ends_at) <= end]
    if len(ended) < 3:
        raise TooFewData(f"redemption: {len(ended)} campaigns with coupons have ended, three are needed")
    data = purchases(since=span.since, until=span.until)
    orders, _ = orders_of(data.customers, since=span.since, until=span.until)
    past = coupon_past(data, orders, known)
    runs.beat(lease, "looking at the receivers of each campaign", 0.3)
    table = _rows(past, end)
    names = feature_names(table)
    held = _held(table)
    began = table.filter(held)["starts"].min()
    before = ~held & (table["ends"] <= began).to_numpy()
    runs.beat(lease, "judging on the newest campaigns", 0.6)
    truth = table["redeemed"].to_numpy()
    for rows in (before, held):
        answers = truth[rows]
        if min(answers.sum(), len(answers) - answers.sum()) < LEAST_ANSWERS:
            raise TooFewData(
                f"redemption: {int(answers.sum())} of {len(answers)} used a coupon, {LEAST_ANSWERS} each way needed"
            )
    values = matrix(table, names)
    said = _fit(table.filter(before), names).predict(values[held])
    metrics, told = classified(truth[held], said), quality(truth[held], said)
    live = _live(names, values[held])
    if live is not None:
        against = bootstrap(losses_of(truth[held], said) - losses_of(truth[held], live))
        metrics["log loss"] |= {"live": log_loss(truth[held], live), "beats_live": verdict(against)}
    runs.beat(lease, "fitting on all campaigns", 0.85)
    some = table.filter(pl.col("household_id") % QUARTER == 0)
    model, cost = costed(lambda: _fit(table, names), lambda: _fit(some, names), table.height, some.height)
    trained = Trained(
        params={
            "model": "logistic", "features": names, "calibration": model.calibration.method,
            "campaigns": table["campaign_id"].n_unique(), "judged on": table.filter(held)["campaign_id"].n_unique(),
            "base rate": round(told.base_rate, 4), "accuracy": round(told.accuracy, 4),
            "accuracy of guessing": round(told.accuracy_of_guessing, 4), "cost": cost.as_dict(),
        },
        data_since=span.since, data_until=span.until, rows=table.height, metrics=metrics, baseline="base rate",
    )  # fmt: skip
    return [runs.save_version(lease, REDEMPTION, model.state(), trained)]


def _rows(past: Past, end: float) -> pl.DataFrame:
    """The receivers of every campaign that has ended, of people who may be learnt from."""
    first = past.lines["day"].min()
    usable = past.campaigns.filter(pl.col("starts") > first + LEAST_HISTORY, pl.col("ends") <= end)
    parts = [rows_of(past, campaign_id) for campaign_id in usable.sort("starts")["campaign_id"]]
    parts = [part for part in parts if part.height]
    if len(parts) < 3:
        raise TooFewData(
            f"redemption: {len(parts)} campaigns with coupons have a history before them, three are needed"
        )
    return pl.concat(parts)


def _held(table: pl.DataFrame) -> np.ndarray:
    """Which rows are of the newest campaigns, bool."""
    by_start = table.group_by("campaign_id", maintain_order=True).agg(pl.col("starts").first(), rows=pl.len())
    newest = by_start.sort("starts", "campaign_id", descending=True)
    enough = int((newest["rows"].cum_sum() < HELD * table.height).sum()) + 1
    return table["campaign_id"].is_in(newest["campaign_id"][: min(enough, newest.height - 1)].to_list()).to_numpy()


def _fit(table: pl.DataFrame, names: list[str]) -> Calibrated:
    """Folds for the calibration are neighbours in time, whole campaigns."""
    order = table["starts"].rank("dense").to_numpy().astype(np.int64) - 1
    fold = order * MOST_FOLDS // (order.max() + 1)
    return Calibrated.fit("logistic", matrix(table, names), table["redeemed"].to_numpy(), fold)


def _live(names: list[str], values: np.ndarray) -> np.ndarray | None:
    """The live version's answers on the same rows; None without one or where it knows other features."""
    version = registry.live(REDEMPTION)
    if version is None or version.params["features"] != names:
        return None
    return Calibrated.from_state(load_arrays(version)).predict(values)
