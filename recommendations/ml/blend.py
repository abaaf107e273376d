"""One list from several models: weighted sum of z-scores, weights tuned on a validation window.

Each model's scores are centred and scaled within a person's row over the whole catalogue, because a count, a linear
score and a number of buyers have no common unit. A row that is all equal (no history) adds nothing, so a newcomer gets
popularity. The weights are chosen on a time split that ends before the one that is reported, never on the test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np

from recommendations.ml.ease import Ease
from recommendations.ml.interactions import Interactions
from recommendations.ml.metrics import VIEWS, View, is_true, ndcg, true_items
from recommendations.ml.popularity import Popularity
from recommendations.ml.recency import Recency
from recommendations.ml.recommender import Recommender, State, blocks, mask_rows, top_k
from recommendations.ml.splits import Split

# What a blend may be made of. A new first-stage family is one line here.
FIRST_STAGE: dict[str, type[Recommender]] = {family.kind: family for family in (Popularity, Recency, Ease)}

# Tuning looks at each model's best 100 per person instead of the catalogue: a weighted sum's first ten lie in there.
CANDIDATES = 100

# People looked at while tuning: enough for a flat optimum, and the cost stays the same for a shop of any size.
TUNING_PEOPLE = 2000

# Ratios of two between neighbours: finer steps only follow the noise of one validation window.
GRID: dict[str, tuple[float, ...]] = {
    "recency": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
    "ease": (1.0,),
    "popularity": (0.01, 0.02, 0.05, 0.1, 0.2),
}


@dataclass(frozen=True)
class BlendConfig:
    """Weight of each model's z-score; only the ratios matter. The defaults are a flat optimum on the demo store."""

    weights: tuple[tuple[str, float], ...] = (("ease", 1.0), ("popularity", 0.05), ("recency", 2.0))


class Blend(Recommender):
    """models: kind -> first-stage model, fitted by `fit`; the default is one of each kind that has a weight."""

    kind = "blend"
    Config = BlendConfig

    def __init__(self, config: BlendConfig | None = None, models: Mapping[str, Recommender] | None = None) -> None:
        super().__init__(config)
        kinds = [kind for kind, _ in self.config.weights]
        self.models = {kind: FIRST_STAGE[kind]() for kind in kinds} if models is None else dict(models)
        if sorted(self.models) != sorted(kinds):
            raise ValueError(f"weights are given for {sorted(kinds)}, models for {sorted(self.models)}")

    @classmethod
    def of_fitted(cls, config: BlendConfig, models: Mapping[str, Recommender]) -> Self:
        """A fitted blend of models that are fitted already, on the same interactions; those without a weight stay out.

        Raises ValueError when they know different numbers of people or items.
        """
        blend = cls(config, {kind: models[kind] for kind, _ in config.weights})
        shapes = {(model.n_users_, model.n_items_) for model in blend.models.values()}
        if len(shapes) != 1:
            raise ValueError(f"the models were fitted on different data, (people, items): {sorted(shapes)}")
        blend.n_users_, blend.n_items_ = shapes.pop()
        return blend

    def fit(self, interactions: Interactions) -> Self:
        self._begin(interactions)
        for model in self.models.values():
            model.fit(interactions)
        return self

    def _score(self, users: np.ndarray) -> np.ndarray:
        # Sorted: a sum of floats depends on its order, and an artifact may come back with its names in another one.
        total = np.zeros((len(users), self.n_items_), dtype=np.float32)
        for kind, weight in sorted(self.config.weights):
            total += np.float32(weight) * standardise(self.models[kind].score(users))
        return total

    def parts(self, users: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
        """What each model adds to the score of items (len(users), k): kind -> (len(users), k) float32."""
        return {
            kind: np.float32(weight)
            * np.take_along_axis(standardise(self.models[kind].score(users)), np.maximum(items, 0), axis=1)
            for kind, weight in self.config.weights
        }

    def state(self) -> State:
        """The models' states under `kind/`, their weights under `weight/kind`."""
        weights = dict(self.config.weights)
        state: State = {f"weight/{kind}": np.asarray(weight) for kind, weight in weights.items()}
        for kind, model in self.models.items():
            state |= {f"{kind}/{name}": value for name, value in model.state().items()}
        return state

    @classmethod
    def from_state(cls, state: State) -> Self:
        weights = tuple((kind, weight.item()) for kind, weight in sorted(_below(state, "weight/").items()))
        models = {kind: FIRST_STAGE[kind].from_state(_below(state, f"{kind}/")) for kind, _ in weights}
        return cls.of_fitted(BlendConfig(weights), models)


def standardise(scores: np.ndarray) -> np.ndarray:
    """Rows to mean 0 and standard deviation 1, float32; a constant row to zeros."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)


def tune(blend: Blend, split: Split, grid: Mapping[str, tuple[float, ...]] = GRID, seed: int = 0) -> BlendConfig:
    """The weights of the grid with the best NDCG@10 on a validation split; `blend` is fitted on its history.

    Both views count alike: each view's NDCG is divided by the best that any weights reach there, and the mean decides,
    because one list is used for repeats and for discoveries. Equal ones: the first of the grid.
    """
    kinds = list(blend.models)
    choices = np.array(list(product(*(grid[kind] for kind in kinds))), dtype=np.float32)
    users = np.flatnonzero(np.diff(split.truth.indptr))
    if len(users) > TUNING_PEOPLE:
        users = np.sort(np.random.default_rng(seed).choice(users, TUNING_PEOPLE, replace=False))
    total = np.zeros(len(choices))
    for view in VIEWS:
        reached = np.zeros(len(choices))
        for block in blocks(users, blend.n_items_):
            reached += _reached(blend, split, view, block, choices)
        if reached.max() > 0:
            total += reached / reached.max()
    best = choices[total.argmax()]
    return BlendConfig(tuple((kind, round(float(weight), 6)) for kind, weight in zip(kinds, best, strict=True)))


def _reached(blend: Blend, split: Split, view: View, users: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Sum of NDCG@10 over these users for each row of weights, (len(choices),)."""
    truth = true_items(split, view)
    users = users[np.diff(truth.indptr)[users] > 0]
    rows = [standardise(model.score(users)) for model in blend.models.values()]
    if view == "novel":
        for scores in rows:
            mask_rows(scores, split.history.seen, users)
    candidates = np.sort(np.concatenate([top_k(scores, CANDIDATES)[0] for scores in rows], axis=1), axis=1)
    repeated = np.zeros(candidates.shape, dtype=bool)
    repeated[:, 1:] = candidates[:, 1:] == candidates[:, :-1]
    hits = is_true(candidates, truth, users)
    left_out = repeated | (candidates < 0)
    parts = np.stack([np.take_along_axis(scores, np.maximum(candidates, 0), axis=1) for scores in rows])
    parts[:, left_out] = 0.0
    n_true = np.diff(truth.indptr)[users]
    reached = np.empty(len(choices))
    for index, weights in enumerate(choices):
        scores = np.tensordot(weights, parts, axes=1)
        scores[left_out] = -np.inf
        places, _ = top_k(scores, 10)
        ranked_hits = np.take_along_axis(hits, np.maximum(places, 0), axis=1) & (places >= 0)
        reached[index] = ndcg(ranked_hits, n_true, 10).sum()
    return reached


def _below(state: State, prefix: str) -> State:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
