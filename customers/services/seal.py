"""Opens and closes what is sealed: under a person's own key, or under the install's where nobody is known yet.

Destroying `Customer.sealed_key` erases the person: nothing below opens their texts again.
"""

import hashlib
import hmac
import logging
from collections.abc import Iterable, Mapping

from django.db import transaction

from customers import crypto
from customers.exceptions import Unsealable
from customers.models import ContactPoint, Customer
from customers.queries.keys import contact_context, keyring, subject_id

__all__ = [
    "keyring",
    "keys_for",
    "new_sealed_key",
    "open_contacts",
    "open_for",
    "open_install",
    "seal_contact",
    "seal_for",
    "seal_install",
]

log = logging.getLogger(__name__)
INSTALL_CONTEXT = "quarantine"


def new_sealed_key(external_id: str) -> bytes:
    """A new person's key, wrapped for the row of the customer with this external id: 73 bytes."""
    return crypto.wrap(keyring(), crypto.new_subject_key(), subject_id(external_id))


def keys_for(customers: Iterable[Customer]) -> dict[int, bytes]:
    """Each person's key by customer id; who was erased is left out. No query when all have a key.

    A person without a key gets one here, so that whoever creates a customer need not think of it.
    """
    customers = list(customers)
    without = [c for c in customers if c.sealed_key is None and c.erased_at is None]
    if without:
        _give_keys(without)
    ring = keyring()
    return {
        c.pk: crypto.unwrap(ring, c.sealed_key, subject_id(c.external_id))
        for c in customers
        if c.sealed_key is not None and c.erased_at is None
    }


def _give_keys(customers: list[Customer]) -> None:
    """Writes a key where there is still none, and reads back whichever came first."""
    ids = sorted(c.pk for c in customers)
    with transaction.atomic():
        # Locked in the order of ids: two callers wait for each other instead of crossing.
        keyless = Customer.objects.filter(pk__in=ids, sealed_key=None, erased_at=None).order_by("pk")
        fresh = list(keyless.select_for_update().only("external_id"))
        for customer in fresh:
            customer.sealed_key = new_sealed_key(customer.external_id)
        Customer.objects.bulk_update(fresh, ["sealed_key"], batch_size=1000)
    stored = dict(Customer.objects.filter(pk__in=ids).values_list("pk", "sealed_key"))
    for customer in customers:
        customer.sealed_key = stored.get(customer.pk)


def seal_for(customer: Customer, text: str, context: str) -> bytes:
    """The text under this person's key. `context` names the column; give it again to open.

    Raises Unsealable(DESTROYED) when the person was erased.
    """
    return crypto.seal(_key_of(customer), text.encode(), context)


def open_for(customer: Customer, sealed: bytes | memoryview, context: str) -> str:
    """The text that `seal_for` was given. Raises Unsealable with its reason."""
    return crypto.open_sealed(_key_of(customer), sealed, context).decode()


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
        "pk", "kind", "sealed", "customer__sealed_key", "customer__external_id"
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
