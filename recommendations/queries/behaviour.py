"""What people did, for what they are like: orders as columns, channels, sessions, sales by category and window."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection

from customers.queries.pseudonyms import reading

# One row of COPY's binary format: the number of columns, then a length before each value. No column is ever null.
COPY_ROW = np.dtype(
    [
        ("columns", ">i2"),
        ("l1", ">i4"), ("customer_id", ">i8"),
        ("l2", ">i4"), ("ordered_at", ">i8"),  # microseconds since 2000
        ("l3", ">i4"), ("total", ">f8"),
        ("l4", ">i4"), ("discount", ">f8"),
        ("l5", ">i4"), ("coupon_discount", ">f8"),
    ]
)  # fmt: skip
COPY_HEADER, COPY_TRAILER = 19, 2
DAY = 86_400.0
DAYS_1970_TO_2000 = 10_957.0

ORDERS = """
COPY (
    SELECT person, moment, total::float8, discount::float8, coupon_discount::float8
    FROM customers_training_order WHERE NOT is_doubted ORDER BY moment, person
) TO STDOUT (FORMAT binary)
"""
CHANNELS = """
SELECT person, channel, count(*) FROM customers_training_order WHERE NOT is_doubted GROUP BY person, channel
"""
TOLD = "SELECT person, age, income, household_size FROM customers_training_person"

VISITS = """
SELECT person, count(DISTINCT visit),
       count(DISTINCT visit) FILTER (WHERE name = 'Products Searched'),
       count(DISTINCT visit) FILTER (WHERE name IN ('Product Viewed', 'Product Clicked')),
       count(DISTINCT visit) FILTER (WHERE name = 'Product Added'),
       count(DISTINCT visit) FILTER (WHERE name = 'Order Completed')
FROM customers_training_visit GROUP BY person
"""

# People, not lines: one household that stocks up is no trend.
SALES = """
SELECT p.product_type, s.week, array_agg(DISTINCT s.person)
FROM customers_training_sale s JOIN catalog_product p ON p.id = s.product_id
WHERE p.product_type <> '' GROUP BY 1, 2
"""


@dataclass(frozen=True, eq=False)
class OrderColumns:
    """(n,) each, ordered by time: ids, days since 1970, money."""

    customer_id: np.ndarray
    day: np.ndarray
    total: np.ndarray
    discount: np.ndarray
    coupon_discount: np.ndarray


@dataclass(frozen=True, slots=True)
class Sessions:
    """Visits of a person, and how many of them had each step."""

    visits: int
    searched: int
    viewed: int
    added: int
    ordered: int


def orders(*, since: datetime, until: datetime) -> OrderColumns:
    """Every order that counts of everybody who may be learnt from, in [since, until), under pseudonyms and by day (see
    customers.queries.behaviour.interactions). 40 bytes an order in memory.
    """
    waiting = bytearray()
    with reading(since=since, until=until), connection.cursor() as cursor, cursor.copy(ORDERS) as copy:
        for data in copy:
            waiting += data
    table = np.frombuffer(waiting[COPY_HEADER:-COPY_TRAILER], COPY_ROW)
    return OrderColumns(
        table["customer_id"].astype(np.int64),
        table["ordered_at"] / 1e6 / DAY + DAYS_1970_TO_2000,
        *(table[name].astype(np.float64) for name in ("total", "discount", "coupon_discount")),
    )


def attributes(epoch: int | None = None) -> dict[int, dict]:
    """What the platform told of people who may be learnt from, by pseudonym, as far as five share it; one query."""
    with reading(epoch=epoch), connection.cursor() as cursor:
        cursor.execute(TOLD)
        return {
            person: {
                name: value for name, value in (("age", age), ("income", income), ("household_size", size)) if value
            }
            for person, age, income, size in cursor
        }


def channels(*, since: datetime, until: datetime) -> dict[int, dict[str, int]]:
    """Orders by channel of each person, by pseudonym."""
    found: dict[int, dict[str, int]] = {}
    with reading(since=since, until=until), connection.cursor() as cursor:
        cursor.execute(CHANNELS)
        for person, channel, count in cursor:
            found.setdefault(person, {})[channel] = count
    return found


def sessions(*, since: datetime, until: datetime) -> dict[int, Sessions]:
    """Visits to the site and the app, by pseudonym; who has none is not in the answer."""
    with reading(since=since, until=until), connection.cursor() as cursor:
        cursor.execute(VISITS)
        return {person: Sessions(*map(int, counts)) for person, *counts in cursor}


def sales_by_type(*, since: datetime, until: datetime) -> list[tuple[str, int, list[int]]]:
    """(product type, week from 1, the oldest, pseudonyms of the people who bought it then)."""
    with reading(since=since, until=until), connection.cursor() as cursor:
        cursor.execute(SALES)
        return cursor.fetchall()
