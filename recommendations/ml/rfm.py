"""Recency, frequency, monetary value: three figures per person and their quintiles."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Rfm:
    """One value per person, (n_users,): recency_days float64 since the last order (inf without one), frequency int64
    orders, monetary float64 spent in the currency of the input. Scores int64: 1 worst to 5 best, 0 without an order.
    """

    recency_days: np.ndarray
    frequency: np.ndarray
    monetary: np.ndarray
    recency_score: np.ndarray
    frequency_score: np.ndarray
    monetary_score: np.ndarray


def rfm(user: np.ndarray, days_before_cut: np.ndarray, amount: np.ndarray, n_users: int) -> Rfm:
    """The three figures from one row per order. Raises ValueError for an order after the cut.

    Anna ordered 2 and 30 days ago for 10 and 20, Ben 90 days ago for 5, Cleo never:

    >>> found = rfm(np.array([0, 0, 1]), np.array([2.0, 30.0, 90.0]), np.array([10.0, 20.0, 5.0]), n_users=3)
    >>> found.recency_days.tolist(), found.frequency.tolist(), found.monetary.tolist()
    ([2.0, 90.0, inf], [2, 1, 0], [30.0, 5.0, 0.0])
    >>> found.recency_score.tolist(), found.frequency_score.tolist()
    ([4, 2, 0], [4, 2, 0])
    """
    if len(days_before_cut) and not days_before_cut.min() >= 0:
        raise ValueError("days_before_cut must be 0 or more")
    recency = np.full(n_users, np.inf)
    np.minimum.at(recency, user, days_before_cut)
    frequency = np.bincount(user, minlength=n_users)
    monetary = np.bincount(user, weights=amount, minlength=n_users)
    ordered = frequency > 0

    def scores(values: np.ndarray) -> np.ndarray:
        found = np.zeros(n_users, dtype=np.int64)
        found[ordered] = quintiles(values[ordered])
        return found

    return Rfm(recency, frequency, monetary, scores(-recency), scores(frequency), scores(monetary))


def quintiles(values: np.ndarray) -> np.ndarray:
    """Fifths by rank, int64 1 (lowest) to 5: score = 1 + floor(5 (below + equal / 2) / n), at most 5.

    Equal values always get the same score, so a fifth may be larger or empty; cutting through a tie would give two
    people with one order each different scores.

    >>> quintiles(np.array([10, 20, 30, 40, 50])).tolist()
    [1, 2, 3, 4, 5]
    >>> quintiles(np.array([1, 1, 1, 1, 2, 2, 3, 4, 5, 9])).tolist()  # the ones: 1 + floor(5 * (0 + 2) / 10) = 2
    [2, 2, 2, 2, 3, 3, 4, 4, 5, 5]
    >>> quintiles(np.array([7, 7, 7])).tolist()
    [3, 3, 3]
    """
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(size) - size
    # In whole numbers: 2 below + equal over 2 n, so that no rounding moves a person at a border.
    score = 1 + 5 * (2 * below + size) // (2 * max(1, len(values)))
    return np.minimum(score, 5)[group]
