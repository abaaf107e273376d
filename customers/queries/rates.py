"""How consent moves: who came, who left and how many stand, week by week, from the ledger itself."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

from customers.contracts import ALLOWING

WEEKS = 26
# A "no" on channel `any` speaks for every channel of its purpose, as in the projection. What was only asked is no word.
MOVES = """
WITH keys AS (
    SELECT DISTINCT customer_id, purpose, channel FROM customers_consentrecord WHERE customer_id IS NOT NULL
), said AS (
    SELECT k.purpose, k.channel, r.recorded_at, r.action = ANY(%(yes)s) AS is_yes,
           lag(r.action = ANY(%(yes)s)) OVER (PARTITION BY k.customer_id, k.purpose, k.channel ORDER BY r.id) AS was_yes
    FROM keys k
    JOIN customers_consentrecord r ON r.customer_id = k.customer_id AND r.purpose = k.purpose
     AND (r.channel = k.channel OR r.channel = 'any' AND NOT r.action = ANY(%(yes)s))
    WHERE r.action <> 'requested'
)
SELECT purpose, channel, GREATEST(date_trunc('week', recorded_at, 'UTC'), %(since)s) AS week,
       count(*) FILTER (WHERE is_yes AND was_yes IS NOT TRUE AND recorded_at >= %(since)s),
       count(*) FILTER (WHERE NOT is_yes AND was_yes AND recorded_at >= %(since)s),
       count(*) FILTER (WHERE NOT is_yes AND was_yes IS NULL AND recorded_at >= %(since)s),
       count(*) FILTER (WHERE is_yes AND was_yes IS NOT TRUE AND recorded_at < %(since)s)
         - count(*) FILTER (WHERE NOT is_yes AND was_yes AND recorded_at < %(since)s)
FROM said GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Week:
    """came: said yes anew; left: took it back; refused: said no when first asked; standing: a yes at its end."""

    start: datetime
    came: int
    left: int
    refused: int
    standing: int

    @property
    def consent_rate(self) -> float | None:
        """Of those who answered for the first time or anew, the share who said yes."""
        asked = self.came + self.refused
        return self.came / asked if asked else None

    @property
    def opt_out_rate(self) -> float | None:
        """Of those who stood at the beginning or came, the share who left."""
        there = self.standing + self.left
        return self.left / there if there else None


@dataclass(frozen=True, slots=True)
class Series:
    purpose: str
    channel: str
    weeks: tuple[Week, ...]


def rates(weeks: int = WEEKS, until: datetime | None = None) -> list[Series]:
    """By purpose and channel, `weeks` calendar weeks (from Monday, UTC) up to that of `until` (now), which may be running.

    Reads the ledger once, whatever its length: some seconds a million records.
    """
    until = until or timezone.now()
    monday = datetime(until.year, until.month, until.day, tzinfo=UTC) - timedelta(days=until.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)]
    moves: dict[tuple[str, str], dict[datetime, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
    with connection.cursor() as cursor:
        cursor.execute(MOVES, {"yes": sorted(map(str, ALLOWING)), "since": starts[0]})
        for purpose, channel, week, *counts in cursor.fetchall():
            kept = moves[purpose, channel][week]
            for place, count in enumerate(counts):
                kept[place] += count
    return [Series(*key, _weeks(starts, found)) for key, found in sorted(moves.items())]


def _weeks(starts: list[datetime], found: dict[datetime, list[int]]) -> tuple[Week, ...]:
    standing, weeks = 0, []
    for start in starts:
        came, left, refused, before = found.get(start, (0, 0, 0, 0))
        standing += before + came - left
        weeks.append(Week(start, came, left, refused, standing))
    return tuple(weeks)
