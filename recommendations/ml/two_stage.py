"""Two stages: several models propose a few hundred items a person, a ranker orders them. One ranker a view.

The ranker is taught by earlier snapshots of the same shop: at each, the first stage is fitted on what was known then,
and what was bought in the four weeks after it is the lesson. Every horizon of a lesson ends before the cut, so nothing
that is judged was learned. What is not proposed stands behind the proposals in the order of popularity.

Views differ in what they ask: "all" is mostly what a person buys again, "novel" is what they never bought, where
popularity among people alike, the own store's shelf and fresh buyers carry the signal. So each has its own first stage
depth and its own ranker.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from recommendations.ml.als import Als
from recommendations.ml.candidates import Candidates, propose
from recommendations.ml.ease import Ease, EaseConfig
from recommendations.ml.facts import Facts
from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.item_knn import ItemTfIdf
from recommendations.ml.metrics import View, judgeable, true_items
from recommendations.ml.pair_features import features
from recommendations.ml.popularity import Popularity
from recommendations.ml.ranker import Lesson, Ranker, RankerConfig
from recommendations.ml.recency import Recency
from recommendations.ml.recommender import Recommender
from recommendations.ml.repurchase import Repurchase
from recommendations.ml.splits import PurchaseLog, Split, time_split
from recommendations.ml.tifu import Tifu
from recommendations.ml.user_knn import UserTfIdf

FIRST_STAGE: dict[str, Callable[[], Recommender]] = {
    "ease": Ease,
    "user_tfidf": UserTfIdf,
    "als": Als,
    "tifu": Tifu,
    "repurchase": Repurchase,
    "recency": Recency,
    "popularity": Popularity,
    "item_tfidf": ItemTfIdf,
    "ease_flat": lambda: Ease(EaseConfig(half_life_days=np.inf, damping=0.0)),
    "ease_fresh": lambda: Ease(EaseConfig(half_life_days=28.0, damping=0.5, regularisation=100.0)),
}
DEPTH: dict[View, dict[str, int]] = {
    "all": {"recency": 100, "repurchase": 60, "ease": 60, "tifu": 40, "user_tfidf": 20},
    "novel": {"ease": 80, "user_tfidf": 80, "als": 80, "popularity": 60, "ease_flat": 60, "item_tfidf": 40},
}
RANKERS: dict[View, RankerConfig] = {
    "all": RankerConfig(),
    "novel": RankerConfig(objectives="binary", trees=130),
}


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The shop as it was at `cut`: the first stage fitted on it, and the facts that were known."""

    split: Split
    models: Mapping[str, Recommender]
    cut: float


@dataclass(frozen=True)
class TwoStageConfig:
    horizon_days: float = 28.0
    snapshots: int = 3
    step_days: float = 28.0
    foresee_weeks: int = 0  # weeks of the promotion plan after the cut that may be read (see facts)
    first_stage: Mapping[str, Callable[[], Recommender]] = field(default_factory=lambda: dict(FIRST_STAGE))
    depth: Mapping[View, Mapping[str, int]] = field(default_factory=lambda: dict(DEPTH))
    rankers: Mapping[View, RankerConfig] = field(default_factory=lambda: dict(RANKERS))


class TwoStage:
    """fit(log, facts, cut) teaches the rankers of all views; `scorer(split, view)` scores a split at that cut."""

    kind = "two_stage"

    def __init__(self, config: TwoStageConfig | None = None, facts: Facts | None = None) -> None:
        self.config = config or TwoStageConfig()
        self.facts = facts or Facts()

    def fit(self, log: PurchaseLog, cut: float, progress: Callable[[str, float], None] | None = None) -> Self:
        """Learns from the snapshots whose horizon ends at or before the cut. Raises TooFewData."""
        config = self.config
        lessons: dict[View, list[Lesson]] = {view: [] for view in config.rankers}
        for turn in range(config.snapshots):
            at = cut - config.horizon_days - turn * config.step_days
            if progress is not None:
                progress(f"snapshot {turn + 1} of {config.snapshots}", turn / (config.snapshots + 1))
            snapshot = self.snapshot(log, time_split(log, at, config.horizon_days), at)
            for view in judgeable(snapshot.split):
                lessons[view].append(self._lesson(log, snapshot, view))
        if progress is not None:
            progress("ranking", config.snapshots / (config.snapshots + 1))
        self.rankers_ = {view: Ranker(config.rankers[view]).fit(taught) for view, taught in lessons.items() if taught}
        return self

    def snapshot(self, log: PurchaseLog, split: Split, cut: float) -> Snapshot:
        models = {name: build().fit(split.history) for name, build in self.config.first_stage.items()}
        return Snapshot(split, models, cut)

    def _lesson(self, log: PurchaseLog, snapshot: Snapshot, view: View) -> Lesson:
        truth = true_items(snapshot.split, view)
        buyers = np.flatnonzero(np.diff(truth.indptr))
        candidates = self.candidates(snapshot, buyers, view)
        n_items = len(snapshot.split.items)
        owners = np.repeat(np.arange(log.n_users), np.diff(truth.indptr))
        bought = np.isin(candidates.user * n_items + candidates.item, owners * n_items + truth.indices)
        return Lesson(self._features(log, snapshot, candidates), bought, candidates.user)

    def candidates(self, snapshot: Snapshot, users: np.ndarray, view: View) -> Candidates:
        history = snapshot.split.history
        return propose(snapshot.models, users, history, self.config.depth[view], novel_only=view == "novel")

    def _features(self, log: PurchaseLog, snapshot: Snapshot, candidates: Candidates):
        facts = self.facts.at(log, snapshot.split, snapshot.cut, self.config.foresee_weeks)
        return features(snapshot.split.history, candidates, facts)

    def scorer(self, log: PurchaseLog, snapshot: Snapshot, view: View) -> "Ranked":
        """Everybody's candidates of the view, ranked: what `evaluate` and `recommend` take."""
        if view not in self.rankers_:
            raise TooFewData(f"two_stage: no snapshot before the cut has anything to teach for view {view}")
        candidates = self.candidates(snapshot, np.arange(log.n_users), view)
        scores = self.rankers_[view].predict(self._features(log, snapshot, candidates))
        return Ranked(candidates, scores, snapshot.split.history)


class Ranked:
    """Scores of candidates as a scorer of the whole catalogue: ranked ones first, the rest by popularity behind them."""

    def __init__(self, candidates: Candidates, scores: np.ndarray, history: Interactions) -> None:
        self.n_users_, self.n_items_ = history.n_users, history.n_items
        self.candidates = candidates
        self.starts = np.searchsorted(candidates.user, np.arange(history.n_users + 1))
        # Distance 2 above the rest, whose popularity is at most 1; the order within is the ranker's.
        self.scores = (scores - scores.min() + 2.0 if len(scores) else scores).astype(np.float32)
        popular = Popularity().fit(history).buyers_
        self.rest = popular / popular.max()

    def score(self, users: np.ndarray) -> np.ndarray:
        found = np.tile(self.rest, (len(users), 1))
        for row, user in enumerate(np.asarray(users, dtype=np.int64)):
            cells = slice(self.starts[user], self.starts[user + 1])
            found[row, self.candidates.item[cells]] = self.scores[cells]
        return found
