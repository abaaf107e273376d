"""Repurchase timing: what is due? A renewal process with defection for every (person, item).

After A. Romanov et al., "Time-Aware Item Weighting for the Next Basket Recommendations" (TAIW), RecSys 2023, whose
Hawkes process lets every past purchase excite the next one around the item's usual gap. Here the same idea in closed
form, without gradient descent. The time T between two purchases of an item is log-normal, and a person may have
bought it for the last time:

    log T ~ N(m_ui, s_i),   m_ui = (kappa * m_i + sum of the own log gaps) / (kappa + number of own gaps)
    b_ui = (alpha * b_i + own repeats) / (alpha + own purchases)               the chance that there is a next one
    score = P(next purchase within the horizon | none for g days)
          = b * (F(g + horizon) - F(g)) / (1 - b * F(g)),   F the distribution function of T

b_i and m_i come from everybody's purchases and are drawn to the whole catalogue's where few are known (an open gap at
the cut counts as no repeat, so b is the share seen so far: an order is what it serves). What was never bought gets a
thousandth of popularity.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from recommendations.ml.interactions import Interactions
from recommendations.ml.popularity import popular_share
from recommendations.ml.recency import POPULARITY_SHARE
from recommendations.ml.recommender import Recommender


@dataclass(frozen=True)
class RepurchaseConfig:
    horizon_days: float = 28.0
    item_prior: float = 10.0  # how many purchases of an item weigh as much as the whole catalogue's habit
    gap_prior: float = 1.0  # kappa
    repeat_prior: float = 0.5  # alpha: on the demo store 0.5 and 1 are equal, 4 is worse (0.397 against 0.407)
    popularity_window_days: float = 14.0


class Repurchase(Recommender):
    """Learned: `due_` (n_users, n_items) sparse, the chance of each own item, and the floor of popularity."""

    kind = "repurchase"
    Config = RepurchaseConfig

    def fit(self, interactions: Interactions) -> Self:
        self._begin(interactions)
        self.due_ = due(interactions, self.config)
        self.floor_ = np.float32(POPULARITY_SHARE) * popular_share(interactions, self.config.popularity_window_days)
        return self

    def _score(self, users: np.ndarray) -> np.ndarray:
        return self.due_[users].toarray() + self.floor_


def due(interactions: Interactions, config: RepurchaseConfig) -> sparse.csr_array:
    """Chance of a purchase within the horizon for every (user, item) that was bought; cells as those of `seen`."""
    seen = interactions.seen
    n_items = interactions.n_items
    cell_user = np.repeat(np.arange(interactions.n_users), np.diff(seen.indptr))
    cell_key = cell_user * n_items + seen.indices
    key = interactions.user.astype(np.int64) * n_items + interactions.item
    order = np.lexsort((-interactions.days_before_cut, key))
    key, days = key[order], interactions.days_before_cut[order]
    same = key[1:] == key[:-1]
    # A gap below half a day is one shopping trip in two tills.
    gap = np.log(np.maximum(days[:-1] - days[1:], 0.5))[same]
    place = np.searchsorted(cell_key, key[1:][same])
    own_gaps = np.bincount(place, minlength=len(cell_key))
    own_sum = np.bincount(place, weights=gap, minlength=len(cell_key))

    item = seen.indices
    gaps_of_item = np.bincount(item[place], minlength=n_items)
    centre = gap.mean() if len(gap) else np.log(config.horizon_days)
    spread = gap.var() if len(gap) > 1 else 1.0
    prior = config.item_prior
    item_mean = (np.bincount(item[place], weights=gap, minlength=n_items) + prior * centre) / (gaps_of_item + prior)
    mean = (config.gap_prior * item_mean[item] + own_sum) / (config.gap_prior + own_gaps)
    off = np.bincount(item[place], weights=(gap - mean[place]) ** 2, minlength=n_items)
    # Where everybody comes on the day, the curve is a step; it needs some width to be read.
    width = np.maximum(np.sqrt((off + prior * spread) / (gaps_of_item + prior)), 1e-3)[item]

    bought = np.bincount(item, weights=seen.data, minlength=n_items)
    share = gaps_of_item.sum() / max(bought.sum(), 1.0)
    item_repeat = (gaps_of_item + prior * share) / (bought + prior)
    alpha = config.repeat_prior
    repeat = (alpha * item_repeat[item] + own_gaps) / (alpha + seen.data)

    since = np.maximum(interactions.last_days.data.astype(np.float64), 0.5)
    before = ndtr((np.log(since) - mean) / width)
    after = ndtr((np.log(since + config.horizon_days) - mean) / width)
    chance = repeat * (after - before) / (1.0 - repeat * before)
    return sparse.csr_array((chance.astype(np.float32), seen.indices, seen.indptr), shape=seen.shape)
