"""How a plan that nobody has saved would meet its people: whom a cap holds back, and whom the night delays. Counts only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from campaigns.contracts import Cap
from campaigns.queries.audience import CAPPED, HEARD
from campaigns.queries.places import moment, zone_of
from campaigns.queries.recipients import Person
from campaigns.queries.segments import make_room, members
from customers.queries.packs import pack

# By place and channel: how many live there, and how many of them a cap holds back.
FORESEE = f"""
WITH channel AS (SELECT * FROM unnest(%(channels)s::text[]) AS c(channel)),
{CAPPED.format(people="foreseen_audience member", counted="true")}
SELECT channel.channel, cu.timezone, cu.jurisdiction, count(*), count(capped.customer_id)
FROM foreseen_audience f
JOIN customers_customer cu ON cu.id = f.customer_id AND cu.erased_at IS NULL AND cu.merged_into_id IS NULL
CROSS JOIN channel
LEFT JOIN capped ON capped.customer_id = f.customer_id AND capped.channel = channel.channel
GROUP BY 1, 2, 3
"""  # noqa: S608 - constants


@dataclass(frozen=True)
class Foreseen:
    """One channel. `asleep`: of those whom no cap holds back; `until`: when the last of them wakes."""

    channel: str
    people: int
    capped: int
    asleep: int
    until: datetime | None


@dataclass(frozen=True)
class Asked:
    """What decides it of a plan. `at`: the moment for all; `local_at`: what each clock shows instead."""

    channels: list[str]
    caps: list[Cap]
    at: datetime
    local_at: str = ""
    keeps_email_quiet: bool = False


def foresee(segments, asked: Asked) -> list[Foreseen]:
    """Of everybody in these segments, each once, in the order of the channels. Inside a transaction; writes a table of its
    own there. Caps count from the planned moment: what others will send until then is not known.
    """
    with connection.cursor() as cursor:
        make_room(cursor)
        cursor.execute("DROP TABLE IF EXISTS pg_temp.foreseen_audience")
        cursor.execute("CREATE TEMP TABLE foreseen_audience (customer_id bigint PRIMARY KEY) ON COMMIT DROP")
        for segment in segments:
            sql, parameters = members(segment).order_by().values("id").query.sql_with_params()
            cursor.execute(
                f"INSERT INTO foreseen_audience SELECT found.id FROM ({sql}) found ON CONFLICT DO NOTHING",  # noqa: S608
                parameters,
            )
        cursor.execute("ANALYZE foreseen_audience")
        cursor.execute(
            FORESEE,
            {
                "channels": asked.channels,
                "now": asked.at,
                "heard": HEARD,
                "cap_channels": [cap.channel for cap in asked.caps],
                "cap_messages": [cap.messages for cap in asked.caps],
                "cap_since": [asked.at - timedelta(days=cap.days) for cap in asked.caps],
            },
        )
        rows = cursor.fetchall()
    return [_of_channel(channel, asked, [row[1:] for row in rows if row[0] == channel]) for channel in asked.channels]


def _of_channel(channel: str, asked: Asked, places: list[tuple[str, str, int, int]]) -> Foreseen:
    """From (time zone, jurisdiction, people, of them capped): people of one place sleep alike."""
    asleep, until = 0, None
    for zone, law, people, capped in places:
        begins = max(asked.at, moment(asked.local_at, zone_of(zone, law))) if asked.local_at else asked.at
        wakes = Person("", "en", zone, pack(law)).awake_from(begins, channel, also_email=asked.keeps_email_quiet)
        if wakes > begins and people > capped:
            asleep += people - capped
            until = max(until or wakes, wakes)
    return Foreseen(channel, sum(row[2] for row in places), sum(row[3] for row in places), asleep, until)
