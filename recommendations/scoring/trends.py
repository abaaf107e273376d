"""What rises in the shop: two windows of four weeks, people counted, chance left out."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from customers.services.seal import open_words
from recommendations.contracts import CATEGORY, SEARCH
from recommendations.ml.trends import rising
from recommendations.queries import behaviour

WEEKS, WINDOW_WEEKS = 8, 4
KEPT = 30
# A word that fewer people typed could name one of them; it is never written down.
LEAST_SEARCHERS = 10

Weekly = dict[str, dict[int, set[int]]]  # name: week: people


def trend_rows(until: datetime) -> Iterator[tuple]:
    """Rows of Trend, as `services.trends.TREND_COLUMNS`."""
    since = until - timedelta(weeks=WEEKS)
    sold: Weekly = defaultdict(dict)
    for name, week, people in behaviour.sales_by_type(since=since, until=until, weeks=WEEKS):
        sold[name][week] = set(people)
    yield from _rows(CATEGORY, sold, until, least=0)
    yield from _rows(SEARCH, _searched(since, until), until, least=LEAST_SEARCHERS)


def _rows(kind: str, weekly: Weekly, until: datetime, least: int) -> Iterator[tuple]:
    earlier, later = range(1, WEEKS - WINDOW_WEEKS + 1), range(WEEKS - WINDOW_WEEKS + 1, WEEKS + 1)
    counts, shoppers = [], [set(), set()]
    for name, weeks in weekly.items():
        now, before = _people(weeks, later), _people(weeks, earlier)
        shoppers[0] |= now
        shoppers[1] |= before
        if len(now | before) >= least:
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


def _searched(since: datetime, until: datetime) -> Weekly:
    """Opened in memory, counted, forgotten: no word leaves this file before enough people have typed it."""
    found: Weekly = defaultdict(lambda: defaultdict(set))
    rows = list(behaviour.searches(since=since, until=until, weeks=WEEKS))
    opened = open_words((customer_id, sealed) for customer_id, _, sealed in rows)
    for (customer_id, week, _), words in zip(rows, opened, strict=True):
        if term := " ".join(words.get("query", "").lower().split()):
            found[term][week].add(customer_id)
    return found
