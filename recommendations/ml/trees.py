"""Boosted trees as plain arrays: what a ranker is kept as and scored from, whichever library grew it.

An artifact is npz without pickle, and the process that answers a request loads no learning library; so LightGBM's and
scikit-learn's trees become seven arrays, and scoring is a handful of numpy look-ups a level. A row goes left where its
value is at most the threshold; a missing one goes where the tree learned to send it.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np

BLOCK_CELLS = 500_000  # rows x trees at a time: a few megabytes, which a core's cache holds
BLOCK_ROWS = 32_768  # of many rows: a column of them stays in a core's cache
MANY = 2_000  # from so many rows on it pays to ask each node of all of them instead of leading each down the trees
MOST_LEAVES = 16
# For each set of leaves that were taken away (as bits), the leftmost one that was not.
FIRST_LEFT = np.array([(~taken & (taken + 1)).bit_length() - 1 for taken in range(1 << MOST_LEAVES)], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Trees:
    """One entry per node, leaves included: feature (-1 at a leaf), threshold, left, right (node numbers), missing_left
    (bool), value (of a leaf). roots: (trees,) node numbers. The score is `base` plus the sum of the leaves reached.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray
    roots: np.ndarray
    base: np.ndarray

    def predict(self, values: np.ndarray) -> np.ndarray:
        """Scores of rows (n, features), float64, NaN where a feature is missing."""
        if len(values) >= MANY and self._small is not None:
            blocks = range(0, len(values), BLOCK_ROWS)
            return np.concatenate([self._ask_all(values[start : start + BLOCK_ROWS]) for start in blocks])
        size = max(1, BLOCK_CELLS // max(1, len(self.roots)))
        found = [self._predict(values[start : start + size]) for start in range(0, len(values), size)]
        return np.concatenate(found) if found else np.empty(0)

    def _predict(self, values: np.ndarray) -> np.ndarray:
        node = np.tile(self.roots, (len(values), 1))
        rows = np.arange(len(values))[:, None]
        while True:
            feature = self.feature[node]
            inner = feature >= 0
            if not inner.any():
                return self.value[node].sum(axis=1) + self.base
            cell = values[rows, np.maximum(feature, 0)]
            with np.errstate(invalid="ignore"):
                goes_left = cell <= self.threshold[node]
            goes_left = np.where(np.isnan(cell), self.missing_left[node], goes_left)
            node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)

    def _ask_all(self, values: np.ndarray) -> np.ndarray:
        """Every node is asked of all rows at once; one that sends a row to the right takes the leaves on its left away, and
        the row ends in the leftmost leaf that is left (C. Lucchese et al., "QuickScorer", SIGIR 2015). No look-up a row
        and level, so it is ten times as fast in numpy as walking down.
        """
        columns = np.ascontiguousarray(np.asarray(values, dtype=np.float32).T)
        total = np.full(len(values), float(self.base))
        goes_right, gone = np.empty(len(values), dtype=bool), np.empty(len(values), dtype=np.uint16)
        for nodes, leaf_values in self._small:
            taken = np.zeros(len(values), dtype=np.uint16)
            for feature, threshold, missing_left, left_leaves in nodes:
                if missing_left:
                    np.greater(columns[feature], threshold, out=goes_right)
                else:
                    np.less_equal(columns[feature], threshold, out=goes_right)
                    np.logical_not(goes_right, out=goes_right)
                np.multiply(goes_right, left_leaves, out=gone, dtype=np.uint16)
                np.bitwise_or(taken, gone, out=taken)
            total += leaf_values[FIRST_LEFT[taken]]
        return total

    @cached_property
    def _small(self) -> list[tuple[list[tuple], np.ndarray]] | None:
        """Each tree as (its inner nodes, values of its leaves from left to right); None where one has too many leaves."""
        trees = []
        for root in self.roots.tolist():
            nodes: list[tuple] = []
            values: list[float] = []
            self._gather(root, nodes, values)
            if len(values) > MOST_LEAVES:
                return None
            trees.append((nodes, np.array(values)))
        return trees

    def _gather(self, node: int, nodes: list[tuple], values: list[float]) -> None:
        if self.feature[node] < 0:
            values.append(float(self.value[node]))
            return
        first = len(values)
        self._gather(int(self.left[node]), nodes, values)
        left = sum(1 << leaf for leaf in range(first, len(values)))
        # The largest float32 that is not above: x <= threshold is the same question for every float32 x.
        with np.errstate(over="ignore"):
            threshold = np.float32(self.threshold[node])
        if threshold > self.threshold[node]:
            threshold = np.nextafter(threshold, np.float32(-np.inf))
        nodes.append((int(self.feature[node]), threshold, bool(self.missing_left[node]), np.uint16(left)))
        self._gather(int(self.right[node]), nodes, values)

    def state(self) -> dict[str, np.ndarray]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> Self:
        return cls(**{field.name: state[field.name] for field in fields(cls)})


class _Growing:
    """Collects nodes in order and gives them their numbers."""

    def __init__(self) -> None:
        self.rows: list[list] = []

    def add(self) -> int:
        self.rows.append([-1, 0.0, -1, -1, False, 0.0])
        return len(self.rows) - 1

    def trees(self, roots: list[int], base: float) -> Trees:
        columns = list(zip(*self.rows, strict=True))
        kinds = (np.int32, np.float64, np.int32, np.int32, bool, np.float64)
        arrays = [np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)]
        return Trees(*arrays, np.array(roots, dtype=np.int32), np.array(base))


def of_lightgbm(dump: dict[str, Any]) -> Trees:
    """From `Booster.dump_model()`; numerical splits only. Raises ValueError for another kind."""
    grown = _Growing()

    def plant(node: dict) -> int:
        place = grown.add()
        if "split_feature" not in node:
            grown.rows[place][5] = node["leaf_value"]
            return place
        if node["decision_type"] != "<=":
            raise ValueError(f"a split by {node['decision_type']} cannot be kept; give numbers, not categories")
        # Where training saw no missing value LightGBM reads one as 0.
        missing_left = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0.0
        left, right = plant(node["left_child"]), plant(node["right_child"])
        grown.rows[place] = [node["split_feature"], node["threshold"], left, right, missing_left, 0.0]
        return place

    roots = [plant(tree["tree_structure"]) for tree in dump["tree_info"]]
    return grown.trees(roots, 0.0)


def of_scikit_learn(model: Any) -> Trees:
    """From a fitted HistGradientBoostingClassifier with two classes: scores are log odds."""
    grown = _Growing()
    roots = []
    for (predictor,) in model._predictors:
        start = len(grown.rows)
        roots.append(start)
        for node in predictor.nodes:
            place = grown.add()
            if node["is_leaf"]:
                grown.rows[place][5] = node["value"]
            else:
                left, right = start + node["left"], start + node["right"]
                missing_left = bool(node["missing_go_to_left"])
                grown.rows[place] = [node["feature_idx"], node["num_threshold"], left, right, missing_left, 0.0]
    return grown.trees(roots, float(np.ravel(model._baseline_prediction)[0]))
