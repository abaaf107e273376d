"""Reads about people: what they bought, whom one may write to, and everything that is known of one person."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import F

from catalog.models import Product
from customers import crypto
from customers.contracts import (
    DemoStoreRef,
    InteractionColumns,
)
from customers.models import DemoStore

# One fixed-width row of COPY's binary format, big-endian: the number of columns, then a length before each value.
# No column is ever null here, which is what makes the width fixed.
COPY_ROW = np.dtype(
    [
        ("columns", ">i2"),
        ("l1", ">i4"), ("customer_id", ">i8"),
        ("l2", ">i4"), ("product_id", ">i8"),
        ("l3", ">i4"), ("occurred_at", ">f8"),
        ("l4", ">i4"), ("quantity", ">f4"),
        ("l5", ">i4"), ("amount", ">f4"),
    ]
)  # fmt: skip
COPY_HEADER, COPY_TRAILER = 19, 2  # signature, flags and an empty extension; the count -1
COPY_BLOCK = 2**22  # 4 MB of rows are turned into columns at a time
# Observed orders that nobody doubts, of people who are there and did not refuse to be learnt from.
INTERACTIONS = """
COPY (
    SELECT o.customer_id, l.product_id, extract(epoch FROM o.ordered_at)::float8, l.quantity::float4, l.amount::float4
    FROM customers_order o
    JOIN customers_orderline l ON l.order_id = o.id
    JOIN customers_customer c ON c.id = o.customer_id
    WHERE o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL
      AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s
      AND c.origin = 'observed' AND c.excluded_at IS NULL AND c.erased_at IS NULL AND l.quantity > 0
      AND NOT EXISTS (
          SELECT 1 FROM customers_consentstate s
          WHERE s.customer_id = c.id AND s.purpose = 'model_training' AND s.action IN ('refused', 'withdrawn', 'objected'))
) TO STDOUT (FORMAT binary)
"""


def keyring() -> crypto.Keyring:
    """The keys of this install, from the environment."""
    return _keyring(settings.PERSON_KEY, settings.LOOKUP_KEY)


@lru_cache(maxsize=2)
def _keyring(keks: str, hash_keys: str) -> crypto.Keyring:
    return crypto.Keyring.load(keks, hash_keys)


def subject_id(external_id: str) -> bytes:
    """Whose key a wrapped key is. The external id never changes, and is known before the row has a number."""
    return b"customer\0" + external_id.encode()


def contact_context(kind: str) -> str:
    """The place that a sealed contact point is bound to."""
    return f"contact {kind}"


def interactions(*, since: datetime, until: datetime) -> InteractionColumns:
    """Every order line that a model may learn from, ordered from `since` up to but not including `until`.

    Streamed in blocks: beside the arrays themselves, 32 bytes a line, memory does not grow.
    """
    blocks: list[np.ndarray] = []
    waiting = bytearray()
    skip = COPY_HEADER
    with connection.cursor() as cursor, cursor.copy(INTERACTIONS, {"since": since, "until": until}) as copy:
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
    """The five columns of these rows in the machine's own byte order."""
    table = np.frombuffer(rows, COPY_ROW)
    return tuple(table[name].astype(table.dtype[name].newbyteorder("=")) for name in InteractionColumns.__slots__)


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


def demo_store() -> DemoStoreRef | None:
    """The demo store of this install, or None."""
    row = DemoStore.objects.values_list("name", "shift", "cutoff_at", "replayed_until").first()
    return None if row is None else DemoStoreRef(*row)
