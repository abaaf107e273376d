"""Trains how often people come back and what an order is worth; judged on the orders of the four weeks held back."""

import numpy as np

from recommendations.contracts import LIFETIME
from recommendations.dataset import day_of, orders_of
from recommendations.ml.habits import Orders
from recommendations.ml.ltv import BgNbd, GammaGamma, Repeats, repeats
from recommendations.ml.metrics import Interval, bootstrap
from recommendations.training.cost import QUARTER, costed
from recommendations.training.window import window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained

HORIZON_DAYS = 28.0
METRIC = "error of orders in 4 weeks"


def train_lifetime(lease: Lease) -> list:
    span = window(lease.params)
    runs.beat(lease, "reading orders", 0.1)
    orders, _ = orders_of(since=span.since, until=span.until)
    end = day_of(span.until)
    cut = end - HORIZON_DAYS
    past = _repeats(orders, cut)
    came = np.bincount(np.unique(_days(orders, cut, end), axis=0)[:, 0].astype(np.int64), minlength=orders.n_users)
    runs.beat(lease, "judging on the last four weeks", 0.3)
    known = past.ordered
    ours = np.abs(BgNbd.fit(past).expected_orders(past, HORIZON_DAYS / 7) - came)[known]
    # Everybody goes on at their own rate so far.
    own_rate = (past.repeats + 1) / np.maximum(past.seen, 1.0) * HORIZON_DAYS / 7
    theirs = np.abs(own_rate - came)[known]
    row = _row(ours, theirs)
    version = registry.live(LIFETIME)
    if version is not None:
        before = BgNbd(*(float(version.params[name]) for name in ("r", "alpha", "a", "b")))
        live = np.abs(before.expected_orders(past, HORIZON_DAYS / 7) - came)[known]
        against = bootstrap(ours - live)
        row |= {"live": float(live.mean()), "beats_live": _verdict(against)}
    runs.beat(lease, "fitting on everything", 0.7)
    people = _repeats(orders, end)
    some = people.part(np.arange(0, len(people.repeats), QUARTER))
    (comes, spends), cost = costed(lambda: _fit(people), lambda: _fit(some), len(people.repeats), len(some.repeats))
    params = {"r": comes.r, "alpha": comes.alpha, "a": comes.a, "b": comes.b,
              "p": spends.p, "q": spends.q, "gamma": float(spends.gamma)}  # fmt: skip
    trained = Trained(
        params={**params, "cost": cost.as_dict()},
        data_since=span.since,
        data_until=span.until,
        rows=len(orders.user),
        metrics={METRIC: row},
        baseline="own rate",
    )
    arrays = {name: np.asarray(value) for name, value in params.items()}
    return [runs.save_version(lease, LIFETIME, arrays, trained)]


def _fit(people: Repeats) -> tuple[BgNbd, GammaGamma]:
    return BgNbd.fit(people), GammaGamma.fit(people)


def _row(ours: np.ndarray, theirs: np.ndarray) -> dict:
    """Lower is better here, unlike everywhere else; the name says that it is an error."""
    value, over = bootstrap(ours), bootstrap(ours - theirs)
    return {
        "value": value.mean, "low": value.low, "high": value.high, "baseline": float(theirs.mean()),
        "over_baseline": [over.mean, over.low, over.high], "people": len(ours),
    }  # fmt: skip


def _verdict(difference: Interval) -> bool | None:
    return True if difference.high < 0 else False if difference.low > 0 else None


def _repeats(orders: Orders, end: float) -> Repeats:
    past = orders.between(-np.inf, end)
    return repeats(past.user, past.day, past.total, past.n_users, end)


def _days(orders: Orders, since: float, until: float) -> np.ndarray:
    """(n, 2): user and day of each order; two orders of a day are one."""
    later = orders.between(since, until)
    return np.stack([later.user, np.floor(later.day)], axis=1)
