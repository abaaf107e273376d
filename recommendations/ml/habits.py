"""A person's figures at one moment, for what they will do next: shopping, coupons, discounts, departments, demographics.

Everything stops at the moment; the label is looked up after it. The same figures are built at several moments of the past
to train on and once at the end to score, by the same function.
"""

from dataclasses import dataclass

import numpy as np

NEVER_DAYS = 400.0
WINDOWS = (28.0, 84.0, 365.0)
AGES = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
INCOMES = ("Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100-124K", "125-149K", "150-174K", "175-199K",
           "200-249K", "250K+")  # fmt: skip
MOST_DEPARTMENTS = 12


@dataclass(frozen=True, eq=False)
class Orders:
    """One row per order, (n,): user a position below n_users, day since 1970, money as paid and as taken off."""

    user: np.ndarray
    day: np.ndarray
    total: np.ndarray
    discount: np.ndarray
    coupon_discount: np.ndarray
    n_users: int

    def between(self, since: float, until: float) -> "Orders":
        keep = (self.day >= since) & (self.day < until)
        columns = (self.user, self.day, self.total, self.discount, self.coupon_discount)
        return Orders(*(column[keep] for column in columns), self.n_users)


@dataclass(frozen=True, eq=False)
class Figures:
    """values (n_users, n_features), NaN nowhere; known: (n_users,) whether a person had ordered by then."""

    values: np.ndarray
    names: tuple[str, ...]
    known: np.ndarray


def figures(
    orders: Orders, at: float, spend: np.ndarray, departments: tuple[str, ...], described: np.ndarray
) -> Figures:
    """spend: (n_users, departments) money in the twelve weeks before `at`; described: (n_users, 4) from `describe`."""
    past = orders.between(at - WINDOWS[-1], at)
    columns: dict[str, np.ndarray] = {}
    with_coupon = past.coupon_discount > 0
    columns["days_since_order"] = _since(past.user, at - past.day, past.n_users)
    columns["days_since_coupon"] = _since(past.user[with_coupon], (at - past.day)[with_coupon], past.n_users)
    for days in WINDOWS:
        recent = past.between(at - days, at)
        columns[f"orders_{days:.0f}"] = _sum(recent)
        columns[f"spend_{days:.0f}"] = _sum(recent, recent.total)
        columns[f"coupon_orders_{days:.0f}"] = _sum(recent, recent.coupon_discount > 0)
    spent, taken_off = columns["spend_365"], _sum(past, past.discount)
    columns["coupon_discount"] = _sum(past, past.coupon_discount)
    columns["discount_share"] = taken_off / np.maximum(spent + taken_off, 0.01)
    columns["mean_order"] = spent / np.maximum(columns["orders_365"], 1)
    columns["coupon_share"] = (columns["coupon_orders_365"] + 0.2) / (columns["orders_365"] + 10)
    for name, column in zip(("age", "income", "household_size", "is_described"), described.T, strict=True):
        columns[name] = column
    for place, name in enumerate(departments):
        columns[f"spend in {name}"] = spend[:, place]
    return Figures(np.stack(list(columns.values()), axis=1), tuple(columns), columns["orders_365"] > 0)


def describe(attributes: list[dict]) -> np.ndarray:
    """(n, 4): place of the age and the income band, household size, whether any is known. Unknown: the middle.

    >>> describe([{"age": "35-44", "household_size": "5+"}, {}]).tolist()
    [[2.0, 4.0, 5.0, 1.0], [2.5, 4.0, 2.0, 0.0]]
    """
    rows = []
    for given in attributes:
        size = str(given.get("household_size", ""))[:1]
        rows.append(
            (
                float(AGES.index(given["age"])) if given.get("age") in AGES else 2.5,
                float(INCOMES.index(given["income"])) if given.get("income") in INCOMES else 4.0,
                float(size) if size.isdecimal() else 2.0,
                float(any(given.get(name) for name in ("age", "income", "household_size"))),
            )
        )
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def coded(attributes: dict) -> tuple[int, int, int]:
    """The place of the age and of the income band, and the household's size from 0; -1 where unknown.

    >>> coded({"age": "35-44", "household_size": "5+"})
    (2, -1, 4)
    """
    size = str(attributes.get("household_size", ""))[:1]
    return (
        AGES.index(attributes["age"]) if attributes.get("age") in AGES else -1,
        INCOMES.index(attributes["income"]) if attributes.get("income") in INCOMES else -1,
        int(size) - 1 if size.isdecimal() and size != "0" else -1,
    )


def does(orders: Orders, since: float, days: float, *, with_coupon: bool) -> np.ndarray:
    """(n_users,) 1.0 for who orders in the days from `since` on (with a coupon, if asked so), else 0.0."""
    later = orders.between(since, since + days)
    users = later.user[later.coupon_discount > 0] if with_coupon else later.user
    found = np.zeros(orders.n_users)
    found[users] = 1.0
    return found


def _sum(orders: Orders, weights: np.ndarray | None = None) -> np.ndarray:
    return np.bincount(orders.user, weights=weights, minlength=orders.n_users).astype(np.float64)


def _since(user: np.ndarray, ago: np.ndarray, n_users: int) -> np.ndarray:
    least = np.full(n_users, NEVER_DAYS)
    np.minimum.at(least, user, ago)
    return least
