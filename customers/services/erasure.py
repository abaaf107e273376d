"""Erasure: a person's key is destroyed, and whatever names them in the clear goes with it. The ledger stays whole.

What stays: the ledger's records under a pseudonym that died with the key, suppressions as keyed hashes, orders and events
as figures of nobody. Their external id becomes a keyed hash, so that a feed that still names them is told so.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from customers import crypto, ledger
from customers.contracts import Action, Channel, LawfulBasis, NewConsent
from customers.exceptions import Unsealable
from customers.models import (
    ConsentRecord,
    ConsentState,
    Customer,
    Event,
    ImportedRow,
    MergeProposal,
    MergeTrail,
    Quarantine,
    SubjectKey,
    Suppression,
)
from customers.queries.keys import erased_name, key_of
from customers.queries.people import open_contact
from customers.services import anchors
from customers.services.consent import record_many
from customers.services.seal import open_install
from customers.services.suppression import suppress_people

REGISTER = "erasures.jsonl"  # beside the anchors: a restored dump learns from it who must stay erased


@dataclass(frozen=True, slots=True)
class Erased:
    """What went and what stayed, as the proof names it; `addresses` never leave the caller's memory."""

    customer_id: int
    name: str  # the keyed hash that stands for their external id
    at: datetime
    pseudonym: str
    counts: dict[str, int]
    addresses: tuple[str, ...]


def erase(customer_id: int, *, method: str = "erasure") -> Erased | None:
    """Erases one person in this room. Part of the caller's transaction; None when they are erased already."""
    person = Customer.objects.select_for_update().get(pk=customer_id)
    if person.erased_at is not None:
        return None
    key = key_of(person)
    points = list(person.contact_points.all())
    values = _opened(key, points)
    _say_no(person, method)
    suppress_people([(customer_id, Channel.ANY)], Suppression.Reason.ERASED)
    counts = {
        "contact_points": len(points),
        "suppressions": Suppression.objects.filter(lookup__in=[one.lookup for one in points], lifted_at=None).count(),
        "quarantined_events": _forget_quarantine({person.external_id, *values}),
        "events_unsealed": Event.objects.filter(customer=person).update(sealed=None, anonymous_lookup=None),
        "merges": MergeTrail.objects.filter(Q(kept=person) | Q(merged=person)).delete()[0]
        + MergeProposal.objects.filter(Q(one=person) | Q(other=person)).delete()[0],
        "import_traces": ImportedRow.objects.filter(customer_id=customer_id).delete()[0],
        "consent_records_kept": ConsentRecord.objects.filter(customer_id=customer_id).count(),
    }
    person.contact_points.all().delete()
    pseudonym = crypto.pseudonym(key).hex() if key else ""
    counts["keys"] = SubjectKey.objects.filter(customer=person).delete()[0]
    now, name = timezone.now(), erased_name(person.external_id)
    Customer.objects.filter(pk=customer_id).update(
        external_id=name, attributes={}, timezone="", first_seen_at=None, language="en",
        jurisdiction="", personalise=False, erased_at=now,
    )  # fmt: skip
    return Erased(customer_id, name, now, pseudonym, counts, tuple(values))


def _opened(key: bytes | None, points) -> list[str]:
    values = []
    for point in points if key else []:
        try:
            values.append(open_contact(key, point))
        except Unsealable:
            continue  # damaged: nobody can read it, so it names nobody
    return values


def _say_no(person: Customer, method: str) -> None:
    """Takes back whatever is still allowed, while the pseudonym can be made. An earlier "no" stands as it was said."""
    given = ConsentState.objects.filter(customer=person, is_given=True).order_by("purpose", "channel")
    acts = [
        NewConsent(
            person.pk, purpose, channel, Action.WITHDRAWN, LawfulBasis.CONSENT, method, "subject",
            origin=person.origin, jurisdiction=person.jurisdiction,
        )
        for purpose, channel in given.values_list("purpose", "channel")
    ]  # fmt: skip
    record_many(acts, to_person=False)


def _forget_quarantine(names: set[str]) -> int:
    """Deletes broken events that name this person: sealed under the install's key, they would outlive theirs."""
    found = []
    for pk, sealed in Quarantine.objects.values_list("pk", "sealed").iterator(chunk_size=2000):
        try:
            text = open_install(sealed).decode("utf-8", "replace")
        except Unsealable:
            continue
        if any(json.dumps(name)[1:-1] in text or name in text for name in names if name):
            found.append(pk)
    return Quarantine.objects.filter(pk__in=found).delete()[0]


def register(erased: Erased) -> None:
    """Writes the erasure down beside the anchors, signed and without the person: by keyed hash.

    Inside the transaction: a line too many names somebody whose erasure was verified and failed, a line too few would
    let them come back with a restored dump.
    """
    line = {"customer": erased.customer_id, "name": erased.name, "at": erased.at.isoformat()}
    line = ledger.sign_document(line, anchors.signing_key(), ledger.PROOF)
    folder = Path(settings.ANCHOR_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / REGISTER).open("a", encoding="ascii") as file:
        file.write(json.dumps(line, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())


def to_repeat() -> list[int]:
    """Who was erased, by the register, and stands here with a key again: a dump from before was restored."""
    path = Path(settings.ANCHOR_DIR) / REGISTER
    if not path.exists():
        return []
    key = anchors.public_key()
    lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    names = {line["customer"]: line["name"] for line in lines if ledger.is_signed(line, key, ledger.PROOF)}
    present = Customer.objects.present().filter(pk__in=names)
    # By id and by name: another database's register must not erase somebody else.
    return [pk for pk, external_id in present.values_list("pk", "external_id") if erased_name(external_id) == names[pk]]
