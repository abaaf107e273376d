"""Behaviour as sequences: the last events of a person before a day, and what they ordered in the weeks after it.

An event is (item, what happened, days since the event before). Training asks the question that is asked live: from
everything before an anchor day, what is ordered in the next four weeks? On the demo store this does better than the next
item (NDCG@10 of products types 0.394 against 0.382 for the same network). Anchors lie a step apart, all of their
horizons before the cut. Events of one moment have no order of their own (a basket has one time): they are shuffled by the
seed, because a fixed order inside (by product number, say) would leak.
"""

from dataclasses import dataclass

import numpy as np

from recommendations.ml.interactions import Interactions
from recommendations.ml.own_history import OwnHistory, own_history

ORDER, VIEW, SEARCH, CLICK, CART = range(1, 6)
EVENT_KINDS = 6  # and 0, the padding
GAP_BUCKETS = 12


@dataclass(frozen=True, eq=False)
class EventLog:
    """One row per event, all before one cut. item: position, or -1 where an event names none (a search).

    days_before_cut: (n,) float, 0 or more. kind: (n,) int, ORDER and the others above.
    """

    user: np.ndarray
    item: np.ndarray
    kind: np.ndarray
    days_before_cut: np.ndarray
    n_users: int
    n_items: int

    @classmethod
    def of_orders(cls, past: Interactions) -> "EventLog":
        kinds = np.full(len(past), ORDER, dtype=np.int64)
        return cls(past.user, past.item, kinds, past.days_before_cut, past.n_users, past.n_items)


@dataclass(frozen=True, eq=False)
class Sequences:
    """item: (m, length) int32, 0 for padding on the left, else position + 1 (n_items + 1: an event without an item).
    kind: (m, length) int8. gap: (m, length) int8, bucket of the days since the event before (`gap_bucket`), the last
    column's followed by the days up to the anchor in `until`, (m,) int8. own: what each person ordered before the anchor,
    None where only the events are looked at.
    """

    item: np.ndarray
    kind: np.ndarray
    gap: np.ndarray
    until: np.ndarray
    own: OwnHistory | None = None

    def __len__(self) -> int:
        return len(self.item)

    def __getitem__(self, rows) -> "Sequences":
        own = None if self.own is None else self.own[rows]
        return Sequences(self.item[rows], self.kind[rows], self.gap[rows], self.until[rows], own)


@dataclass(frozen=True, eq=False)
class Examples:
    """inputs, and as targets the distinct items ordered in the horizon: flat positions, example e's from starts[e] to
    starts[e + 1]. Every example has at least one. anchor: (m,) days before the cut.
    """

    inputs: Sequences
    targets: np.ndarray
    starts: np.ndarray
    anchor: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)


def gap_bucket(days: np.ndarray) -> np.ndarray:
    """0 within the hour, then a bucket for each doubling of the days, 11 from about half a year up."""
    hours = np.maximum(np.asarray(days, dtype=np.float64) * 24.0, 0.0)
    return np.minimum(np.floor(np.log2(hours + 1.0)), GAP_BUCKETS - 1).astype(np.int8)


def encode(log: EventLog, anchor: float, length: int, seed: int = 0, with_own: bool = False) -> Sequences:
    """The last `length` events of every user before the anchor (days before the cut), (n_users, length)."""
    rows = np.flatnonzero(log.days_before_cut >= anchor)
    shuffled = np.random.default_rng(seed).random(len(rows))
    order = rows[np.lexsort((shuffled, -log.days_before_cut[rows], log.user[rows]))]
    user, days = log.user[order], log.days_before_cut[order]
    ends = np.searchsorted(user, user, side="right")
    column = length - (ends - np.arange(len(user)))
    gaps = np.zeros(len(user))
    gaps[1:] = np.where(user[1:] == user[:-1], days[:-1] - days[1:], 0.0)
    kept = column >= 0
    user, column, source = user[kept], column[kept], order[kept]
    item = np.zeros((log.n_users, length), dtype=np.int32)
    kind = np.zeros((log.n_users, length), dtype=np.int8)
    gap = np.zeros((log.n_users, length), dtype=np.int8)
    item[user, column] = np.where(log.item[source] < 0, log.n_items, log.item[source]) + 1
    kind[user, column] = log.kind[source]
    gap[user, column] = gap_bucket(gaps[kept])
    last = np.full(log.n_users, 0.0)
    last[user[column == length - 1]] = days[kept][column == length - 1] - anchor
    own = None
    if with_own:
        past = (log.days_before_cut >= anchor) & (log.kind == ORDER) & (log.item >= 0)
        own = own_history(
            log.user[past], log.item[past], log.days_before_cut[past] - anchor, n_users=log.n_users, n_items=log.n_items
        )
    return Sequences(item, kind, gap, gap_bucket(last), own)


def examples(
    log: EventLog, anchors: np.ndarray, horizon_days: float, length: int, seed: int = 0, *, with_own: bool = False
) -> Examples:
    """One example per (user, anchor) with an event before it and an order in [anchor, anchor + horizon)."""
    inputs, targets, counts, at = [], [], [], []
    for place, anchor in enumerate(anchors):
        days = log.days_before_cut
        future = (days < anchor) & (days >= anchor - horizon_days) & (log.kind == ORDER) & (log.item >= 0)
        pairs = np.unique(log.user[future].astype(np.int64) * log.n_items + log.item[future])
        known = np.unique(log.user[days >= anchor])
        pairs = pairs[np.isin(pairs // log.n_items, known)]
        users, found = np.unique(pairs // log.n_items, return_counts=True)
        if not len(users):
            continue
        inputs.append(encode(log, anchor, length, seed + place, with_own)[users])
        targets.append(pairs % log.n_items)
        counts.append(found)
        at.append(np.full(len(users), anchor))
    if not inputs:
        empty = np.empty((0, length), dtype=np.int32)
        nobody = Sequences(empty, empty.astype(np.int8), empty.astype(np.int8), np.empty(0, dtype=np.int8))
        return Examples(nobody, np.empty(0, dtype=np.int64), np.zeros(1, dtype=np.int64), np.empty(0))
    return Examples(
        inputs=Sequences(
            *(np.concatenate([getattr(part, name) for part in inputs]) for name in ("item", "kind", "gap", "until")),
            own=OwnHistory.joined([part.own for part in inputs]) if with_own else None,
        ),
        targets=np.concatenate(targets),
        starts=np.concatenate([[0], np.cumsum(np.concatenate(counts))]),
        anchor=np.concatenate(at),
    )
