"""Reads about people: what they bought, whom one may write to, and everything that is known of one person."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from catalog.models import Origin, Product
from customers import crypto
from customers.contracts import (
    ALLOWING,
    CONTACT_KIND,
    Action,
    Channel,
    ConsentLine,
    ConsentTotals,
    ContactLine,
    CustomerTotals,
    DemoStoreRef,
    InteractionColumns,
    TimelineEntry,
)
from customers.identity import normalise
from customers.models import (
    ConsentRecord,
    ConsentState,
    ContactPoint,
    Customer,
    DemoStore,
    Event,
    Order,
    OrderLine,
    Suppression,
)

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
    ]
)  # fmt: skip
COPY_HEADER, COPY_TRAILER = 19, 2  # signature, flags and an empty extension; the count -1
COPY_BLOCK = 2**22  # 4 MB of rows are turned into columns at a time
SECONDS_1970_TO_2000 = 946_684_800
# Observed orders that nobody doubts, of people who are there and did not refuse to be learnt from. Who may be learnt
# from is settled first: asked per line, it would be asked a million times where statistics are stale.
# Times and counts go out as they rest; turning them into floats here costs more than the join.
INTERACTIONS = """
COPY (
    WITH learnable AS MATERIALIZED (
        SELECT c.id FROM customers_customer c
        WHERE c.origin = 'observed' AND c.excluded_at IS NULL AND c.erased_at IS NULL
          AND NOT EXISTS (
              SELECT 1 FROM customers_consentstate s
              WHERE s.customer_id = c.id AND s.purpose = 'model_training'
                AND s.action IN ('refused', 'withdrawn', 'objected'))
    )
    SELECT o.customer_id, l.product_id, o.ordered_at, l.quantity, l.amount::float4
    FROM customers_order o
    JOIN learnable c ON c.id = o.customer_id
    JOIN customers_orderline l ON l.order_id = o.id
    WHERE o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL
      AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s AND l.quantity > 0
) TO STDOUT (FORMAT binary)
"""
# The newest record that speaks for each purpose and channel at a moment; a "no" on `any` speaks for every channel.
CONSENT_AT = """
WITH said AS (
    SELECT * FROM customers_consentrecord WHERE customer_id = %(customer)s AND recorded_at <= %(at)s
)
SELECT DISTINCT ON (k.purpose, k.channel)
       k.purpose, k.channel, r.action, r.action = ANY(%(yes)s), r.recorded_at, r.valid_until, r.id, r.origin
FROM (SELECT DISTINCT purpose, channel FROM said) k
JOIN said r ON r.purpose = k.purpose AND (r.channel = k.channel OR r.channel = 'any' AND NOT r.action = ANY(%(yes)s))
ORDER BY k.purpose, k.channel, r.id DESC
"""
NOES = (Action.REFUSED, Action.WITHDRAWN, Action.OBJECTED)
EVENT_CONTEXT = "event"  # the place that an event's sealed words are bound to
RECEIPT_FIELDS = (
    "id", "shard", "seq", "customer_id", "purpose", "channel", "action", "lawful_basis", "notice_version", "language",
    "method", "origin", "actor", "jurisdiction", "ip_truncated", "valid_until", "recorded_at",
)  # fmt: skip
RECEIPT_HASHES = ("subject", "notice_sha256", "prev_hash", "hash")
PROFILE_FIELDS = (
    "external_id", "attributes", "language", "timezone", "jurisdiction", "personalise", "first_seen_at", "origin",
)  # fmt: skip
ORDER_FIELDS = (
    "external_id", "ordered_at", "channel", "store", "total", "discount", "coupon_discount", "refunded", "currency",
    "coupon", "cancelled_at", "origin",
)  # fmt: skip


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
    """The five columns of these rows, in the types of InteractionColumns."""
    table = np.frombuffer(rows, COPY_ROW)
    return (
        table["customer_id"].astype(np.int64),
        table["product_id"].astype(np.int64),
        table["occurred_at"] / 1e6 + SECONDS_1970_TO_2000,
        table["quantity"].astype(np.float32),
        table["amount"].astype(np.float32),
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


def contactable(purpose: str, channel: str, at: datetime | None = None) -> QuerySet[Customer]:
    """Who may be written to at that moment (now): given and still valid, an address that nobody stopped, no fraud flag.

    Caps, quiet hours and hold-outs are the campaign's to ask.
    """
    at = at or timezone.now()
    given = ConsentState.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=at),
        customer=OuterRef("pk"),
        purpose=purpose,
        channel=channel,
        is_given=True,
    )
    stopped = Suppression.objects.filter(channel=channel, lookup=OuterRef("lookup"), lifted_at=None)
    address = ContactPoint.objects.filter(
        ~Exists(stopped), customer=OuterRef("pk"), kind=CONTACT_KIND[Channel(channel)]
    )
    return Customer.objects.present().trusted().filter(Exists(given), Exists(address))


def consent_summary(customer_id: int, at: datetime | None = None) -> tuple[ConsentLine, ...]:
    """The newest word per purpose and channel: now, from the projection; at an earlier moment, from the ledger itself."""
    if at is None:
        rows = ConsentState.objects.filter(customer_id=customer_id).values_list(
            "purpose", "channel", "action", "is_given", "since", "valid_until", "record_id", "origin"
        )
    else:
        with connection.cursor() as cursor:
            cursor.execute(CONSENT_AT, {"customer": customer_id, "at": at, "yes": sorted(map(str, ALLOWING))})
            rows = cursor.fetchall()
    moment = at or timezone.now()
    lines = [ConsentLine(*row) for row in rows]
    ended = [
        replace(line, is_given=False) if line.valid_until and line.valid_until <= moment else line for line in lines
    ]
    return tuple(sorted(ended, key=lambda line: (line.purpose, line.channel)))


def contacts(customer_id: int) -> tuple[ContactLine, ...]:
    """Every way to reach or recognise this person, masked; none for who was erased."""
    owner = Customer.objects.present().filter(pk=customer_id).first()
    if owner is None or owner.sealed_key is None:
        return ()
    points = list(owner.contact_points.order_by("kind", "id"))
    stopped = {
        bytes(lookup): reason
        for lookup, reason in Suppression.objects.filter(
            lookup__in=[point.lookup for point in points], lifted_at=None
        ).values_list("lookup", "reason")
    }
    key = crypto.unwrap(keyring(), owner.sealed_key, subject_id(owner.external_id))
    return tuple(
        ContactLine(
            point.pk, point.get_kind_display(), mask(_open_contact(key, point)), point.verified_at,
            stopped.get(bytes(point.lookup), ""), point.origin,
        )
        for point in points
    )  # fmt: skip


def _open_contact(key: bytes, point: ContactPoint) -> str:
    return crypto.open_sealed(key, point.sealed, contact_context(point.kind)).decode()


def mask(value: str) -> str:
    """“ann@example.com” as “a…@example.com”, any other as its last two letters."""
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}…@{domain}" if at else f"…{value[-2:]}" if len(value) > 4 else "…"


def timeline(customer_id: int, limit: int = 50, before: datetime | None = None) -> tuple[TimelineEntry, ...]:
    """What this person did on every channel, newest first; `before` goes on from an earlier page. Two queries."""
    rows = Event.objects.filter(customer_id=customer_id)
    if before is not None:
        rows = rows.filter(occurred_at__lt=before)
    events = list(rows.order_by("-occurred_at")[:limit])
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
        )
        for event in events
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


def receipt(record: ConsentRecord) -> dict:
    """One record of the ledger for its person or an auditor, hashes in hex. What was sealed stays sealed."""
    hashes = {name: getattr(record, name) for name in RECEIPT_HASHES}
    return {
        **{name: getattr(record, name) for name in RECEIPT_FIELDS},
        **{name: None if value is None else bytes(value).hex() for name, value in hashes.items()},
    }


def personal(customer_id: int) -> dict:
    """Everything that this room knows of a person, opened, as JSON can hold it: for their access request.

    An erased person has what is not theirs to destroy: the ledger's records.
    """
    person = Customer.objects.get(pk=customer_id)
    consent = [receipt(record) for record in ConsentRecord.objects.filter(customer_id=customer_id).order_by("id")]
    if person.erased_at is not None or person.sealed_key is None:
        return {"consent": consent}
    key = crypto.unwrap(keyring(), person.sealed_key, subject_id(person.external_id))
    return {
        "profile": {name: getattr(person, name) for name in PROFILE_FIELDS},
        "contact_points": [
            {"kind": point.kind, "value": _open_contact(key, point), "verified_at": point.verified_at, "origin": point.origin}
            for point in person.contact_points.order_by("id")
        ],
        "consent": consent,
        "events": [_exported(event, key) for event in person.events.order_by("occurred_at").iterator(chunk_size=2000)],
        "orders": [
            {
                **{name: getattr(order, name) for name in ORDER_FIELDS},
                "lines": [
                    {"product": line.product.external_id, "title": line.product.title, "quantity": line.quantity,
                     "amount": line.amount}
                    for line in order.lines.all()
                ],
            }
            for order in person.orders.order_by("ordered_at").prefetch_related("lines__product")
        ],
    }  # fmt: skip


def _exported(event: Event, key: bytes) -> dict:
    words = json.loads(crypto.open_sealed(key, event.sealed, EVENT_CONTEXT)) if event.sealed is not None else {}
    return {
        "message_id": event.message_id, "event": event.name, "occurred_at": event.occurred_at, "channel": event.channel,
        "source": event.source, "origin": event.origin, "properties": {**event.properties, **words},
    }  # fmt: skip


def customer_id_of(external_id: str) -> int | None:
    """The id of the person whom the platform calls so; None when nobody is, or was erased."""
    return Customer.objects.present().filter(external_id=external_id).values_list("pk", flat=True).first()


def by_contact(kind: str, value: str) -> QuerySet[Customer]:
    """Everyone with this contact point, found by its keyed hash under every version. Raises InvalidContact."""
    written = normalise(kind, value)
    ring = keyring()
    lookups = [crypto.keyed_hash(ring, kind, written, version)[1] for version in ring.hash_keys]
    points = ContactPoint.objects.filter(kind=kind, lookup__in=lookups)
    return Customer.objects.present().filter(pk__in=points.values("customer")).order_by("-id")


def customer_totals() -> CustomerTotals:
    """Counts every row: for a report, never for a page."""
    orders = Order.objects.filter(origin=Origin.OBSERVED)
    lines = OrderLine.objects.filter(order__origin=Origin.OBSERVED)
    return CustomerTotals(Customer.objects.present().count(), orders.count(), lines.count())


def consent_totals(purpose: str, channel: str) -> ConsentTotals:
    rows = ConsentState.objects.filter(purpose=purpose, channel=channel, customer__erased_at=None)
    return ConsentTotals(
        **rows.aggregate(given=Count("pk", filter=Q(is_given=True)), refused=Count("pk", filter=Q(action__in=NOES)))
    )


def demo_store() -> DemoStoreRef | None:
    """The demo store of this install, or None."""
    row = DemoStore.objects.values_list("name", "shift", "cutoff_at", "replayed_until").first()
    return None if row is None else DemoStoreRef(*row)
