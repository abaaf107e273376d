"""What the fraud sweep reads: orders under the pseudonyms of its own purpose. Whose block it is stays in here."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection

from customers.contracts import RiskOrder
from customers.queries.pseudonyms import RISK, read_once

# Customers with orders that came in since, in blocks by id: (customer, first and last time of what is new).
TOUCHED = """
SELECT customer_id, extract(epoch FROM min(ordered_at))::bigint, extract(epoch FROM max(ordered_at))::bigint
FROM customers_order
WHERE received_at >= %(since)s AND customer_id > %(after)s AND origin = 'observed' AND currency = %(currency)s
GROUP BY customer_id ORDER BY customer_id LIMIT %(limit)s
"""
COLUMNS = "order_id, person, extract(epoch FROM moment)::bigint, total::float8, coupon_discount::float8, lines"
BLOCK = f"SELECT {COLUMNS}, is_new FROM customers_risk_order WHERE currency = %(currency)s ORDER BY order_id"  # noqa: S608
NEWEST = f"""
SELECT {COLUMNS}, false FROM customers_risk_ordinary WHERE currency = %(currency)s ORDER BY moment DESC LIMIT %(limit)s
"""  # noqa: S608 - made of constants


def blocks(
    *, currency: str, since: datetime, size: int, history: timedelta, margin: timedelta
) -> Iterator[list[RiskOrder]]:
    """The orders of everybody of whom one came in since, `size` people at a time, by order: from `history` before the
    first new one of the block to `margin` after its last. Two queries a block.
    """
    after = -1
    while touched := _touched(currency, since, after, size):
        people, firsts, lasts = zip(*touched, strict=True)
        yield read_once(
            BLOCK,
            {"currency": currency},
            purpose=RISK,
            since=datetime.fromtimestamp(min(firsts), UTC) - history,
            until=datetime.fromtimestamp(max(lasts), UTC) + margin + timedelta(seconds=1),  # a time was rounded
            people=people,
            new_since=since,
        )
        after = people[-1]


def newest(*, currency: str, limit: int) -> list[RiskOrder]:
    """The newest orders of everybody that nobody doubts; none of them is marked as new."""
    return read_once(NEWEST, {"currency": currency, "limit": limit}, purpose=RISK)


def _touched(currency: str, since: datetime, after: int, limit: int) -> list[tuple[int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED, {"currency": currency, "since": since, "after": after, "limit": limit})
        return cursor.fetchall()
