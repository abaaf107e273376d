"""What is known beside who bought what: of products, of rows, of people, of the promotion plan. All of it optional.

Positions are those of a `PurchaseLog`; `at` gives the part that a snapshot may see: its catalogue and its past.
"""

from dataclasses import dataclass, field

import numpy as np

from recommendations.ml.splits import PurchaseLog, Split


@dataclass(frozen=True, eq=False)
class Facts:
    """groups: name -> (n_items,) int, what a product belongs to: product type, category, department, manufacturer.
    item_values: name -> (n_items,) float, facts that do not change: brand, size. NaN where unknown.
    person_values: name -> (n_users,) float: age band, income band and the like. NaN where unknown.
    store: (n_rows,) int, where the row was bought. price: (n_rows,) float, paid a unit. reduced: (n_rows,) bool, sold below
        its usual price; where a shop does not say so, what cost a twentieth less than the item's median up to then.
    plan: name -> (n_weeks, n_items) float32, share of the stores that show a product off in that week; week 0 starts at
        `plan_start` (days, on the clock of the log).
    """

    groups: dict[str, np.ndarray] = field(default_factory=dict)
    item_values: dict[str, np.ndarray] = field(default_factory=dict)
    person_values: dict[str, np.ndarray] = field(default_factory=dict)
    store: np.ndarray | None = None
    price: np.ndarray | None = None
    reduced: np.ndarray | None = None
    plan: dict[str, np.ndarray] = field(default_factory=dict)
    plan_start: float = 0.0

    def at(self, log: PurchaseLog, split: Split, cut: float, foresee_weeks: int = 0) -> "SnapshotFacts":
        """The facts in the positions of the split's catalogue and its rows before the cut.

        foresee_weeks: how many weeks of the promotion plan after the cut may be read. 0 is what a system knows that
        looks at the past alone; a shop that plans its promotions knows them.
        """
        known = np.zeros(log.n_items, dtype=bool)
        known[split.items] = True
        rows = np.flatnonzero((log.day < cut) & known[log.item])
        week = round((cut - self.plan_start) / 7)
        promotions = {}
        for name, shares in self.plan.items():
            promotions[f"{name}_last_week"] = shares[week - 1, split.items]
            promotions[f"{name}_4_weeks"] = shares[max(0, week - 4) : week, split.items].mean(axis=0)
            if foresee_weeks:
                promotions[f"{name}_planned"] = shares[week : week + foresee_weeks, split.items].mean(axis=0)
        price = None if self.price is None else self.price[rows]
        reduced = None if self.reduced is None else self.reduced[rows]
        if reduced is None and price is not None:
            reduced = _below_usual(price, log.item[rows])
        return SnapshotFacts(
            groups={name: _dense(values[split.items]) for name, values in self.groups.items()},
            item_values={name: values[split.items] for name, values in self.item_values.items()} | promotions,
            person_values=self.person_values,
            store=None if self.store is None else self.store[rows],
            price=price,
            reduced=reduced,
        )


@dataclass(frozen=True, eq=False)
class SnapshotFacts:
    """As `Facts`, in the positions of one snapshot; rows as those of its `Interactions`."""

    groups: dict[str, np.ndarray] = field(default_factory=dict)
    item_values: dict[str, np.ndarray] = field(default_factory=dict)
    person_values: dict[str, np.ndarray] = field(default_factory=dict)
    store: np.ndarray | None = None
    price: np.ndarray | None = None
    reduced: np.ndarray | None = None


def _dense(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def _below_usual(price: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Whether each row cost clearly less than the median of its item's rows, (n,) bool."""
    order = np.lexsort((price, item))
    starts = np.searchsorted(item[order], item)
    ends = np.searchsorted(item[order], item, side="right")
    return price < 0.95 * price[order][(starts + ends - 1) // 2]
