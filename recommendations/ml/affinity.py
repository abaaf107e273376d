"""What a person leans to, lately and over the year, and how much they wait for a reduction, both against the whole shop."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

WINDOWS = (28.0, 91.0, 365.0)
# Money of the shop's mix that is added to each person's own: two small orders make no leaning.
PRIOR_MONEY = 20.0


@dataclass(frozen=True, eq=False)
class Leaning:
    """share: (n_users, categories) of the person's spend in the window, 0 where they spent nothing. lift: how many times
    the shop's share, drawn towards 1 by PRIOR_MONEY of the shop's own mix.
    """

    days: float
    share: np.ndarray
    lift: np.ndarray


def leanings(
    user: np.ndarray,
    category: np.ndarray,
    days_before: np.ndarray,
    amount: np.ndarray,
    *,
    n_users: int,
    n_categories: int,
) -> tuple[Leaning, ...]:
    """One per window, from one row per product of an order; amount 0 or more."""
    found = []
    for days in WINDOWS:
        keep = days_before <= days
        cells = user[keep] * n_categories + category[keep]
        spend = np.bincount(cells, weights=amount[keep], minlength=n_users * n_categories)
        spend = spend.reshape(n_users, n_categories)
        total = spend.sum(axis=1, keepdims=True)
        shop = spend.sum(axis=0) / max(spend.sum(), 1e-9)
        share = np.divide(spend, total, out=np.zeros_like(spend), where=total > 0)
        drawn = (spend + PRIOR_MONEY * shop) / (total + PRIOR_MONEY)
        lift = np.divide(drawn, shop, out=np.ones_like(spend), where=shop > 0)
        found.append(Leaning(days, share, lift))
    return tuple(found)


@dataclass(frozen=True)
class Liking:
    """What a person said of a category in one respect. score: -1 to 1. opinions: how many. newest: the last one's id."""

    category: str
    aspect: str
    score: float
    opinions: int
    newest: int


def likings(opinions: Iterable[tuple[str, str, float, int]]) -> list[Liking]:
    """From (category, aspect, polarity from -1 to 1, id) of one person, the newest first; the strongest first.

    score = sum of polarities / (opinions + 1): one neutral opinion is added, so that a single word of praise counts half.

    >>> likings([("DAIRY", "taste", 0.8, 7), ("DAIRY", "taste", 0.4, 3)])
    [Liking(category='DAIRY', aspect='taste', score=0.4, opinions=2, newest=7)]
    """
    found: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for category, aspect, polarity, pk in opinions:
        found.setdefault((category, aspect), []).append((polarity, pk))
    each = [
        Liking(
            category, aspect, round(sum(polarity for polarity, _ in some) / (len(some) + 1), 4), len(some), some[0][1]
        )
        for (category, aspect), some in found.items()
    ]
    return sorted(each, key=lambda liking: (-abs(liking.score), liking.category, liking.aspect))


def reduced_share(paid: np.ndarray, taken_off: np.ndarray) -> np.ndarray:
    """(n,) share of the full price that discounts took off; NaN where nothing was bought.

    >>> reduced_share(np.array([80.0, 0.0]), np.array([20.0, 0.0])).tolist()
    [0.2, nan]
    """
    full = paid + taken_off
    return np.divide(taken_off, full, out=np.full(len(full), np.nan), where=full > 0)
