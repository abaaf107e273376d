"""User-based collaborative filtering: people alike speak for what I have not found yet.

P. Resnick et al., "GroupLens", CSCW 1994, for counts of purchases:

    s(u, v) = w_u . w_v,   score(u, i) = sum over the `neighbours` nearest v of s(u, v) ** sharpness * x_vi

w are the rows of the people x items matrix in one of the three weightings of `weighting`; x is the neighbour's decayed
count, damped. A person is not their own neighbour. People are compared with at most `max_people` others, drawn by the
seed, when they are asked for: nothing grows with the square of the people.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from recommendations.ml import weighting
from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.popularity import popular_share
from recommendations.ml.recommender import Recommender

FLOOR = 1e-6  # as in item_knn: orders only what the neighbours leave equal


@dataclass(frozen=True)
class UserKnnConfig:
    neighbours: int = 100
    half_life_days: float = 84.0
    damping: float = 0.5
    sharpness: float = 1.0
    popularity_window_days: float = 14.0
    max_people: int = 20_000
    seed: int = 0


class UserKnn(Recommender):
    """Learned: weighted rows (`weighted_`), what they bought (`rows_`), and the people compared with (`sample_`)."""

    Config = UserKnnConfig
    weigh: ClassVar[Callable[[sparse.csr_array], sparse.csr_array]]

    def fit(self, interactions: Interactions) -> Self:
        self._begin(interactions)
        active = np.flatnonzero(np.diff(interactions.seen.indptr))
        if len(active) < 2:
            raise TooFewData(f"{self.kind}: fewer than 2 people have a history")
        if len(active) > self.config.max_people:
            rng = np.random.default_rng(self.config.seed)
            active = np.sort(rng.choice(active, self.config.max_people, replace=False))
        self.sample_ = active.astype(np.int32)
        self.rows_ = interactions.counts(self.config.half_life_days)
        self.weighted_ = type(self).weigh(self.rows_)
        self.rows_.data **= np.float32(self.config.damping)
        self.popular_ = popular_share(interactions, self.config.popularity_window_days)
        return self

    def _score(self, users: np.ndarray) -> np.ndarray:
        likeness = (self.weighted_[users] @ self.weighted_[self.sample_].T).toarray()
        likeness[users[:, None] == self.sample_[None, :]] = 0.0
        scores = top_only(likeness, self.config.neighbours, self.config.sharpness) @ self.rows_[self.sample_]
        return scores.toarray() + np.float32(FLOOR) * self.popular_


def top_only(likeness: np.ndarray, k: int, sharpness: float = 1.0) -> sparse.csr_array:
    """The k largest positive cells of each row, to a power, as a sparse matrix of the same shape."""
    width = min(k, likeness.shape[1])
    near = np.argpartition(-likeness, width - 1, axis=1)[:, :width]
    near.sort(axis=1)
    values = np.maximum(np.take_along_axis(likeness, near, axis=1), 0) ** np.float32(sharpness)
    starts = np.arange(len(likeness) + 1) * width
    return sparse.csr_array((values.reshape(-1), near.reshape(-1), starts), shape=likeness.shape)


class UserCosine(UserKnn):
    kind = "user_cosine"
    weigh = staticmethod(weighting.cosine)


class UserTfIdf(UserKnn):
    kind = "user_tfidf"
    weigh = staticmethod(weighting.tf_idf)


class UserBm25(UserKnn):
    kind = "user_bm25"
    weigh = staticmethod(weighting.bm25)
