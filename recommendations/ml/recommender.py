"""The one shape of every first-stage model, and how it becomes arrays and comes back.

scikit-learn's conventions: `__init__` only stores the configuration, `fit` returns self, learned names end in `_`.
"""

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from scipy import sparse

from recommendations.ml.interactions import Interactions, TooFewData

State = dict[str, np.ndarray]

# A dense block of scores, users x items x 4 bytes, stays near 8 MB whatever the catalogue: about what a core's cache
# holds. Eight times as much doubled the time of scoring everybody.
BLOCK_CELLS = 2_000_000


class Recommender:
    """Base of popularity, recency, EASE and those to come; a subclass says `kind`, `Config`, `fit` and `_score`.

    A fitted model holds its configuration and its learned arrays, nothing else, so that `state` is complete:
    `from_state(model.state())` scores the same to the last bit.
    """

    kind: ClassVar[str]
    Config: ClassVar[type]

    n_users_: int
    n_items_: int

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    def fit(self, interactions: Interactions) -> Self:
        """Learn from the past. Raises TooFewData."""
        raise NotImplementedError

    def score(self, users: np.ndarray) -> np.ndarray:
        """Scores of the whole catalogue, (len(users), n_items) float32, finite, higher is better.

        Comparable within a row only. Dense: ask for `blocks(...)` of users, not for everybody.
        Raises ValueError for a user the model was not fitted with.
        """
        users = np.asarray(users, dtype=np.int64)
        if len(users) and not 0 <= users.min() <= users.max() < self.n_users_:
            raise ValueError(f"users must be positions in 0..{self.n_users_ - 1}")
        return self._score(users)

    def _score(self, users: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _begin(self, interactions: Interactions) -> None:
        if not len(interactions):
            raise TooFewData(f"{self.kind}: no interaction before the cut")
        self.n_users_ = interactions.n_users
        self.n_items_ = interactions.n_items

    def state(self) -> State:
        """Everything as plain number arrays (npz without pickle, safetensors); sparse matrices in three parts."""
        state: State = {f"config.{name}": np.asarray(value) for name, value in asdict(self.config).items()}
        for name, value in vars(self).items():
            if not name.endswith("_"):
                continue
            if sparse.issparse(value):
                state |= {f"{name}.{part}": getattr(value, part) for part in ("data", "indices", "indptr")}
            else:
                state[name] = np.asarray(value)
        return state

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `state`; names that are not the model's own are passed over.

        Raises ValueError when a configuration value is missing or unknown.
        """
        names = {field.name for field in fields(cls.Config)}
        given = {key.removeprefix("config.") for key in state if key.startswith("config.")}
        if names != given:
            raise ValueError(f"{cls.kind}: configuration {sorted(given)} stored, {sorted(names)} expected")
        model = cls(cls.Config(**{name: state[f"config.{name}"].item() for name in names}))
        shape = (int(state["n_users_"]), int(state["n_items_"]))
        for key, value in state.items():
            name, _, part = key.partition(".")
            if part == "indptr":
                parts = (state[f"{name}.data"], state[f"{name}.indices"], value)
                setattr(model, name, sparse.csr_array(parts, shape=shape))
            elif not part and name.endswith("_"):
                setattr(model, name, value.item() if value.ndim == 0 else value)
        return model


class Scorer(Protocol):
    """What ranking and metrics need of a model: also met by a bare function in a class, in tests and benchmarks."""

    n_items_: int

    def score(self, users: np.ndarray) -> np.ndarray: ...


def blocks(users: np.ndarray, n_items: int) -> Iterator[np.ndarray]:
    """The users in runs whose dense scores stay below BLOCK_CELLS."""
    size = max(1, BLOCK_CELLS // max(1, n_items))
    for start in range(0, len(users), size):
        yield users[start : start + size]


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best columns per row, best first: ids (rows, k) int64 and their scores; equal scores by lower id.

    Of equal scores at the border of the list some are in, the same ones for the same input. Where fewer than k columns
    are above -inf the rest of the row is id -1, score -inf.
    """
    rows, columns = scores.shape
    width = min(k, columns)
    ids = np.argpartition(-scores, width - 1, axis=1)[:, :width] if width else np.empty((rows, 0), dtype=np.int64)
    ids.sort(axis=1)
    order = np.argsort(-np.take_along_axis(scores, ids, axis=1), axis=1, kind="stable")
    best_ids = np.full((rows, k), -1, dtype=np.int64)
    best_scores = np.full((rows, k), -np.inf, dtype=np.float32)
    best_ids[:, :width] = np.take_along_axis(ids, order, axis=1)
    best_scores[:, :width] = np.take_along_axis(scores, best_ids[:, :width], axis=1)
    best_ids[np.isneginf(best_scores)] = -1
    return best_ids, best_scores


def recommend(
    model: Scorer, users: np.ndarray, k: int, exclude: sparse.csr_array | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k best items per user: ids (len(users), k) int64, -1 where the catalogue ran out, and scores float32.

    exclude: sparse (n_users, n_items); every stored cell is left out (`interactions.seen` gives the novel ones).
    """
    found = [_recommend_block(model, block, k, exclude) for block in blocks(np.asarray(users), model.n_items_)]
    if not found:
        return np.empty((0, k), dtype=np.int64), np.empty((0, k), dtype=np.float32)
    ids, scores = zip(*found, strict=True)
    return np.concatenate(ids), np.concatenate(scores)


def _recommend_block(model: Scorer, users: np.ndarray, k: int, exclude: sparse.csr_array | None):
    scores = model.score(users)
    if exclude is not None:
        mask_rows(scores, exclude, users)
    return top_k(scores, k)


def mask_rows(scores: np.ndarray, exclude: sparse.csr_array, users: np.ndarray) -> None:
    """Set the stored cells of `exclude` to -inf in the block of scores that belongs to `users`, in place."""
    starts, ends = exclude.indptr[users], exclude.indptr[users + 1]
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        scores[row, exclude.indices[start:end]] = -np.inf
