"""Item-based collaborative filtering: what I own speaks for what the same people buy.

B. Sarwar et al., "Item-Based Collaborative Filtering Recommendation Algorithms", WWW 2001:

    s(i, j) = w_i . w_j,   score(u, j) = sum over the own items i of c_ui * s(i, j), over the `neighbours` nearest j of i

w are the rows of the items x people matrix in one of the three weightings of `weighting`; an item is its own nearest
neighbour, so repeats count. Only the nearest are kept, as padded arrays, so that a catalogue of a million products is
a million short rows, and a block of items is compared at a time: no dense items x items matrix is ever held.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from recommendations.ml import weighting
from recommendations.ml.interactions import Interactions
from recommendations.ml.popularity import popular_share
from recommendations.ml.recommender import BLOCK_CELLS, Recommender

# Below every likeness that means anything: it only orders what the neighbours leave equal.
FLOOR = 1e-6


@dataclass(frozen=True)
class ItemKnnConfig:
    neighbours: int = 100
    half_life_days: float = np.inf
    popularity_window_days: float = 14.0


class ItemKnn(Recommender):
    """Learned: counts (`rows_`), and per item its nearest, `near_` (n_items, neighbours) int32 with `likeness_` float32,
    0 where there are fewer.
    """

    Config = ItemKnnConfig
    weigh: ClassVar[Callable[[sparse.csr_array], sparse.csr_array]]

    def fit(self, interactions: Interactions) -> Self:
        self._begin(interactions)
        self.rows_ = interactions.counts(self.config.half_life_days)
        self.popular_ = popular_share(interactions, self.config.popularity_window_days)
        weighted = type(self).weigh(sparse.csr_array(self.rows_.T))
        self.near_, self.likeness_ = nearest(weighted, min(self.config.neighbours, self.n_items_))
        return self

    def _score(self, users: np.ndarray) -> np.ndarray:
        width = self.near_.shape[1]
        starts = np.arange(self.n_items_ + 1, dtype=np.int64) * width
        shape = (self.n_items_, self.n_items_)
        links = sparse.csr_array((self.likeness_.reshape(-1), self.near_.reshape(-1), starts), shape=shape)
        return (self.rows_[users] @ links).toarray() + np.float32(FLOOR) * self.popular_


def nearest(weighted: sparse.csr_array, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Per row the k rows with the largest dot product, (rows, k) int32 and float32, best first; equal ones by number.

    Pads with likeness 0. A block of rows at a time: memory is block x rows, never rows x rows.
    """
    n = weighted.shape[0]
    ids, likeness = np.zeros((n, k), dtype=np.int32), np.zeros((n, k), dtype=np.float32)
    across = sparse.csr_array(weighted.T)
    size = max(1, BLOCK_CELLS // n)
    for start in range(0, n, size):
        scores = (weighted[start : start + size] @ across).toarray()
        found = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        found.sort(axis=1)
        order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
        found = np.take_along_axis(found, order, axis=1)
        ids[start : start + size] = found
        likeness[start : start + size] = np.take_along_axis(scores, found, axis=1)
    return ids, likeness


class ItemCosine(ItemKnn):
    kind = "item_cosine"
    weigh = staticmethod(weighting.cosine)


class ItemTfIdf(ItemKnn):
    kind = "item_tfidf"
    weigh = staticmethod(weighting.tf_idf)


class ItemBm25(ItemKnn):
    kind = "item_bm25"
    weigh = staticmethod(weighting.bm25)
