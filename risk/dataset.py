"""From rows to arrays: what is new, its customers' habit before it, and a day more on either side, in blocks of customers.

Orders carry no device and no address yet, so those columns stay unknown and their rules fire on nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from risk import queries
from risk.ml.features import DAY, Orders, basket_digests

BLOCK = 500  # customers at a time: some 30,000 orders in the demo store, 30 MB
HABIT = timedelta(days=366)  # a year holds every season
# Orders within a day of a new one are judged again, for it may have made a burst of them; their windows need a day more.
MARGIN = timedelta(days=2)
# Enough that the first and the last hundredth are 50 orders each, whom no single burst can move.
ORDINARY = 5000
LINE = np.dtype([("product", ">i8"), ("quantity", ">i4")])


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    orders: Orders
    is_judged: NDArray[np.bool_]  # one place an order; the others are there to compare with


def blocks(*, currency: str, since: datetime, size: int = BLOCK) -> Iterator[Block]:
    """All orders received since, with the orders to compare them with. Two queries a block, memory for one block."""
    after = -1
    while touched := queries.touched(currency=currency, since=since, after=after, limit=size):
        rows = queries.orders_of(touched, currency=currency, history=HABIT, margin=MARGIN)
        orders = _orders(rows)
        customers, first, last = np.array(touched, dtype=np.int64).T
        own = np.searchsorted(customers, orders.customer)
        yield Block(orders, (orders.occurred_at >= first[own] - DAY) & (orders.occurred_at <= last[own] + DAY))
        after = touched[-1][0]


def ordinary(*, currency: str) -> Orders:
    """The newest orders of everybody that stand undoubted: what is usual, also for those who have no habit yet."""
    return _orders(queries.newest_orders(currency=currency, limit=ORDINARY))


def beside(orders: Orders, ordinary: Orders) -> Orders:
    """`orders` with the ordinary ones behind them, which belong to nobody: they set what is usual and match nothing."""
    nobody = np.full(len(ordinary.order), -1, dtype=np.int64)
    both = {
        column.name: np.concatenate([getattr(orders, column.name), getattr(ordinary, column.name)])
        for column in fields(Orders)
        if getattr(orders, column.name) is not None
    }
    return Orders(**{**both, "customer": np.concatenate([orders.customer, nobody])})


def _orders(rows: Sequence[queries.OrderRow]) -> Orders:
    order, customer, at, amount, coupon, packed = zip(*rows, strict=True) if rows else ((),) * 6
    count = np.array([len(lines) // LINE.itemsize for lines in packed], dtype=np.int64)
    lines = np.frombuffer(b"".join(packed), dtype=LINE)
    position = np.repeat(np.arange(len(rows)), count)
    return Orders(
        order=np.array(order, dtype=np.int64),
        customer=np.array(customer, dtype=np.int64),
        occurred_at=np.array(at, dtype=np.int64),
        amount=np.array(amount, dtype=np.float64),
        lines=count,
        coupon_saved=np.array(coupon, dtype=np.float64),
        basket=basket_digests(
            position, lines["product"].astype(np.int64), lines["quantity"].astype(np.int64), len(rows)
        ),
    )
