"""What is expected of everybody by the live models of lifetime and propensity: arrays beside the people of the dataset."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from recommendations.contracts import COUPON, LIFETIME, PURCHASE, REDEMPTION
from recommendations.dataset import Purchases, at_day, coupon_past, day_of, described, figures_at
from recommendations.ml.calibrated import Calibrated
from recommendations.ml.habits import Figures, Orders
from recommendations.ml.ltv import BgNbd, GammaGamma, repeats
from recommendations.ml.redemption import NOW, as_if_now, matrix, rows_of
from recommendations.queries.waves import waves
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


def redemptions(data: Purchases, orders: Orders, until: datetime) -> dict[str, Chance]:
    """By kind of campaign: the chance to use a coupon if the newest campaign of that kind began now and reached everybody.

    Empty before the first live version. What all receivers share (the campaign's own figures) is no reason of a person's.
    """
    version = registry.live(REDEMPTION)
    if version is None:
        return {}
    model = Calibrated.from_state(load_arrays(version))
    past = coupon_past(data, orders, waves(until))
    names = list(version.params["features"])
    found: dict[str, Chance] = {}
    for kind in past.campaigns["campaign_type"].unique().sort():
        newest = past.campaigns.filter(pl.col("campaign_type") == kind).sort("starts").row(-1, named=True)
        table = rows_of(as_if_now(past, newest["campaign_id"], day_of(until), len(data.customers)), NOW)
        values = matrix(table, names)
        shared = values.std(axis=0) == 0
        factors = _factors(model, Figures(values, tuple(names), np.ones(len(values), dtype=bool)), shared)
        found[kind] = Chance(model.predict(values), factors)
    return found


def _factors(
    model: Calibrated, figures: Figures, left_out: np.ndarray | None = None
) -> list[list[tuple[str, float, float]]]:
    """left_out: (n_features,) bool, figures that are not named."""
    added = model.model.contributions(figures.values)
    size = np.abs(added) if left_out is None else np.where(left_out, -1.0, np.abs(added))
    top = np.argsort(-size, axis=1, kind="stable")[:, :TOP_FACTORS]
    return [
        [(figures.names[i], round(float(figures.values[row, i]), 4), round(float(added[row, i]), 4)) for i in places]
        for row, places in enumerate(top.tolist())
    ]


def moment(until: datetime, days: float) -> datetime | None:
    """The day so many days after; None when it lies more than five years ahead, which is no date that anyone plans by."""
    return at_day(day_of(until) + days) if days < 5 * 365 else None
