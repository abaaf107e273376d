"""Products on sale that too few people bought to be ranked by behaviour, by the known ones that they are like (`content`).

Products of one type, category, department and brand are alike to the last: one row of neighbours serves all of them, and
the newest stands first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from recommendations.ml.content import Content
from recommendations.ml.index import best

PER_KIND = 2  # of what is alike to the last, a list needs no more


@dataclass(frozen=True, eq=False)
class Newcomers:
    """new_products: (m,) int64 ids, by kind, the newest (largest) first. new_starts: (kinds + 1,) where each kind begins.
    new_near: (kinds, k) int32 positions in the index, the likest first; new_likeness: (kinds, k) float32 cosines, 0 to 1.
    """

    new_products: np.ndarray
    new_starts: np.ndarray
    new_near: np.ndarray
    new_likeness: np.ndarray

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))

    @classmethod
    def of(cls, ids: np.ndarray, groups: Mapping[str, np.ndarray], known: np.ndarray) -> Self:
        """ids: (n,) products on sale, ascending. groups: name -> (n,) int, what each belongs to. known: (n,) int, where it
        stands in the index, -1 for a newcomer.
        """
        content = Content().fit(groups, known >= 0)
        kinds, first, kind, size = np.unique(
            np.stack([codes[content.new_] for codes in groups.values()], axis=1),
            axis=0, return_index=True, return_inverse=True, return_counts=True,
        )  # fmt: skip
        order = np.lexsort((-content.new_, kind.reshape(-1)))
        return cls(
            new_products=ids[content.new_[order]].astype(np.int64),
            new_starts=np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
            new_near=known[known >= 0][content.near_[first]].astype(np.int32).reshape(len(kinds), -1),
            new_likeness=content.likeness_[first].astype(np.float32).reshape(len(kinds), -1),
        )

    def __len__(self) -> int:
        return len(self.new_products)

    def kinds_of(self, product_ids: np.ndarray) -> np.ndarray:
        """The kind of each product, -1 for one that is no newcomer."""
        found = np.full(len(product_ids), -1, dtype=np.int64)
        for place, product_id in enumerate(product_ids.tolist()):
            at = np.flatnonzero(self.new_products == product_id)
            if len(at):
                found[place] = np.searchsorted(self.new_starts, at[0], side="right") - 1
        return found

    def stand_ins(self, kinds: np.ndarray, amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What was done with products of these kinds, as done with what they are like: (positions ascending, amounts)."""
        likeness = self.new_likeness[kinds]
        share = likeness / np.maximum(likeness.sum(axis=1, keepdims=True), 1e-12) * likeness.max(axis=1, keepdims=True)
        found, place = np.unique(self.new_near[kinds].ravel(), return_inverse=True)
        return found.astype(np.int64), np.bincount(place.reshape(-1), (share * amounts[:, None]).ravel(), len(found))

    def ranked(self, totals: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        """(product ids, scores, positions of the known product that says most for each), best first, up to k.

        totals: (n,) a person's scores of the index. allowed: (m,) bool, what may be shown.
        """
        said = totals[self.new_near] * self.new_likeness
        weight = np.maximum(self.new_likeness.sum(axis=1), 1e-12)
        scores = said.sum(axis=1) / weight * self.new_likeness.max(axis=1, initial=0.0)
        ids, found, because = [], [], []
        for kind, score in zip(*(column.tolist() for column in best(scores, 4 * k)), strict=True):
            if score <= 0 or len(ids) >= k:
                break
            start, end = int(self.new_starts[kind]), int(self.new_starts[kind + 1])
            places = np.arange(start, end) if allowed is None else start + np.flatnonzero(allowed[start:end])
            for place in places[:PER_KIND].tolist():
                ids.append(int(self.new_products[place]))
                found.append(score)
                because.append(int(self.new_near[kind, said[kind].argmax()]))
        return np.array(ids[:k], dtype=np.int64), np.array(found[:k]), np.array(because[:k], dtype=np.int64)
