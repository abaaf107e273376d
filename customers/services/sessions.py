"""Whose an anonymous session was: a later event of the same device that names its person says so.

An anonymous event belongs to whoever is the next to log in on its device, in the same merchant's events: ids of devices
are the merchant's own, and what one merchant learns is no other's. So a login takes what came before it, over any number
of months, back to the login before; on a device that several use, nobody gets what lies behind another's login. The rule
knows no order of arrival: a login that comes in late takes its share back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from customers import crypto
from customers.contracts import NewContact
from customers.models import ContactPoint
from customers.services import orders as order_rows
from customers.services import seal
from customers.services.contacts import add_contact_points

BLOCK = 1000  # devices a statement

# `direct` events name their person themselves. From the login before the first of these events to the one after the last,
# seen backwards in time, each login opens a group: itself, and what is anonymous before it.
JOIN = """
WITH device AS (
    SELECT * FROM unnest(%(n)s::int[], %(lookup)s::bytea[], %(first)s::timestamptz[], %(last)s::timestamptz[])
        AS v (n, lookup, first_at, last_at)
), bound AS (
    SELECT d.n, COALESCE(max(b.since), '-infinity') AS since, COALESCE(min(a.until), max(d.last_at)) AS until
    FROM device d
    LEFT JOIN LATERAL (
        SELECT max(p.occurred_at) AS since FROM customers_event p
        WHERE p.anonymous_lookup = d.lookup AND p.merchant_id IS NOT DISTINCT FROM %(merchant)s
          AND p.occurred_at < d.first_at AND p.customer_id IS NOT NULL AND p.joined_at IS NULL
    ) b ON true
    LEFT JOIN LATERAL (
        SELECT min(p.occurred_at) AS until FROM customers_event p
        WHERE p.anonymous_lookup = d.lookup AND p.merchant_id IS NOT DISTINCT FROM %(merchant)s
          AND p.occurred_at > d.last_at AND p.customer_id IS NOT NULL AND p.joined_at IS NULL
    ) a ON true
    GROUP BY d.n
), seen AS (
    SELECT d.n, e.occurred_at, e.id, e.customer_id, e.came_as, e.customer_id IS NOT NULL AND e.joined_at IS NULL AS direct
    FROM device d JOIN bound b ON b.n = d.n
    JOIN customers_event e ON e.anonymous_lookup = d.lookup AND e.merchant_id IS NOT DISTINCT FROM %(merchant)s
     AND e.occurred_at > b.since AND e.occurred_at <= b.until
), grouped AS (
    SELECT *, count(*) FILTER (WHERE direct) OVER (PARTITION BY n ORDER BY occurred_at DESC, id DESC) AS login FROM seen
), owned AS (
    SELECT *, max(customer_id) FILTER (WHERE direct) OVER (PARTITION BY n, login) AS owner,
           max(came_as) FILTER (WHERE direct) OVER (PARTITION BY n, login) AS owner_came_as
    FROM grouped
)
UPDATE customers_event e SET customer_id = o.owner, came_as = o.owner_came_as, joined_at = now()
FROM owned o
WHERE e.occurred_at = o.occurred_at AND e.id = o.id AND NOT o.direct AND o.owner IS NOT NULL
  AND e.customer_id IS DISTINCT FROM o.owner
RETURNING e.name, e.properties ->> 'order_id', o.owner, o.owner_came_as, o.customer_id
"""
ORDERS = """
UPDATE customers_order o SET customer_id = v.owner, came_as = v.came_as
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) AS v (external_id, owner, came_as, before)
WHERE o.external_id = v.external_id AND o.merchant_id IS NOT DISTINCT FROM %s AND o.customer_id IS NOT DISTINCT FROM v.before
"""
# For the nightly sweep, which finds what two requests at the same moment did not see of each other.
RECENT = """
SELECT merchant_id, anonymous_lookup, min(occurred_at), max(occurred_at) FROM customers_event
WHERE occurred_at >= %s AND anonymous_lookup IS NOT NULL AND customer_id IS NOT NULL AND joined_at IS NULL
GROUP BY merchant_id, anonymous_lookup
"""


@dataclass(frozen=True, slots=True)
class Span:
    """One device, under each of its lookups, and when it was seen in a batch."""

    lookups: tuple[bytes, ...]
    first_at: datetime
    last_at: datetime


def join(spans: Iterable[Span], *, merchant_id: int | None) -> int:
    """Gives the anonymous events around these spans their person; returns how many changed hands. Safe to repeat."""
    spans = list(spans)
    joined = 0
    for start in range(0, len(spans), BLOCK):
        rows = [
            (n, lookup, span.first_at, span.last_at)
            for n, span in enumerate(spans[start : start + BLOCK])
            for lookup in span.lookups
        ]
        n, lookup, first, last = (list(column) for column in zip(*rows, strict=True))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(JOIN, {"n": n, "lookup": lookup, "first": first, "last": last, "merchant": merchant_id})
            changed = cursor.fetchall()
            joined += len(changed)
            orders = [row[1:] for row in changed if row[0] == order_rows.COMPLETED]
            if orders:
                cursor.execute(ORDERS, [*(list(column) for column in zip(*orders, strict=True)), merchant_id])
    return joined


def sweep(since: datetime) -> int:
    """Joins again on every device that somebody logged in on since then."""
    with connection.cursor() as cursor:
        cursor.execute(RECENT, [since])
        rows = cursor.fetchall()
    by_merchant: dict[int | None, list[Span]] = {}
    for merchant_id, lookup, first_at, last_at in rows:
        by_merchant.setdefault(merchant_id, []).append(Span((bytes(lookup),), first_at, last_at))
    return sum(join(spans, merchant_id=merchant_id) for merchant_id, spans in by_merchant.items())


def spans(seen: Mapping[str, list[datetime]]) -> list[Span]:
    """The spans of devices by the id that their events carry."""
    ring = seal.keyring()
    return [
        Span(
            tuple(crypto.keyed_hash(ring, "anonymous", name, version)[1] for version in ring.hash_keys),
            min(times),
            max(times),
        )
        for name, times in sorted(seen.items())
    ]


def remember(logins: Iterable[tuple[int, str, str]], *, origin: str) -> int:
    """Keeps which (customer id, kind, device or session) were seen together; one query when all are known."""
    ring = seal.keyring()
    wanted = {}
    for customer_id, kind, value in logins:
        for version in ring.hash_keys:
            wanted[customer_id, kind, crypto.keyed_hash(ring, kind, value, version)[1]] = value
    if not wanted:
        return 0
    rows = ContactPoint.objects.filter(lookup__in={lookup for _, _, lookup in wanted}, kind__in=("anonymous", "device"))
    known = {
        (pk, kind, wanted.get((pk, kind, bytes(lookup))))
        for pk, kind, lookup in rows.values_list("customer_id", "kind", "lookup")
    }
    fresh = {(pk, kind, value) for (pk, kind, _), value in wanted.items()} - known
    if not fresh:
        return 0
    return add_contact_points(NewContact(pk, kind, value, origin=origin) for pk, kind, value in sorted(fresh)).added
