"""Reads of who is kept in segments: pages ask for these and never work a rule out. What counts is for workers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from campaigns.models import PeopleList, Segment, SegmentMember, SegmentMove, SegmentSize
from campaigns.queries.segments import make_room
from customers.models import Customer, ImportBatch
from customers.queries.consent import contactable

CHANNELS = {"email": "e-mail", "sms": "SMS", "push": "push"}
SAMPLE = 10
NIGHTS = 60  # of the history that a page shows
MOST_OVERLAPPING = 5  # segments at once: thirty-one parts are as many as a picture holds

# Came: was out at `since` and is in now. By the first and the last of somebody's moves; reads index segment_move_person.
MOVEMENT = """
SELECT count(*) FILTER (WHERE first AND last), count(*) FILTER (WHERE NOT first AND NOT last) FROM (
    SELECT (array_agg(is_entry ORDER BY id))[1] AS first, (array_agg(is_entry ORDER BY id DESC))[1] AS last
    FROM campaigns_segmentmove WHERE segment_id = %s AND at >= %s GROUP BY customer_id
) x
"""
# The rule is worked out once, whatever is asked of its people.
NUMBERS = """
WITH found AS MATERIALIZED ({found})
SELECT (SELECT count(*) FROM found), ARRAY(SELECT id FROM found ORDER BY random() LIMIT %s), {reach}
"""
# One pass over the members of all: the bits say in which segments somebody is. Reads the primary key.
OVERLAP = """
SELECT mask, count(*) FROM (
    SELECT bit_or(1 << (array_position(%(segments)s::bigint[], segment_id) - 1)) AS mask FROM campaigns_segmentmember
    WHERE segment_id = ANY(%(segments)s::bigint[]) GROUP BY customer_id
) x GROUP BY mask
"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many people, how many of them each channel may write to, and a few of them drawn by chance, by id."""

    size: int
    reach: dict[str, int]
    sample: list[int]


@dataclass(frozen=True, slots=True)
class Night:
    """A segment on one night. `is_comparable`: by the same rule as the newest."""

    day: date
    size: int
    reachable: int | None
    entered: int
    left: int
    is_comparable: bool


@dataclass(frozen=True, slots=True)
class Part:
    """People who are in exactly these segments, by their places, and in none of the others."""

    places: tuple[int, ...]
    people: int


def kept(segment: Segment) -> QuerySet[Customer]:
    """The people of the segment as of its last refresh."""
    rows = SegmentMember.objects.filter(segment=segment.pk)
    return Customer.objects.present().filter(pk__in=rows.values("customer_id"))


def numbers(people: QuerySet[Customer]) -> Numbers:
    """What a page shows of these people, from one pass over them. Counts: for a worker."""
    found, parameters = people.order_by().values("id").query.sql_with_params()
    columns, more = [], []
    for channel in CHANNELS:
        sql, own = contactable("marketing", channel).order_by().values("id").query.sql_with_params()
        columns.append(f"(SELECT count(*) FROM found WHERE id IN ({sql}))")  # noqa: S608 - compiled by the ORM
        more += own
    with transaction.atomic(), connection.cursor() as cursor:
        make_room(cursor)
        cursor.execute(NUMBERS.format(found=found, reach=", ".join(columns)), [*parameters, SAMPLE, *more])
        size, sample, *reach = cursor.fetchone()
    return Numbers(size, dict(zip(CHANNELS, reach, strict=True)), sample)


def shown(ids: Iterable[int]) -> list[Customer]:
    """These people with their profiles, who are still there, in the order of their ids."""
    return list(Customer.objects.present().filter(pk__in=list(ids)).select_related("profile").order_by("pk"))


def movement(segment_id: int, *, since: datetime) -> tuple[int, int]:
    """(came, left): who is in now and was not then, and the reverse. Counts: for a worker."""
    with connection.cursor() as cursor:
        cursor.execute(MOVEMENT, [segment_id, since])
        return cursor.fetchone()


def moves(segment_id: int, *, is_entry: bool, since: datetime) -> QuerySet[SegmentMove]:
    """The moves that movement counts, the newest first: of who is in now (or out) and was not then."""
    own = SegmentMove.objects.filter(segment=segment_id, customer=OuterRef("customer_id"), at__gte=since)
    first = Subquery(own.order_by("id").values("is_entry")[:1])
    rows = SegmentMove.objects.filter(~Exists(own.filter(id__gt=OuterRef("id"))), segment=segment_id, at__gte=since)
    return rows.filter(is_entry=is_entry).annotate(first=first).filter(first=is_entry).order_by("-id")


def nights(segment: Segment) -> list[Night]:
    """The sizes of the last nights, the oldest first."""
    rows = SegmentSize.objects.filter(segment=segment).order_by("-day")[:NIGHTS]
    return [
        Night(row.day, row.size, row.reachable.get("email"), row.entered, row.left, row.version == segment.version)
        for row in reversed(rows)
    ]


def overlap(segment_ids: list[int]) -> list[Part]:
    """Every part of these segments with people, the largest first. Counts: for a worker."""
    with connection.cursor() as cursor:
        cursor.execute(OVERLAP, {"segments": segment_ids})
        rows = cursor.fetchall()
    parts = [Part(tuple(i for i in range(len(segment_ids)) if mask >> i & 1), people) for mask, people in rows]
    return sorted(parts, key=lambda part: (-part.people, part.places))


def lists() -> QuerySet[PeopleList]:
    return PeopleList.objects.select_related("batch", "seed", "created_by").order_by("-pk")


def unlisted_files() -> list[ImportBatch]:
    """Imports that stand and whose people were to be kept together, but are no list yet."""
    rows = ImportBatch.objects.filter(state=ImportBatch.State.LOADED, options__has_key="list")
    return list(rows.exclude(pk__in=PeopleList.objects.filter(batch__isnull=False).values("batch_id")).order_by("pk"))


def segments_of(customer_id: int) -> list[Segment]:
    """The segments that somebody is in as of their last refresh, by name."""
    rows = SegmentMember.objects.filter(customer=customer_id)
    return list(Segment.objects.filter(pk__in=rows.values("segment_id")).order_by("name"))
