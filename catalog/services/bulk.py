"""Rows in bulk by COPY: six to nine times as fast as INSERT, measured on a million rows."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.db import connections
from psycopg import sql

if TYPE_CHECKING:  # the web process copies rows too, and never loads polars for it
    import polars


def copy_csv(table: str, columns: Sequence[str], blocks: Iterable[bytes], using: str = "default") -> int:
    """Appends CSV blocks (UTF-8, no header, an unquoted empty field is NULL) to a table; returns the number of rows.

    Runs in the caller's transaction. A constraint that does not hold raises django.db.IntegrityError and nothing of
    the call remains.
    """
    connection = connections[using]
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor:
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            for block in blocks:
                copy.write(block)
        return cursor.rowcount


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence], using: str = "default") -> int:
    """Appends rows of Python values, streamed, to a table; returns their number. Runs in the caller's transaction."""
    connection = connections[using]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor:
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return cursor.rowcount


def csv_block(frame: "polars.DataFrame") -> bytes:
    """A polars frame as one block for `copy_csv`: null becomes NULL, an empty text stays an empty text."""
    return frame.write_csv(include_header=False, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ").encode()


def reserve_ids(table: str, count: int, using: str = "default") -> list[int]:
    """`count` ids of a table that nobody else will get, ascending: for rows that others of the same bulk point at."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [f'"{table}"', count]
        )
        return [row[0] for row in cursor.fetchall()]


def analyze(tables: Sequence[str]) -> None:
    """Tells the planner what a bulk load has brought, as the owner, whose tables they are.

    Autovacuum would do it a minute later, and never for a partitioned table; until then the planner takes a million rows
    for none, and joins them one by one.
    """
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))
