"""The last question before the first byte, and the record of the message before it: one statement, one commit.

What the server took over is recorded by the statement that asks about the next message, at once and before anything that
waits. So a batch pays one round trip a message, and a lost worker still leaves one ambiguous row at the most.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from django.db import connection
from psycopg.types.numeric import Int8

# Consent, suppression, risk, the campaign's state and the lease as they are at this moment. Subqueries of one value, each
# by a unique key: as EXISTS the planner, before it has counted new tables, joins them and reads everybody's consent for one
# message. The count makes the record come first: rows are locked in the order of ids, as a withdrawal locks them.
ASK = """
WITH kept AS (
    UPDATE campaigns_message SET state = 'sent', sent_at = %(sent_at)s, provider_id = %(provider_id)s,
                                 lease_token = NULL, lease_until = NULL
    WHERE id = %(before)s AND state = 'sending' AND lease_token = %(token)s
    RETURNING id
), asked AS (
    UPDATE campaigns_message m SET attempted_at = now()
    WHERE (SELECT count(*) FROM kept) >= 0
      AND m.id = %(id)s AND m.state = 'sending' AND m.lease_token = %(token)s AND m.lease_until > now() + %(reserve)s
      AND (SELECT c.state IN ('sending', 'running') FROM campaigns_campaign c WHERE c.id = m.campaign_id)
      AND (SELECT cu.erased_at IS NULL AND cu.merged_into_id IS NULL AND cu.excluded_at IS NULL
           FROM customers_customer cu WHERE cu.id = m.customer_id)
      AND (SELECT s.is_given AND (s.valid_until IS NULL OR s.valid_until > now()) FROM customers_consentstate s
           WHERE s.customer_id = m.customer_id AND s.purpose = 'marketing' AND s.channel = %(consent)s)
      AND COALESCE((SELECT s.is_given FROM customers_consentstate s
                    WHERE s.customer_id = m.customer_id AND s.purpose = 'marketing' AND s.channel = 'any'), true)
      AND NOT EXISTS (SELECT 1 FROM customers_suppression x JOIN customers_contactpoint p ON p.id = m.contact_point_id
                      WHERE x.channel = %(consent)s AND x.lookup = p.lookup AND x.lifted_at IS NULL)
    RETURNING m.id
)
SELECT (SELECT id FROM kept), (SELECT id FROM asked)
"""
# Why the question above was answered with no.
WHY = """
SELECT CASE
  WHEN c.state NOT IN ('sending', 'running') THEN 'halted'
  WHEN m.state <> 'sending' OR m.lease_token IS DISTINCT FROM %(token)s OR m.lease_until <= now() + %(reserve)s
    THEN 'lease'
  WHEN cu.erased_at IS NOT NULL OR cu.merged_into_id IS NOT NULL THEN 'gone'
  WHEN cu.excluded_at IS NOT NULL THEN 'risk'
  WHEN EXISTS (SELECT 1 FROM customers_suppression x JOIN customers_contactpoint p ON p.id = m.contact_point_id
               WHERE x.channel = %(consent)s AND x.lookup = p.lookup AND x.lifted_at IS NULL) THEN 'suppressed'
  ELSE 'no_consent' END
FROM campaigns_message m JOIN campaigns_campaign c ON c.id = m.campaign_id
JOIN customers_customer cu ON cu.id = m.customer_id WHERE m.id = %(id)s
"""
# Planning the question takes longer than answering it: from the first time on, a connection keeps its plan.
PREPARE_FROM = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that the server has taken over and whose row does not say so yet."""

    message_id: int
    sent_at: datetime
    provider_id: str


NOBODY = Taken(0, datetime(1970, 1, 1, tzinfo=UTC), "")  # no row has this id; typed, so that it is the same statement


@dataclass(frozen=True, slots=True)
class Answer:
    """`reason` is "" when the message may go now, marked as attempted and committed. `is_kept`: the record was made."""

    reason: str
    is_kept: bool


def ask(message_id: int, token: uuid.UUID, *, consent: str, reserve: timedelta, before: Taken | None) -> Answer:
    """Records `before` as sent and asks for `message_id`, both under this token. Raises django.db.Error."""
    values = {"id": Int8(message_id), "token": token, "reserve": reserve, "consent": consent}
    record = before or NOBODY
    values |= {"before": Int8(record.message_id), "sent_at": record.sent_at, "provider_id": record.provider_id}
    kept, asked = _ask(values)
    if asked is not None:
        return Answer("", kept is not None)
    with connection.cursor() as cursor:
        cursor.execute(WHY, {name: values[name] for name in ("token", "reserve", "consent")} | {"id": message_id})
        row = cursor.fetchone()
    return Answer(row[0] if row else "lease", kept is not None)


def _ask(values: dict) -> tuple[int | None, int | None]:
    # Past Django's cursor, which writes values into the text and so has the server plan each question anew.
    connection.ensure_connection()
    raw = connection.connection
    raw.prepare_threshold = PREPARE_FROM
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        return cursor.execute(ASK, values).fetchone()
