"""What people did: order lines for learning, the timeline of a person, products by their names."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np
from django.db import connection
from django.db.models import Count, F, Q
from django.db.models.functions import TruncMonth

from catalog.models import Product
from customers.contracts import (
    InteractionColumns,
    MonthOfDeeds,
    TimelineEntry,
)
from customers.models import Event
from customers.queries.pseudonyms import reading

# One fixed-width row of COPY's binary format, big-endian: the number of columns, then a length before each value.
# No column is ever null here, which is what makes the width fixed.
COPY_ROW = np.dtype(
    [
        ("columns", ">i2"),
        ("l1", ">i4"), ("customer_id", ">i8"),
        ("l2", ">i4"), ("product_id", ">i8"),
        ("l3", ">i4"), ("occurred_at", ">i8"),  # microseconds since 2000
        ("l4", ">i4"), ("quantity", ">i4"),
        ("l5", ">i4"), ("amount", ">f4"),
        ("l6", ">i4"), ("store", ">i4"),
    ]
)  # fmt: skip

COPY_HEADER, COPY_TRAILER = 19, 2  # signature, flags and an empty extension; the count -1

COPY_BLOCK = 2**22  # 4 MB of rows are turned into columns at a time

SECONDS_1970_TO_2000 = 946_684_800

# Who and what may be learnt from is settled in the view. Times and counts go out as they rest; turning them into floats
# here costs more than the join.
INTERACTIONS = """
COPY (SELECT person, product_id, moment, quantity, amount::float4, store FROM customers_training_line WHERE NOT is_doubted)
TO STDOUT (FORMAT binary)
"""


def interactions(*, since: datetime, until: datetime, epoch: int | None = None) -> InteractionColumns:
    """Every order line that a model may learn from, ordered from `since` up to but not including `until`.

    Under pseudonyms of `epoch` (the newest), and by day: `customer_id` is no customer's id (queries.pseudonyms), a moment
    is its day and the basket's place in it. Streamed in blocks: beside the arrays themselves, 36 bytes a line, memory
    does not grow.
    """
    with reading(since=since, until=until, epoch=epoch):
        return order_lines(INTERACTIONS)


def order_lines(copy_sql: str) -> InteractionColumns:
    """The rows of a COPY from customers_training_line, inside a reading."""
    blocks: list[np.ndarray] = []
    waiting = bytearray()
    skip = COPY_HEADER
    with connection.cursor() as cursor, cursor.copy(copy_sql) as copy:
        for data in copy:
            waiting += data
            if len(waiting) >= COPY_BLOCK:
                whole = skip + (len(waiting) - skip) // COPY_ROW.itemsize * COPY_ROW.itemsize
                blocks.append(_columns(waiting[skip:whole]))
                del waiting[:whole]
                skip = 0
    blocks.append(_columns(waiting[skip:-COPY_TRAILER]))
    columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    # The database may join in any order; a model that is fitted twice on the same rows must come out the same.
    order = np.lexsort((columns[1], columns[0], columns[2]))
    return InteractionColumns(*(column[order] for column in columns))


def _columns(rows: bytearray) -> tuple[np.ndarray, ...]:
    """The six columns of these rows, in the types of InteractionColumns."""
    table = np.frombuffer(rows, COPY_ROW)
    return (
        table["customer_id"].astype(np.int64),
        table["product_id"].astype(np.int64),
        table["occurred_at"] / 1e6 + SECONDS_1970_TO_2000,
        table["quantity"].astype(np.float32),
        table["amount"].astype(np.float32),
        table["store"].astype(np.int32),
    )


def product_ids(merchant_id: int | None, external_ids: Iterable[str]) -> dict[str, int]:
    """External id to id among the merchant's own products; for the platform (None) among all, its own first."""
    wanted = list(external_ids)
    if not wanted:
        return {}
    rows = Product.objects.filter(external_id__in=wanted)
    if merchant_id is not None:
        rows = rows.filter(merchant_id=merchant_id)
    # The last one of an id stays: the platform's own, or the oldest.
    newest_first = rows.order_by(F("merchant_id").desc(nulls_last=True), "-id")
    return dict(newest_first.values_list("external_id", "id"))


def timeline(
    customer_id: int,
    limit: int = 50,
    before: datetime | None = None,
    *,
    before_id: int | None = None,
    channel: str = "",
) -> tuple[TimelineEntry, ...]:
    """What this person did on every channel, or on one, newest first. Two queries.

    `before`, with `before_id` where several happened in one moment, goes on behind the last entry of an earlier page.
    """
    rows = Event.objects.filter(customer_id=customer_id)
    if channel:
        rows = rows.filter(channel=channel)
    if before is not None and before_id is not None:
        # The first condition alone is what the index can use.
        rows = rows.filter(occurred_at__lte=before).filter(Q(occurred_at__lt=before) | Q(id__lt=before_id))
    elif before is not None:
        rows = rows.filter(occurred_at__lt=before)
    events = list(rows.order_by("-occurred_at", "-id")[:limit])
    titles = _titles({name for event in events for name in _products(event.properties)})
    return tuple(
        TimelineEntry(
            event.occurred_at,
            event.name,
            _detail(event, titles),
            event.channel,
            event.source,
            event.origin,
            event.message_id,
            event.id,
        )
        for event in events
    )


def deeds_by_month(customer_id: int, *, since: datetime) -> tuple[MonthOfDeeds, ...]:
    """How much this person did each month since then, at the till and elsewhere, oldest first; quiet months left out."""
    rows = Event.objects.filter(customer_id=customer_id, occurred_at__gte=since)
    counted = rows.annotate(month=TruncMonth("occurred_at")).values("month").order_by("month")
    counted = counted.annotate(n=Count("id"), store=Count("id", filter=Q(channel="store")))
    return tuple(
        MonthOfDeeds(row["month"], row["n"] - row["store"], row["store"])
        for row in counted.values("month", "n", "store")
    )


def _products(properties: dict) -> list[str]:
    rows = [properties, *(properties.get("products") or ())]
    return [row.get("product_id") or row["sku"] for row in rows if row.get("product_id") or row.get("sku")]


def _titles(external_ids: set[str]) -> dict[str, str]:
    return dict(Product.objects.filter(external_id__in=external_ids).values_list("external_id", "title"))


def _detail(event: Event, titles: dict[str, str]) -> str:
    properties = event.properties
    names = [titles.get(name, name) for name in _products(properties)]
    parts = [", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")] if names else []
    total = properties.get("total") or properties.get("revenue")
    if total is not None:
        parts.append(f"{total} {properties.get('currency', '')}".strip())
    if properties.get("order_id"):
        parts.append(f"order {properties['order_id']}")
    if event.sealed is not None:
        parts.append("with words of their own, sealed")
    return " · ".join(parts)
