"""What a person already bought as of an anchor day, product by product, and what was popular then.

In a shop where people buy again, the last hundred events forget most of what somebody buys; a network that has to carry
all of it in one vector stays behind a plain count. So the counts go past the network (P. Ren et al., "RepeatNet", AAAI
2019, has a repeat mode beside an explore mode; here both are added, and trained together): each product of the own
history adds what a small network makes of its facts, and each product what its popularity of the last weeks is above its
usual one.

Facts of a cell (person, product), all of orders before the anchor: log(1 + orders), the same with each order halved every
84 and every 14 days, log(1 + days since the last), log(days since the last + 1) - log(mean days between two + 1) (0 where
there was one order), whether there was only one, and 1.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

HALF_LIVES = (np.inf, 84.0, 14.0)
FACTS = 7
TREND_DAYS = (14.0, 56.0)
ADDED = 0.5  # buyers added to each product, so that none has a share of zero


@dataclass(frozen=True, eq=False)
class OwnHistory:
    """Of m rows: starts (m + 1,), and in row r's run starts[r] to starts[r + 1] the products `item` (rising positions)
    and their `facts` (cells, FACTS) float32. trend: (days, len(TREND_DAYS), n_items) float32 log share of the buyers in
    each window, less nothing; place: (m,) which of the days a row stands at.
    """

    starts: np.ndarray
    item: np.ndarray
    facts: np.ndarray
    trend: np.ndarray
    place: np.ndarray

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, rows: np.ndarray) -> "OwnHistory":
        begins, ends = self.starts[:-1][rows], self.starts[1:][rows]
        counts = ends - begins
        starts = np.concatenate([[0], np.cumsum(counts)])
        cells = np.arange(starts[-1]) + np.repeat(begins - starts[:-1], counts)
        return OwnHistory(starts, self.item[cells], self.facts[cells], self.trend, self.place[rows])

    def rows(self) -> np.ndarray:
        """The row of each cell, (cells,) int64."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def matrices(self, n_items: int) -> list[sparse.csr_array]:
        """One (m, n_items) matrix a fact: what an artifact keeps, so that a person's row can be taken out of it."""
        shape = (len(self), n_items)
        return [sparse.csr_array((column, self.item, self.starts), shape=shape) for column in self.facts.T.copy()]

    @classmethod
    def of_matrices(cls, matrices: list[sparse.csr_array], trend: np.ndarray) -> "OwnHistory":
        first = matrices[0]
        facts = np.stack([matrix.data for matrix in matrices], axis=1)
        return cls(first.indptr, first.indices, facts, trend, np.zeros(first.shape[0], dtype=np.int64))

    @classmethod
    def joined(cls, parts: list["OwnHistory"]) -> "OwnHistory":
        """The rows of all parts, one after the other."""
        cells = np.cumsum([0, *(len(part.item) for part in parts)])
        days = np.cumsum([0, *(len(part.trend) for part in parts)])
        return cls(
            starts=np.concatenate([[0], *(part.starts[1:] + n for part, n in zip(parts, cells[:-1], strict=True))]),
            item=np.concatenate([part.item for part in parts]),
            facts=np.concatenate([part.facts for part in parts]),
            trend=np.concatenate([part.trend for part in parts]),
            place=np.concatenate([part.place + n for part, n in zip(parts, days[:-1], strict=True)]),
        )


def own_history(user: np.ndarray, item: np.ndarray, days: np.ndarray, *, n_users: int, n_items: int) -> OwnHistory:
    """Of every user, from one row an order and product; days: (n,) before the anchor, 0 or more."""
    keys = user.astype(np.int64) * n_items + item
    order = np.lexsort((days, keys))
    keys, days = keys[order], days[order]
    begins = np.flatnonzero(np.diff(keys, prepend=-1))
    ends = np.append(begins[1:], len(keys))[: len(begins)] - 1
    cells = keys[begins]
    count = (ends - begins + 1).astype(np.float64)
    decayed = [np.add.reduceat(np.exp2(-days / half), begins) if len(keys) else count for half in HALF_LIVES]
    last = days[begins]
    between = (days[ends] - last) / np.maximum(count - 1, 1)
    overdue = np.where(count > 1, np.log1p(last) - np.log1p(between), 0.0)
    facts = np.stack(
        [*(np.log1p(sums) for sums in decayed), np.log1p(last), overdue, count == 1, np.ones_like(count)], axis=1
    )
    starts = np.searchsorted(cells // n_items, np.arange(n_users + 1))
    trend = [_log_share(keys[days < window] % n_items, keys[days < window], n_items) for window in TREND_DAYS]
    return OwnHistory(
        starts=starts,
        item=(cells % n_items).astype(np.int32),
        facts=facts.astype(np.float32),
        trend=np.stack(trend)[None].astype(np.float32),
        place=np.zeros(n_users, dtype=np.int64),
    )


def _log_share(item: np.ndarray, keys: np.ndarray, n_items: int) -> np.ndarray:
    """log of each item's share of the distinct (person, item) pairs."""
    _, first = np.unique(keys, return_index=True)
    buyers = np.bincount(item[first], minlength=n_items) + ADDED
    return np.log(buyers / buyers.sum())
