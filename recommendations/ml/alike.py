"""What people of one age, income or household buy, for whoever has bought nothing yet (`segment_popularity`), as flat arrays.

Only the best of each band are kept; an item that a band does not name has everybody's share there.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from recommendations.ml.index import best
from recommendations.ml.segment_popularity import SegmentPopularity

KEPT = 200


@dataclass(frozen=True, eq=False)
class Alike:
    """alike_starts: (descriptions + 1,) where each description's bands begin. alike_items, alike_shares: (bands, KEPT)
    positions in the index with the share of the band that buys them, best first, -1 in a band of nobody. alike_everybody:
    (n,) float32, the share of all people.
    """

    alike_starts: np.ndarray
    alike_items: np.ndarray
    alike_shares: np.ndarray
    alike_everybody: np.ndarray

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))

    @classmethod
    def of(cls, model: SegmentPopularity) -> Self:
        bands = [shares[:-1] for shares in model.shares_]  # the last row is everybody's
        width = min(KEPT, model.n_items_)
        best_of = [best(row, width) for shares in bands for row in shares]
        # Nobody of an empty band bought anything: what stands there is everybody's.
        is_empty = np.array([np.allclose(row, model.shares_[0][-1], rtol=1e-5) for shares in bands for row in shares])
        items = np.array([items for items, _ in best_of], dtype=np.int32).reshape(-1, width)
        items[is_empty] = -1
        return cls(
            alike_starts=np.cumsum([0, *(len(shares) for shares in bands)]),
            alike_items=items,
            alike_shares=np.array([shares for _, shares in best_of], dtype=np.float32).reshape(-1, width),
            alike_everybody=model.shares_[0][-1],
        )

    def ranked(self, codes: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(positions, scores) of the best k for somebody of these bands, one a description, -1 where not known.

        Nothing where no band is known: then everybody's list is the answer. allowed: (n,) bool, what may be shown.
        """
        sizes = np.diff(self.alike_starts)
        known = np.flatnonzero((codes >= 0) & (codes < sizes))
        bands = self.alike_starts[known] + codes[known]
        bands = bands[self.alike_items[bands, 0] >= 0]
        if not len(bands):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        totals = np.full(len(self.alike_everybody), -np.inf)
        named = np.unique(self.alike_items[bands])
        totals[named] = self.alike_everybody[named] * len(bands)
        for band in bands:
            items = self.alike_items[band]
            totals[items] += self.alike_shares[band] - self.alike_everybody[items]
        if allowed is not None:
            totals[~allowed] = -np.inf
        return best(totals / len(bands), k)
