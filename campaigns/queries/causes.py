"""Why messages did not go out, grouped by what an operator can act on: the provider's own code, never an address."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

# A reply of SMTP begins with its code and mostly has an enhanced one (RFC 3463); what other providers answered stands
# behind "answered", a text message's own code after the status.
CODE = r"""coalesce(substring(error from '^\d{3}(?: \d\.\d{1,3}\.\d{1,3})?'),
                    substring(error from 'answered (\d+(?:, \w+)?)'), '')"""
# Put off by a provider. Rows that wait for a morning or for their person's hour have not been answered anything.
PUT_OFF = "state = 'queued' AND error <> '' AND reason <> 'quiet_hours' AND not_before > now()"
CAUSES = f"""
SELECT state, channel, reason, code, count(*), min(error), min(not_before) FILTER (WHERE state = 'queued')
FROM (
    SELECT state, channel, CASE WHEN state = 'queued' THEN 'try_later' ELSE reason END AS reason, error, not_before,
           {CODE} AS code
    FROM campaigns_message
    WHERE campaign_id = %(campaign)s AND (state IN ('failed', 'skipped', 'unknown') OR %(put_off)s AND {PUT_OFF})
) row GROUP BY state, channel, reason, code ORDER BY count(*) DESC, state, channel, reason, code
"""  # noqa: S608 - all parts are constants


@dataclass(frozen=True)
class Cause:
    """Messages of one channel that were not sent, or not yet, and for the same reason."""

    state: str
    channel: str
    reason: str
    code: str  # "550 5.1.1", "400, 21610", "410"; "" where no provider said one
    count: int
    example: str  # the words of one of them: channels take addresses out before they are kept
    next_at: datetime | None  # when the first of them is tried again; None: none is


def causes(campaign_id: int, *, put_off: bool) -> list[Cause]:
    """The most frequent first. `put_off`: also what is tried again, which costs a look at all that waits.

    Reads by index message_monitor what was not sent, never what was.
    """
    with connection.cursor() as cursor:
        cursor.execute(CAUSES, {"campaign": campaign_id, "put_off": put_off})
        return [Cause(*row) for row in cursor.fetchall()]
