"""What is expected of everybody by the live models of lifetime and propensity: arrays beside the people of the dataset."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from recommendations.contracts import COUPON, LIFETIME, PURCHASE
from recommendations.dataset import Purchases, at_day, day_of, described, figures_at
from recommendations.ml.calibrated import Calibrated
from recommendations.ml.habits import Figures, Orders
from recommendations.ml.ltv import BgNbd, GammaGamma, repeats
from registry import queries as registry
from registry.services import load_arrays

YEAR_WEEKS, MONTH_WEEKS = 52.0, 4.0
RANGE = (0.1, 0.5, 0.9)  # by then one, five and nine of ten people like this have ordered
TOP_FACTORS = 3


@dataclass(frozen=True, eq=False)
class Lifetime:
    """(n,) each; next_order: (n, 3) days from the end, by RANGE."""

    value: np.ndarray
    expected_orders: np.ndarray
    alive: np.ndarray
    order_worth: np.ndarray
    repeats: np.ndarray
    seen_weeks: np.ndarray
    silent_weeks: np.ndarray
    next_order: np.ndarray


@dataclass(frozen=True, eq=False)
class Chance:
    """probability (n,); factors: for each person up to three (name, own figure, what it adds in log-odds)."""

    probability: np.ndarray
    factors: list[list[tuple[str, float, float]]]


def lifetime(orders: Orders, until: datetime) -> Lifetime | None:
    """None before the first live version."""
    version = registry.live(LIFETIME)
    if version is None:
        return None
    known = {name: float(value) for name, value in load_arrays(version).items()}
    comes = BgNbd(*(known[name] for name in ("r", "alpha", "a", "b")))
    spends = GammaGamma(*(known[name] for name in ("p", "q", "gamma")))
    people = repeats(orders.user, orders.day, orders.total, orders.n_users, day_of(until))
    worth = spends.worth(people)
    return Lifetime(
        value=comes.expected_orders(people, YEAR_WEEKS) * worth,
        expected_orders=comes.expected_orders(people, MONTH_WEEKS),
        alive=comes.alive(people),
        order_worth=worth,
        repeats=people.repeats,
        seen_weeks=people.seen,
        silent_weeks=people.seen - people.last,
        next_order=np.stack([comes.next_order(people, share) * 7 for share in RANGE], axis=1),
    )


def chances(data: Purchases, orders: Orders, until: datetime) -> dict[str, Chance]:
    """By kind, for each that is live."""
    found: dict[str, Chance] = {}
    about = described(data.customers)
    for kind in (PURCHASE, COUPON):
        version = registry.live(kind)
        if version is None:
            continue
        model = Calibrated.from_state(load_arrays(version))
        figures = figures_at(data, orders, day_of(until), tuple(version.params["departments"]), about)
        found[kind] = Chance(model.predict(figures.values), _factors(model, figures))
    return found


def _factors(model: Calibrated, figures: Figures) -> list[list[tuple[str, float, float]]]:
    added = model.model.contributions(figures.values)
    top = np.argsort(-np.abs(added), axis=1, kind="stable")[:, :TOP_FACTORS]
    return [
        [(figures.names[i], round(float(figures.values[row, i]), 4), round(float(added[row, i]), 4)) for i in places]
        for row, places in enumerate(top.tolist())
    ]


def moment(until: datetime, days: float) -> datetime | None:
    """The day so many days after; None when it lies more than five years ahead, which is no date that anyone plans by."""
    return at_day(day_of(until) + days) if days < 5 * 365 else None
