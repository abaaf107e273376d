"""Who a person is and how to find them: contact points by keyed hash, masked on the way out."""

from collections.abc import Iterable

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from catalog.models import Origin
from customers import crypto
from customers.contracts import (
    ContactLine,
    CustomerTotals,
)
from customers.exceptions import InvalidContact
from customers.identity import normalise
from customers.models import (
    ContactPoint,
    Customer,
    Order,
    OrderLine,
    Suppression,
)
from customers.queries.keys import contact_context, key_of, keyring

# Up from each record to the one it stands in now. UNION, not UNION ALL: even a ring, which no door makes, would end.
STANDING = """
WITH RECURSIVE up AS (
    SELECT id AS asked, id, merged_into_id FROM customers_customer WHERE id = ANY(%s)
    UNION
    SELECT up.asked, c.id, c.merged_into_id FROM up JOIN customers_customer c ON c.id = up.merged_into_id
)
SELECT asked, id FROM up WHERE merged_into_id IS NULL AND asked <> id
"""
# Down to every record that was merged into these, over any number of merges.
RECORDS = """
WITH RECURSIVE down AS (
    SELECT id FROM customers_customer WHERE id = ANY(%s)
    UNION
    SELECT c.id FROM customers_customer c JOIN down ON c.merged_into_id = down.id
)
SELECT id FROM down ORDER BY id
"""


def standing(customer_ids: Iterable[int]) -> dict[int, int]:
    """The record that each of these was merged into, over any number of merges; who was not merged is left out."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [list(customer_ids)])
        return dict(cursor.fetchall())


def person_of(customer: Customer) -> Customer:
    """Who this record stands for: the person whom it was merged into, or the record itself."""
    now = standing([customer.pk])
    return Customer.objects.get(pk=now[customer.pk]) if now else customer


def records_of(*customer_ids: int) -> list[int]:
    """These records and all that were merged into them: what an erasure or an export of the person must cover."""
    with connection.cursor() as cursor:
        cursor.execute(RECORDS, [list(customer_ids)])
        return [pk for (pk,) in cursor.fetchall()]


def contacts(customer_id: int) -> tuple[ContactLine, ...]:
    """Every way to reach or recognise this person, masked; none for who was erased."""
    owner = Customer.objects.present().filter(pk=customer_id).first()
    key = key_of(owner) if owner else None
    if key is None:
        return ()
    points = list(owner.contact_points.order_by("kind", "id"))
    stopped = {
        bytes(lookup): reason
        for lookup, reason in Suppression.objects.filter(
            lookup__in=[point.lookup for point in points], lifted_at=None
        ).values_list("lookup", "reason")
    }
    return tuple(
        ContactLine(
            point.pk, point.get_kind_display(), mask(open_contact(key, point)), point.verified_at,
            stopped.get(bytes(point.lookup), ""), point.origin,
        )
        for point in points
    )  # fmt: skip


def open_contact(key: bytes, point: ContactPoint) -> str:
    return crypto.open_sealed(key, point.sealed, contact_context(point.kind)).decode()


def mask(value: str) -> str:
    """“ann@example.com” as “a…@example.com”, any other as its last two letters."""
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}…@{domain}" if at else f"…{value[-2:]}" if len(value) > 4 else "…"


def customer_id_of(external_id: str) -> int | None:
    """The id of the person whom the platform calls so; None when nobody is, or was erased."""
    row = Customer.objects.filter(external_id=external_id).only("pk", "merged_into_id").first()
    pk = row and standing([row.pk]).get(row.pk, row.pk)
    return Customer.objects.present().filter(pk=pk).values_list("pk", flat=True).first()


def by_contact(kind: str, value: str) -> QuerySet[Customer]:
    """Everyone with this contact point, found by its keyed hash under every version. Raises InvalidContact."""
    written = normalise(kind, value, settings.PHONE_REGION)
    ring = keyring()
    lookups = [crypto.keyed_hash(ring, kind, written, version)[1] for version in ring.hash_keys]
    points = ContactPoint.objects.filter(kind=kind, lookup__in=lookups)
    return Customer.objects.present().filter(pk__in=points.values("customer")).order_by("-id")


def is_point(contact_point_id: int, value: str) -> bool:
    """Whether this contact point is that address or number. False for what cannot be read as one."""
    point = ContactPoint.objects.filter(pk=contact_point_id).values_list("kind", "lookup", "lookup_version").first()
    if point is None:
        return False
    kind, lookup, version = point
    try:
        written = normalise(kind, value, settings.PHONE_REGION)
    except InvalidContact:
        return False
    return crypto.keyed_hash(keyring(), kind, written, version)[1] == bytes(lookup)


def customer_totals() -> CustomerTotals:
    """Counts every row: for a report, never for a page."""
    orders = Order.objects.filter(origin=Origin.OBSERVED)
    lines = OrderLine.objects.filter(order__origin=Origin.OBSERVED)
    return CustomerTotals(Customer.objects.present().count(), orders.count(), lines.count())
