"""What an order looks like beside the others: counts in time windows, amounts against habit, shared devices.

Everything is sorted, never compared pair by pair: O(n log n) in the number of orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.exceptions import MisshapenOrders

HOUR = 3600
DAY = 24 * HOUR
# Below this many orders a customer has no habit yet, and is judged by everybody's.
HABIT_ORDERS = 20
# The median absolute deviation of a normal distribution is this part of its standard deviation.
MAD_TO_SD = 1.4826
# A customer who always spends the same has no spread; a tenth more is still no outlier. Half of everybody's is the least.
LEAST_SPREAD = 0.5
# Mean and two standard deviations hold 95 of 100 orders of a customer whose log amounts are normal.
USUAL_SD = 2.0

# The columns that a rule may read. All are float64 with one value an order; NaN where the input lacked what it needs.
FEATURES = (
    "orders_1h",  # orders of the customer within some hour that this order is in
    "orders_24h",  # the same within 24 hours
    "same_basket_24h",  # orders of the customer with this very basket within some 24 hours that this order is in
    "lines",
    "amount",
    "amount_z",  # robust standard deviations of the log amount above the customer's median
    "amount_low",  # the customer's usual range of amounts
    "amount_high",
    "coupon_share",  # the part of the price that coupons paid, 0 to 1
    "coupon_saved",
    "device_customers",  # customers seen with the device of this order
    "address_customers",
)


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """Columns of n orders, in any order. A negative customer, device or address is unknown and matches nothing."""

    order: NDArray[np.int64]
    customer: NDArray[np.int64]
    occurred_at: NDArray[np.int64]  # seconds since 1970, UTC
    amount: NDArray[np.float64]  # what was paid, in one currency
    lines: NDArray[np.int64]
    coupon_saved: NDArray[np.float64]  # what coupons took off, not negative
    basket: NDArray[np.uint64] | None = None  # `basket_digests`
    device: NDArray[np.int64] | None = None
    address: NDArray[np.int64] | None = None

    def __post_init__(self):
        for name in self.__slots__:
            column = getattr(self, name)
            if column is not None and column.shape != (len(self.order),):
                raise MisshapenOrders(f"{name} has shape {column.shape}, there are {len(self.order)} orders.")
        for name in ("amount", "coupon_saved"):
            if not np.isfinite(getattr(self, name)).all():
                raise MisshapenOrders(f"{name} holds a value that is no number.")


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """`values[name]` is a float64 array aligned with `order` and `customer`, for every name in FEATURES."""

    order: NDArray[np.int64]
    customer: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]


def build_features(orders: Orders) -> Features:
    """The features of every order among all the others given.

    Give at least 24 hours before and after the orders that are to be judged, and enough history for HABIT_ORDERS.
    """
    customers = _codes(orders.customer)
    unknown = np.full(len(orders.order), np.nan)
    baskets = None if orders.basket is None else _pair_codes(customers, _codes(orders.basket))
    amount_z, amount_low, amount_high = _amount_habit(customers, orders.amount)
    price = orders.amount + orders.coupon_saved
    values = {
        "orders_1h": _densest_window(customers, orders.occurred_at, HOUR),
        "orders_24h": _densest_window(customers, orders.occurred_at, DAY),
        "same_basket_24h": unknown if baskets is None else _densest_window(baskets, orders.occurred_at, DAY),
        "lines": orders.lines,
        "amount": orders.amount,
        "amount_z": amount_z,
        "amount_low": amount_low,
        "amount_high": amount_high,
        "coupon_share": np.divide(orders.coupon_saved, price, out=np.zeros(len(price)), where=price > 0),
        "coupon_saved": orders.coupon_saved,
        "device_customers": unknown if orders.device is None else _sharers(orders.device, orders.customer),
        "address_customers": unknown if orders.address is None else _sharers(orders.address, orders.customer),
    }
    return Features(orders.order, orders.customer, {name: values[name].astype(np.float64) for name in FEATURES})


def basket_digests(
    position: NDArray[np.int64], product: NDArray[np.int64], quantity: NDArray[np.int64], orders: int
) -> NDArray[np.uint64]:
    """A 64-bit digest of each order's basket, the same for the same products and quantities in any sequence.

    `position` gives for every line the order that it belongs to, from 0 to `orders` - 1. Digests of lines are summed, so
    two different baskets look alike about once in 2^64 pairs by chance; nobody chooses product ids to make it happen.
    """
    digests = np.zeros(orders, dtype=np.uint64)
    lines = _mixed(_mixed(product.astype(np.uint64)) + quantity.astype(np.uint64))
    np.add.at(digests, position, lines)
    return digests


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014): every bit of the output depends on every bit of the input."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _codes(column: NDArray) -> NDArray[np.int64]:
    """Numbers from 0, one for each value; a negative value gets one for itself alone each time."""
    if column.dtype.kind == "i":
        column = np.where(column < 0, -1 - np.arange(len(column)), column)
    return np.unique(column, return_inverse=True)[1]


def _pair_codes(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(first * (second.max(initial=0) + 1) + second, return_inverse=True)[1]


def _densest_window(groups: NDArray[np.int64], at: NDArray[np.int64], seconds: int) -> NDArray[np.int64]:
    """For every order: how many orders of its group the fullest window holds that is `seconds` long and has it inside.

    Not the count before it: all orders of a burst belong to the burst, the first ones too.
    """
    if not len(at):
        return np.zeros(0, dtype=np.int64)
    # One number line on which groups lie further apart than a window, so a single search serves all.
    line = groups * (at.max() - at.min() + seconds + 1) + (at - at.min())
    by_line = np.argsort(line, kind="stable")
    line = line[by_line]
    place = np.arange(len(line))
    ending_here = place - np.searchsorted(line, line - seconds, side="left") + 1
    # A window with this order inside ends at an order from here to `reach`: the largest of `ending_here` over that range,
    # from a table of maxima over ranges of 1, 2, 4 ... orders, kept for one length at a time.
    reach = np.searchsorted(line, line + seconds, side="right")
    level = np.frexp(reach - place)[1] - 1
    densest = np.empty(len(line), dtype=np.int64)
    for power in range(level.max() + 1):
        here = np.flatnonzero(level == power)
        densest[here] = np.maximum(ending_here[here], ending_here[reach[here] - 2**power])
        ending_here = np.maximum(ending_here[: -(2**power)], ending_here[2**power :])
    result = np.empty(len(line), dtype=np.int64)
    result[by_line] = densest
    return result


def _amount_habit(customers: NDArray[np.int64], amount: NDArray[np.float64]) -> tuple[NDArray, NDArray, NDArray]:
    """(z, low, high): how far each amount lies from its customer's habit, and that habit as a range of amounts.

    Median and median absolute deviation of log(1 + amount): spending is skewed, and the outlier must not set the scale.
    """
    if not len(amount):
        return amount, amount, amount
    log = np.log1p(np.maximum(amount, 0))
    everybody = np.median(log)
    spread = np.median(np.abs(log - everybody)) or 1.0
    has_habit = np.bincount(customers) >= HABIT_ORDERS
    middle = np.where(has_habit, _group_medians(customers, log), everybody)
    own_spread = np.maximum(_group_medians(customers, np.abs(log - middle[customers])), LEAST_SPREAD * spread)
    sd = MAD_TO_SD * np.where(has_habit, own_spread, spread)
    low, high = np.expm1(middle - USUAL_SD * sd), np.expm1(middle + USUAL_SD * sd)
    return (log - middle[customers]) / sd[customers], np.maximum(low, 0)[customers], high[customers]


def _group_medians(groups: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of each group, for groups 0, 1, 2 ... that all have members."""
    by_group = values[np.lexsort((values, groups))]
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    return (by_group[starts + (sizes - 1) // 2] + by_group[starts + sizes // 2]) / 2


def _sharers(place: NDArray[np.int64], customer: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many known customers each order's device or address was seen with; NaN where it is unknown."""
    codes, people = _codes(place), _codes(customer)
    is_known = (place >= 0) & (customer >= 0)
    pairs = np.unique(codes[is_known] * (people.max(initial=0) + 1) + people[is_known])
    seen = np.bincount(pairs // (people.max(initial=0) + 1), minlength=codes.max(initial=0) + 1)
    return np.where(place >= 0, seen[codes], np.nan)
