"""Second stage: what a ranker is told of a (person, item), all of it known at the snapshot.

Own habit of the item, of its product type, category and manufacturer; how due it is; the item's trend, repeat share and
new buyers; its price against what the person pays, promotions; the own store; and what the person is like. A missing
fact is NaN, which trees take as a branch of its own.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recommendations.ml.candidates import Candidates
from recommendations.ml.facts import SnapshotFacts
from recommendations.ml.interactions import Interactions
from recommendations.ml.repurchase import RepurchaseConfig, due

WINDOWS = (7.0, 14.0, 28.0, 84.0)


@dataclass(frozen=True, eq=False)
class Features:
    """values: (n, len(names)) float32, rows as the candidates."""

    values: np.ndarray
    names: tuple[str, ...]


def features(history: Interactions, candidates: Candidates, facts: SnapshotFacts) -> Features:
    found: dict[str, np.ndarray] = {}
    user, item = candidates.user, candidates.item
    for place, kind in enumerate(candidates.kinds):
        found[f"score_{kind}"] = candidates.scores[:, place]
    found |= _habit(history, user, item, "own")
    found |= _item(history, item)
    for name, group in facts.groups.items():
        found |= _group(history, user, item, group, name)
    found |= _person(history, user)
    if facts.store is not None:
        found |= _store(history, user, item, facts.store)
    if facts.price is not None:
        found |= _price(history, user, item, facts.price, facts.groups)
    if facts.reduced is not None:
        found |= _reduced(history, user, item, facts.reduced)
    for name, values in facts.item_values.items():
        found[f"item_{name}"] = values[item]
    for name, values in facts.person_values.items():
        found[f"person_{name}"] = values[user]
    names = tuple(found)
    return Features(np.stack([found[name].astype(np.float32) for name in names], axis=1), names)


class _Cells:
    """Looks (user, item) up among the bought ones."""

    def __init__(self, seen: sparse.csr_array, user: np.ndarray, item: np.ndarray) -> None:
        n_items = seen.shape[1]
        keys = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)) * n_items + seen.indices
        wanted = user * n_items + item
        self.place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        self.known = keys[self.place] == wanted

    def __call__(self, cell_values: np.ndarray, missing: float = 0.0) -> np.ndarray:
        return np.where(self.known, cell_values[self.place], missing)


def _habit(history: Interactions, user: np.ndarray, item: np.ndarray, name: str, *, short: bool = False) -> dict:
    """Rates with several half-lives, gaps and dueness of what the person bought of `item`."""
    cells = _Cells(history.seen, user, item)
    last, count = history.last_days.data, history.seen.data
    first = _first_days(history)
    mean_gap = np.where(count > 1, (first - last) / np.maximum(count - 1, 1), np.nan)
    baskets = np.bincount(_baskets(history)[0], minlength=history.n_users)
    found = {
        f"{name}_orders": cells(count),
        f"{name}_rate_28": cells(history.counts(28.0).data),
        f"{name}_rate_84": cells(history.counts(84.0).data),
        f"{name}_last_days": cells(last, np.nan),
        f"{name}_due": cells(due(history, RepurchaseConfig()).data),
        f"{name}_gap": cells(mean_gap, np.nan),
        f"{name}_of_baskets": cells(count) / np.maximum(baskets[user], 1),
    }
    if short:
        return found
    return found | {
        f"{name}_rate_10": cells(history.counts(10.0).data),
        f"{name}_first_days": cells(first, np.nan),
        f"{name}_late": cells(last / np.maximum(mean_gap, 1.0), np.nan),
        f"{name}_days_of_year_ago": cells(_near_a_year_ago(history)),
    }


def _near_a_year_ago(history: Interactions) -> np.ndarray:
    """Orders of each cell in the four weeks that follow the same day a year before: last season's basket."""
    year = (history.days_before_cut <= 365.0) & (history.days_before_cut > 337.0)
    n_items = history.n_items
    keys = np.repeat(np.arange(history.n_users), np.diff(history.seen.indptr)) * n_items + history.seen.indices
    place = np.searchsorted(keys, history.user[year] * n_items + history.item[year])
    return np.bincount(place, minlength=len(keys)).astype(np.float64)


def _first_days(history: Interactions) -> np.ndarray:
    """Days from the first order of each cell of `seen` to the cut."""
    n_items = history.n_items
    keys = np.repeat(np.arange(history.n_users), np.diff(history.seen.indptr)) * n_items + history.seen.indices
    place = np.searchsorted(keys, history.user.astype(np.int64) * n_items + history.item)
    first = np.zeros(len(keys))
    np.maximum.at(first, place, history.days_before_cut)
    return first


def _baskets(history: Interactions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """user and days of every distinct basket, and the number of rows in each."""
    keys = np.stack([history.user, history.days_before_cut])
    baskets, sizes = np.unique(keys, axis=1, return_counts=True)
    return baskets[0].astype(np.int64), baskets[1], sizes


def _item(history: Interactions, item: np.ndarray) -> dict:
    """Buyers and new buyers by window, trend, repeat share and usual gap of an item."""
    n_items = history.n_items
    of_cell, first, count = history.seen.indices, _first_days(history), history.seen.data
    ever = history.buyers()
    found = {"item_buyers": ever[item]}
    buyers = {}
    for window in WINDOWS:
        buyers[window] = history.buyers(window)
        fresh = np.bincount(of_cell[first < window], minlength=n_items)
        found[f"item_buyers_{window:.0f}"] = buyers[window][item]
        found[f"item_new_buyers_{window:.0f}"] = fresh[item]
    found["item_trend"] = ((buyers[14.0] + 1) / (buyers[84.0] / 6 + 1))[item]
    found["item_repeat_share"] = ((np.bincount(of_cell[count > 1], minlength=n_items) + 1) / (ever + 4))[item]
    found["item_orders_a_buyer"] = (np.bincount(of_cell, weights=count, minlength=n_items) / np.maximum(ever, 1))[item]
    since = np.zeros(n_items)
    np.maximum.at(since, history.item, history.days_before_cut)
    found["item_days_known"] = since[item]
    return found


def _group(history: Interactions, user: np.ndarray, item: np.ndarray, group: np.ndarray, name: str) -> dict:
    """The person's habit of the item's group, the group's trend, and the item's place in both."""
    size = int(group.max()) + 1
    own = _by_group(history, group, size)
    found = _habit(own, user, group[item], name, short=True)
    found[f"{name}_buyers_28"] = own.buyers(28.0)[group[item]]
    members = np.bincount(group, minlength=size)
    found[f"{name}_products"] = members[group[item]]
    lately = history.buyers(28.0)
    of_group = np.bincount(group, weights=lately, minlength=size)
    found[f"{name}_share_of_item"] = (lately[item] + 0.5) / (of_group[group[item]] + 1.0)
    rate = history.counts(84.0)
    spread = np.repeat(np.arange(history.n_users), np.diff(rate.indptr)) * size + group[rate.indices]
    keys, inverse = np.unique(spread, return_inverse=True)
    total = np.bincount(inverse, weights=rate.data)
    wanted = user * size + group[item]
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    total = np.where(keys[place] == wanted, total[place], 0.0)
    found[f"{name}_own_share_of_item"] = _Cells(history.seen, user, item)(rate.data) / np.maximum(total, 1e-9)
    distinct = np.bincount(inverse)
    found[f"{name}_own_products"] = np.where(keys[place] == wanted, distinct[place], 0)
    return found


def _by_group(history: Interactions, group: np.ndarray, size: int) -> Interactions:
    """The history with groups in place of items; a basket counts once a group."""
    keys = np.stack([history.user, history.days_before_cut, group[history.item]])
    rows = np.unique(keys, axis=1)
    return Interactions(
        user=rows[0].astype(np.int64),
        item=rows[2].astype(np.int64),
        days_before_cut=rows[1],
        quantity=np.ones(rows.shape[1]),
        n_users=history.n_users,
        n_items=size,
    )


def _person(history: Interactions, user: np.ndarray) -> dict:
    """How often, how much and how curious a person shops."""
    n_users = history.n_users
    of_basket, days, sizes = _baskets(history)
    of_cell = np.repeat(np.arange(n_users), np.diff(history.seen.indptr))
    first, last = _first_days(history), history.last_days.data
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
    found["person_repeats"] = np.bincount(of_cell, weights=history.seen.data > 1, minlength=n_users) / np.maximum(
        np.bincount(of_cell, minlength=n_users), 1
    )
    return {name: values[user] for name, values in found.items()}


def _store(history: Interactions, user: np.ndarray, item: np.ndarray, store: np.ndarray) -> dict:
    """How the item sells where this person mostly shops; what is not on that shelf cannot be bought."""
    recent = history.days_before_cut < 84.0
    n_stores, n_items = int(store.max()) + 1, history.n_items
    visits = np.bincount(history.user[recent] * n_stores + store[recent], minlength=history.n_users * n_stores).reshape(
        history.n_users, n_stores
    )
    main = visits.argmax(axis=1)
    found = {"store_known": visits.max(axis=1)[user] > 0}
    for window in (28.0, 84.0):
        rows = history.days_before_cut < window
        pairs = np.unique(store[rows] * n_items + history.item[rows] + 0 * history.user[rows])
        people = np.unique((store[rows] * n_items + history.item[rows]) * history.n_users + history.user[rows])
        buyers = np.bincount(np.searchsorted(pairs, people // history.n_users), minlength=len(pairs))
        shoppers = np.bincount(
            np.unique(store[rows] * history.n_users + history.user[rows]) // history.n_users, minlength=n_stores
        )
        wanted = main[user] * n_items + item
        place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
        here = np.where(pairs[place] == wanted, buyers[place], 0)
        found[f"store_buyers_{window:.0f}"] = here
        found[f"store_share_{window:.0f}"] = here / np.maximum(shoppers[main[user]], 1)
    return found


def _price(history: Interactions, user: np.ndarray, item: np.ndarray, price: np.ndarray, groups: dict) -> dict:
    """What the item costs lately, against its usual price, and against what this person pays in its group."""
    n_items = history.n_items
    recent = history.days_before_cut < 28.0
    usual = _mean(price, history.item, n_items)
    lately = _mean(price[recent], history.item[recent], n_items)
    against = np.divide(lately, usual, out=np.full(n_items, np.nan), where=usual > 0)  # what was always free has none
    found = {"price_usual": usual[item], "price_lately_against_usual": against[item]}
    for name, group in groups.items():
        size = int(group.max()) + 1
        of_row = group[history.item]
        level = price / np.maximum(_mean(price, of_row, size)[of_row], 1e-9)
        own = _mean(level, history.user, history.n_users)
        found[f"price_against_{name}"] = (usual / np.maximum(_mean(price, of_row, size)[group], 1e-9))[item]
        found[f"price_level_of_person_{name}"] = own[user]
        break  # the finest group says what is alike; coarser ones compare milk with champagne
    return found


def _reduced(history: Interactions, user: np.ndarray, item: np.ndarray, reduced: np.ndarray) -> dict:
    """How often the item and this person's purchases are on offer."""
    recent = history.days_before_cut < 14.0
    weight = reduced.astype(np.float64)
    return {
        "reduced_item": _mean(weight, history.item, history.n_items)[item],
        "reduced_item_14": _mean(weight[recent], history.item[recent], history.n_items)[item],
        "reduced_person": _mean(weight, history.user, history.n_users)[user],
    }


def _mean(values: np.ndarray, at: np.ndarray, size: int) -> np.ndarray:
    """Mean of the values at each position, NaN where there is none."""
    count = np.bincount(at, minlength=size)
    total = np.bincount(at, weights=values, minlength=size)
    return np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
