"""Opens and closes what is sealed: under a person's own key, or under the install's where nobody is known yet.

Destroying a person's `SubjectKey` erases the person: nothing below opens their texts again.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from django.db import transaction

from customers import crypto
from customers.exceptions import Unsealable
from customers.models import ContactPoint, Customer, SubjectKey
from customers.queries.keys import EVENT_CONTEXT, contact_context, keyring, subject_id

__all__ = [
    "give_keys",
    "keyring",
    "keys_for",
    "open_contacts",
    "open_for",
    "open_install",
    "open_words",
    "seal_contact",
    "seal_for",
    "seal_install",
]

log = logging.getLogger(__name__)
INSTALL_CONTEXT = "quarantine"


def keys_for(customers: Iterable[Customer]) -> dict[int, bytes]:
    """Each person's key by customer id, in one query when all have one; who was erased is left out.

    A person without a key gets one here, so that whoever creates a customer need not think of it.
    """
    present = {c.pk: c.external_id for c in customers if c.erased_at is None}
    sealed = dict(SubjectKey.objects.filter(customer_id__in=present).values_list("customer_id", "sealed"))
    if without := present.keys() - sealed.keys():
        give_keys(without)
        sealed |= dict(SubjectKey.objects.filter(customer_id__in=without).values_list("customer_id", "sealed"))
    ring = keyring()
    return {pk: crypto.unwrap(ring, wrapped, subject_id(present[pk])) for pk, wrapped in sealed.items()}


def give_keys(customer_ids: Iterable[int]) -> None:
    """Writes a key for each who has none; whoever comes second finds the first one's. Nobody erased gets one."""
    ring = keyring()
    with transaction.atomic(savepoint=False):
        # Locked in the order of ids: two callers wait for each other, and for an erasure, instead of crossing.
        keyless = Customer.objects.present().filter(pk__in=sorted(customer_ids), key=None).order_by("pk")
        rows = [
            SubjectKey(customer_id=pk, sealed=crypto.wrap(ring, crypto.new_subject_key(), subject_id(name)))
            for pk, name in keyless.select_for_update(of=("self",)).values_list("pk", "external_id")
        ]
        SubjectKey.objects.bulk_create(rows, ignore_conflicts=True)


def seal_for(customer: Customer, text: str, context: str) -> bytes:
    """The text under this person's key. `context` names the column; give it again to open.

    Raises Unsealable(DESTROYED) when the person was erased.
    """
    return crypto.seal(_key_of(customer), text.encode(), context)


def open_for(customer: Customer, sealed: bytes | memoryview, context: str) -> str:
    """The text that `seal_for` was given. Raises Unsealable with its reason."""
    return crypto.open_sealed(_key_of(customer), sealed, context).decode()


def open_words(rows: Iterable[tuple[int, bytes | memoryview]]) -> Iterator[dict]:
    """What people wrote in their events, by property: (customer id, sealed) in, the words out in the same order.

    {} for what does not open any more. Two queries a thousand rows: for whoever reads many, and keeps none of it.
    """
    rows = iter(rows)
    while some := list(islice(rows, 1000)):
        keys = keys_for(Customer.objects.present().filter(pk__in={customer_id for customer_id, _ in some}))
        for customer_id, sealed in some:
            try:
                yield json.loads(crypto.open_sealed(keys[customer_id], sealed, EVENT_CONTEXT))
            except (KeyError, Unsealable):
                yield {}


def _key_of(customer: Customer) -> bytes:
    key = keys_for([customer]).get(customer.pk)
    if key is None:
        raise Unsealable(Unsealable.DESTROYED, "the key of this person was destroyed")
    return key


def seal_contact(key: bytes, kind: str, value: str) -> bytes:
    """A contact point in its written form (customers.identity) under the key of its person."""
    return crypto.seal(key, value.encode(), contact_context(kind))


def open_contacts(contact_point_ids: Iterable[int]) -> dict[int, str]:
    """Addresses by the id of their contact point, in one query.

    What does not open is left out: erased, or damaged, which is logged by id. Nobody is written to on a guess.
    """
    ring = keyring()
    opened: dict[int, str] = {}
    rows = ContactPoint.objects.filter(pk__in=list(contact_point_ids), customer__erased_at=None)
    for pk, kind, sealed, sealed_key, external_id in rows.values_list(
        "pk", "kind", "sealed", "customer__key__sealed", "customer__external_id"
    ):
        try:
            key = crypto.unwrap(ring, sealed_key, subject_id(external_id))
            opened[pk] = crypto.open_sealed(key, sealed, contact_context(kind)).decode()
        except Unsealable as fault:
            if fault.reason != Unsealable.DESTROYED:
                log.error("contact point %s does not open: %s", pk, fault)
    return opened


def seal_install(plaintext: bytes) -> bytes:
    """Bytes that may name anyone, under the install's own key: a broken event, before it is known whose it is."""
    keks = keyring().keks
    return crypto.seal(_install_keys(keks)[max(keks)], plaintext, INSTALL_CONTEXT)


def open_install(sealed: bytes | memoryview) -> bytes:
    """What `seal_install` was given, also under an earlier key. Raises Unsealable."""
    for _, key in sorted(_install_keys(keyring().keks).items(), reverse=True):
        try:
            return crypto.open_sealed(key, sealed, INSTALL_CONTEXT)
        except Unsealable as fault:
            if fault.reason != Unsealable.WRONG_KEY:
                raise
    raise Unsealable(Unsealable.WRONG_KEY, "sealed under a key that the key ring does not hold")


def _install_keys(keks: Mapping[int, bytes]) -> dict[int, bytes]:
    """One key a KEK, derived: a KEK itself encrypts people's keys and nothing else."""
    return {version: hmac.digest(kek, b"attune install key", hashlib.sha256) for version, kek in keks.items()}
