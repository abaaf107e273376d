"""Cold start of people: who has no history gets what people of their kind buy, as far as that is known.

score(segment, i) = (buyers of i in the segment + prior * share of all people who buy i) / (people in the segment + prior)

in a window, drawn to everybody's by `prior` people (an empirical-Bayes mean): a segment of three says little, one of three
hundred speaks for itself. Segments are any codes: an age band, a household type, a cluster; -1, not asked, is everybody.
Several descriptions of a person are averaged.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.popularity import Popularity, PopularityConfig


@dataclass(frozen=True)
class SegmentPopularityConfig:
    window_days: float = 28.0
    prior: float = 50.0


class SegmentPopularity:
    """fit(interactions, segments): segments (n_users, d) int, -1 where not asked.

    Learned: `shares_`, per description (segments + 1, n_items), its last row everybody's; everybody's order of the rest.
    """

    kind = "segment_popularity"

    def __init__(self, config: SegmentPopularityConfig | None = None) -> None:
        self.config = config or SegmentPopularityConfig()

    def fit(self, interactions: Interactions, segments: np.ndarray) -> Self:
        if not len(interactions):
            raise TooFewData("segment_popularity: no interaction before the cut")
        self.n_users_, self.n_items_ = interactions.n_users, interactions.n_items
        recent = interactions.days_before_cut < self.config.window_days
        pairs = np.unique(interactions.user[recent].astype(np.int64) * self.n_items_ + interactions.item[recent])
        user, item = np.divmod(pairs, self.n_items_)
        active = np.unique(interactions.user)
        overall = np.bincount(item, minlength=self.n_items_) / len(active)
        # Ever bought orders what the window leaves equal; at most a thousandth of one buyer's share.
        ever = Popularity(PopularityConfig(np.inf)).fit(interactions).buyers_
        overall = overall + ever / ever.max() * 1e-3 / len(active)
        self.segments_, self.shares_ = segments, []
        for codes in segments.T:
            size = int(codes.max()) + 1
            told = codes[user] >= 0
            cells = codes[user[told]] * self.n_items_ + item[told]
            buyers = np.bincount(cells, minlength=size * self.n_items_).reshape(size, self.n_items_)
            people = np.bincount(codes[active][codes[active] >= 0], minlength=size)
            shares = (buyers + self.config.prior * overall) / (people[:, None] + self.config.prior)
            self.shares_.append(np.vstack([shares, overall]).astype(np.float32))
        return self

    def score_segments(self, segments: np.ndarray) -> np.ndarray:
        """(m, n_items) for anybody's descriptions (m, d); a code that was never seen counts as not asked."""
        found = [
            shares[np.where((codes >= 0) & (codes < len(shares) - 1), codes, len(shares) - 1)]
            for shares, codes in zip(self.shares_, segments.T, strict=True)
        ]
        return np.mean(found, axis=0)

    def score(self, users: np.ndarray) -> np.ndarray:
        return self.score_segments(self.segments_[users])
