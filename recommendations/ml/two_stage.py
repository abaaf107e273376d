"""Two stages: several models propose a few hundred items a person, a ranker orders them. One ranker a view.

The ranker is taught by earlier snapshots of the same shop: at each, the first stage is fitted on what was known then,
and what was bought in the four weeks after it is the lesson. Every horizon of a lesson ends before the cut, so nothing
that is judged was learned. What is not proposed stands behind the proposals in the order of popularity.

Views differ in what they ask: "all" is mostly what a person buys again, "novel" is what they never bought, where
popularity among people alike, the own store's shelf and fresh buyers carry the signal. So each has its own first stage
depth and its own ranker.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from recommendations.ml.als import Als
from recommendations.ml.candidates import Candidates, Wanted, propose
from recommendations.ml.ease import Ease, EaseConfig
from recommendations.ml.facts import Facts
from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.item_knn import ItemTfIdf
from recommendations.ml.metrics import VIEWS, View, judgeable, true_items
from recommendations.ml.pair_features import PairFeatures
from recommendations.ml.popularity import Popularity
from recommendations.ml.ranker import Lesson, Ranker, RankerConfig
from recommendations.ml.recency import Recency
from recommendations.ml.recommender import Recommender, State
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


# People whose candidates are described at a time: some 250 candidates each of some 110 figures, a quarter of a gigabyte.
PEOPLE = 2_000


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The shop as it was at `cut`: the first stage fitted on it, and what was known then of items, people and pairs."""

    split: Split
    models: Mapping[str, Recommender]
    cut: float
    known: PairFeatures


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
    """fit(log, cut) teaches the rankers of all views; `scorers(snapshot)` scores a split at its cut.

    Learned: `rankers_`, one a view. They hold trees and no row of anybody: the first stage is fitted anew on what is known.
    """

    kind = "two_stage"

    def __init__(self, config: TwoStageConfig | None = None, facts: Facts | None = None) -> None:
        self.config = config or TwoStageConfig()
        self.facts = facts or Facts()

    def fit(self, log: PurchaseLog, cut: float, progress: Callable[[str, float], None] | None = None) -> Self:
        """Learns from the snapshots whose horizon ends at or before the cut. Raises TooFewData."""
        lessons = []
        for turn, at in enumerate(self.moments(cut)):
            if progress is not None:
                progress(f"snapshot {turn + 1} of {self.config.snapshots}", turn / (self.config.snapshots + 1))
            lessons.append(self.lesson(log, at))
        if progress is not None:
            progress("ranking", self.config.snapshots / (self.config.snapshots + 1))
        return self.learn(lessons)

    def lesson(self, log: PurchaseLog, at: float) -> dict[View, Lesson]:
        """What one snapshot teaches; {} where the shop was too young then for its first stage."""
        try:
            return self.teach(log, self.snapshot(log, time_split(log, at, self.config.horizon_days), at))
        except TooFewData:
            return {}

    def moments(self, cut: float) -> list[float]:
        """The days of the snapshots that may teach at this cut, the newest first."""
        config = self.config
        return [cut - config.horizon_days - turn * config.step_days for turn in range(config.snapshots)]

    def snapshot(self, log: PurchaseLog, split: Split, cut: float) -> Snapshot:
        models = {name: build().fit(split.history) for name, build in self.config.first_stage.items()}
        facts = self.facts.at(log, split, cut, self.config.foresee_weeks)
        return Snapshot(split, models, cut, PairFeatures(split.history, facts))

    def teach(self, log: PurchaseLog, snapshot: Snapshot) -> dict[View, Lesson]:
        """What the snapshot's horizon teaches, by view; without a view in which nobody bought anything."""
        truths = {
            view: true_items(snapshot.split, view) for view in judgeable(snapshot.split) if view in self.config.rankers
        }
        buyers = {view: np.flatnonzero(np.diff(truth.indptr)) for view, truth in truths.items()}
        lessons = {}
        for view, candidates in (self._propose(snapshot, buyers) if buyers else {}).items():
            truth, n_items = truths[view], len(snapshot.split.items)
            owners = np.repeat(np.arange(log.n_users), np.diff(truth.indptr))
            bought = np.isin(candidates.user * n_items + candidates.item, owners * n_items + truth.indices)
            lessons[view] = Lesson(snapshot.known.of(candidates), bought, candidates.user)
        return lessons

    def learn(self, lessons: Iterable[Mapping[View, Lesson]]) -> Self:
        """Raises TooFewData."""
        taught: dict[View, list[Lesson]] = {view: [] for view in self.config.rankers}
        for lesson in lessons:
            for view, one in lesson.items():
                taught[view].append(one)
        self.rankers_ = {view: Ranker(self.config.rankers[view]).fit(rows) for view, rows in taught.items() if rows}
        if not self.rankers_:
            raise TooFewData("two_stage: no snapshot before the cut has anything to teach")
        return self

    def _propose(self, snapshot: Snapshot, users: Mapping[View, np.ndarray]) -> dict[View, Candidates]:
        wanted = {view: Wanted(some, self.config.depth[view], view == "novel") for view, some in users.items()}
        return propose(snapshot.models, snapshot.split.history, wanted)

    def ranked(self, snapshot: Snapshot, users: np.ndarray) -> Iterator[tuple[np.ndarray, dict[View, "Ranking"]]]:
        """(people, by view their candidates with scores), a block of people at a time."""
        for start in range(0, len(users), PEOPLE):
            block = users[start : start + PEOPLE]
            yield (
                block,
                {
                    view: Ranking.of(candidates, self.rankers_[view].predict(snapshot.known.of(candidates)))
                    for view, candidates in self._propose(snapshot, dict.fromkeys(self.rankers_, block)).items()
                },
            )

    def scorers(self, snapshot: Snapshot) -> dict[View, "Ranked"]:
        """Everybody's candidates, ranked, by view: what `evaluate` and `recommend` take."""
        history = snapshot.split.history
        parts: dict[View, list[Ranking]] = {view: [] for view in self.rankers_}
        for _, rankings in self.ranked(snapshot, np.arange(history.n_users)):
            for view, ranking in rankings.items():
                parts[view].append(ranking)
        return {view: Ranked(Ranking.joined(some), history) for view, some in parts.items()}

    def scorer(self, snapshot: Snapshot, view: View) -> "Ranked":
        """One view's. Raises TooFewData when no snapshot had anything to teach for it."""
        if view not in self.rankers_:
            raise TooFewData(f"two_stage: no snapshot before the cut has anything to teach for view {view}")
        return self.scorers(snapshot)[view]

    def state(self) -> State:
        """The rankers' states under `view/`."""
        return {f"{view}/{name}": value for view, one in self.rankers_.items() for name, value in one.state().items()}

    @classmethod
    def from_state(cls, state: State, config: TwoStageConfig | None = None, facts: Facts | None = None) -> Self:
        """The inverse of `state`. The first stage is the configuration's: the rankers refuse features of another one."""
        model = cls(config, facts)
        parts = {
            view: {k.removeprefix(f"{view}/"): v for k, v in state.items() if k.startswith(f"{view}/")}
            for view in VIEWS
        }
        model.rankers_ = {view: Ranker.from_state(part) for view, part in parts.items() if part}
        return model


@dataclass(frozen=True, eq=False)
class Ranking:
    """user, item: (n,) positions, sorted by user, then item; score: (n,) float64, higher is better within a person."""

    user: np.ndarray
    item: np.ndarray
    score: np.ndarray

    @classmethod
    def of(cls, candidates: Candidates, score: np.ndarray) -> Self:
        return cls(candidates.user, candidates.item, score)

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        return cls(
            *(np.concatenate(column) for column in zip(*((p.user, p.item, p.score) for p in parts), strict=True))
        )

    def best(self, users: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k best of each of these users (ascending), as `recommend` gives them: ids (len(users), k), -1 where there are
        fewer, and scores float32. Equal ones by lower id.
        """
        order = np.lexsort((self.item, -self.score, self.user))
        owner = np.searchsorted(users, self.user[order])
        nth = np.arange(len(order)) - np.searchsorted(self.user[order], users)[owner]
        kept = nth < k
        ids, scores = np.full((len(users), k), -1, dtype=np.int64), np.full((len(users), k), -np.inf, dtype=np.float32)
        ids[owner[kept], nth[kept]] = self.item[order[kept]]
        scores[owner[kept], nth[kept]] = self.score[order[kept]]
        return ids, scores


class Ranked:
    """A ranking as a scorer of the whole catalogue: ranked ones first, the rest by popularity behind them."""

    def __init__(self, ranking: Ranking, history: Interactions) -> None:
        self.n_users_, self.n_items_ = history.n_users, history.n_items
        self.ranking = ranking
        self.starts = np.searchsorted(ranking.user, np.arange(history.n_users + 1))
        # Distance 2 above the rest, whose popularity is at most 1; the order within is the ranker's.
        score = ranking.score
        self.scores = (score - score.min() + 2.0 if len(score) else score).astype(np.float32)
        popular = Popularity().fit(history).buyers_
        self.rest = popular / popular.max()

    def score(self, users: np.ndarray) -> np.ndarray:
        found = np.tile(self.rest, (len(users), 1))
        for row, user in enumerate(np.asarray(users, dtype=np.int64)):
            cells = slice(self.starts[user], self.starts[user + 1])
            found[row, self.ranking.item[cells]] = self.scores[cells]
        return found
