"""TIFU-KNN: temporal item frequency of the own baskets, mixed with that of people alike.

H. Hu et al., "Modeling Personalized Item Frequency Information for Next-basket Recommendation", SIGIR 2020:
the baskets of a person, newest first, are cut into groups of `group_size` (the oldest group may be smaller);

    group   v_g = (1 / size of g) * sum over its baskets, the p-th newest in it, of basket_decay ** p * basket
    person  t_u = (1 / groups)    * sum over groups, the g-th newest, of group_decay ** g * v_g
    score       = own_share * t_u + (1 - own_share) * mean of t_v over the `neighbours` nearest v (Euclidean)

A basket is a 0/1 vector of items. People are compared with at most `max_people` others, as in user_knn.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.popularity import popular_share
from recommendations.ml.recommender import Recommender

FLOOR = 1e-6


@dataclass(frozen=True)
class TifuConfig:
    """The decays are slower than the paper's (0.9, 0.7): four weeks are asked for here, not the next basket."""

    group_size: int = 4
    basket_decay: float = 0.95
    group_decay: float = 0.8
    own_share: float = 0.7
    neighbours: int = 100
    popularity_window_days: float = 14.0
    max_people: int = 20_000
    seed: int = 0


class Tifu(Recommender):
    """Learned: t_u (`rows_`, sparse (n_users, n_items)) and the people compared with (`sample_`)."""

    kind = "tifu"
    Config = TifuConfig

    def fit(self, interactions: Interactions) -> Self:
        self._begin(interactions)
        active = np.unique(interactions.user)
        if len(active) < 2:
            raise TooFewData("tifu: fewer than 2 people have a history")
        if len(active) > self.config.max_people:
            rng = np.random.default_rng(self.config.seed)
            active = np.sort(rng.choice(active, self.config.max_people, replace=False))
        self.sample_ = active.astype(np.int32)
        cells = (basket_weights(interactions, self.config), (interactions.user, interactions.item))
        rows = sparse.coo_array(cells, shape=(self.n_users_, self.n_items_)).tocsr()
        rows.sort_indices()
        # 32-bit, as the interactions are: half the artifact.
        parts = (rows.data.astype(np.float32), rows.indices.astype(np.int32), rows.indptr.astype(np.int32))
        self.rows_ = sparse.csr_array(parts, shape=rows.shape)
        self.popular_ = popular_share(interactions, self.config.popularity_window_days)
        return self

    def _score(self, users: np.ndarray) -> np.ndarray:
        rows, sample = self.rows_[users], self.rows_[self.sample_]
        squares = np.asarray(sample.multiply(sample).sum(axis=1))
        # |a - b|^2 without |a|^2, which is the same for all of a row.
        distance = squares[None, :] - 2 * (rows @ sample.T).toarray()
        distance[users[:, None] == self.sample_[None, :]] = np.inf
        width = min(self.config.neighbours, len(self.sample_) - 1)
        near = np.sort(np.argpartition(distance, width - 1, axis=1)[:, :width], axis=1)
        mean = np.full(near.size, np.float32((1 - self.config.own_share) / width))
        shape = (len(users), len(self.sample_))
        others = sparse.csr_array((mean, near.reshape(-1), np.arange(len(users) + 1) * width), shape=shape)
        scores = (np.float32(self.config.own_share) * rows + others @ sample).toarray()
        scores[np.diff(rows.indptr) == 0] = 0.0
        return scores + np.float32(FLOOR) * self.popular_


def basket_weights(interactions: Interactions, config: TifuConfig) -> np.ndarray:
    """The weight of each row's basket in t_u, (n,) float64."""
    user, _, _, basket_of_row = interactions.baskets  # sorted by person, then newest first
    starts = np.searchsorted(user, user)
    place = np.arange(len(user)) - starts
    total = np.searchsorted(user, user, side="right") - starts
    group, within = np.divmod(place, config.group_size)
    groups = -(-total // config.group_size)
    size = np.minimum(config.group_size, total - group * config.group_size)
    weight = config.basket_decay**within * config.group_decay**group / (size * groups)
    return weight[basket_of_row]
