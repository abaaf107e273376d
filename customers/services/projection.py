"""The newest word of each person per purpose and channel, as rows: written with each append, made anew at any time.

A "no" on channel `any` speaks for every channel of its purpose; a "yes" speaks for the channel that it names alone.
Record ids order a person's words: they stand in one shard, and are given out under its lock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from customers.contracts import ALLOWING, Channel, NewConsent, StateFault

YES = sorted(str(action) for action in ALLOWING)

UPSERT = """
INSERT INTO customers_consentstate AS s
    (customer_id, purpose, channel, action, is_given, origin, record_id, since, valid_until)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::text[], %s::bigint[],
                     %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (customer_id, purpose, channel) DO UPDATE
SET action = excluded.action, is_given = excluded.is_given, origin = excluded.origin, record_id = excluded.record_id,
    since = excluded.since, valid_until = excluded.valid_until
WHERE s.record_id < excluded.record_id
"""
CLOSE_CHANNELS = """
UPDATE customers_consentstate s
SET action = v.action, is_given = false, origin = v.origin, record_id = v.record_id, since = v.since,
    valid_until = v.valid_until
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::text[], %s::bigint[],
            %s::timestamptz[], %s::timestamptz[])
     AS v (customer_id, purpose, channel, action, is_given, origin, record_id, since, valid_until)
WHERE s.customer_id = v.customer_id AND s.purpose = v.purpose AND s.channel <> v.channel AND s.record_id < v.record_id
"""
# Per person, purpose and channel that was ever named: the newest record that speaks for it.
FROM_LEDGER = """
SELECT DISTINCT ON (k.customer_id, k.purpose, k.channel)
       k.customer_id, k.purpose, k.channel, r.action, r.action = ANY(%(yes)s) AS is_given, r.origin, r.id AS record_id,
       r.recorded_at AS since, r.valid_until
FROM (SELECT DISTINCT customer_id, purpose, channel FROM customers_consentrecord) k
JOIN customers_customer c ON c.id = k.customer_id
JOIN customers_consentrecord r ON r.customer_id = k.customer_id AND r.purpose = k.purpose
 AND (r.channel = k.channel OR r.channel = 'any' AND NOT r.action = ANY(%(yes)s))
ORDER BY k.customer_id, k.purpose, k.channel, r.id DESC
"""
FILL = f"""
INSERT INTO customers_consentstate
    (customer_id, purpose, channel, action, is_given, origin, record_id, since, valid_until) {FROM_LEDGER}
"""
DIFFERENCES = f"""
SELECT COALESCE(l.customer_id, s.customer_id), COALESCE(l.purpose, s.purpose), COALESCE(l.channel, s.channel),
       l.record_id, l.action, s.record_id, s.action
FROM ({FROM_LEDGER}) l FULL JOIN customers_consentstate s USING (customer_id, purpose, channel)
WHERE (l.record_id, l.action, l.is_given, l.valid_until, l.since)
   IS DISTINCT FROM (s.record_id, s.action, s.is_given, s.valid_until, s.since)
ORDER BY 1, 2, 3
"""  # noqa: S608 - constants of this module


@dataclass(frozen=True, slots=True)
class Act:
    """A record that was just appended."""

    consent: NewConsent
    record_id: int
    at: datetime


def project(acts: Iterable[Act]) -> None:
    """Brings the rows up to these acts. One statement, a second when a "no" speaks for all channels."""
    newest: dict[tuple[int, str, str], tuple] = {}
    noes: dict[tuple[int, str], tuple] = {}
    for act in acts:  # they come in order, so the last one of a channel is its newest
        row = _row(act)
        newest[row[:3]] = row
        if row[2] == Channel.ANY and not row[4]:
            noes[row[:2]] = row
    with connection.cursor() as cursor:
        cursor.execute(UPSERT, _columns(newest.values()))
        if noes:
            cursor.execute(CLOSE_CHANNELS, _columns(noes.values()))


def _row(act: Act) -> tuple:
    consent = act.consent
    return (
        consent.customer_id,
        str(consent.purpose),
        str(consent.channel),
        str(consent.action),
        consent.action in ALLOWING,
        str(consent.origin),
        act.record_id,
        act.at,
        consent.valid_until,
    )


def _columns(rows: Iterable[tuple]) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)]


def rebuild() -> int:
    """Empties the projection and fills it from the ledger. The caller holds every shard's lock."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM customers_consentstate")
        cursor.execute(FILL, {"yes": YES})
        return cursor.rowcount


def differences() -> Iterator[StateFault]:
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES, {"yes": YES})
        rows = cursor.fetchall()
    for customer_id, purpose, channel, record_id, action, kept_id, kept_action in rows:
        if record_id is None:
            detail = f"it says {kept_action} by record {kept_id}, which the ledger does not hold"
        elif kept_id is None:
            detail = f"it is missing; the ledger says {action} by record {record_id}"
        else:
            detail = f"it says {kept_action} by record {kept_id}; the ledger says {action} by record {record_id}"
        yield StateFault(customer_id, purpose, channel, record_id, detail)
