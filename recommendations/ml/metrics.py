"""Ranking metrics over the full catalogue, per person, with bootstrap intervals and paired differences.

Relevance is 0/1: bought in the horizon. Only people with a true item count. With hits h_1..h_k of the ranked list and
n true items: precision@k = sum h / k, recall@k = sum h / n, hit rate = any h, MRR = 1 / rank of the first hit,
NDCG@k = sum h_r / log2(r + 1) divided by its best possible value, sum over r <= min(k, n) of 1 / log2(r + 1)
(Järvelin and Kekäläinen, 2002).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from recommendations.ml.interactions import TooFewData
from recommendations.ml.recommender import Scorer, recommend
from recommendations.ml.splits import Split

View = Literal["all", "novel"]
VIEWS: tuple[View, ...] = ("all", "novel")

# Percentiles of 2,000 resampled means move in the fourth digit only; 1,980 people take a quarter of a second.
RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A mean over people with its 95 % percentile bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """users: (m,) positions of the people with a true item in this view; values: metric name -> (m,) float64.
    coverage: share of the catalogue that appears in anyone's list of k.
    """

    users: np.ndarray
    values: dict[str, np.ndarray]
    coverage: float

    def mean(self, metric: str) -> float:
        return float(self.values[metric].mean())

    def summary(self) -> dict[str, float]:
        """Metric name -> mean, with coverage and the number of people: what the registry stores."""
        means = {name: float(values.mean()) for name, values in self.values.items()}
        return means | {"coverage": self.coverage, "people": float(len(self.users))}


def evaluate(model: Scorer, split: Split, view: View, k: int = 10, deep: int = 20) -> Evaluation:
    """Judge a model that was fitted on `split.history`. Raises TooFewData when nobody has a true item.

    view "all": everything bought counts. "novel": what a person bought before is neither recommended nor counted.
    deep: a second, longer list for recall.
    """
    truth = true_items(split, view)
    users = np.flatnonzero(np.diff(truth.indptr))
    if not len(users):
        raise TooFewData(f"view {view}: nobody bought an item of the catalogue in the horizon")
    exclude = split.history.seen if view == "novel" else None
    ranked, _ = recommend(model, users, max(k, deep), exclude)
    hits = is_true(ranked, truth, users)
    n_true = np.diff(truth.indptr)[users]
    values = {
        f"ndcg@{k}": ndcg(hits, n_true, k),
        f"precision@{k}": hits[:, :k].mean(axis=1),
        f"recall@{k}": hits[:, :k].sum(axis=1) / n_true,
        f"recall@{deep}": hits[:, :deep].sum(axis=1) / n_true,
        f"hit_rate@{k}": hits[:, :k].any(axis=1).astype(float),
        f"mrr@{k}": reciprocal_rank(hits[:, :k]),
    }
    shown = np.unique(ranked[:, :k])
    return Evaluation(users, values, coverage=float((shown >= 0).sum() / model.n_items_))


def judgeable(split: Split) -> tuple[View, ...]:
    """The views in which anybody has a true item: in a small shop nobody may have bought anything new."""
    return tuple(view for view in VIEWS if true_items(split, view).nnz)


def true_items(split: Split, view: View) -> sparse.csr_array:
    """The truth of a view, (n_users, n_items) sparse; for "novel" without the items of the own history."""
    if view == "all":
        return split.truth
    known = split.truth.multiply(split.history.seen > 0)
    novel = sparse.csr_array(split.truth - known)
    novel.eliminate_zeros()
    return novel


def is_true(ranked: np.ndarray, truth: sparse.csr_array, users: np.ndarray) -> np.ndarray:
    """Whether each ranked item (len(users), k) is among the user's true ones; id -1 is not."""
    hits = np.zeros(ranked.shape, dtype=bool)
    for row, user in enumerate(users):
        hits[row] = np.isin(ranked[row], truth.indices[truth.indptr[user] : truth.indptr[user + 1]])
    return hits


def ndcg(hits: np.ndarray, n_true: np.ndarray, k: int) -> np.ndarray:
    """NDCG@k per row of hits (m, >= k); n_true (m,) at least 1.

    >>> ndcg(np.array([[True, False, True]]), np.array([2]), k=3).round(4)  # (1 + 1/2) / (1 + 1/log2(3))
    array([0.9197])
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    best = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(n_true, k)]
    return hits[:, :k] @ discount / best


def reciprocal_rank(hits: np.ndarray) -> np.ndarray:
    """1 / rank of the first hit per row, 0 without one."""
    return np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1), 0.0)


def bootstrap(values: np.ndarray, seed: int = 0) -> Interval:
    """Mean of per-person values with its interval from resampling people."""
    rng = np.random.default_rng(seed)
    people = len(values)
    means = [values[rng.integers(people, size=people)].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def paired_difference(ours: Evaluation, theirs: Evaluation, metric: str, seed: int = 0) -> Interval:
    """Interval of the mean of ours - theirs over the same people. Better beyond noise when `low` is above 0.

    Paired, because people differ far more than models do: it is several times narrower than two single intervals.
    Raises ValueError when the two were not judged on the same people.
    """
    if not np.array_equal(ours.users, theirs.users):
        raise ValueError("the two evaluations are over different people: use one split and one view")
    return bootstrap(ours.values[metric] - theirs.values[metric], seed)
