"""Groups of people by how they buy (recency, frequency, spend) and where (shares of departments).

k-means on two blocks of features. Recency, frequency and spend are taken as log(1 + x) and standardised, because they
span four orders of magnitude. Department shares enter as square roots (the Hellinger distance between two baskets), all
scaled by one factor, so that the many departments together weigh as much as the three figures and a rare department is
not blown up to the weight of a large one.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

from recommendations.ml.interactions import TooFewData
from recommendations.ml.metrics import bootstrap
from recommendations.ml.recommender import State
from recommendations.ml.rfm import Rfm


@dataclass(frozen=True)
class ClustersConfig:
    n_clusters: int = 6
    starts: int = 10
    seed: int = 0


class Clusters:
    """Cluster 0 spends most, the last one least: the order, not k-means' draw, numbers the groups, until `renumbered`.

    Learned: `centers_` (k, 3 + departments) in scaled units, `mean_` and `scale_` (3 + departments,) of the features,
    `sizes_` (k,), `shares_` (departments,) mean share of each department over all people.
    """

    kind = "clusters"
    Config = ClustersConfig

    def __init__(self, config: ClustersConfig | None = None) -> None:
        self.config = config or ClustersConfig()

    def fit(self, rfm: Rfm, spend: np.ndarray) -> Self:
        """spend: (n_users, departments) money per department, 0 or more. People without an order are left out.

        Raises TooFewData with fewer than ten people per cluster.
        """
        ordered = rfm.frequency > 0
        config = self.config
        if ordered.sum() < 10 * config.n_clusters:
            raise TooFewData(f"clusters: {ordered.sum()} people with an order, {10 * config.n_clusters} needed")
        features = _features(rfm, spend)[ordered]
        self.mean_ = features.mean(axis=0)
        self.scale_ = features.std(axis=0)
        self.scale_[self.scale_ == 0] = 1.0
        # One scale for all departments: their total variance becomes 3, that of the three standardised figures.
        pooled = np.sqrt(features[:, 3:].var(axis=0).sum() / 3)
        self.scale_[3:] = pooled or 1.0
        scaled = (features - self.mean_) / self.scale_
        means = KMeans(config.n_clusters, n_init=config.starts, random_state=config.seed).fit(scaled)
        order = np.argsort(-means.cluster_centers_[:, 2], kind="stable")
        self.centers_ = means.cluster_centers_[order]
        self.sizes_ = np.bincount(means.labels_, minlength=config.n_clusters)[order]
        self.shares_ = _shares(spend[ordered]).mean(axis=0)
        return self

    def predict(self, rfm: Rfm, spend: np.ndarray) -> np.ndarray:
        """The nearest cluster per person, (n_users,) int64; -1 without an order."""
        scaled = (_features(rfm, spend) - self.mean_) / self.scale_
        distance = (
            (scaled**2).sum(axis=1, keepdims=True) - 2 * scaled @ self.centers_.T + (self.centers_**2).sum(axis=1)
        )
        return np.where(rfm.frequency > 0, distance.argmin(axis=1), -1)

    def explained(self, rfm: Rfm, spend: np.ndarray, group: np.ndarray) -> np.ndarray:
        """How much of the differences between people a grouping accounts for, a value per person with an order.

        1 - |x - centre of the person's group|^2 / mean |x - centre of all|^2, in this model's units, so that any grouping of
        the same people compares: the mean is the share of the variance explained, 0 for one group. group: (n_users,), -1
        without an order.
        """
        ordered = rfm.frequency > 0
        scaled, group = ((_features(rfm, spend) - self.mean_) / self.scale_)[ordered], group[ordered]
        whole = ((scaled - scaled.mean(axis=0)) ** 2).sum(axis=1).mean()
        left = np.empty(len(scaled))
        for number in np.unique(group):
            mine = group == number
            left[mine] = ((scaled[mine] - scaled[mine].mean(axis=0)) ** 2).sum(axis=1)
        return 1 - left / (whole or 1.0)

    def renumbered(self, order: np.ndarray) -> Self:
        """The same groups under other numbers: the new number i is what was order[i]."""
        model = type(self)(self.config)
        vars(model).update(vars(self) | {"centers_": self.centers_[order], "sizes_": self.sizes_[order]})
        return model

    def names(self, departments: list[str]) -> list[str]:
        """A readable, distinct name per cluster from its centre, such as "frequent, high spend, produce-leaning"."""
        names: list[str] = []
        for center in self.centers_:
            name = ", ".join([_rhythm(center), _spend(center), *self._leaning(center, departments)])
            twins = sum(other.split(" (")[0] == name for other in names)
            names.append(f"{name} ({twins + 1})" if twins else name)
        return names

    def _leaning(self, center: np.ndarray, departments: list[str]) -> list[str]:
        """The department with most over its average share, when it is at least a fifth more and two points more."""
        share = np.maximum(center[3:] * self.scale_[3:] + self.mean_[3:], 0.0) ** 2
        more = share - self.shares_
        best = int(more.argmax())
        if more[best] < max(0.02, 0.2 * self.shares_[best]):
            return []
        return [f"{departments[best].lower()}-leaning"]

    def state(self) -> State:
        learned = {name: np.asarray(value) for name, value in vars(self).items() if name.endswith("_")}
        return learned | {f"config.{f.name}": np.asarray(getattr(self.config, f.name)) for f in fields(self.config)}

    @classmethod
    def from_state(cls, state: State) -> Self:
        model = cls(ClustersConfig(**{f.name: state[f"config.{f.name}"].item() for f in fields(ClustersConfig)}))
        for name, value in state.items():
            if name.endswith("_"):
                setattr(model, name, value)
        return model


def align(before: np.ndarray, now: np.ndarray, n_clusters: int) -> tuple[np.ndarray, float]:
    """(order for `renumbered`, share of people who then keep their number), so that a group is called the same next week.

    The one-to-one match that keeps most people in their group (Kuhn 1955, the Hungarian method). before, now: (n,) groups
    of the same people, -1 for who had or has none; those do not count.

    >>> order, kept = align(np.array([0, 0, 1, 1, -1]), np.array([1, 1, 0, 1, 0]), 2)
    >>> order.tolist(), kept
    ([1, 0], 0.75)
    """
    both = (before >= 0) & (now >= 0) & (before < n_clusters)
    overlap = np.zeros((n_clusters, n_clusters))
    np.add.at(overlap, (before[both], now[both]), 1)
    rows, order = linear_sum_assignment(-overlap)
    return order, float(overlap[rows, order].sum() / max(both.sum(), 1))


def _features(rfm: Rfm, spend: np.ndarray) -> np.ndarray:
    """(n_users, 3 + departments): log recency, frequency and spend, square roots of the department shares."""
    if (spend < 0).any() or (rfm.monetary < 0).any():
        raise ValueError("spend must be 0 or more")
    recency = np.where(rfm.frequency > 0, rfm.recency_days, 0.0)
    figures = np.log1p(np.stack([recency, rfm.frequency, rfm.monetary], axis=1))
    return np.concatenate([figures, np.sqrt(_shares(spend))], axis=1)


def _shares(spend: np.ndarray) -> np.ndarray:
    total = spend.sum(axis=1, keepdims=True)
    return np.divide(spend, total, out=np.zeros_like(spend, dtype=np.float64), where=total > 0)


def _rhythm(center: np.ndarray) -> str:
    recency, frequency = center[0], center[1]
    if recency > 1.0:
        return "lapsing"
    return "frequent" if frequency > 0.5 else "rare" if frequency < -0.5 else "regular"


def _spend(center: np.ndarray) -> str:
    return "high spend" if center[2] > 0.5 else "low spend" if center[2] < -0.5 else "average spend"


def verdict(ours: np.ndarray, live: np.ndarray | None) -> dict:
    """The registry's row of a grouping from one figure a person, (people,) float: over no groups at all, and paired against
    the live grouping's figures of the same people; None without one.
    """
    interval = bootstrap(ours)
    row = {
        "value": interval.mean, "low": interval.low, "high": interval.high, "baseline": 0.0,
        "over_baseline": [interval.mean, interval.low, interval.high], "people": len(ours),
    }  # fmt: skip
    if live is not None:
        against = bootstrap(ours - live)
        better = True if against.low > 0 else False if against.high < 0 else None
        row |= {"live": float(live.mean()), "beats_live": better}
    return row
