"""How often something may be asked for: per address and per network, counted in the cache under keyed hashes."""

from django.core.cache import cache

from customers import crypto
from customers.privacy import truncate_ip
from customers.queries.keys import keyring

HOUR = 3600
PER_ADDRESS, PER_NETWORK = 3, 30  # letters an hour: enough for a typing error and an office, too few for a nuisance


def may_ask(what: str, *, address: str, ip: str) -> bool:
    """Counts one request; False once an address or its network has asked too often within the hour.

    The keys of the cache carry no address. Both are counted, so that nobody learns which of the two was full.
    """
    of_address = _count(what, "address", address.strip().casefold()) <= PER_ADDRESS
    of_network = _count(what, "network", truncate_ip(ip) or "unknown") <= PER_NETWORK
    return of_address and of_network


def _count(what: str, kind: str, value: str) -> int:
    _, digest = crypto.keyed_hash(keyring(), f"limit {what} {kind}", value)
    key = f"limit:{digest.hex()[:32]}"
    cache.add(key, 0, timeout=HOUR)
    try:
        return cache.incr(key)
    except ValueError:  # it ended between the two
        cache.set(key, 1, timeout=HOUR)
        return 1
