"""Brings people in, recognises them by card or handle, and keeps what they decided about themselves."""

import json
from collections.abc import Iterable

from django.conf import settings
from django.db import connection, transaction

from accounts.services import audit
from customers.contracts import NewContact, NewCustomer, Recognised, RejectedContact
from customers.exceptions import InvalidContact
from customers.identity import normalise
from customers.models import ContactPoint, Customer
from customers.queries.keys import erased_names
from customers.queries.people import standing
from customers.services import seal, shells
from customers.services.contacts import add_contact_points, lookups_of

BLOCK = 1000  # rows a statement: far from every limit of a statement, and a block in memory is a few hundred kB
NAME_HEX = 24  # 96 bits of the keyed hash name a record that no account names: no two will meet

# Who is known keeps what was said before; a feed may add attributes and an earlier first day, and never a new key.
LEARN = """
UPDATE customers_customer c
SET attributes = c.attributes || v.attributes, first_seen_at = LEAST(c.first_seen_at, v.first_seen_at)
FROM unnest(%s::bigint[], %s::text[]::jsonb[], %s::timestamptz[]) AS v (id, attributes, first_seen_at)
WHERE c.id = v.id AND c.erased_at IS NULL
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
        found = _ids(names)
        missing = [by_external[name] for name in names if name not in found]
        known = [(found[name], by_external[name]) for name in names if name in found]
        _learn([(pk, row) for pk, row in known if row.attributes or row.first_seen_at])
        if missing:
            # Whoever loses the race to another process finds that process's row below.
            Customer.objects.bulk_create([_customer(row) for row in missing], ignore_conflicts=True)
            names_made = [row.external_id for row in missing]
            made = _ids(names_made)
            seal.give_keys(made.values())
            found |= made
        ids |= found
    return ids


def _ids(names: list[str]) -> dict[str, int]:
    """Whom these names stand for now: a merged record's name stands for the person it was merged into."""
    gone = erased_names(names)
    rows = Customer.objects.filter(external_id__in=[*names, *gone]).values_list("external_id", "id", "merged_into")
    rows = [(gone.get(name, name), pk, into) for name, pk, into in rows]
    merged = [pk for _, pk, into in rows if into is not None]
    now = standing(merged) if merged else {}
    return {name: now.get(pk, pk) for name, pk, _ in rows}


def _customer(row: NewCustomer) -> Customer:
    return Customer(
        external_id=row.external_id,
        attributes=row.attributes,
        language=row.language,
        timezone=row.timezone,
        jurisdiction=row.jurisdiction,
        first_seen_at=row.first_seen_at,
        origin=row.origin,
        is_provisional=row.is_provisional,
    )


def _learn(rows: list[tuple[int, NewCustomer]]) -> None:
    if not rows:
        return
    columns = [
        [pk for pk, _ in rows], [json.dumps(r.attributes) for _, r in rows], [r.first_seen_at for _, r in rows]
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(LEARN, columns)


def recognise(kind: str, values: Iterable[str], *, origin: str = "observed") -> Recognised:
    """Whom each of these cards, handles or devices belongs to, by the value as it was typed.

    One that nobody has gets a provisional record, which merges into the person's own as soon as a rule shows whose it
    is. Its name is made of the keyed hash, so that two files at once make one record. Safe to repeat.
    """
    written, rejected = {}, {}
    for value in dict.fromkeys(values):
        try:
            written[value] = normalise(kind, value, settings.PHONE_REGION)
        except InvalidContact as refusal:
            rejected[value] = RejectedContact(-1, refusal.field, refusal.reason, refusal.remedy)
    lookups = {value: [digest for _, digest in lookups_of(kind, text)] for value, text in written.items()}
    owners = _owners(kind, {digest for digests in lookups.values() for digest in digests})
    ids = {value: owners[digest] for value, digests in lookups.items() for digest in digests if digest in owners}
    missing = {value: written[value] for value in written if value not in ids}
    made = _make(kind, missing, origin) if missing else {}
    return Recognised(ids | made, tuple(sorted(set(made.values()))), rejected)


def _owners(kind: str, lookups: set[bytes]) -> dict[bytes, int]:
    """Of several who share a value, the platform's own account, else the oldest record."""
    rows = ContactPoint.objects.filter(
        kind=kind, lookup__in=lookups, customer__erased_at=None, customer__merged_into=None
    ).order_by("-customer__is_provisional", "-customer_id")
    return {bytes(lookup): customer_id for lookup, customer_id in rows.values_list("lookup", "customer_id")}


def _make(kind: str, missing: dict[str, str], origin: str) -> dict[str, int]:
    names = {value: f"{kind}-{lookups_of(kind, text)[0][1].hex()[:NAME_HEX]}" for value, text in missing.items()}
    with transaction.atomic():
        ids = import_customers(NewCustomer(name, origin=origin, is_provisional=True) for name in names.values())
        add_contact_points(NewContact(ids[name], kind, value, origin=origin) for value, name in names.items())
    return {value: ids[name] for value, name in names.items()}


def set_language(customer_id: int, language: str) -> bool:
    """In which language this person wants to be spoken to, by their own word; True when that changed something.

    A merged record's word counts for the person.
    """
    with transaction.atomic():
        customer_id = shells.hold({customer_id}, to_change=True).get(customer_id, customer_id)
        return bool(Customer.objects.filter(pk=customer_id).exclude(language=language).update(language=language))


def set_personalise(customer_id: int, on: bool, actor) -> bool:
    """Switches personalised messages on or off; True when that changed something. Who switched it is written down.

    `actor` is a member of staff, or who it was in a word ("subject"). A merged record's word counts for the person.
    """
    with transaction.atomic():
        customer_id = shells.hold({customer_id}, to_change=True).get(customer_id, customer_id)
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
