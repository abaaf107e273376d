"""Brings people in, with the ways to reach and recognise them, and keeps what they decided about themselves."""

import json
from collections.abc import Iterable

from django.db import connection, transaction

from accounts.services import audit
from customers import crypto
from customers.contracts import ContactReceipt, NewContact, NewCustomer, RejectedContact
from customers.exceptions import InvalidContact
from customers.identity import normalise
from customers.models import ContactPoint, Customer
from customers.services import seal

BLOCK = 1000  # rows a statement: far from every limit of a statement, and a block in memory is a few hundred kB

# Who is known keeps what was said before; a feed may add attributes and an earlier first day, and never a new key.
LEARN = """
UPDATE customers_customer c
SET attributes = c.attributes || v.attributes, first_seen_at = LEAST(c.first_seen_at, v.first_seen_at)
FROM unnest(%s::text[], %s::text[]::jsonb[], %s::timestamptz[]) AS v (external_id, attributes, first_seen_at)
WHERE c.external_id = v.external_id AND c.erased_at IS NULL
  AND (NOT c.attributes @> v.attributes OR v.first_seen_at < c.first_seen_at OR c.first_seen_at IS NULL)
"""


def import_customers(rows: Iterable[NewCustomer]) -> dict[str, int]:
    """Makes whoever is new, with a key of their own, and returns the id of everyone by external id.

    Safe to repeat and to run twice at once. Who is known gains the attributes that are given; an erased person stays
    erased. Five statements a thousand rows.
    """
    by_external = {row.external_id: row for row in rows}
    wanted = sorted(by_external)
    ids: dict[str, int] = {}
    for start in range(0, len(wanted), BLOCK):
        names = wanted[start : start + BLOCK]
        found = dict(Customer.objects.filter(external_id__in=names).values_list("external_id", "id"))
        missing = [by_external[name] for name in names if name not in found]
        known = [by_external[name] for name in names if name in found]
        _learn([row for row in known if row.attributes or row.first_seen_at])
        if missing:
            # Whoever loses the race to another process finds that process's row below.
            Customer.objects.bulk_create([_customer(row) for row in missing], ignore_conflicts=True)
            names_made = [row.external_id for row in missing]
            made = dict(Customer.objects.filter(external_id__in=names_made).values_list("external_id", "id"))
            seal.give_keys(made.values())
            found |= made
        ids |= found
    return ids


def _customer(row: NewCustomer) -> Customer:
    return Customer(
        external_id=row.external_id,
        attributes=row.attributes,
        language=row.language,
        timezone=row.timezone,
        jurisdiction=row.jurisdiction,
        first_seen_at=row.first_seen_at,
        origin=row.origin,
    )


def _learn(rows: list[NewCustomer]) -> None:
    if not rows:
        return
    columns = [[r.external_id for r in rows], [json.dumps(r.attributes) for r in rows], [r.first_seen_at for r in rows]]
    with connection.cursor() as cursor:
        cursor.execute(LEARN, columns)


def add_contact_points(rows: Iterable[NewContact]) -> ContactReceipt:
    """Takes in what can be read, each sealed under its person's key; lists by place what cannot. Safe to repeat."""
    rows = list(rows)
    receipt = ContactReceipt(0, 0)
    for start in range(0, len(rows), BLOCK):
        block = _add_block(rows[start : start + BLOCK], start)
        receipt = ContactReceipt(
            receipt.added + block.added, receipt.known + block.known, receipt.rejected + block.rejected
        )
    return receipt


def _add_block(rows: list[NewContact], start: int) -> ContactReceipt:
    customers = Customer.objects.filter(pk__in={row.customer_id for row in rows})
    keys = seal.keys_for(customers)
    ring = seal.keyring()
    points: dict[tuple[int, str, bytes], ContactPoint] = {}
    rejected = []
    for index, row in enumerate(rows, start):
        key = keys.get(row.customer_id)
        if key is None:
            rejected.append(
                RejectedContact(index, "customer_id", "Nobody has this id, or was erased.", "Leave it out.")
            )
            continue
        try:
            value = normalise(row.kind, row.value)
        except InvalidContact as refusal:
            rejected.append(RejectedContact(index, refusal.field, refusal.reason, refusal.remedy))
            continue
        version, lookup = crypto.keyed_hash(ring, row.kind, value)
        points[row.customer_id, row.kind, lookup] = ContactPoint(
            customer_id=row.customer_id,
            kind=row.kind,
            sealed=seal.seal_contact(key, row.kind, value),
            lookup=lookup,
            lookup_version=version,
            verified_at=row.verified_at,
            origin=row.origin,
        )
    added = _insert_new(points)
    return ContactReceipt(added, len(rows) - len(rejected) - added, tuple(rejected))


def _insert_new(points: dict[tuple[int, str, bytes], ContactPoint]) -> int:
    """How many were new. The unique key decides, so two imports at once add a point once; the count may then be off."""
    if not points:
        return 0
    people = {customer_id for customer_id, _, _ in points}
    known = ContactPoint.objects.filter(customer_id__in=people).values_list("customer_id", "kind", "lookup")
    fresh = points.keys() - {(customer_id, kind, bytes(lookup)) for customer_id, kind, lookup in known}
    ContactPoint.objects.bulk_create([points[key] for key in sorted(fresh)], ignore_conflicts=True)
    return len(fresh)


def set_personalise(customer_id: int, on: bool, actor) -> bool:
    """Switches personalised messages on or off; True when that changed something. Who switched it is written down.

    `actor` is a member of staff, or who it was in a word ("subject").
    """
    with transaction.atomic():
        changed = Customer.objects.filter(pk=customer_id).exclude(personalise=on).update(personalise=on)
        if changed:
            user, words = (None, str(actor)) if isinstance(actor, str) else (actor, "")
            audit(
                user,
                "customer.personalise",
                Customer(pk=customer_id),
                before={"personalise": not on},
                after={"personalise": on},
                reason=words and f"by {words}",
            )
    return bool(changed)
