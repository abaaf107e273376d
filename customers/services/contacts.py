"""Ways to reach and recognise people: taken in sealed, found by keyed hash, carried over when the hash key changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from customers import crypto
from customers.contracts import ContactReceipt, NewContact, RejectedContact
from customers.exceptions import InvalidContact
from customers.identity import normalise, region_of
from customers.models import ContactPoint, Customer
from customers.queries.keys import contact_context
from customers.queries.people import standing
from customers.services import seal

BLOCK = 1000  # rows a statement, as for people

INSERT = """
INSERT INTO customers_contactpoint (customer_id, kind, sealed, lookup, lookup_version, verified_at, origin)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::bytea[], %s::smallint[], %s::timestamptz[], %s::text[])
ON CONFLICT (customer_id, kind, lookup) DO NOTHING RETURNING id
"""
# A point that was known and is verified now may show two records to be one person: it is asked again.
VERIFY = """
UPDATE customers_contactpoint c SET verified_at = v.verified_at, matched_at = NULL
FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::timestamptz[]) AS v (customer_id, kind, lookup, verified_at)
WHERE c.customer_id = v.customer_id AND c.kind = v.kind AND c.lookup = v.lookup AND c.verified_at IS NULL
RETURNING c.id
"""
# Who said no under the older hash key has said it under the newer one.
CARRY = """
INSERT INTO customers_suppression (channel, lookup, lookup_version, reason, since)
SELECT s.channel, v.newer, %s, s.reason, s.since
FROM customers_suppression s JOIN unnest(%s::bytea[], %s::bytea[]) AS v (older, newer) ON s.lookup = v.older
WHERE s.lifted_at IS NULL
ON CONFLICT (channel, lookup) WHERE lifted_at IS NULL DO NOTHING
"""
REHASH = """
UPDATE customers_contactpoint c SET lookup = v.newer, lookup_version = %s
FROM unnest(%s::bigint[], %s::bytea[]) AS v (id, newer)
WHERE c.id = v.id AND NOT EXISTS (
    SELECT 1 FROM customers_contactpoint d
    WHERE d.customer_id = c.customer_id AND d.kind = c.kind AND d.lookup = v.newer)
"""


@dataclass(frozen=True, slots=True)
class _Point:
    customer_id: int
    kind: str
    sealed: bytes
    lookup: bytes
    version: int
    verified_at: datetime | None
    origin: str
    older: tuple[bytes, ...]  # its lookups under earlier hash keys


def add_contact_points(rows: Iterable[NewContact]) -> ContactReceipt:
    """Takes in what can be read, each sealed under its person's key; lists by place what cannot. Safe to repeat.

    A point of a record that was merged goes to the person it was merged into.
    """
    rows = list(rows)
    receipt = ContactReceipt(0, 0)
    for start in range(0, len(rows), BLOCK):
        block = _add_block(rows[start : start + BLOCK], start)
        receipt = ContactReceipt(
            receipt.added + block.added,
            receipt.known + block.known,
            receipt.rejected + block.rejected,
            receipt.added_ids + block.added_ids,
            receipt.verified_ids + block.verified_ids,
        )
    return receipt


def _add_block(rows: list[NewContact], start: int) -> ContactReceipt:
    now = standing({row.customer_id for row in rows})
    customers = Customer.objects.in_bulk({now.get(row.customer_id, row.customer_id) for row in rows})
    keys = seal.keys_for(customers.values())
    points: dict[tuple[int, str, bytes], _Point] = {}
    rejected = []
    for index, row in enumerate(rows, start):
        customer_id = now.get(row.customer_id, row.customer_id)
        if customer_id not in keys:
            rejected.append(
                RejectedContact(index, "customer_id", "Nobody has this id, or was erased.", "Leave it out.")
            )
            continue
        try:
            point = _point(row, customers[customer_id], keys[customer_id])
        except InvalidContact as refusal:
            rejected.append(RejectedContact(index, refusal.field, refusal.reason, refusal.remedy))
            continue
        known = points.get((customer_id, row.kind, point.lookup))
        if known is None or known.verified_at is None:
            points[customer_id, row.kind, point.lookup] = point
    added, verified = _insert(list(points.values()))
    known = len(rows) - len(rejected) - len(added)
    return ContactReceipt(len(added), known, tuple(rejected), tuple(added), tuple(verified))


def _point(row: NewContact, customer: Customer, key: bytes) -> _Point:
    value = normalise(row.kind, row.value, region_of(customer.jurisdiction, settings.PHONE_REGION))
    (version, lookup), *older = lookups_of(row.kind, value)
    sealed = seal.seal_contact(key, row.kind, value)
    earlier = tuple(digest for _, digest in older)
    return _Point(customer.pk, row.kind, sealed, lookup, version, row.verified_at, row.origin, earlier)


def lookups_of(kind: str, value: str) -> list[tuple[int, bytes]]:
    """(version, lookup) of a written value under every hash key, the newest first."""
    ring = seal.keyring()
    return [crypto.keyed_hash(ring, kind, value, version) for version in sorted(ring.hash_keys, reverse=True)]


def _insert(points: list[_Point]) -> tuple[list[int], list[int]]:
    """The ids of those that were new and of those verified now. The unique key decides between two imports at once."""
    carried = [(older, point.lookup) for point in points for older in point.older]
    if carried:
        points = _without_older(points)
    # In the order of the key, so that two blocks with the same points wait for each other instead of crossing.
    points = sorted(points, key=lambda point: (point.customer_id, point.kind, point.lookup))
    said = [point for point in points if point.verified_at is not None]
    verified: list[int] = []
    with transaction.atomic(), connection.cursor() as cursor:
        if carried:
            older, newer = zip(*carried, strict=True)
            cursor.execute(CARRY, [max(seal.keyring().hash_keys), list(older), list(newer)])
        if said:
            rows = [(p.customer_id, p.kind, p.lookup, p.verified_at) for p in said]
            cursor.execute(VERIFY, [list(column) for column in zip(*rows, strict=True)])
            verified = [pk for (pk,) in cursor.fetchall()]
        if not points:
            return [], verified
        rows = [(p.customer_id, p.kind, p.sealed, p.lookup, p.version, p.verified_at, p.origin) for p in points]
        cursor.execute(INSERT, [list(column) for column in zip(*rows, strict=True)])
        return [pk for (pk,) in cursor.fetchall()], verified


def _without_older(points: list[_Point]) -> list[_Point]:
    """Those that the person does not have under an earlier hash key: `rehash` will bring these to the newest."""
    older = [digest for point in points for digest in point.older]
    rows = ContactPoint.objects.filter(customer__in={point.customer_id for point in points}, lookup__in=older)
    known = {(pk, kind, bytes(lookup)) for pk, kind, lookup in rows.values_list("customer_id", "kind", "lookup")}
    return [p for p in points if not any((p.customer_id, p.kind, digest) in known for digest in p.older)]


def rehash(batch: int = BLOCK) -> int:
    """Brings a batch of contact points, and the suppressions of the same addresses, to the newest hash key.

    Returns how many points it changed; 0 when nothing is left to do. Erased people have no points that open; their
    suppressions stay under the earlier key, and are carried over when somebody brings the address again.
    """
    ring = seal.keyring()
    newest = max(ring.hash_keys)
    with transaction.atomic():
        rows = ContactPoint.objects.filter(lookup_version__lt=newest, customer__erased_at=None)
        points = list(rows.order_by("lookup_version", "id").select_for_update(of=("self",), skip_locked=True)[:batch])
        opened = seal.open_contacts(point.pk for point in points)
        changes = [
            (point.pk, bytes(point.lookup), crypto.keyed_hash(ring, point.kind, opened[point.pk])[1])
            for point in points
            if point.pk in opened
        ]
        if changes:
            ids, older, newer = (list(column) for column in zip(*changes, strict=True))
            with connection.cursor() as cursor:
                cursor.execute(CARRY, [newest, older, newer])
                cursor.execute(REHASH, [newest, ids, newer])
                return cursor.rowcount
    return 0


def reseal(points: Iterable[ContactPoint], source: Customer, target: Customer) -> None:
    """Seals points of one record under another's key and gives them to it; the caller writes them."""
    keys = seal.keys_for([source, target])
    for point in points:
        value = crypto.open_sealed(keys[source.pk], point.sealed, contact_context(point.kind))
        point.sealed = seal.seal_contact(keys[target.pk], point.kind, value.decode())
        point.customer_id = target.pk
