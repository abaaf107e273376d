"""First stage: a few hundred items a person from several models, with every model's opinion of each.

A ranker can only order what it is shown, so each model proposes its best; the union is what is ranked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommendations.ml.blend import standardise
from recommendations.ml.interactions import Interactions
from recommendations.ml.recommender import Recommender, blocks, mask_rows, top_k


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


def propose(
    models: Mapping[str, Recommender],
    users: np.ndarray,
    history: Interactions,
    depth: Mapping[str, int],
    *,
    novel_only: bool = False,
) -> Candidates:
    """The union of each model's best `depth[kind]` items for every user; a kind without depth gives its score only.

    novel_only: what the person bought before is left out before the best are taken.
    """
    found_users, found_items, found_scores = [], [], []
    kinds = tuple(models)
    n_items = history.n_items
    for block in blocks(users, n_items * 2):
        dense = [standardise(models[kind].score(block)) for kind in kinds]
        proposed = []
        for kind, scores in zip(kinds, dense, strict=True):
            if not depth.get(kind):
                continue
            allowed = scores
            if novel_only:
                allowed = scores.copy()
                mask_rows(allowed, history.seen, block)
            ids, _ = top_k(allowed, depth[kind])
            row, place = np.nonzero(ids >= 0)
            proposed.append(row * n_items + ids[row, place])
        row, item = np.divmod(np.unique(np.concatenate(proposed)), n_items)
        found_users.append(block[row])
        found_items.append(item)
        found_scores.append(np.stack([scores[row, item] for scores in dense], axis=1))
    return Candidates(
        user=np.concatenate(found_users).astype(np.int64),
        item=np.concatenate(found_items).astype(np.int64),
        scores=np.concatenate(found_scores),
        kinds=kinds,
    )
