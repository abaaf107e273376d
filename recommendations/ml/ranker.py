"""The second stage: boosted trees that order a person's candidates, LightGBM's lambdarank.

C. Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82: each pair of a bought and a passed-by
candidate of one person pulls the two apart, as hard as swapping them would change NDCG. Plain log loss learns from
every candidate alike. On the demo store, weeks 46 to 49, NDCG@10 of all / novel: products .425 by lambdarank and .428 by log
loss, types .564 and .562, and the mean of both is .428 and .564; of novel products log loss is better (types .098 against
.096), so "all" takes both and "novel" log loss.

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
    objectives: str = "lambdarank binary"  # one or both, in words; both are averaged
    trees: int = 160
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
    """Learned: `trees_` of each objective and seed, the spread of each one's scores (`spread_`, in which they are averaged),
    and the names of the features in their order.
    """

    def __init__(self, config: RankerConfig | None = None) -> None:
        self.config = config or RankerConfig()

    def fit(self, lessons: list[Lesson]) -> Self:
        """Raises TooFewData when hardly any candidate was bought, ValueError when the lessons differ in features."""
        self.names_ = lessons[0].features.names
        if any(lesson.features.names != self.names_ for lesson in lessons):
            raise ValueError("the snapshots have different features")
        if sum(int(lesson.bought.sum()) for lesson in lessons) < FEWEST_POSITIVES:
            raise TooFewData(f"ranker: fewer than {FEWEST_POSITIVES} candidates were bought in all snapshots")
        turns = range(self.config.seeds)
        objectives = self.config.objectives.split()
        grown = [self._grow(lessons, objective, self.config.seed + turn) for objective in objectives for turn in turns]
        self.trees_, self.spread_ = [trees for trees, _ in grown], np.array([spread for _, spread in grown])
        return self

    def _grow(self, lessons: list[Lesson], objective: str, seed: int) -> tuple[Trees, float]:
        """The trees, and the standard deviation of what they say of the rows they grew from."""
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
            trees = self._grow_without_lightgbm(x, y, seed)
        else:
            trees = self._grow_with_lightgbm(x, y, np.concatenate(sizes), objective, seed)
        return trees, float(trees.predict(x).std()) or 1.0

    def _grow_with_lightgbm(self, x: np.ndarray, y: np.ndarray, sizes: np.ndarray, objective: str, seed: int) -> Trees:
        config = self.config
        params = {
            "objective": objective,
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
        data = lightgbm.Dataset(x, y, group=sizes if objective == "lambdarank" else None)
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
        found = [
            trees.predict(features.values) / spread for trees, spread in zip(self.trees_, self.spread_, strict=True)
        ]
        return np.mean(found, axis=0)

    def state(self) -> dict[str, np.ndarray]:
        state = {f"config.{name}": np.asarray(value) for name, value in asdict(self.config).items()}
        for name, text in (("config.objectives", self.config.objectives), ("names", "\n".join(self.names_))):
            state[name] = np.frombuffer(text.encode(), dtype=np.uint8)
        state["spread"] = self.spread_
        for turn, trees in enumerate(self.trees_):
            state |= {f"trees{turn}/{name}": value for name, value in trees.state().items()}
        return state

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> Self:
        values = {field.name: state[f"config.{field.name}"] for field in fields(RankerConfig)}
        objectives = values.pop("objectives").tobytes().decode()
        ranker = cls(RankerConfig(objectives=objectives, **{name: value.item() for name, value in values.items()}))
        ranker.names_ = tuple(state["names"].tobytes().decode().split("\n"))
        ranker.spread_ = state["spread"]
        ranker.trees_ = [Trees.from_state(_below(state, f"trees{turn}/")) for turn in range(len(ranker.spread_))]
        return ranker


def _below(state: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
