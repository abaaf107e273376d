"""Throws away what its rule says is too old, as the owner: whole month partitions of events, rows of other tables.

Append-only tables are never touched: what proves something is kept. A legal hold stops a table, whatever its rule says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connections, transaction
from django.utils import timezone
from psycopg import sql

from accounts.services import audit
from customers.exceptions import RetentionRefused
from customers.models import LegalHold, RetentionRule, RetentionRun
from customers.queries import retention as queries
from customers.services.partitions import PARENT, following_month

BATCH = 5000  # rows a transaction: some 50 ms of locks
PARTITIONS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass AND c.relname ~ '_[0-9]{4}_[0-9]{2}$' ORDER BY 1
"""
TABLE = """
SELECT obj_description(c.oid, 'pg_class'), array_agg(a.attname::text)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = to_regclass(%s) GROUP BY c.oid
"""


@dataclass(frozen=True)
class Due:
    """What of one table is too old: partitions by name, or a number of rows. `hold` says why it must stay."""

    rule: RetentionRule
    cutoff: datetime
    unit: str
    due: int
    names: tuple[str, ...]
    hold: str


def due(at: datetime | None = None) -> Iterator[Due]:
    """Rule by rule. Counts what is due, so it is for a command. Raises RetentionRefused for a rule that cannot be kept."""
    at = at or timezone.now()
    for rule in queries.rules():
        yield _due(rule, at - timedelta(days=rule.keep_days))


def _due(rule: RetentionRule, cutoff: datetime) -> Due:
    hold = queries.hold_on(rule.table)
    kept_by = hold.reason if hold else ""
    with connections["owner"].cursor() as cursor:
        _check(cursor, rule)
        if rule.table == PARENT:
            cursor.execute(PARTITIONS, [PARENT])
            names = tuple(name for (name,) in cursor.fetchall() if _ends(name) <= cutoff)
            return Due(rule, cutoff, "partitions", len(names), names, kept_by)
        cursor.execute(
            sql.SQL("SELECT count(*) FROM {} WHERE ").format(sql.Identifier(rule.table)) + _old(rule), [cutoff]
        )
        return Due(rule, cutoff, "rows", cursor.fetchone()[0], (), kept_by)


def _check(cursor, rule: RetentionRule) -> None:
    cursor.execute(TABLE, [f"public.{rule.table}"])
    row = cursor.fetchone()
    if row is None:
        raise RetentionRefused(rule.table, "table", "There is no such table; correct the rule.")
    comment, columns = row
    if (comment or "").startswith("append-only"):
        raise RetentionRefused(
            rule.table, "table", "It is append-only: what proves something is kept. Take the rule out."
        )
    for field in ("column", "only_where"):
        name = getattr(rule, field)
        if name and name not in columns:
            raise RetentionRefused(rule.table, field, f"The table has no column {name}; correct the rule.")


def _old(rule: RetentionRule) -> sql.Composable:
    condition = sql.SQL("{} < %s").format(sql.Identifier(rule.column))
    if rule.only_where:
        condition += sql.SQL(" AND {} IS NOT NULL").format(sql.Identifier(rule.only_where))
    return condition


def _ends(partition: str) -> datetime:
    """The end of a month partition, by its name: customers_event_2026_03 ends with March."""
    year, month = partition[-7:].split("_")
    return following_month(datetime(int(year), int(month), 1, tzinfo=UTC))


def note(found: Due) -> RetentionRun:
    """Keeps what a dry run found, for the page."""
    return RetentionRun.objects.using("owner").create(**_columns(found), removed=0)


def apply(found: Due) -> RetentionRun:
    """Throws away what was found due, unless a hold stands by now; the run and the audit trail say what went."""
    hold = queries.hold_on(found.rule.table)
    if hold is not None or found.hold:
        return note(found)
    removed = _drop(found) if found.unit == "partitions" else _delete(found)
    run = RetentionRun.objects.using("owner").create(**_columns(found), removed=removed)
    if removed:
        audit(
            None, "retention.applied", found.rule,
            after={"table": found.rule.table, "removed": removed, "unit": found.unit, "names": list(found.names),
                   "older_than": found.cutoff.isoformat()},
            reason=found.rule.why,
        )  # fmt: skip
    return run


def _columns(found: Due) -> dict:
    return {
        "table": found.rule.table,
        "cutoff": found.cutoff,
        "due": found.due,
        "unit": found.unit,
        "names": list(found.names),
        "held_by": found.hold,
    }


def _drop(found: Due) -> int:
    for name in found.names:
        # One at a time: each waits for the statements that read events, and nobody waits for all of them.
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    return len(found.names)


def _delete(found: Due) -> int:
    table = sql.Identifier(found.rule.table)
    statement = sql.SQL("DELETE FROM {} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {} WHERE ").format(table, table)
    statement += _old(found.rule) + sql.SQL(" LIMIT {}))").format(sql.Literal(BATCH))
    removed = 0
    while True:
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute(statement, [found.cutoff])
            removed += cursor.rowcount
            if cursor.rowcount < BATCH:
                return removed


def place_hold(*, table: str, reason: str, actor) -> LegalHold:
    """Keeps a table, or "*" all of them, from the next run on. Raises RetentionRefused naming the field."""
    known = {LegalHold.EVERYTHING, *queries.rules().values_list("table", flat=True)}
    if table not in known:
        raise RetentionRefused(table, "table", "No rule throws anything of it away; choose a table of the list.")
    if not reason.strip():
        raise RetentionRefused(table, "reason", "Say which case or order asks for it.")
    with transaction.atomic():
        hold = LegalHold.objects.create(table=table, reason=reason.strip(), placed_by=actor)
        audit(actor, "hold.placed", hold, after={"table": table}, reason=hold.reason)
    return hold


def lift_hold(hold_id: int, *, reason: str, actor) -> bool:
    """Lets the table's rule hold again; False when somebody lifted it before. Raises RetentionRefused without a reason."""
    if not reason.strip():
        raise RetentionRefused("", "reason", "Say why it is no longer needed.")
    with transaction.atomic():
        lifted = LegalHold.objects.filter(pk=hold_id, lifted_at=None).update(lifted_at=timezone.now(), lifted_by=actor)
        if lifted:
            hold = LegalHold.objects.get(pk=hold_id)
            audit(actor, "hold.lifted", hold, before={"table": hold.table}, reason=reason.strip())
    return bool(lifted)
