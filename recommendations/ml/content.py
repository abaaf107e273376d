"""Cold start of products: what nobody bought yet borrows from what it is like.

A product is described by what it belongs to (type, category, department, brand), each name weighted by how telling it is,
ln(n / how many products carry it), and if wanted by a text embedding beside them; two products are as alike as the cosine
of their descriptions. A new product's score for a person is the mean of the person's scores of its nearest known
products, weighted by likeness, times the likeness of the nearest: what is like nothing is recommended to nobody.
(A. Schein et al., "Methods and Metrics for Cold-Start Recommendations", SIGIR 2002, for the setting.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from recommendations.ml.recommender import Scorer, top_k


@dataclass(frozen=True)
class ContentConfig:
    neighbours: int = 10
    text_weight: float = 1.0  # of the embedding beside the names, both as vectors of length 1


class Content:
    """fit(groups, known, text): groups name -> (n_products,) int; known (n_products,) bool, what a model was fitted on.

    text: (n_products, d) float embedding, optional. Learned: `new_`, positions of the new products; `near_` (new, k)
    positions among the known ones and `likeness_`.
    """

    def __init__(self, config: ContentConfig | None = None) -> None:
        self.config = config or ContentConfig()

    def fit(self, groups: Mapping[str, np.ndarray], known: np.ndarray, text: np.ndarray | None = None) -> Self:
        described = describe(groups)
        if text is not None:
            length = np.maximum(np.linalg.norm(text, axis=1, keepdims=True), 1e-12)
            words = sparse.csr_array(np.sqrt(self.config.text_weight) * text / length)
            described = sparse.csr_array(sparse.hstack([described, words]))
        squares = np.asarray(described.multiply(described).sum(axis=1))
        scale = 1.0 / np.sqrt(np.maximum(squares, 1e-12))
        described = sparse.csr_array(described.multiply(scale[:, None]))
        self.new_, known_at = np.flatnonzero(~known), np.flatnonzero(known)
        width = min(self.config.neighbours, len(known_at))
        self.near_ = np.zeros((len(self.new_), width), dtype=np.int64)
        self.likeness_ = np.zeros((len(self.new_), width))
        if not width or not len(self.new_):
            return self
        across = sparse.csr_array(described[known_at].T)
        # Without words, products of the same classes are the same product here: each description is compared once.
        codes = np.stack([codes[self.new_] for codes in groups.values()], axis=1)
        if text is not None:
            codes = np.arange(len(self.new_))[:, None]
        _, first, kind = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        near, likeness = np.zeros((len(first), width), dtype=np.int64), np.zeros((len(first), width))
        size = max(1, 2_000_000 // len(known_at))
        for start in range(0, len(first), size):
            alike = (described[self.new_[first[start : start + size]]] @ across).toarray()
            near[start : start + size], best = top_k(alike.astype(np.float32), width)
            likeness[start : start + size] = np.maximum(best, 0)
        self.near_, self.likeness_ = near[kind.reshape(-1)], likeness[kind.reshape(-1)]
        return self

    def score(self, model: Scorer, users: np.ndarray) -> np.ndarray:
        """(len(users), new products) on the scale of `model`, whose items are the known products in their order."""
        scores = model.score(users)
        weight = self.likeness_ / np.maximum(self.likeness_.sum(axis=1, keepdims=True), 1e-12)
        borrowed = np.einsum("unk,nk->un", scores[:, self.near_], weight)
        return borrowed * self.likeness_.max(axis=1, initial=0.0)


def describe(groups: Mapping[str, np.ndarray]) -> sparse.csr_array:
    """(n_products, names) one column a name that a group has, ln(n / products that carry it) where it is carried."""
    blocks = []
    for codes in groups.values():
        n, size = len(codes), int(codes.max()) + 1
        carried = np.bincount(codes, minlength=size)
        weight = np.log(n / np.maximum(carried, 1))[codes]
        blocks.append(sparse.csr_array((weight, (np.arange(n), codes)), shape=(n, size)))
    return sparse.csr_array(sparse.hstack(blocks))
