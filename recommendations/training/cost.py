"""What a fit took, and what it would take with more data: measured, not guessed.

The same family is fitted on a quarter of the people and on all of them. Seconds that grow like rows ** e give e from the
two; the projection is seconds * factor ** e. Memory is the process's high-water mark, and grows at most with the data.
"""

import math
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.recommender import Recommender

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


def measured(build: Callable[[], Recommender], history: Interactions) -> tuple[Recommender, Cost]:
    """The fitted model and what its fit cost. Raises what the fit raises."""
    small = math.nan
    quarter = of_people(history, np.arange(0, history.n_users, QUARTER))
    try:
        _, small = _timed(build, quarter)
    except TooFewData:  # a quarter of a small shop teaches nothing; the whole may
        quarter = history
    model, seconds = _timed(build, history)
    return model, cost(len(history), seconds, growth(small, seconds, len(history) / max(1, len(quarter))))


def growth(small: float, seconds: float, grown: float) -> float:
    """The exponent by which seconds grow with rows, of two fits; `grown` times the rows took `seconds` in place of `small`."""
    if not (grown > 1 and small > 0):
        return FLATTEST
    return min(max(math.log(seconds / small) / math.log(grown), FLATTEST), STEEPEST)


def cost(rows: int, seconds: float, exponent: float) -> Cost:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(rows, seconds, peak, exponent, seconds * 10**exponent, seconds * 100**exponent)


def _timed(build: Callable[[], Recommender], history: Interactions) -> tuple[Recommender, float]:
    started = time.process_time()
    model = build().fit(history)
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
