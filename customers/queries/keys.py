"""Where the keys of this install come from, and what a sealed value is bound to."""

from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings

from customers import crypto
from customers.models import Customer, SubjectKey

EVENT_CONTEXT = "event"  # the place that an event's sealed words are bound to


def keyring() -> crypto.Keyring:
    """The keys of this install, from the environment."""
    return _keyring(settings.PERSON_KEY, settings.LOOKUP_KEY)


@lru_cache(maxsize=2)
def _keyring(keks: str, hash_keys: str) -> crypto.Keyring:
    return crypto.Keyring.load(keks, hash_keys)


def subject_id(external_id: str) -> bytes:
    """Whose key a wrapped key is. The external id never changes, and is known before the row has a number."""
    return b"customer\0" + external_id.encode()


def key_of(person: Customer) -> bytes | None:
    """This person's key; None when it was never made, or was destroyed with the person."""
    if person.erased_at is not None:
        return None
    row = SubjectKey.objects.filter(customer_id=person.pk).first()
    return row and crypto.unwrap(keyring(), row.sealed, subject_id(person.external_id))


def erased_name(external_id: str, version: int | None = None) -> str:
    """What an erased person is called instead of their external id: a keyed hash, by which a feed is told to stop."""
    _, digest = crypto.keyed_hash(keyring(), "erased customer", external_id, version)
    return f"erased-{digest[:20].hex()}"


def erased_names(external_ids: Iterable[str]) -> dict[str, str]:
    """The external id by each name that it would have if its person was erased, under every version of the key."""
    versions = sorted(keyring().hash_keys)
    return {erased_name(one, version): one for one in external_ids for version in versions}


def contact_context(kind: str) -> str:
    """The place that a sealed contact point is bound to."""
    return f"contact {kind}"


def session_lookup(anonymous_id: str) -> bytes:
    """The keyed hash under which the events of an anonymous session rest."""
    return crypto.keyed_hash(keyring(), "anonymous", anonymous_id)[1]
