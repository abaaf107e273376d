"""The month partitions of events. Made by the owner, ahead of time; what comes for no month lands in the default one."""

from datetime import UTC, datetime, timedelta

from django.db import connections, transaction
from django.utils import timezone
from psycopg import sql

PARENT = "customers_event"
AHEAD_MONTHS = 3  # a forgotten cron job has a quarter to be noticed; the default partition loses nothing even then


def month_start(at: datetime) -> datetime:
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def following_month(start: datetime) -> datetime:
    return month_start(start + timedelta(days=32))


def ensure(since: datetime | None = None, until: datetime | None = None) -> list[str]:
    """Makes every missing month partition from `since` (now) to `until` (three months ahead); returns the new names.

    Rows that already wait in the default partition move into the new one in the same transaction.
    """
    now = timezone.now()
    month = month_start(since or now)
    last = month_start(until or now + timedelta(days=31 * AHEAD_MONTHS))
    made = []
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        # Two callers at once would both see the month missing.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('customers_event partitions'))")
        while month <= last:
            name = f"{PARENT}_{month:%Y_%m}"
            cursor.execute("SELECT to_regclass(%s) IS NULL", [f"public.{name}"])
            if cursor.fetchone()[0]:
                _make(cursor, name, month, following_month(month))
                made.append(name)
            month = following_month(month)
    return made


def _make(cursor, name: str, since: datetime, until: datetime) -> None:
    table, parent, rest = sql.Identifier(name), sql.Identifier(PARENT), sql.Identifier(f"{PARENT}_default")
    bounds = {"table": table, "parent": parent, "rest": rest, "since": since.isoformat(), "until": until.isoformat()}
    statements = [
        "CREATE TABLE {table} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        "WITH moved AS (DELETE FROM {rest} WHERE occurred_at >= {since} AND occurred_at < {until} RETURNING *) "
        "INSERT INTO {table} SELECT * FROM moved",
        "ALTER TABLE {parent} ATTACH PARTITION {table} FOR VALUES FROM ({since}) TO ({until})",
    ]
    for statement in statements:
        cursor.execute(sql.SQL(statement).format(**bounds))
