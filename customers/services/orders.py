"""Orders from events: one row a purchase with its lines, then refunds and cancellations. A few statements a batch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from customers.models import Order
from customers.services.spec import ReadEvent

COMPLETED, REFUNDED, CANCELLED = "Order Completed", "Order Refunded", "Order Cancelled"
CHANGES = (REFUNDED, CANCELLED)

# The unique key (merchant, external id) decides which purchase is new: a second Order Completed changes nothing.
INSERT = """
INSERT INTO customers_order (external_id, merchant_id, customer_id, ordered_at, channel, store, source, total, discount,
                             coupon_discount, refunded, currency, coupon, request_id, excluded_reason, origin, came_as)
SELECT external_id, %s, customer_id, ordered_at, channel, store, %s, total, discount, coupon_discount, 0, currency,
       coupon, request_id, '', %s, came_as
FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::numeric[], %s::numeric[],
            %s::numeric[], %s::text[], %s::text[], %s::uuid[], %s::bigint[])
     AS v (external_id, customer_id, ordered_at, channel, store, total, discount, coupon_discount, currency, coupon,
           request_id, came_as)
ON CONFLICT (merchant_id, external_id) DO NOTHING RETURNING external_id, id
"""
LINES = "COPY customers_orderline (order_id, product_id, quantity, amount) FROM STDIN"
# A refund without an amount is of the whole; none ever passes what was paid.
REFUND = """
UPDATE customers_order o SET refunded = LEAST(o.total, o.refunded + COALESCE(v.amount, o.total))
FROM unnest(%s::text[], %s::numeric[]) AS v (external_id, amount)
WHERE o.external_id = v.external_id AND o.merchant_id IS NOT DISTINCT FROM %s
"""
CANCEL = """
UPDATE customers_order o SET cancelled_at = LEAST(o.cancelled_at, v.at)
FROM unnest(%s::text[], %s::timestamptz[]) AS v (external_id, at)
WHERE o.external_id = v.external_id AND o.merchant_id IS NOT DISTINCT FROM %s
"""


@dataclass(frozen=True, slots=True)
class Purchase:
    """An Order Completed whose person and products are known."""

    event: ReadEvent
    customer_id: int | None
    came_as: int | None  # the record that it named, where that one was merged
    product_ids: tuple[int, ...]  # beside event.items


def known(merchant_id: int | None, order_ids: Iterable[str]) -> set[str]:
    """Which of these orders of the merchant are there. One query, none for no ids."""
    wanted = set(order_ids)
    if not wanted:
        return set()
    rows = Order.objects.filter(merchant_id=merchant_id, external_id__in=wanted)
    return set(rows.values_list("external_id", flat=True))


def complete(purchases: Iterable[Purchase], *, merchant_id: int | None, source: str, origin: str) -> int:
    """Makes the orders that are new, with their lines, and returns how many were."""
    # In the order of ids, so that two batches with the same orders wait for each other instead of crossing.
    first = {p.event.properties["order_id"]: p for p in reversed(list(purchases))}
    rows = [_row(first[order_id]) for order_id in sorted(first)]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [merchant_id, source, origin, *(list(column) for column in zip(*rows, strict=True))])
        made = cursor.fetchall()
        with cursor.copy(LINES) as copy:
            for order_id, pk in made:
                purchase = first[order_id]
                for item, product_id in zip(purchase.event.items, purchase.product_ids, strict=True):
                    copy.write_row((pk, product_id, item.quantity, item.amount))
    return len(made)


def _row(purchase: Purchase) -> tuple:
    event = purchase.event
    paid = event.money("total", "revenue", "subtotal")
    return (
        event.properties["order_id"],
        purchase.customer_id,
        event.occurred_at,
        event.channel,
        event.properties.get("store", "")[:40],
        sum((item.amount for item in event.items), Decimal(0)) if paid is None else paid,
        event.money("discount") or Decimal(0),
        event.money("coupon_discount") or Decimal(0),
        event.properties.get("currency", "USD"),
        event.properties.get("coupon", "")[:60],
        event.request_id,
        purchase.came_as,
    )


def change(events: Iterable[ReadEvent], *, merchant_id: int | None) -> None:
    """Refunds and cancels orders that are there. One statement each."""
    refunds: dict[str, Decimal | None] = {}
    cancelled: dict[str, datetime] = {}
    for event in events:
        order_id = event.properties["order_id"]
        if event.name == CANCELLED:
            cancelled[order_id] = min(event.occurred_at, cancelled.get(order_id, event.occurred_at))
            continue
        amount = event.money("total", "revenue")
        is_whole = amount is None or refunds.get(order_id, amount) is None
        refunds[order_id] = None if is_whole else refunds.get(order_id, Decimal(0)) + amount
    with connection.cursor() as cursor:
        if refunds:
            names = sorted(refunds)
            cursor.execute(REFUND, [names, [refunds[name] for name in names], merchant_id])
        if cancelled:
            names = sorted(cancelled)
            cursor.execute(CANCEL, [names, [cancelled[name] for name in names], merchant_id])
