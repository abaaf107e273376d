"""Why this item for this person: one true sentence per recommendation, from the person's own data where possible."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recommendations.ml.blend import Blend
from recommendations.ml.ease import Ease
from recommendations.ml.interactions import Interactions
from recommendations.ml.popularity import Popularity
from recommendations.ml.recommender import BLOCK_CELLS, Recommender, blocks

Code = Literal["bought_again", "because_you_bought", "popular_now"]


@dataclass(frozen=True)
class Reason:
    """code, the item that explains (a position, or None), and the figure behind it:

    bought_again: value = own orders of the item, days = days since the last of them.
    because_you_bought: item = the own item that adds most to the recommended one's EASE score; value = its share of
        all that speaks for it, in (0, 1]; days = days since that item was last bought.
    popular_now: value = people who bought it in the last `days`, the popularity window; where nobody did, value =
        people who ever bought it and days = inf.
    """

    code: Code
    item: int | None
    value: float
    days: float


def explain(
    model: Recommender, users: np.ndarray, items: np.ndarray, history: Interactions
) -> list[list[Reason | None]]:
    """A reason for each recommended item, items (len(users), k) as `recommend` gives them; None where the id is -1.

    history: what the model was fitted with, or less: a purchase that has left it since (flagged, erased) is never
    named. What the person bought before is "bought again", whatever ranked it. Else the own item with EASE's largest
    contribution is named, unless none adds anything or, in a blend, popularity adds more to the score than EASE does.

    Columns of B are computed once per call and item: ask for everybody at once rather than for small groups.
    """
    users, items = np.asarray(users, dtype=np.int64), np.asarray(items, dtype=np.int64)
    models = model.models if isinstance(model, Blend) else {model.kind: model}
    window = models.get(Popularity.kind, Popularity()).config.window_days
    lately, ever = history.buyers(window), history.buyers()
    known = _known(users, items, history)
    ease = models.get(Ease.kind)
    to_explain = (items >= 0) & ~known
    rows = np.flatnonzero(to_explain.any(axis=1))
    to_explain[rows] &= _carried_by_ease(model, users[rows], items[rows])
    because = {} if ease is None else _because(ease, users, items, to_explain, history)

    def reason(row: int, place: int) -> Reason | None:
        item = int(items[row, place])
        if item < 0:
            return None
        if (own := history.own(int(users[row]), item)) is not None:
            return Reason("bought_again", None, float(own[0]), own[1])
        if (row, place) in because:
            return because[row, place]
        if lately[item]:
            return Reason("popular_now", None, float(lately[item]), window)
        return Reason("popular_now", None, float(ever[item]), np.inf)

    return [[reason(row, place) for place in range(items.shape[1])] for row in range(len(users))]


def _known(users: np.ndarray, items: np.ndarray, history: Interactions) -> np.ndarray:
    """Whether each recommended item stands in its person's history, bool like items."""
    seen = history.seen
    rows = [
        np.isin(row, seen.indices[seen.indptr[user] : seen.indptr[user + 1]])
        for user, row in zip(users, items, strict=True)
    ]
    return np.array(rows, dtype=bool).reshape(items.shape)


def _carried_by_ease(model: Recommender, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Where EASE adds at least as much to the score as popularity, bool like items; everywhere for EASE alone."""
    if not isinstance(model, Blend) or not {Ease.kind, Popularity.kind} <= set(model.models):
        return np.full(items.shape, Ease.kind in (model.models if isinstance(model, Blend) else {model.kind}))
    carried = np.zeros(items.shape, dtype=bool)
    for block in blocks(np.arange(len(users)), model.n_items_):
        parts = model.parts(users[block], items[block])
        carried[block] = parts[Ease.kind] >= parts[Popularity.kind]
    return carried


def _because(
    ease: Ease, users: np.ndarray, items: np.ndarray, wanted: np.ndarray, history: Interactions
) -> dict[tuple[int, int], Reason]:
    """(row, place) -> reason, for the wanted places where an own item adds something.

    By item, not by person: the same few thousand items are recommended to everybody, and a column of B costs more than
    reading it.
    """
    reasons = {}
    rows, places = np.nonzero(wanted)
    targets = items[rows, places]
    order = np.argsort(targets, kind="stable")
    distinct, starts = np.unique(targets[order], return_index=True)
    groups = np.split(order, starts[1:]) if len(distinct) else []
    size = max(1, BLOCK_CELLS // ease.n_items_)
    for first in range(0, len(distinct), size):
        weights = ease.weights(distinct[first : first + size])
        for column, group in enumerate(groups[first : first + size]):
            for row, place in zip(rows[group].tolist(), places[group].tolist(), strict=True):
                found = _largest(ease, int(users[row]), weights[:, column])
                own = history.own(int(users[row]), found[0]) if found else None
                if own is not None:
                    reasons[row, place] = Reason("because_you_bought", found[0], found[1], own[1])
    return reasons


def _largest(ease: Ease, user: int, weights: np.ndarray) -> tuple[int, float] | None:
    """The own item that adds most and its share of all that adds, or None when nothing adds."""
    own, contributions = ease.contributions(user, weights)
    for_it = np.maximum(contributions, 0.0)
    if not for_it.any():
        return None
    best = int(for_it.argmax())
    return int(own[best]), float(for_it[best] / for_it.sum())
