"""A send as it goes: how fast, what hangs, and each message without its address."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from campaigns.models import Message
from campaigns.state import MessageState

LAST = 1000  # messages that the present speed is read from: twenty seconds at the usual pace
UNKNOWN_SHOWN = 50


# What is open, by channel: all of it is in the partial indexes message_waiting and message_leased.
OPEN = """
SELECT channel, count(*) FILTER (WHERE waits = 'held'), count(*) FILTER (WHERE waits = 'due'),
       count(*) FILTER (WHERE waits = 'wave'), count(*) FILTER (WHERE waits = 'asleep'),
       count(*) FILTER (WHERE waits = 'put off'), min(not_before) FILTER (WHERE waits IN ('asleep', 'put off', 'by clock')),
       count(*) FILTER (WHERE waits = 'by clock')
FROM (
    SELECT m.channel, m.not_before,
           CASE WHEN m.state = 'sending' THEN 'held' WHEN m.wave > c.wave THEN 'wave'
                WHEN m.not_before <= statement_timestamp() THEN 'due'
                WHEN m.reason = 'quiet_hours' THEN 'asleep'
                WHEN m.reason = 'local_time' THEN 'by clock' ELSE 'put off' END AS waits
    FROM campaigns_message m JOIN campaigns_campaign c ON c.id = m.campaign_id
    WHERE m.campaign_id = %s AND m.state IN ('queued', 'sending')
) row GROUP BY channel ORDER BY channel
"""


@dataclass(frozen=True)
class Lane:
    """What of one channel is still open, and what it waits for."""

    channel: str
    held: int  # by a worker, at this moment
    due: int
    in_later_waves: int
    asleep: int  # quiet hours
    put_off: int  # by the server: greylisting, too fast
    next_at: datetime | None  # of those that wait for a time
    by_clock: int = 0  # until the hour at their place

    @property
    def open(self) -> int:
        return self.held + self.due + self.in_later_waves + self.asleep + self.put_off + self.by_clock


@dataclass(frozen=True)
class Pace:
    per_second: float
    newest_at: datetime


def log(campaign_id: int, state: str = "") -> QuerySet[Message]:
    """Newest row first, to be paged below an id: reads index message_monitor when a state is asked for."""
    rows = Message.objects.filter(campaign_id=campaign_id).select_related("customer").order_by("-pk")
    return rows.filter(state=state) if state else rows


# The recipient log as a file: the platform's own id of each customer, never an address.
LOG_COLUMNS = ("message", "customer", "channel", "segment", "state", "reason", "tries", "queued_at", "sent_at")


def log_rows(campaign_id: int) -> Iterator[tuple]:
    """Every message of the campaign under LOG_COLUMNS, oldest first, streamed."""
    rows = Message.objects.filter(campaign_id=campaign_id).order_by("pk")
    fields = (
        "pk",
        "customer__external_id",
        "channel",
        "variant__segment__slug",
        "state",
        "reason",
        "tries",
        "queued_at",
        "sent_at",
    )
    for row in rows.values_list(*fields).iterator(chunk_size=2_000):
        yield tuple(value.isoformat() if isinstance(value, datetime) else value for value in row)


def lanes(campaign_id: int) -> list[Lane]:
    with connection.cursor() as cursor:
        cursor.execute(OPEN, [campaign_id])
        return [Lane(*row) for row in cursor.fetchall()]


def unknown(campaign_id: int) -> list[Message]:
    """What may have gone out without an answer, for whoever compares it with the provider's log."""
    return list(log(campaign_id, MessageState.UNKNOWN)[:UNKNOWN_SHOWN])


def pace(campaign_id: int, channel: str = "") -> Pace | None:
    """The speed of the last few messages, on one channel or on all; None before there are two."""
    rows = log(campaign_id, MessageState.SENT)
    times = sorted((rows.filter(channel=channel) if channel else rows).values_list("sent_at", flat=True)[:LAST])
    if len(times) < 2:
        return None
    # A send goes in bursts of a second: less than one tells nothing about the speed.
    seconds = max((times[-1] - times[0]).total_seconds(), 1.0)
    return Pace((len(times) - 1) / seconds, times[-1])
