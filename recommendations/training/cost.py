"""What a fit took, and what it would take with more data: measured, not guessed.

The same family is fitted on a quarter of the people and on all of them. Seconds that grow like rows ** e give e from the
two; the projection is seconds * factor ** e. Memory is the process's high-water mark, and grows at most with the data.
"""

import math
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np

from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.recommender import Recommender

Fitted = TypeVar("Fitted")
QUARTER = 4
# Two fits of a few milliseconds say nothing about growth; and a fit below linear in its data is a warm cache.
STEEPEST, FLATTEST = 3.0, 1.0


@dataclass(frozen=True)
class Cost:
    rows: int
    seconds: float
    peak_mb: float
    exponent: float
    seconds_at_10: float
    seconds_at_100: float

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows, {self.seconds:.1f} s, peak {self.peak_mb:,.0f} MB of the process; grows like rows^"
            f"{self.exponent:.2f}: about {self.seconds_at_10:,.0f} s at 10 times the data, "
            f"{self.seconds_at_100:,.0f} s at 100 times"
        )

    def as_dict(self) -> dict:
        return asdict(self)


def measured(
    build: Callable[[], Recommender], history: Interactions, of_quarter: Callable[[], Recommender] | None = None
) -> tuple[Recommender, Cost]:
    """The fitted model and what its fit cost; `of_quarter` makes the one that is fitted on a quarter. Raises what the fit
    raises.
    """
    quarter = of_people(history, np.arange(0, history.n_users, QUARTER))
    return costed(
        lambda: build().fit(history), lambda: (of_quarter or build)().fit(quarter), len(history), len(quarter)
    )


def costed(fit: Callable[[], Fitted], of_quarter: Callable[[], object], rows: int, fewer: int) -> tuple[Fitted, Cost]:
    """What `fit` gives of `rows` and what that cost; `of_quarter` does the same with `fewer` rows, and only tells the growth.
    Raises what `fit` raises.
    """
    small = math.nan
    try:
        _, small = _timed(of_quarter)
    except (TooFewData, ValueError):  # a quarter of a small shop teaches nothing; the whole may
        fewer = rows
    model, seconds = _timed(fit)
    return model, cost(rows, seconds, growth(small, seconds, rows / max(1, fewer)))


def growth(small: float, seconds: float, grown: float) -> float:
    """The exponent by which seconds grow with rows, of two fits; `grown` times the rows took `seconds` in place of `small`."""
    if not (grown > 1 and small > 0):
        return FLATTEST
    return min(max(math.log(seconds / small) / math.log(grown), FLATTEST), STEEPEST)


def cost(rows: int, seconds: float, exponent: float) -> Cost:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(rows, seconds, peak, exponent, seconds * 10**exponent, seconds * 100**exponent)


def _timed(fit: Callable[[], Fitted]) -> tuple[Fitted, float]:
    started = time.process_time()
    model = fit()
    return model, time.process_time() - started


def of_people(history: Interactions, users: np.ndarray) -> Interactions:
    """The rows of some people, renumbered from 0."""
    keep = np.isin(history.user, users)
    return Interactions(
        user=np.searchsorted(users, history.user[keep]),
        item=history.item[keep],
        days_before_cut=history.days_before_cut[keep],
        quantity=history.quantity[keep],
        n_users=len(users),
        n_items=history.n_items,
    )
