"""The second stage: boosted trees that order a person's candidates, LightGBM's lambdarank.

C. Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82: each pair of a bought and a passed-by
candidate of one person pulls the two apart, as hard as swapping them would change NDCG. Where few of the candidates are
bought at all (view "novel"), plain log loss learns more from the rest: `objective` says which.

LightGBM needs the system's OpenMP library (libgomp), which a slim image lacks; then scikit-learn's boosting, which
brings its own, takes its place with log loss, and one line says so.
"""

import logging
from dataclasses import asdict, dataclass, fields
from typing import Self

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from recommendations.ml.interactions import TooFewData
from recommendations.ml.pair_features import Features
from recommendations.ml.trees import Trees, of_lightgbm, of_scikit_learn

log = logging.getLogger(__name__)

try:
    import lightgbm
except (ImportError, OSError) as missing:
    lightgbm = None
    log.warning(
        "lightgbm cannot be loaded (%s): scikit-learn's boosting ranks instead; "
        "apt-get install libgomp1 brings lambdarank back",
        missing,
    )

# Person and item facts alone say little about a pair; without a bought one among the candidates a person teaches nothing.
FEWEST_POSITIVES = 50


@dataclass(frozen=True)
class RankerConfig:
    objective: str = "lambdarank"  # or "binary"
    trees: int = 150
    leaves: int = 15
    learning_rate: float = 0.06
    least_in_leaf: int = 100
    feature_share: float = 0.6
    truncation: int = 20  # pairs below this rank do not count: a list is ten long
    negatives: float = 0.3  # share of the passed-by candidates that is learned from
    seeds: int = 1  # rankers that are averaged
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Lesson:
    """One snapshot to learn from: features, whether each candidate was bought after it, and whose it is (sorted)."""

    features: Features
    bought: np.ndarray
    user: np.ndarray


class Ranker:
    """Learned: `trees_` of each seed, and the names of the features in their order."""

    def __init__(self, config: RankerConfig | None = None) -> None:
        self.config = config or RankerConfig()

    def fit(self, lessons: list[Lesson]) -> Self:
        """Raises TooFewData when hardly any candidate was bought, ValueError when the lessons differ in features."""
        self.names_ = lessons[0].features.names
        if any(lesson.features.names != self.names_ for lesson in lessons):
            raise ValueError("the snapshots have different features")
        if sum(int(lesson.bought.sum()) for lesson in lessons) < FEWEST_POSITIVES:
            raise TooFewData(f"ranker: fewer than {FEWEST_POSITIVES} candidates were bought in all snapshots")
        self.trees_ = [self._grow(lessons, self.config.seed + turn) for turn in range(self.config.seeds)]
        return self

    def _grow(self, lessons: list[Lesson], seed: int) -> Trees:
        rng = np.random.default_rng(seed)
        values, bought, sizes = [], [], []
        for lesson in lessons:
            buyers = np.unique(lesson.user[lesson.bought])
            keep = np.isin(lesson.user, buyers) & (
                lesson.bought | (rng.random(len(lesson.user)) < self.config.negatives)
            )
            values.append(lesson.features.values[keep])
            bought.append(lesson.bought[keep])
            sizes.append(np.unique(lesson.user[keep], return_counts=True)[1])
        x, y = np.concatenate(values), np.concatenate(bought).astype(np.int32)
        if lightgbm is None:
            return self._grow_without_lightgbm(x, y, seed)
        config = self.config
        params = {
            "objective": config.objective,
            "num_leaves": config.leaves,
            "learning_rate": config.learning_rate,
            "min_data_in_leaf": config.least_in_leaf,
            "feature_fraction": config.feature_share,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "lambdarank_truncation_level": config.truncation,
            "seed": seed,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }
        ranked = config.objective == "lambdarank"
        data = lightgbm.Dataset(x, y, group=np.concatenate(sizes) if ranked else None)
        return of_lightgbm(lightgbm.train(params, data, config.trees).dump_model())

    def _grow_without_lightgbm(self, x: np.ndarray, y: np.ndarray, seed: int) -> Trees:
        config = self.config
        model = HistGradientBoostingClassifier(
            learning_rate=config.learning_rate,
            max_iter=config.trees,
            max_leaf_nodes=config.leaves,
            min_samples_leaf=config.least_in_leaf,
            max_features=config.feature_share,
            early_stopping=False,
            random_state=seed,
        )
        # This boosting fails on a feature that is missing everywhere.
        return of_scikit_learn(model.fit(np.where(np.isnan(x).all(axis=0), 0.0, x), y))

    def predict(self, features: Features) -> np.ndarray:
        """Higher is better within a person, (n,) float64. Raises ValueError for other features than those learned."""
        if features.names != self.names_:
            differing = sorted(set(features.names) ^ set(self.names_))
            raise ValueError(f"the ranker was trained on other features; they differ in {differing[:5]}")
        return np.mean([trees.predict(features.values) for trees in self.trees_], axis=0)

    def state(self) -> dict[str, np.ndarray]:
        state = {
            f"config.{name}": np.asarray(value) for name, value in asdict(self.config).items() if name != "objective"
        }
        state["config.objective_is_ranking"] = np.asarray(self.config.objective == "lambdarank")
        state["names"] = np.frombuffer("\n".join(self.names_).encode(), dtype=np.uint8)
        for turn, trees in enumerate(self.trees_):
            state |= {f"trees{turn}/{name}": value for name, value in trees.state().items()}
        return state

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> Self:
        names = [field.name for field in fields(RankerConfig) if field.name != "objective"]
        objective = "lambdarank" if state["config.objective_is_ranking"] else "binary"
        ranker = cls(RankerConfig(objective=objective, **{name: state[f"config.{name}"].item() for name in names}))
        ranker.names_ = tuple(state["names"].tobytes().decode().split("\n"))
        ranker.trees_ = [
            Trees.from_state(
                {name.partition("/")[2]: value for name, value in state.items() if name.startswith(f"trees{turn}/")}
            )
            for turn in range(ranker.config.seeds)
        ]
        return ranker
