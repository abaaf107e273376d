"""A person's habit of an item, or of a group of items: rates with several half-lives, gaps, and how due it is."""

import numpy as np

from recommendations.ml.interactions import Interactions
from recommendations.ml.repurchase import RepurchaseConfig, due


class Pairs:
    """Looks (person, item) up among the bought ones, in whose order `seen` has its cells."""

    def __init__(self, history: Interactions) -> None:
        seen = history.seen
        self.n_items = history.n_items
        self.keys = np.repeat(np.arange(history.n_users), np.diff(seen.indptr)) * self.n_items + seen.indices

    def places(self, user: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(cell, whether it is there) of each pair; the cell of one that is not there means nothing."""
        wanted = user * self.n_items + item
        if not len(self.keys):
            return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return place, self.keys[place] == wanted


class Habits:
    """columns: name -> (value a bought pair, what stands for a pair that was never bought)."""

    def __init__(self, history: Interactions, name: str, *, short: bool = False) -> None:
        self.name, self.pairs = name, Pairs(history)
        last, count = history.last_days.data, history.seen.data
        first = first_days(history)
        mean_gap = np.where(count > 1, (first - last) / np.maximum(count - 1, 1), np.nan)
        self.columns: dict[str, tuple[np.ndarray, float]] = {
            "orders": (count, 0.0),
            "rate_28": (history.counts(28.0).data, 0.0),
            "rate_84": (history.counts(84.0).data, 0.0),
            "last_days": (last, np.nan),
            "due": (due(history, RepurchaseConfig()).data, 0.0),
            "gap": (mean_gap, np.nan),
        }
        if not short:
            self.columns |= {
                "rate_10": (history.counts(10.0).data, 0.0),
                "first_days": (first, np.nan),
                "late": (last / np.maximum(mean_gap, 1.0), np.nan),
                "days_of_year_ago": (_near_a_year_ago(history, self.pairs.keys), 0.0),
            }
        self.baskets = np.maximum(np.bincount(history.baskets[0], minlength=history.n_users), 1)

    def of(self, user: np.ndarray, item: np.ndarray) -> dict[str, np.ndarray]:
        place, known = self.pairs.places(user, item)
        found = {
            f"{self.name}_{name}": looked_up(values, place, known, missing)
            for name, (values, missing) in self.columns.items()
        }
        found[f"{self.name}_of_baskets"] = found[f"{self.name}_orders"] / self.baskets[user]
        return found


class GroupHabits:
    """A person's habit of an item's group, the group's trend, and the item's place in both."""

    def __init__(self, history: Interactions, group: np.ndarray, name: str) -> None:
        self.name, self.group, self.size = name, group, int(group.max(initial=0)) + 1
        own = by_group(history, group, self.size)
        self.habits, self.pairs = Habits(own, name, short=True), Pairs(history)
        self.buyers = own.buyers(28.0)[group]
        self.products = np.bincount(group, minlength=self.size)[group]
        lately = history.buyers(28.0)
        of_group = np.bincount(group, weights=lately, minlength=self.size)
        self.share = (lately + 0.5) / (of_group[group] + 1.0)
        # What the person has of the group, in the cells of its habits: each bought item belongs to one of them.
        rate = history.counts(84.0)
        user = np.repeat(np.arange(history.n_users), np.diff(rate.indptr))
        cell, _ = self.habits.pairs.places(user, group[rate.indices])
        cells = len(self.habits.pairs.keys)
        self.rate = rate.data
        self.rate_of_group = np.bincount(cell, weights=rate.data, minlength=cells)
        self.products_of_group = np.bincount(cell, minlength=cells)

    def of(self, user: np.ndarray, item: np.ndarray) -> dict[str, np.ndarray]:
        group = self.group[item]
        found = self.habits.of(user, group)
        found[f"{self.name}_buyers_28"] = self.buyers[item]
        found[f"{self.name}_products"] = self.products[item]
        found[f"{self.name}_share_of_item"] = self.share[item]
        own = looked_up(self.rate, *self.pairs.places(user, item), 0.0)
        place, known = self.habits.pairs.places(user, group)
        total = looked_up(self.rate_of_group, place, known, 0.0)
        found[f"{self.name}_own_share_of_item"] = own / np.maximum(total, 1e-9)
        found[f"{self.name}_own_products"] = looked_up(self.products_of_group, place, known, 0.0)
        return found


def looked_up(values: np.ndarray, place: np.ndarray, known: np.ndarray, missing: float) -> np.ndarray:
    return np.where(known, values[place], missing) if len(values) else np.full(len(place), missing)


def by_group(history: Interactions, group: np.ndarray, size: int) -> Interactions:
    """The history with groups in place of items; a basket counts once a group."""
    user, days, _, of_row = history.baskets
    basket, of_group = np.divmod(np.unique(of_row * size + group[history.item]), size)
    return Interactions(
        user=user[basket],
        item=of_group,
        days_before_cut=days[basket],
        quantity=np.ones(len(basket)),
        n_users=history.n_users,
        n_items=size,
    )


def first_days(history: Interactions) -> np.ndarray:
    """Days from the first order of each cell of `seen` to the cut."""
    first = np.zeros(len(history.seen.data))
    np.maximum.at(first, history.cell_of_row, history.days_before_cut)
    return first


def _near_a_year_ago(history: Interactions, keys: np.ndarray) -> np.ndarray:
    """Orders of each cell in the four weeks that follow the same day a year before: last season's basket."""
    year = (history.days_before_cut <= 365.0) & (history.days_before_cut > 337.0)
    return np.bincount(history.cell_of_row[year], minlength=len(keys)).astype(np.float64)
