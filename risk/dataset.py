"""From rows to arrays: what is new, its customers' habit before it, and a day more on either side, in blocks of customers.

A customer is a pseudonym of this purpose; customers.services.pseudonyms leads back to those who are flagged, for a flag is
a doubt about one known person that somebody has to decide.
Orders carry no device and no address yet, so those columns stay unknown and their rules fire on nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from customers.contracts import RiskOrder
from customers.queries import doubt
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
    for rows in doubt.blocks(currency=currency, since=since, size=size, history=HABIT, margin=MARGIN):
        yield _block(rows)


def ordinary(*, currency: str) -> Orders:
    """The newest orders of everybody that stand undoubted: what is usual, also for those who have no habit yet."""
    return _orders(doubt.newest(currency=currency, limit=ORDINARY))


def beside(orders: Orders, ordinary: Orders) -> Orders:
    """`orders` with the ordinary ones behind them, which belong to nobody: they set what is usual and match nothing."""
    nobody = np.full(len(ordinary.order), -1, dtype=np.int64)
    both = {
        column.name: np.concatenate([getattr(orders, column.name), getattr(ordinary, column.name)])
        for column in fields(Orders)
        if getattr(orders, column.name) is not None
    }
    return Orders(**{**both, "customer": np.concatenate([orders.customer, nobody])})


def _block(rows: Sequence[RiskOrder]) -> Block:
    """A block is read as wide as the widest of its people needs; each keeps what lies around their own new orders."""
    at, is_new = np.array([row[2] for row in rows], dtype=np.int64), np.array([row[6] for row in rows], dtype=bool)
    people, own = np.unique(np.array([row[1] for row in rows], dtype=np.int64), return_inverse=True)
    first, last = np.full(len(people), 1 << 62), np.full(len(people), -1 << 62)  # seconds that no order has
    np.minimum.at(first, own[is_new], at[is_new])
    np.maximum.at(last, own[is_new], at[is_new])
    since_first, since_last = at - first[own], at - last[own]
    is_kept = (since_first >= -HABIT.total_seconds()) & (since_last <= MARGIN.total_seconds())
    orders = _orders([row for row, kept in zip(rows, is_kept.tolist(), strict=True) if kept])
    return Block(orders, ((since_first >= -DAY) & (since_last <= DAY))[is_kept])


def _orders(rows: Sequence[RiskOrder]) -> Orders:
    order, customer, at, amount, coupon, packed, _ = zip(*rows, strict=True) if rows else ((),) * 7
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
