"""First stage: a few hundred items a person from several models, with every model's opinion of each.

A ranker can only order what it is shown, so each model proposes its best; the union is what is ranked. Scoring everybody
by ten models costs more than choosing among the scores, so all views choose in one pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommendations.ml.blend import standardise
from recommendations.ml.interactions import Interactions
from recommendations.ml.metrics import View
from recommendations.ml.recommender import Recommender, blocks, mask_rows


@dataclass(frozen=True, eq=False)
class Candidates:
    """user, item: (n,) positions, sorted by user, then item. scores: (n, models) float32, each model's z-score within
    the person's whole catalogue; columns as `kinds`.
    """

    user: np.ndarray
    item: np.ndarray
    scores: np.ndarray
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True, eq=False)
class Wanted:
    """For whom (positions, ascending) and how deep: each model's best `depth[kind]`; a kind without depth gives its score
    only. novel_only: what the person bought before is left out before the best are taken.
    """

    users: np.ndarray
    depth: Mapping[str, int]
    novel_only: bool = False


def propose(
    models: Mapping[str, Recommender], history: Interactions, wanted: Mapping[View, Wanted]
) -> dict[View, Candidates]:
    """The union of each model's best for every user that is wanted, by view."""
    kinds = tuple(models)
    n_items = history.n_items
    everybody = np.unique(np.concatenate([one.users for one in wanted.values()]))
    found: dict[View, list[tuple[np.ndarray, ...]]] = {view: [] for view in wanted}
    for block in blocks(everybody, n_items * 2):
        dense = [standardise(models[kind].score(block)) for kind in kinds]
        for view, one in wanted.items():
            rows = np.flatnonzero(np.isin(block, one.users, assume_unique=True))
            if not len(rows):
                continue
            proposed = np.zeros((len(rows), n_items), dtype=bool)
            for kind, scores in zip(kinds, dense, strict=True):
                if one.depth.get(kind):
                    allowed = scores[rows]
                    if one.novel_only:
                        mask_rows(allowed, history.seen, block[rows])
                    _mark(proposed, allowed, one.depth[kind])
            row, item = np.nonzero(proposed)
            found[view].append(
                (block[rows[row]], item, np.stack([scores[rows[row], item] for scores in dense], axis=1))
            )
    none = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, len(kinds)), np.float32))
    return {
        view: Candidates(*(np.concatenate(column) for column in zip(*(parts or [none]), strict=True)), kinds)
        for view, parts in found.items()
    }


def _mark(proposed: np.ndarray, scores: np.ndarray, depth: int) -> None:
    """Sets the `depth` best of each row; what is masked is none of them."""
    width = min(depth, scores.shape[1])
    best = np.argpartition(scores, scores.shape[1] - width, axis=1)[:, scores.shape[1] - width :]
    rows = np.arange(len(best))[:, None]
    proposed[rows, best] |= np.isfinite(scores[rows, best])
