"""Time split: learn from what was before a cut, be judged on everything bought in the days after it.

No random split: it lets a model read next week to predict this one. No sampled negatives: ranks are among the whole
catalogue (Krichene and Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recommendations.ml.interactions import Interactions


@dataclass(frozen=True, eq=False)
class PurchaseLog:
    """One row per (order, product), unsorted. user, item: positions; day: float days on any one clock."""

    user: np.ndarray
    item: np.ndarray
    day: np.ndarray
    quantity: np.ndarray
    n_users: int
    n_items: int


@dataclass(frozen=True, eq=False)
class Split:
    """history: the purchases before the cut, of catalogue items, item positions counted within the catalogue.
    truth: (n_users, len(items)) sparse 0/1 float32, what was bought in the horizon, of the same catalogue.
    items: int array, for each catalogue position the item's position in the log.
    """

    history: Interactions
    truth: sparse.csr_array
    items: np.ndarray


def time_split(log: PurchaseLog, cut: float, horizon_days: float, min_buyers: int = 5) -> Split:
    """History is [.., cut), truth is [cut, cut + horizon_days); the catalogue is what `min_buyers` people bought
    before the cut. Purchases outside the catalogue count nowhere. A horizon of 0 days serves the final training.

    min_buyers: below 5 a product says more about one household than about taste (and could give that one away).
    """
    before = log.day < cut
    pairs = np.unique(log.user[before].astype(np.int64) * log.n_items + log.item[before])
    items = np.flatnonzero(np.bincount(pairs % log.n_items, minlength=log.n_items) >= min_buyers)
    position = np.full(log.n_items, -1, dtype=np.int64)
    position[items] = np.arange(len(items))

    known = position[log.item] >= 0
    past = before & known
    history = Interactions(
        user=log.user[past],
        item=position[log.item[past]],
        days_before_cut=cut - log.day[past],
        quantity=log.quantity[past],
        n_users=log.n_users,
        n_items=len(items),
    )
    future = known & (log.day >= cut) & (log.day < cut + horizon_days)
    cells = np.unique(np.stack([log.user[future], position[log.item[future]]]), axis=1)
    ones = np.ones(cells.shape[1], dtype=np.float32)
    truth = sparse.csr_array((ones, (cells[0], cells[1])), shape=(log.n_users, len(items)))
    return Split(history=history, truth=truth, items=items)
