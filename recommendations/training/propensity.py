"""Trains the chances that somebody orders, or uses a coupon, in the next four weeks.

Snapshots of everybody, four weeks apart: figures up to a day, the answer in the four weeks after it. The newest one is
held back to judge; within the others each moment is scored by the other moments for the calibration. Linear and logistic
regression and boosting are compared; the logistic one is kept unless boosting's log loss is lower beyond noise.
"""

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from recommendations.contracts import COUPON, PURCHASE
from recommendations.dataset import Purchases, day_of, described, figures_at, orders_of, purchases
from recommendations.ml.calibrated import FAMILIES, Calibrated
from recommendations.ml.classification import calibration_error, lift, log_loss, pr_auc, quality, roc_auc
from recommendations.ml.habits import MOST_DEPARTMENTS, Orders, does
from recommendations.ml.interactions import TooFewData
from recommendations.ml.metrics import Interval, bootstrap
from recommendations.training.cost import FLATTEST, QUARTER, costed
from recommendations.training.cost import cost as cost_of
from recommendations.training.private import PRIVACY, PrivateTraining, private_training
from recommendations.training.window import Window, window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained
from registry.services import load_arrays

HORIZON_DAYS = 28.0
SNAPSHOTS = 5  # with the one held back; a moment before that has too little past to look at in a year's window
LEAST_ANSWERS = 50  # of each kind: below it a rate of ten per cent is known to four points at best
RESAMPLES = 200
METRICS = {
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
    "log loss": log_loss,
    "calibration error": calibration_error,
    "lift at 10 %": partial(lift, share=0.1),
}


@dataclass(frozen=True, eq=False)
class Moments:
    """Rows of several snapshots: values (n, n_features), moment (n,) the snapshot's number, person (n,) whose row it is,
    labels by kind (n,)."""

    values: np.ndarray
    names: tuple[str, ...]
    departments: tuple[str, ...]
    moment: np.ndarray
    person: np.ndarray
    labels: dict[str, np.ndarray]

    def part(self, rows: np.ndarray) -> "Moments":
        labels = {kind: label[rows] for kind, label in self.labels.items()}
        return Moments(self.values[rows], self.names, self.departments, self.moment[rows], self.person[rows], labels)


def train_propensities(lease: Lease) -> list:
    span = window(lease.params)
    runs.beat(lease, "reading orders", 0.05)
    data = purchases(since=span.since, until=span.until)
    orders, _ = orders_of(data.customers, since=span.since, until=span.until)
    departments = _departments(data)
    runs.beat(lease, "looking at everybody at five moments", 0.2)
    moments = _moments(data, orders, day_of(span.until), departments)
    held = moments.moment == 0
    versions = []
    for place, kind in enumerate((PURCHASE, COUPON)):
        runs.beat(lease, f"fitting {kind.replace('_', ' ')}", 0.35 + 0.3 * place)
        versions.append(_one(lease, span, kind, moments.part(~held), moments.part(held)))
    return versions


def _departments(data: Purchases) -> tuple[str, ...]:
    spent = np.bincount(data.department[data.log.item], weights=data.amount, minlength=len(data.departments))
    return tuple(data.departments[i] for i in np.argsort(-spent, kind="stable")[:MOST_DEPARTMENTS].tolist())


def _moments(data: Purchases, orders: Orders, end: float, departments: tuple[str, ...]) -> Moments:
    about = described(data.customers)
    values, numbers, people, labels, names = [], [], [], {PURCHASE: [], COUPON: []}, ()
    for number in range(SNAPSHOTS):
        at = end - (number + 1) * HORIZON_DAYS
        figures = figures_at(data, orders, at, departments, about)
        if not figures.known.any():
            break
        names = figures.names
        values.append(figures.values[figures.known])
        numbers.append(np.full(int(figures.known.sum()), number))
        people.append(np.flatnonzero(figures.known))
        for kind, label in labels.items():
            label.append(does(orders, at, HORIZON_DAYS, with_coupon=kind == COUPON)[figures.known])
    if len(values) < 3:
        raise TooFewData(f"propensity: orders reach back {len(values)} times four weeks, three are needed")
    return Moments(
        values=np.concatenate(values),
        names=names,
        departments=departments,
        moment=np.concatenate(numbers),
        person=np.concatenate(people),
        labels={kind: np.concatenate(label) for kind, label in labels.items()},
    )


def _one(lease: Lease, span: Window, kind: str, past: Moments, held: Moments):
    label, truth = past.labels[kind], held.labels[kind]
    for answers in (label, truth):
        if min(answers.sum(), len(answers) - answers.sum()) < LEAST_ANSWERS:
            raise TooFewData(f"{kind}: {int(answers.sum())} of {len(answers)} did it, {LEAST_ANSWERS} each way needed")
    private = private_training(kind, past.names)
    if private is not None:
        return runs.save_version(lease, kind, *_private(span, kind, private, past, held))
    some = past.part(past.person % QUARTER == 0)
    found, cost = costed(
        lambda: _of_each_family(past, kind), lambda: _of_each_family(some, kind), len(label), len(some.person)
    )
    said = {family: model.predict(held.values) for family, model in found.items()}
    losses = {name: losses_of(truth, probability) for name, probability in said.items()}
    chosen = "boosting" if bootstrap(losses["boosting"] - losses["logistic"]).high < 0 else "logistic"
    metrics, told = classified(truth, said[chosen]), quality(truth, said[chosen])
    live = _live(kind, held)
    if live is not None:
        difference = bootstrap(losses[chosen] - losses_of(truth, live))
        metrics["log loss"] |= {"live": log_loss(truth, live), "beats_live": verdict(difference)}
    trained = Trained(
        params={
            "model": chosen, "features": list(past.names), "departments": list(past.departments), "days": HORIZON_DAYS,
            "calibration": found[chosen].calibration.method, "base rate": round(told.base_rate, 4),
            "accuracy": round(told.accuracy, 4), "accuracy of guessing": round(told.accuracy_of_guessing, 4),
            "cost": cost.as_dict(), "compared": {family: summary(truth, probability) for family, probability in said.items()},
        },
        data_since=span.since, data_until=span.until, rows=len(label) + len(truth), metrics=metrics,
        baseline="base rate",
    )  # fmt: skip
    return runs.save_version(lease, kind, found[chosen].state(), trained)


def _of_each_family(past: Moments, kind: str) -> dict[str, Calibrated]:
    return {family: Calibrated.fit(family, past.values, past.labels[kind], past.moment) for family in FAMILIES}


def _private(span: Window, kind: str, private: PrivateTraining, past: Moments, held: Moments) -> tuple[dict, Trained]:
    """The weights are private; the figures beside them are read by staff and are not part of the promise."""
    started = time.process_time()
    model = private.fit(past.values, past.labels[kind], past.person)
    # A second fit, of a quarter, would be one more look at people; each pass of the private descent reads each row once.
    spent = cost_of(len(past.moment), time.process_time() - started, FLATTEST)
    truth, said = held.labels[kind], model.predict(held.values)
    metrics, told = classified(truth, said), quality(truth, said)
    version = registry.live(kind)
    # Against one that is private too; one that is not knew more than this one may.
    if version is not None and PRIVACY in version.params:
        live = _live(kind, held)
        if live is not None:
            difference = bootstrap(losses_of(truth, said) - losses_of(truth, live))
            metrics["log loss"] |= {"live": log_loss(truth, live), "beats_live": verdict(difference)}
    trained = Trained(
        params={
            "model": "logistic", "features": list(past.names), "departments": list(past.departments), "days": HORIZON_DAYS,
            "calibration": "none", "base rate": round(told.base_rate, 4), "accuracy": round(told.accuracy, 4),
            "accuracy of guessing": round(told.accuracy_of_guessing, 4), PRIVACY: private.told(),
            "cost": spent.as_dict(),
        },
        data_since=span.since, data_until=span.until, rows=len(past.moment) + len(truth), metrics=metrics,
        baseline="base rate",
    )  # fmt: skip
    return model.state(), trained


def classified(truth: np.ndarray, said: np.ndarray) -> dict:
    """What it reaches beside what the base rate alone reaches; intervals by resampling people."""
    base = np.full(len(truth), truth.mean())
    rng = np.random.default_rng(0)
    drawn = [
        rows for rows in (rng.integers(len(truth), size=len(truth)) for _ in range(RESAMPLES)) if truth[rows].any()
    ]
    rows = {}
    for name, metric in METRICS.items():
        value, guess = metric(truth, said), metric(truth, base)
        low, high = np.percentile([metric(truth[some], said[some]) for some in drawn], [2.5, 97.5]).tolist()
        rows[name] = {
            "value": value, "low": low, "high": high, "baseline": guess,
            "over_baseline": [value - guess, low - guess, high - guess], "people": len(truth),
        }  # fmt: skip
    return rows


def summary(truth: np.ndarray, probability: np.ndarray) -> dict:
    found = quality(truth, probability)
    return {
        "roc_auc": round(found.roc_auc, 4), "pr_auc": round(found.pr_auc, 4), "log_loss": round(found.log_loss, 4),
        "calibration_error": round(found.calibration_error, 4),
    }  # fmt: skip


def losses_of(truth: np.ndarray, probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    return -(truth * np.log(clipped) + (1 - truth) * np.log(1 - clipped))


def _live(kind: str, held: Moments) -> np.ndarray | None:
    """The live version's answers on the same people; None without one or where it knows other figures."""
    version = registry.live(kind)
    if version is None or tuple(version.params["features"]) != held.names:
        return None
    return Calibrated.from_state(load_arrays(version)).predict(held.values)


def verdict(difference: Interval) -> bool | None:
    return True if difference.high < 0 else False if difference.low > 0 else None
