"""The worker's part of an import: reads the columns, runs it dry, loads it, block by block and from where it stopped.

A block of a load is one transaction with its rejects, what it brought, and how far the file has come: a killed worker
loses at most a block, and the next one goes on behind the last that stands. A dry run does the same work and takes each
block back, so it finds what the load would find; only what lies in two blocks it cannot see together.
"""

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from catalog.services.bulk import copy_rows
from customers.exceptions import ImportRefused
from customers.models import ImportBatch, ImportChunk, ImportedRow, ImportReject
from customers.services import import_files, import_members, import_people, import_purchases, import_social
from customers.services.import_fields import MEMBERS, PEOPLE, PURCHASES, SOCIAL
from customers.services.import_take import Line, Refusal, Taken, Way

log = logging.getLogger(__name__)
State = ImportBatch.State
BLOCK = 1000  # lines a transaction: below a second, and what a killed worker has to do again
LEASE = timedelta(minutes=2)  # far longer than a block
REJECTS_KEPT = 100_000  # of one file: a file with more is the wrong file
TAKE = {
    PEOPLE: import_people.take, PURCHASES: import_purchases.take, SOCIAL: import_social.take, MEMBERS: import_members.take,
}  # fmt: skip
UNDER_WAY = {State.TO_CHECK: State.CHECKING, State.TO_LOAD: State.LOADING}


class _TakenOver(Exception):
    """Another worker has gone on with this import: the lease had run out."""


def waiting() -> list[int]:
    """Imports that a worker may take, the oldest first: also those whose worker was lost."""
    lost = Q(state__in=UNDER_WAY.values(), claimed_until__lt=timezone.now())
    rows = ImportBatch.objects.filter(lost | Q(state__in=[State.RECEIVED, *UNDER_WAY]))
    return list(rows.order_by("pk").values_list("pk", flat=True))


def run(batch_id: int, path: Path | None = None, *, progress: Callable[[int], object] = lambda lines: None) -> bool:
    """Takes the step that the import waits for; False when somebody else has it. Raises nothing that a file can cause."""
    batch = _claim(batch_id)
    if batch is None:
        return False
    try:
        with import_files.opened(batch, path) as file:
            if batch.state == State.RECEIVED:
                _read_columns(batch, file)
            else:
                _go_through(batch, file, progress)
    except _TakenOver:
        return False
    except ImportRefused as refusal:
        _fail(batch, str(refusal))
    except Exception as fault:
        # Its words may repeat a value of the file, so that neither a log nor a traceback may carry them.
        where = traceback.extract_tb(fault.__traceback__)[-1]
        log.error("import %s failed: %s at %s:%s", batch.pk, type(fault).__name__, where.filename, where.lineno)
        _fail(batch, f"It stopped after {batch.done:,} lines ({type(fault).__name__}). What came in before stands.")
    return True


def _claim(batch_id: int) -> ImportBatch | None:
    now = timezone.now()
    rows = ImportBatch.objects.filter(pk=batch_id)
    for waits, works in UNDER_WAY.items():
        fresh = {"done": 0, "taken": 0, "known": 0, "rejected": 0, "brought": {}, "message": ""}
        with transaction.atomic():
            if rows.filter(state=waits).update(state=works, claimed_until=now + LEASE, **fresh):
                ImportReject.objects.filter(batch=batch_id).delete()
                return rows.get()
        if rows.filter(state=works, claimed_until__lt=now).update(claimed_until=now + LEASE):
            return rows.get()
    if rows.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), state=State.RECEIVED).update(
        claimed_until=now + LEASE
    ):
        return rows.get()
    return None


def _read_columns(batch: ImportBatch, file) -> None:
    names = import_files.columns(file, batch.format)
    ImportBatch.objects.filter(pk=batch.pk, state=State.RECEIVED).update(
        columns=names, state=State.NEW, claimed_until=None
    )


def _go_through(batch: ImportBatch, file, progress) -> None:
    names = import_files.columns(file, batch.format)
    if strange := set(batch.mapping.values()) - set(names):
        raise ImportRefused(f"The file has no column {', '.join(sorted(strange))}.")
    is_dry = batch.state == State.CHECKING
    way = Way(batch.pk, batch.origin, batch.options.get("zone", "UTC"), batch.options.get("network", "").casefold(),
              batch.options.get("currency", ""), bool(batch.options.get("list")))  # fmt: skip
    lines = islice(import_files.lines(file, batch.format, batch.mapping), batch.done, None)
    progress(batch.done)
    for block in _blocks(batch.kind, lines):
        _take(batch, block, way, is_dry)
        progress(len(block))
    _finish(batch, is_dry)


def _blocks(kind: str, lines: Iterator[Line | Refusal]) -> Iterator[list[Line | Refusal]]:
    """Blocks of a thousand lines; those of purchases part no order."""
    if kind == PURCHASES:
        yield from import_purchases.blocks(lines, BLOCK)
        return
    while block := list(islice(lines, BLOCK)):
        yield block


def _take(batch: ImportBatch, block: list[Line | Refusal], way: Way, is_dry: bool) -> None:
    good = [line for line in block if isinstance(line, Line)]
    with transaction.atomic():
        with transaction.atomic():
            taken = TAKE[batch.kind](good, way) if good else Taken()
            if is_dry:
                transaction.set_rollback(True)
        taken.refused += [line for line in block if isinstance(line, Refusal)]
        _keep(batch, block, taken, is_dry)
    batch.refresh_from_db()


def _keep(batch: ImportBatch, block: list, taken: Taken, is_dry: bool) -> None:
    """Rejects, what was brought, and how far the file has come. One worker alone: the row says so or nothing stands."""
    room = max(0, REJECTS_KEPT - batch.rejected)
    columns = ("batch_id", "line", "field", "reason", "remedy")
    copy_rows(
        ImportReject._meta.db_table, columns,
        ((batch.pk, one.line, one.field[:60], one.reason[:300], one.remedy[:200]) for one in taken.refused[:room]),
    )  # fmt: skip
    if not is_dry:
        keep_brought(batch.pk, taken)
    moved = ImportBatch.objects.filter(pk=batch.pk, state=batch.state, done=batch.done).update(
        done=batch.done + len(block),
        taken=batch.taken + taken.taken,
        known=batch.known + taken.known,
        rejected=batch.rejected + len(taken.refused),
        claimed_until=timezone.now() + LEASE,
    )
    if not moved:
        raise _TakenOver


def keep_brought(batch_id: int, taken: Taken) -> None:
    ImportedRow.objects.bulk_create(
        [
            ImportedRow(
                batch_id=batch_id, what=one.what, row_id=one.row_id, customer_id=one.customer_id, at=one.at,
                key=one.key, before=one.before,
            )
            for one in taken.brought
        ],
        batch_size=2000,
    )  # fmt: skip


def _finish(batch: ImportBatch, is_dry: bool) -> None:
    if is_dry:
        ImportBatch.objects.filter(pk=batch.pk, state=State.CHECKING).update(
            state=State.CHECKED, claimed_until=None, finished_at=timezone.now()
        )
        return
    counted = ImportedRow.objects.filter(batch=batch).values_list("what").annotate(n=Count("pk")).order_by("what")
    words = dict(ImportedRow.What.choices)
    with transaction.atomic():
        ImportBatch.objects.filter(pk=batch.pk, state=State.LOADING).update(
            state=State.LOADED,
            claimed_until=None,
            finished_at=timezone.now(),
            brought={words[what]: n for what, n in counted},
        )
        ImportChunk.objects.filter(batch=batch).delete()


def _fail(batch: ImportBatch, message: str) -> None:
    """A load that brought something stays `loading` for nobody: it is loaded as far as it came, so that it can be undone."""
    came = ImportedRow.objects.filter(batch=batch).exists()
    state = State.LOADED if came else State.FAILED
    ImportBatch.objects.filter(pk=batch.pk).update(
        state=state, claimed_until=None, message=message[:300], finished_at=timezone.now()
    )
