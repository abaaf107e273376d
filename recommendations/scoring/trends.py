"""What rises in the shop: two windows of four weeks, people counted, chance left out."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from customers.services.searches import RARE, Weekly, searched
from recommendations.contracts import CATEGORY, SEARCH
from recommendations.ml.trends import rising
from recommendations.queries import behaviour

WEEKS, WINDOW_WEEKS = 8, 4
KEPT = 30
# A word that fewer people typed could name one of them; it is never written down.
LEAST_SEARCHERS = 10


def trend_rows(until: datetime) -> Iterator[tuple]:
    """Rows of Trend, as `services.trends.TREND_COLUMNS`."""
    since = until - timedelta(weeks=WEEKS)
    sold: Weekly = defaultdict(dict)
    for name, week, people in behaviour.sales_by_type(since=since, until=until):
        sold[name][week] = set(people)
    yield from _rows(CATEGORY, sold, until)
    yield from _rows(SEARCH, searched(since=since, until=until, least=LEAST_SEARCHERS), until)


def _rows(kind: str, weekly: Weekly, until: datetime) -> Iterator[tuple]:
    earlier, later = range(1, WEEKS - WINDOW_WEEKS + 1), range(WEEKS - WINDOW_WEEKS + 1, WEEKS + 1)
    counts, shoppers = [], [set(), set()]
    for name, weeks in weekly.items():
        now, before = _people(weeks, later), _people(weeks, earlier)
        shoppers[0] |= now
        shoppers[1] |= before
        if name != RARE:
            counts.append((name, len(now), len(before)))
    found = rising(counts, len(shoppers[0]), len(shoppers[1]))[:KEPT]
    for rank, rise in enumerate(found, start=1):
        by_week = [len(weekly[rise.name].get(week, ())) for week in range(1, WEEKS + 1)]
        yield (
            kind, rise.name[:120], rank, until - timedelta(weeks=WINDOW_WEEKS), until, rise.people, rise.before,
            len(shoppers[0]), rise.change, rise.chance, json.dumps(by_week),
        )  # fmt: skip


def _people(weeks: dict[int, set[int]], wanted: Iterable[int]) -> set[int]:
    return set().union(*(weeks.get(week, ()) for week in wanted))
