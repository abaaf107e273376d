"""Reads about staff."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet
from psycopg.pq import TransactionStatus

from accounts.contracts import TrailFilter
from accounts.models import ApiKey, AuditEntry, ExportRequest, User

OWN_SHOWN = 5  # requests for an export beside the form that asks


def see_as(reach: str | None) -> None:
    """From here on this thread's connection sees the rows of `reach` (accounts.contracts); None: what it was opened with.

    Whoever calls it answers for the way back: config's middleware after each request, `seen_as` at the end of its block,
    and the pool before it hands a connection on.
    """
    connection.ensure_connection()
    raw = connection.connection
    if raw.info.transaction_status == TransactionStatus.INERROR:
        return  # the rollback to come brings back what was before it
    if reach is None:
        raw.execute("RESET attune.merchant")
    else:
        raw.execute("SELECT set_config('attune.merchant', %s, false)", [reach])


@contextmanager
def seen_as(reach: str) -> Iterator[None]:
    """For a command or task that works for one merchant: nothing of the others, until the end of the block."""
    see_as(reach)
    try:
        yield
    finally:
        see_as(None)


def audit_trail(asked: TrailFilter) -> QuerySet[AuditEntry]:
    """Newest first, narrowed by what is not empty."""
    rows = AuditEntry.objects.select_related("actor").order_by("-at", "-id")
    narrow = {
        "actor__username": asked.actor,
        "action__startswith": asked.action,
        "object_type": asked.object_type,
        "object_id": asked.object_id,
        "at__gte": asked.since,
        "at__lt": asked.until,
    }
    return rows.filter(**{name: value for name, value in narrow.items() if value})


def cursor_of(entry: AuditEntry) -> str:
    """The place of an entry in the trail, for the link to what comes after it."""
    return f"{entry.at.isoformat()}~{entry.pk}"


def older_than(rows: QuerySet[AuditEntry], cursor: str) -> QuerySet[AuditEntry]:
    """What comes after the cursor; all of it for a cursor that nobody made."""
    text, _, pk = cursor.partition("~")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return rows
    if at.tzinfo is None or not pk.isdecimal() or len(pk) > 18:
        return rows
    # The first condition alone is what the index can use.
    return rows.filter(at__lte=at).filter(Q(at__lt=at) | Q(id__lt=int(pk)))


def exports(user: User | None = None) -> QuerySet[ExportRequest]:
    """Requests to take rows along, newest first: everybody's, or one person's own."""
    rows = ExportRequest.objects.select_related("asked_by", "decided_by").order_by("-id")
    return rows if user is None else rows.filter(asked_by=user)


def own_exports(user: User, kind: str, **narrowed) -> list[ExportRequest]:
    """The newest requests of this person for one kind of rows, as a page shows them beside the form that asks."""
    return list(exports(user).filter(kind=kind, **narrowed)[:OWN_SHOWN])


def api_keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.select_related("user").order_by("revoked_at", "-id")
