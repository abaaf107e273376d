"""Second stage: what a ranker is told of a (person, item), all of it known at the snapshot.

Own habit of the item, of its product type, category and manufacturer; how due it is; the item's trend, repeat share and
new buyers; its price against what the person pays, promotions; the own store; and what the person is like. A missing
fact is NaN, which trees take as a branch of its own.

What holds for an item, a person or a bought pair is counted once a snapshot; then any number of candidates looks it up.
"""

from dataclasses import dataclass

import numpy as np

from recommendations.ml.candidates import Candidates
from recommendations.ml.facts import SnapshotFacts
from recommendations.ml.interactions import Interactions
from recommendations.ml.pair_habits import GroupHabits, Habits, first_days

WINDOWS = (7.0, 14.0, 28.0, 84.0)
STORE_WINDOWS = (28.0, 84.0)


@dataclass(frozen=True, eq=False)
class Features:
    """values: (n, len(names)) float32, rows as the candidates, in column order."""

    values: np.ndarray
    names: tuple[str, ...]


class PairFeatures:
    """One snapshot. `of(candidates)` tells what is known of each."""

    def __init__(self, history: Interactions, facts: SnapshotFacts) -> None:
        self.own = Habits(history, "own")
        self.items = _items(history)
        self.people = _people(history)
        self.groups = [GroupHabits(history, group, name) for name, group in facts.groups.items()]
        self.store = None if facts.store is None else StoreShelves(history, facts.store)
        if facts.price is not None:
            items, people = _prices(history, facts.price, facts.groups)
            self.items |= items
            self.people |= people
        if facts.reduced is not None:
            items, people = _reductions(history, facts.reduced)
            self.items |= items
            self.people |= people
        self.items |= {f"item_{name}": values for name, values in facts.item_values.items()}
        self.people |= {f"person_{name}": values for name, values in facts.person_values.items()}

    def of(self, candidates: Candidates) -> Features:
        user, item = candidates.user, candidates.item
        found = {f"score_{kind}": candidates.scores[:, place] for place, kind in enumerate(candidates.kinds)}
        found |= self.own.of(user, item)
        for group in self.groups:
            found |= group.of(user, item)
        if self.store is not None:
            found |= self.store.of(user, item)
        names = (*found, *self.items, *self.people)
        values = np.empty((len(user), len(names)), dtype=np.float32, order="F")
        for place, column in enumerate(found.values()):
            values[:, place] = column
        for place, column in enumerate(self.items.values(), start=len(found)):
            values[:, place] = column[item]
        for place, column in enumerate(self.people.values(), start=len(found) + len(self.items)):
            values[:, place] = column[user]
        return Features(values, names)


def _items(history: Interactions) -> dict[str, np.ndarray]:
    """Buyers and new buyers by window, trend, repeat share and usual gap of every item."""
    n_items = history.n_items
    of_cell, first, count = history.seen.indices, first_days(history), history.seen.data
    ever = history.buyers()
    found = {"item_buyers": ever}
    buyers = {}
    for window in WINDOWS:
        buyers[window] = history.buyers(window)
        found[f"item_buyers_{window:.0f}"] = buyers[window]
        found[f"item_new_buyers_{window:.0f}"] = np.bincount(of_cell[first < window], minlength=n_items)
    found["item_trend"] = (buyers[14.0] + 1) / (buyers[84.0] / 6 + 1)
    found["item_repeat_share"] = (np.bincount(of_cell[count > 1], minlength=n_items) + 1) / (ever + 4)
    found["item_orders_a_buyer"] = np.bincount(of_cell, weights=count, minlength=n_items) / np.maximum(ever, 1)
    since = np.zeros(n_items)
    np.maximum.at(since, history.item, history.days_before_cut)
    found["item_days_known"] = since
    return found


def _people(history: Interactions) -> dict[str, np.ndarray]:
    """How often, how much and how curious every person shops."""
    n_users = history.n_users
    of_basket, days, sizes, _ = history.baskets
    of_cell = np.repeat(np.arange(n_users), np.diff(history.seen.indptr))
    first, last = first_days(history), history.last_days.data
    found = {}
    for window in (28.0, 84.0):
        found[f"person_orders_{window:.0f}"] = np.bincount(of_basket[days < window], minlength=n_users)
        bought = np.bincount(of_cell[last < window], minlength=n_users)
        fresh = np.bincount(of_cell[first < window], minlength=n_users)
        found[f"person_products_{window:.0f}"] = bought
        found[f"person_new_share_{window:.0f}"] = fresh / np.maximum(bought, 1)
    baskets = np.maximum(np.bincount(of_basket, minlength=n_users), 1)
    found["person_basket_size"] = np.bincount(of_basket, weights=sizes, minlength=n_users) / baskets
    latest = np.full(n_users, np.inf)
    np.minimum.at(latest, of_basket, days)
    found["person_last_days"] = latest
    cells = np.maximum(np.bincount(of_cell, minlength=n_users), 1)
    found["person_repeats"] = np.bincount(of_cell, weights=history.seen.data > 1, minlength=n_users) / cells
    return found


class StoreShelves:
    """How items sell where a person mostly shops; what is not on that shelf cannot be bought."""

    def __init__(self, history: Interactions, store: np.ndarray) -> None:
        recent = history.days_before_cut < 84.0
        n_stores, self.n_items = int(store.max(initial=0)) + 1, history.n_items
        visited = np.bincount(
            history.user[recent].astype(np.int64) * n_stores + store[recent], minlength=history.n_users * n_stores
        ).reshape(history.n_users, n_stores)
        self.main, self.is_known = visited.argmax(axis=1), visited.max(axis=1) > 0
        self.windows = {}
        for window in STORE_WINDOWS:
            rows = history.days_before_cut < window
            of_row = store[rows].astype(np.int64)
            people = np.unique((of_row * self.n_items + history.item[rows]) * history.n_users + history.user[rows])
            pairs, buyers = np.unique(people // history.n_users, return_counts=True)
            shoppers = np.bincount(
                np.unique(of_row * history.n_users + history.user[rows]) // history.n_users, minlength=n_stores
            )
            self.windows[window] = pairs, buyers, np.maximum(shoppers, 1)

    def of(self, user: np.ndarray, item: np.ndarray) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {"store_known": self.is_known[user]}
        main = self.main[user]
        wanted = main * self.n_items + item
        for window, (pairs, buyers, shoppers) in self.windows.items():
            if not len(pairs):
                here = np.zeros(len(user))
            else:
                place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
                here = np.where(pairs[place] == wanted, buyers[place], 0)
            found[f"store_buyers_{window:.0f}"] = here
            found[f"store_share_{window:.0f}"] = here / shoppers[main]
        return found


def _prices(history: Interactions, price: np.ndarray, groups: dict) -> tuple[dict, dict]:
    """What items cost lately, against their usual price, and against what a person pays in their group."""
    n_items = history.n_items
    recent = history.days_before_cut < 28.0
    usual = _mean(price, history.item, n_items)
    lately = _mean(price[recent], history.item[recent], n_items)
    against = np.divide(lately, usual, out=np.full(n_items, np.nan), where=usual > 0)  # what was always free has none
    items, people = {"price_usual": usual, "price_lately_against_usual": against}, {}
    # The finest group says what is alike; coarser ones compare milk with champagne.
    for name, group in list(groups.items())[:1]:
        of_row = group[history.item]
        of_group = _mean(price, of_row, int(group.max()) + 1)
        level = price / np.maximum(of_group[of_row], 1e-9)
        items[f"price_against_{name}"] = usual / np.maximum(of_group[group], 1e-9)
        people[f"price_level_of_person_{name}"] = _mean(level, history.user, history.n_users)
    return items, people


def _reductions(history: Interactions, reduced: np.ndarray) -> tuple[dict, dict]:
    """How often items and people's purchases are on offer."""
    recent = history.days_before_cut < 14.0
    weight = reduced.astype(np.float64)
    items = {
        "reduced_item": _mean(weight, history.item, history.n_items),
        "reduced_item_14": _mean(weight[recent], history.item[recent], history.n_items),
    }
    return items, {"reduced_person": _mean(weight, history.user, history.n_users)}


def _mean(values: np.ndarray, at: np.ndarray, size: int) -> np.ndarray:
    """Mean of the values at each position, NaN where there is none."""
    count = np.bincount(at, minlength=size)
    total = np.bincount(at, weights=values, minlength=size)
    return np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
