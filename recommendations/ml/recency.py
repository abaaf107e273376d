"""Personal frequency with forgetting: what I buy often and bought lately, I buy again.

score(u, i) = sum over u's orders of i of 2 ** (-days ago / half-life). An infinite half-life is plain frequency.
On repeat purchases this beats the classic collaborative and neural models (Hu et al., "Modeling Personalized Item
Frequency Information for Next-basket Recommendation", SIGIR 2020, make the same point).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recommendations.ml.interactions import Interactions
from recommendations.ml.popularity import Popularity, PopularityConfig
from recommendations.ml.recommender import Recommender

# Popularity fills the places that the own history leaves empty. At one thousandth it stays below any own order
# of the last 27 months at 12 weeks of half-life; what is older than that may stand behind a best seller.
POPULARITY_SHARE = 1e-3


@dataclass(frozen=True)
class RecencyConfig:
    half_life_days: float = 84.0  # 12 weeks; 10 to 24 are equal within the noise, 6 and infinity are worse
    popularity_window_days: float = 14.0


class Recency(Recommender):
    """Decayed own counts, (n_users, n_items) sparse, over a floor of popularity."""

    kind = "recency"
    Config = RecencyConfig

    def fit(self, interactions: Interactions) -> Self:
        self._begin(interactions)
        self.rates_ = interactions.counts(self.config.half_life_days)
        popular = Popularity(PopularityConfig(self.config.popularity_window_days)).fit(interactions).buyers_
        self.floor_ = POPULARITY_SHARE * popular / popular.max()
        return self

    def _score(self, users: np.ndarray) -> np.ndarray:
        return self.rates_[users].toarray() + self.floor_
