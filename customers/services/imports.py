"""Files of people and what they did, from their arrival to their undo: the row is the queue, a worker does the work.

    received -> new -> to_check -> checking -> checked -> to_load -> loading -> loaded -> undone

Every step is one UPDATE that names the state it expects. What is uploaded rests in sealed pieces in the database, so that
any worker on any machine can read it, and is removed when the file is in.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.services import audit
from customers.exceptions import ImportRefused
from customers.models import ImportBatch, ImportChunk, ImportReject
from customers.services import seal
from customers.services.import_fields import ATTRIBUTE, FIELDS, MAX_ATTRIBUTES, MEMBERS, is_zone, missing

State = ImportBatch.State
PIECE = 2**20  # 1 MB: a piece is sealed whole, and two of them fit anywhere
MAX_UPLOAD = 512 * 2**20  # larger files come by the command, which reads them where they are
FORMATS = {".csv": ImportBatch.Format.CSV, ".txt": ImportBatch.Format.CSV, ".parquet": ImportBatch.Format.PARQUET}
OPTIONS = ("zone", "network", "currency", "list")


def receive(kind: str, name: str, pieces: Iterable[bytes], *, actor=None, origin: str = "observed") -> ImportBatch:
    """Keeps an uploaded file, sealed, and leaves it to a worker to read its columns. Raises ImportRefused."""
    with transaction.atomic():
        batch = _new(kind, name, actor, origin)
        digest, size = hashlib.sha256(), 0
        for number, piece in enumerate(_pieces(pieces)):
            size += len(piece)
            if size > MAX_UPLOAD:
                raise ImportRefused(f"The file is larger than {MAX_UPLOAD // 2**20} MB. Use the command for it.")
            digest.update(piece)
            sealed = seal.seal_install(_tag(batch.pk, number) + piece)
            ImportChunk.objects.create(batch=batch, number=number, sealed=sealed)
        if not size:
            raise ImportRefused("The file is empty.")
        batch.size, batch.sha256 = size, digest.digest()
        batch.save(update_fields=["size", "sha256"])
        audit(actor, "import.received", batch, after={"kind": kind, "bytes": size})
    return batch


def register(kind: str, path: Path, *, actor=None, origin: str = "observed") -> ImportBatch:
    """An import of a file that stays where it is: its digest, and no copy. Raises ImportRefused, OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    size = path.stat().st_size
    if not size:
        raise ImportRefused("The file is empty.")
    with transaction.atomic():
        batch = _new(kind, path.name, actor, origin)
        batch.size, batch.sha256, batch.state = size, digest, State.NEW
        batch.save(update_fields=["size", "sha256", "state"])
        audit(actor, "import.received", batch, after={"kind": kind, "bytes": size})
    return batch


def _new(kind: str, name: str, actor, origin: str) -> ImportBatch:
    kept = FORMATS.get(Path(name).suffix.casefold())
    if kept is None:
        raise ImportRefused(f"Files end in {', '.join(FORMATS)}; rename it if it is one of these.")
    # The name alone, shortened: a path would say where somebody keeps such files.
    return ImportBatch.objects.create(
        kind=kind, name=Path(name).name[-120:], format=kept, size=0, sha256=b"", actor=actor, origin=origin
    )


def _pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size, however they arrive."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PIECE:
            yield bytes(waiting[:PIECE])
            del waiting[:PIECE]
    if waiting:
        yield bytes(waiting)


def _tag(batch_id: int, number: int) -> bytes:
    return batch_id.to_bytes(8) + number.to_bytes(4)


def frame(batch_id: int, number: int, opened: bytes) -> bytes:
    """The bytes of a piece, which must be the one of this place. Raises ImportRefused for one of another."""
    tag = _tag(batch_id, number)
    if not opened.startswith(tag):
        raise ImportRefused("The pieces of this file are not in their places. Upload it again.")
    return opened[len(tag) :]


def choose(batch_id: int, mapping: dict[str, str], options: dict[str, str]) -> ImportBatch:
    """Says which column is what, and asks for the dry run. Raises ImportRefused."""
    batch = ImportBatch.objects.get(pk=batch_id)
    mapping = {field: column for field, column in mapping.items() if column}
    options = {name: options[name].strip() for name in OPTIONS if options.get(name, "").strip()}
    _check(batch, mapping, options)
    changed = ImportBatch.objects.filter(pk=batch_id, state__in=[State.NEW, State.CHECKED, State.FAILED]).update(
        state=State.TO_CHECK, mapping=mapping, options=options, message=""
    )
    if not changed:
        raise ImportRefused("This file is being worked on, or is in already.")
    return ImportBatch.objects.get(pk=batch_id)


def _check(batch: ImportBatch, mapping: dict[str, str], options: dict[str, str]) -> None:
    names = {field.name for field in FIELDS[batch.kind]}
    attributes = [field for field in mapping if field.startswith(ATTRIBUTE) and len(field) > len(ATTRIBUTE)]
    unknown = set(mapping) - names - (set(attributes) if batch.kind == ImportBatch.Kind.PEOPLE else set())
    if unknown:
        raise ImportRefused(f"No field is called {', '.join(sorted(unknown))}.")
    if len(attributes) > MAX_ATTRIBUTES:
        raise ImportRefused(f"At most {MAX_ATTRIBUTES} attributes at once.")
    taken = {mapping[field] for field in mapping if field in names}
    if twice := sorted({mapping[field] for field in attributes} & taken):
        # An attribute rests in clear, where an address must not.
        raise ImportRefused(f"{', '.join(twice)}: a column that is something else is not kept as an attribute as well.")
    if batch.columns and (strange := set(mapping.values()) - set(batch.columns)):
        raise ImportRefused(f"The file has no column {', '.join(sorted(strange))}.")
    if without := missing(batch.kind, mapping, options):
        raise ImportRefused(f"Name the column for: {', '.join(field.words for field in without)}.")
    if batch.kind == MEMBERS and not options.get("list"):
        raise ImportRefused("Give the list a name: this file brings nothing else.")
    if not is_zone(options.get("zone", "UTC")):
        raise ImportRefused("There is no such time zone. Write it as Europe/Zurich.")


def load(batch_id: int, *, actor=None) -> ImportBatch:
    """Asks for the file to be loaded after its dry run. Raises ImportRefused, also for a file that is in already."""
    try:
        with transaction.atomic():
            changed = ImportBatch.objects.filter(pk=batch_id, state=State.CHECKED).update(state=State.TO_LOAD)
            if not changed:
                raise ImportRefused("The dry run comes first.")
            batch = ImportBatch.objects.get(pk=batch_id)
            audit(actor, "import.asked", batch, after={"kind": batch.kind, "mapping": batch.mapping})
    except IntegrityError:
        same = twin(ImportBatch.objects.get(pk=batch_id))
        raise ImportRefused(
            f"The same file came in as import {same.pk if same else ''}: it is not loaded twice. Take that one back first."
        ) from None
    return batch


def twin(batch: ImportBatch) -> ImportBatch | None:
    """An import of the very same file in the same way that is in, or on its way in."""
    same = {name: getattr(batch, name) for name in ("kind", "sha256", "mapping", "options")}
    return (
        ImportBatch.objects.filter(**same, state__in=[State.TO_LOAD, State.LOADING, State.LOADED])
        .exclude(pk=batch.pk)
        .first()
    )


def discard(batch_id: int, *, actor=None) -> None:
    """Gives up a file that is not in: its pieces are removed."""
    resting = [State.RECEIVED, State.NEW, State.CHECKED, State.FAILED]
    with transaction.atomic():
        if not ImportBatch.objects.filter(pk=batch_id, state__in=resting).update(
            state=State.FAILED, message="Given up.", finished_at=timezone.now()
        ):
            raise ImportRefused("This file is being worked on, or is in: take it back instead.")
        ImportChunk.objects.filter(batch=batch_id).delete()
        audit(actor, "import.discarded", ImportBatch(pk=batch_id), after={"state": str(State.FAILED)})


def rejects(batch_id: int) -> QuerySet[ImportReject]:
    return ImportReject.objects.filter(batch=batch_id).order_by("line", "id")


def reject_lines(batch_id: int) -> Iterator[str]:
    """The refused lines as CSV, streamed: where, which field, why, what to do, and nothing of what stood there."""
    yield _csv_line(("line", "field", "reason", "remedy"))
    rows = rejects(batch_id).values_list("line", "field", "reason", "remedy")
    for row in rows.iterator(chunk_size=2000):
        yield _csv_line(row)


def _csv_line(values: Iterable) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
