"""Anchors: every hour all shards' counts and heads, signed, appended to a file that lies elsewhere than the database.

Whoever can rewrite the database cannot rewrite that file as well, so a cut tail, a missing shard and a chain computed
anew are found. A file a month, one JSON line an anchor, each naming the line before. The public key checks them anywhere.
"""

import base64
import binascii
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from customers import ledger
from customers.exceptions import AnchorRefused, BadKeyring
from customers.services.consent import Anchored

HEADS = """
SELECT s.shard, r.seq, r.hash FROM generate_series(0, %s) AS s (shard)
CROSS JOIN LATERAL (
    SELECT seq, hash FROM customers_consentrecord WHERE shard = s.shard ORDER BY seq DESC LIMIT 1
) r
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the anchor files say, and every line that does not hold."""

    anchored: Anchored
    faults: tuple[ledger.Fault, ...]
    anchors: int
    newest: datetime | None


def signing_key() -> bytes:
    """The 32 bytes of the Ed25519 key from the environment. Raises BadKeyring."""
    try:
        key = base64.b64decode(settings.ANCHOR_KEY, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise BadKeyring("ATTUNE_ANCHOR_KEY is not 32 bytes in base64.")
    return key


def public_key() -> bytes:
    """With this anybody checks anchors and proofs; it may be printed and handed out."""
    return ledger.anchor_public_key(signing_key())


def heads() -> dict[int, ledger.Head]:
    """Where the shards end now; what is not committed yet is no part of it."""
    with connection.cursor() as cursor:
        cursor.execute(HEADS, [ledger.SHARDS - 1])
        return {shard: ledger.Head(seq, bytes(digest)) for shard, seq, digest in cursor.fetchall()}


def append() -> tuple[Path, ledger.Anchor]:
    """Signs where all shards end and appends it to this month's file, on disk when it returns. Raises OSError."""
    folder = Path(settings.ANCHOR_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        now = timezone.now()
        newest = _newest_line(folder)
        line = ledger.sign_heads(heads(), now, signing_key(), previous=ledger.line_digest(newest) if newest else "")
        path = folder / f"anchors-{now:%Y-%m}.jsonl"
        with path.open("a", encoding="ascii") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())
    return path, ledger.verify_anchor(line, public_key())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two beats at once write one after the other: each line names the one before."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("anchors-*.jsonl")) if folder.is_dir() else []


def newest() -> str:
    """The line that was signed last, as it stands in its file; "" before the first."""
    return _newest_line(Path(settings.ANCHOR_DIR))


def _newest_line(folder: Path) -> str:
    for path in reversed(_files(folder)):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if lines:
            return lines[-1]
    return ""


def read(folder: Path | None = None, key: bytes | None = None) -> Reading:
    """Every anchor of the folder, checked with the public key. A damaged or missing line is a fault and is not believed."""
    key = public_key() if key is None else key
    furthest: dict[int, ledger.Head] = {}
    marks: dict[int, dict[int, bytes]] = {}
    faults: list[ledger.Fault] = []
    previous, count, newest = None, 0, None
    for path, number, line in _lines(folder or Path(settings.ANCHOR_DIR)):
        where = f"{path.name}, line {number}"
        try:
            anchor = ledger.verify_anchor(line, key)
        except AnchorRefused as refusal:
            faults.append(_fault(f"{where}: {refusal}"))
            previous = ledger.line_digest(line)
            continue
        if previous is not None and anchor.previous != previous:
            faults.append(_fault(f"{where}: the line before it is missing or was replaced"))
        previous, count, newest = ledger.line_digest(line), count + 1, anchor.at
        for shard, head in anchor.heads.items():
            if not head.seq:
                continue
            first = marks.setdefault(shard, {}).setdefault(head.seq, head.hash)
            if first != head.hash or head.seq < furthest.get(shard, head).seq:
                detail = f"{where}: it contradicts an earlier anchor: the shard was cut or rewritten before it"
                faults.append(ledger.Fault(shard, head.seq, ledger.Cause.ANCHOR, detail))
            if head.seq >= furthest.get(shard, head).seq:
                furthest[shard] = ledger.Head(head.seq, first)
    return Reading(Anchored(furthest, marks), tuple(faults), count, newest)


def _lines(folder: Path) -> Iterator[tuple[Path, int, str]]:
    for path in _files(folder):
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield path, number, line


def _fault(detail: str) -> ledger.Fault:
    return ledger.Fault(-1, 0, ledger.Cause.ANCHOR, detail)
