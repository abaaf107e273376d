"""Withdrawal where messages wait: recorded, effective on what is queued, and acknowledged only when that is true.

One transaction records the "no", stops the addresses and fences every message there that no worker has attempted:
whoever shares the address gets nothing either. A worker asks for the last time in one statement that marks its row
(fence.ASK), so each message is either marked before the commit, and then known here to be under way, or finds its
row fenced. What is under way ends within two SMTP time-outs; until then nobody says that the withdrawal is effective.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from campaigns.contracts import ROUTES
from campaigns.models import Listed, Message
from campaigns.queries.public import places_of
from campaigns.state import MessageState
from customers.contracts import Channel, Purpose
from customers.queries.people import records_of, standing
from customers.services.withdraw import withdraw

# In the order of ids, so that two withdrawals of one address wait for each other instead of crossing.
FENCE = """
WITH mine AS (
    SELECT id FROM campaigns_message
    WHERE state IN ('queued', 'sending') AND attempted_at IS NULL AND channel = ANY(%(channels)s)
      AND (customer_id = ANY(%(customers)s) OR contact_point_id = ANY(%(places)s))
    ORDER BY id FOR UPDATE
)
UPDATE campaigns_message m SET state = 'skipped', reason = %(reason)s, lease_token = NULL, lease_until = NULL
FROM mine WHERE m.id = mine.id
"""
UNDER_WAY = """
SELECT id, attempted_at FROM campaigns_message
WHERE state = 'sending' AND attempted_at IS NOT NULL AND channel = ANY(%(channels)s)
  AND (customer_id = ANY(%(customers)s) OR contact_point_id = ANY(%(places)s))
ORDER BY id
"""
# What waits for an address that was stopped of late, for whoever shares it. In the order of ids, as above.
FENCE_SUPPRESSED = """
WITH places AS (
    SELECT r.channel, c.id FROM customers_suppression s
    JOIN unnest(%(channels)s::text[], %(consents)s::text[], %(kinds)s::text[]) AS r (channel, consent, kind)
      ON r.consent = s.channel
    JOIN customers_contactpoint c ON c.kind = r.kind AND c.lookup = s.lookup
    WHERE s.lifted_at IS NULL AND s.since > now() - %(fresh)s
), mine AS (
    SELECT m.id FROM campaigns_message m JOIN places p ON p.id = m.contact_point_id AND p.channel = m.channel
    WHERE m.state IN ('queued', 'sending') AND m.attempted_at IS NULL
    ORDER BY m.id FOR UPDATE OF m
)
UPDATE campaigns_message m SET state = 'skipped', reason = 'suppressed', lease_token = NULL, lease_until = NULL
FROM mine WHERE m.id = mine.id
"""
FRESH = timedelta(hours=1)  # the sweep comes four times a minute; what is older, the last question finds (fence.ASK)
ASK_EVERY = 0.1  # seconds: a hand-over takes some 10 ms, a slow server's some seconds


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A message that a worker had begun to hand over before the withdrawal was committed."""

    message_id: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What became of a withdrawal. Effective: no message to these addresses leaves any more."""

    is_recorded: bool  # False: the person was erased, or is not known
    cancelled: int  # messages that were waiting
    under_way: tuple[UnderWay, ...] = ()

    @property
    def is_effective(self) -> bool:
        return not self.under_way


def acknowledge(
    *, customer_id: int, channel: str, purpose: str, method: str, actor, origin: str = "observed",
    patience: float | None = None,
) -> Acknowledgement:  # fmt: skip
    """Withdraws, and waits up to `patience` seconds (settings.WITHDRAWAL_PATIENCE) for what is under way to end.

    Call it outside of any transaction: what is said here is true only once it is committed. A merged record's word counts
    for the person, and so stops what waits for the person.
    """
    with transaction.atomic():
        recorded = withdraw(
            customer_id=customer_id, channel=channel, purpose=purpose, method=method, actor=actor, origin=origin
        )
        stops = purpose == Purpose.MARKETING
        cancelled = fence(customer_id, channel) if stops else 0
    if not stops:
        return Acknowledgement(recorded, cancelled)
    patience = settings.WITHDRAWAL_PATIENCE if patience is None else patience
    return Acknowledgement(recorded, cancelled, settle(lambda: under_way(customer_id, channel), patience))


def fence(customer_id: int, channel: str, reason: str = "withdrawn") -> int:
    """Cancels every message to this person and their addresses that no worker has attempted; returns how many.

    Part of the caller's transaction, after the suppression.
    """
    where = _where(customer_id, channel)
    with connection.cursor() as cursor:
        cursor.execute(FENCE, {**where, "reason": reason})
        cancelled = cursor.rowcount
    if "social" in where["channels"]:
        # What stands on a list at a platform cannot be called back: a newer list is due, and its page says by when.
        mine = Q(customer_id__in=where["customers"]) | Q(contact_point_id__in=where["places"])
        standing = Listed.objects.filter(mine, ended_at=None, taken_off_in=None)
        standing.update(ended_at=timezone.now(), reason=reason)
    return cancelled


def fence_suppressed() -> int:
    """Cancels what waits for addresses that were stopped elsewhere, by a shop's event or a mail server; how many.

    Nothing is sent to them in any case: a worker asks before each message. This takes them out of the queue as well.
    """
    where = {
        "channels": list(ROUTES),
        "consents": [route.consent for route in ROUTES.values()],
        "kinds": [route.contact for route in ROUTES.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(FENCE_SUPPRESSED, where | {"fresh": FRESH})
        return cursor.rowcount


def under_way(customer_id: int, channel: str) -> tuple[UnderWay, ...]:
    """Messages to this person or their addresses that are being handed over at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(UNDER_WAY, _where(customer_id, channel))
        return tuple(UnderWay(*row) for row in cursor.fetchall())


def settle(ask: Callable[[], tuple[UnderWay, ...]], patience: float) -> tuple[UnderWay, ...]:
    """Asks until nothing that was under way at first is any more, or the patience ends; returns what still is."""
    deadline = time.monotonic() + patience
    left = ask()
    while left and time.monotonic() < deadline:
        time.sleep(ASK_EVERY)
        # The row alone tells: addresses may have gone with an erasure in the meantime.
        still = set(
            Message.objects.filter(pk__in=[one.message_id for one in left], state=MessageState.SENDING).values_list(
                "pk", flat=True
            )
        )
        left = tuple(one for one in left if one.message_id in still)
    return left


def _where(customer_id: int, channel: str) -> dict:
    # Every channel that goes by this consent, also one that writes to no contact point.
    channels = [name for name, route in ROUTES.items() if channel in (route.consent, Channel.ANY)]
    # An old link names a record that was merged: what waits is written to the person, or to any record of theirs.
    records = records_of(standing([customer_id]).get(customer_id, customer_id))
    return {"customers": records, "channels": channels, "places": places_of(records, channels)}
