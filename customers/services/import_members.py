"""Lists of people who are known: each line names one by the platform's id or by an address, and brings nothing new.

No person, no contact point and no word of consent comes of it, so that whoever may make a segment may bring such a file.
"""

from collections import defaultdict

from django.conf import settings

from customers import crypto
from customers.exceptions import InvalidContact
from customers.identity import normalise
from customers.models import ContactPoint, Customer, ImportedRow
from customers.queries.keys import keyring
from customers.queries.people import standing
from customers.services.import_fields import BadLine, bad_contact, text
from customers.services.import_take import Brought, Line, Taken, Way

CONTACTS = ("email", "phone", "loyalty")
NOBODY = "Nobody is known by this."
NEW_PEOPLE = "Leave the line out, or have the file imported as customers by somebody with that right."


def take(lines: list[Line], way: Way) -> Taken:
    """Puts whom a line names on the list, once; refuses what names nobody, or several. Raises nothing for what it holds."""
    taken = Taken()
    names = {line.values.get("customer", "").strip() for line in lines} - {""}
    by_name = _present(Customer.objects.filter(external_id__in=names).values_list("external_id", "pk"))
    wanted = {line.number: _written(line, taken) for line in lines if not line.values.get("customer", "").strip()}
    by_point = _owners({point for points in wanted.values() for point in points})
    listed: dict[int, None] = {}
    for line in lines:
        try:
            if line.number in wanted:
                pk = _one_of(wanted[line.number], by_point) if wanted[line.number] else None
            else:
                pk = by_name.get(text(line.values, "customer", 64))
                if pk is None:
                    raise BadLine("customer", NOBODY, NEW_PEOPLE)
        except BadLine as bad:
            taken.refuse(line.number, bad)
            continue
        if pk is None:
            continue  # refused as it was read
        taken.taken += pk not in listed
        taken.known += pk in listed
        listed[pk] = None
    taken.brought += [Brought(ImportedRow.What.LISTED, customer_id=pk) for pk in listed]
    return taken


def _present(pairs) -> dict:
    """Of (what names somebody, record): whom it stands for now; who was erased is nobody."""
    pairs = list(pairs)
    now = standing({pk for _, pk in pairs})
    there = set(
        Customer.objects.present().filter(pk__in={now.get(pk, pk) for _, pk in pairs}).values_list("pk", flat=True)
    )
    return {name: now.get(pk, pk) for name, pk in pairs if now.get(pk, pk) in there}


def _written(line: Line, taken: Taken) -> list[tuple[str, str]]:
    """What the line names its person by, as it would rest with us; nothing, and the line refused, where it cannot be read."""
    try:
        found = [(kind, text(line.values, kind, 320)) for kind in CONTACTS]
        points = [(kind, _normal(kind, value)) for kind, value in found if value]
        if not points:
            raise BadLine("customer", "The line names nobody.", "Write a customer id, an address, a number or a card.")
    except BadLine as bad:
        taken.refuse(line.number, bad)
        return []
    return points


def _normal(kind: str, value: str) -> str:
    try:
        return normalise(kind, value, settings.PHONE_REGION)
    except InvalidContact as refusal:
        raise bad_contact(kind, refusal) from None


def _owners(points: set[tuple[str, str]]) -> dict[tuple[str, str], set[int]]:
    """Everybody who has each of these, by its keyed hash under every version: one query, by index contact_lookup."""
    ring = keyring()
    asked = {
        (kind, bytes(crypto.keyed_hash(ring, kind, value, version)[1])): (kind, value)
        for kind, value in points
        for version in ring.hash_keys
    }
    rows = ContactPoint.objects.filter(
        kind__in={kind for kind, _ in asked}, lookup__in={lookup for _, lookup in asked}
    ).values_list("kind", "lookup", "customer_id")
    pairs = [((kind, bytes(lookup)), pk) for kind, lookup, pk in rows]
    present = _present({(pk, pk) for _, pk in pairs})
    owners: dict[tuple[str, str], set[int]] = defaultdict(set)
    for key, pk in pairs:
        if key in asked and pk in present:
            owners[asked[key]].add(present[pk])
    return owners


def _one_of(points: list[tuple[str, str]], owners: dict) -> int:
    """Whom all that the line names has in common."""
    known = [(kind, owners[kind, value]) for kind, value in points if owners.get((kind, value))]
    if not known:
        raise BadLine(points[0][0], NOBODY, NEW_PEOPLE)
    shared = set.intersection(*(people for _, people in known))
    if not shared:
        raise BadLine(known[1][0], "It is another person's than what stands before it.", "Correct the line.")
    if len(shared) > 1:
        raise BadLine(known[0][0], "Several people share it.", "Name the person by the customer id of the platform.")
    return shared.pop()
