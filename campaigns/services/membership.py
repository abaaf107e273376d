"""Keeps who is in which segment: only people of whom something changed are asked again, and once a night everybody.

What changed is written down by the database (migration changed_people). What time alone changes, a window that lets go of an
order or a birthday of an expected date, is found by its edge: between two refreshes it passes over a stretch of time, and
only people with a row in that stretch can have changed. So a refresh never scans, and yields what a rebuild would.
"""

import logging
from datetime import datetime, timedelta

from django.db import DataError, connection, transaction
from django.utils import timezone

from campaigns.exceptions import RuleRefused
from campaigns.models import ChangedPerson, Segment, SegmentMove
from campaigns.queries.segments import crossed, make_room, members, windows_of

log = logging.getLogger(__name__)

# Notes taken out at once. Who saves a segment waits for at most one batch, and larger ones gain nothing: benchmarks.segments
# counted 1,300 to 2,100 people a second from 500 to 10,000, without a trend (ten segments, 200,000 people, 4 million events).
BATCH = 2_500
# With more of the people changed than this share everybody is asked once instead. The same benchmark and store: changes of
# 5 % of the people took 7.8 s, of 10 % 14.9 s, a rebuild 10.3 s, which is as long as 6 % do. A store of 20,000 said 5 %: a
# rebuild costs what there is.
REBUILD_SHARE = 0.05
MOVES_KEPT = timedelta(days=35)
# Two refreshes at once would do the same work twice; the number is arbitrary and ours alone.
LOCK = 7_301_204

TAKE = """
DELETE FROM campaigns_changedperson WHERE id IN (SELECT id FROM campaigns_changedperson ORDER BY id LIMIT %s)
RETURNING customer_id
"""
HOW_MANY = "SELECT count(*) FROM (SELECT 1 FROM campaigns_changedperson LIMIT %s) x"
ABOUT_ALL = "SELECT GREATEST(reltuples, 0)::bigint FROM pg_class WHERE oid = 'customers_customer'::regclass"
# Who came and who left, in one statement. `asked` limits whom of the present members it may let go.
SETTLE = """
WITH found AS MATERIALIZED ({found}),
gone AS (
    DELETE FROM campaigns_segmentmember m
    WHERE m.segment_id = %s {asked} AND NOT EXISTS (SELECT FROM found f WHERE f.id = m.customer_id)
    RETURNING m.customer_id
), come AS (
    INSERT INTO campaigns_segmentmember (segment_id, customer_id, entered_at)
    SELECT %s, f.id, %s FROM found f
    WHERE NOT EXISTS (SELECT FROM campaigns_segmentmember m WHERE m.segment_id = %s AND m.customer_id = f.id)
    RETURNING customer_id
), noted AS (
    INSERT INTO campaigns_segmentmove (segment_id, customer_id, is_entry, at)
    SELECT %s, customer_id, true, %s FROM come WHERE %s UNION ALL SELECT %s, customer_id, false, %s FROM gone WHERE %s
)
SELECT (SELECT count(*) FROM come), (SELECT count(*) FROM gone)
"""


def refresh(*, now: datetime | None = None) -> dict[int, tuple[int, int]]:
    """Brings the members of every segment to `now`; (came, left) of each that moved. Stops while another one is under way.

    Whoever changed is asked at `now` as well, before the others: what crosses an edge until then is asked once more.
    """
    now = now or timezone.now()
    moved: dict[int, tuple[int, int]] = {}
    _give_up_on_many()
    while _ask_changed(now, moved) == BATCH:
        continue
    for pk in Segment.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            if not _alone():
                return moved
            for segment in _locked(pk=pk):
                _try(segment, moved, lambda one: _bring(one, now))
    return moved


def rebuild(segment_id: int, *, now: datetime | None = None) -> tuple[int, int]:
    """Asks everybody; (came, left)."""
    moved: dict[int, tuple[int, int]] = {}
    with transaction.atomic():
        for segment in _locked(pk=segment_id):
            segment.rebuilt_at = None
            _try(segment, moved, lambda one: _bring(one, now or timezone.now()))
    return moved.get(segment_id, (0, 0))


def nightly(*, now: datetime | None = None) -> dict[int, tuple[int, int]]:
    """A rebuild of every segment: what a dropped month of events took along writes no change. Old moves are forgotten."""
    now = now or timezone.now()
    SegmentMove.objects.filter(at__lt=now - MOVES_KEPT).delete()
    Segment.objects.update(rebuilt_at=None)
    return refresh(now=now)


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return cursor.fetchone()[0]


def _locked(**which) -> list[Segment]:
    """In the order of ids, as every writer of several segments takes them: a rule stays what it is until the commit."""
    return list(Segment.objects.select_for_update(no_key=True).filter(**which).order_by("pk"))


def _give_up_on_many() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ABOUT_ALL)
        most = max(BATCH, round(cursor.fetchone()[0] * REBUILD_SHARE))
        cursor.execute(HOW_MANY, [most + 1])
        if cursor.fetchone()[0] > most and _alone():
            ChangedPerson.objects.all().delete()
            Segment.objects.filter(pk__in=[one.pk for one in _locked()]).update(rebuilt_at=None)


def _ask_changed(now: datetime, moved: dict) -> int:
    """Takes a batch of changes out and asks about these people in every segment: all of it stands, or none."""
    with transaction.atomic():
        if not _alone():
            return 0
        with connection.cursor() as cursor:
            cursor.execute(TAKE, [BATCH])
            rows = cursor.fetchall()
        among = sorted({pk for (pk,) in rows})
        for segment in _locked(fresh_at__isnull=False, rebuilt_at__isnull=False) if among else ():
            _try(segment, moved, lambda one: _settle(one, now, among))
    return len(rows)


def _bring(segment: Segment, now: datetime) -> tuple[int, int]:
    """To `now`: by what crossed an edge since, or whole where its members are not kept or everybody has to be asked."""
    came, left = 0, 0
    if segment.fresh_at is None:
        SegmentMove.objects.filter(segment=segment).delete()
    if segment.fresh_at is None or segment.rebuilt_at is None:
        came, left = _settle(segment, now, None, noted=segment.fresh_at is not None)
        segment.rebuilt_at = now
    else:
        was, until = sorted((segment.fresh_at, now))  # a clock may be set back
        among = sorted({pk for window in windows_of(segment) for pk in crossed(window, was, until).iterator()})
        for start in range(0, len(among), BATCH):
            more = _settle(segment, now, among[start : start + BATCH])
            came, left = came + more[0], left + more[1]
    Segment.objects.filter(pk=segment.pk).update(fresh_at=now, rebuilt_at=segment.rebuilt_at, trouble="")
    return came, left


def _settle(segment: Segment, now: datetime, among: list[int] | None, *, noted: bool = True) -> tuple[int, int]:
    """(came, left) of these people (None: everybody). `noted`: the moves are kept; those of a new rule say nothing."""
    found, parameters = members(segment, now=now, among=among).order_by().values("id").query.sql_with_params()
    asked = "" if among is None else "AND m.customer_id = ANY(%s::bigint[])"
    own = [segment.pk] if among is None else [segment.pk, among]
    with connection.cursor() as cursor:
        if among is None:
            make_room(cursor)
        cursor.execute(
            SETTLE.format(found=found, asked=asked),
            [*parameters, *own, segment.pk, now, segment.pk, segment.pk, now, noted, segment.pk, now, noted],
        )
        return cursor.fetchone()


def _try(segment: Segment, moved: dict, step) -> None:
    """One segment that cannot be asked is said to be so, and holds up no other; it is built whole when it can be again."""
    try:
        with transaction.atomic():
            came, left = step(segment)
    except (RuleRefused, DataError) as fault:
        log.warning("segment %s cannot be refreshed: %s", segment.pk, type(fault).__name__)
        words = str(fault) if isinstance(fault, RuleRefused) else "The database cannot work this rule out."
        Segment.objects.filter(pk=segment.pk).update(fresh_at=None, trouble=words[:300])
        return
    if came or left:
        before = moved.get(segment.pk, (0, 0))
        moved[segment.pk] = (before[0] + came, before[1] + left)
