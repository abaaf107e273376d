"""The arithmetic of the consent ledger: hash chains in shards, their verification, and anchors that bind their ends.

Every record holds the hash of the one before it in its shard, and its own. A shard starts from a hash that names the
shard and how many there are. A person's shard follows from their pseudonym, so their records stay in one chain while
others append beside it.

A record is hashed over `canonical(entry)`: the 16 bytes "attune consent 1", then every field in the order of FIELDS,
each as "-" when it is null, or "+", its length as 4 bytes big-endian, and its bytes. A record that names the form it was
given on begins with "attune consent 2" instead, and the form's digest follows the others. Text is UTF-8, a number is written
in decimal, a time as its microseconds since 1970 in UTC, bytes stay bytes. Lengths make it unambiguous. The hash covers
sealed bytes as they rest, so destroying a person's key leaves it valid.

A chain alone cannot notice a tail that was cut off. An anchor, signed and kept elsewhere, can.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from customers.contracts import Action, Channel, LawfulBasis, Purpose
from customers.exceptions import AnchorRefused

# Appends wait for each other within a shard only. 64 keeps 16 writers mostly apart and an anchor small.
SHARDS = 64
# What is signed begins with what it is.
ANCHOR, PROOF = b"attune anchor 1", b"attune proof 1"
# How far from its number a record that changed places is looked for: 100 hashes, 1 ms, for a record that fails.
SWAP_WINDOW = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One act of one person, as it is hashed: every column of the ledger's row but its id and its own hash."""

    shard: int
    seq: int  # from 1 in each shard, without gaps
    subject: bytes  # the person's pseudonym
    customer_id: int | None
    purpose: Purpose | str
    channel: Channel | str
    action: Action | str
    lawful_basis: LawfulBasis | str
    notice_version: str
    notice_sha256: bytes | None
    language: str
    method: str
    origin: str
    actor: str
    jurisdiction: str
    ip_truncated: str
    sealed: bytes | None
    valid_until: datetime | None  # aware
    recorded_at: datetime  # aware; the database's clock
    prev_hash: bytes
    form_sha256: bytes | None = None  # of the rendered form


# Written out, not read off the dataclass: reordering its fields must not change any hash. Only ever add a new format.
FIELDS = (
    "shard",
    "seq",
    "subject",
    "customer_id",
    "purpose",
    "channel",
    "action",
    "lawful_basis",
    "notice_version",
    "notice_sha256",
    "language",
    "method",
    "origin",
    "actor",
    "jurisdiction",
    "ip_truncated",
    "sealed",
    "valid_until",
    "recorded_at",
    "prev_hash",
)
ALL_FIELDS = (*FIELDS, "form_sha256")
COLUMNS = attrgetter(*FIELDS)
ALL_COLUMNS = attrgetter(*ALL_FIELDS)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def shard_of(subject: bytes, shard_count: int = SHARDS) -> int:
    """The shard of a person: their pseudonym is a keyed hash, so its first 8 bytes spread evenly."""
    return int.from_bytes(subject[:8]) % shard_count


def genesis_hash(shard: int, shard_count: int = SHARDS) -> bytes:
    """What the first record of a shard is chained to."""
    return hashlib.sha256(b"attune consent genesis 1" + shard_count.to_bytes(4) + shard.to_bytes(4)).digest()


def canonical(entry: Entry) -> bytes:
    """The bytes of a record that are hashed; the layout stands at the top of this file."""
    has_form = entry.form_sha256 is not None
    parts = [b"attune consent 2" if has_form else b"attune consent 1"]
    for value in ALL_COLUMNS(entry) if has_form else COLUMNS(entry):
        if value is None:
            parts.append(b"-")
        else:
            encoded = _encoded(value)
            parts += (b"+", len(encoded).to_bytes(4), encoded)
    return b"".join(parts)


def _encoded(value: str | int | datetime | bytes) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, datetime):
        # A time without a zone raises TypeError here: the moment that it names is unknown.
        return str((value - EPOCH) // MICROSECOND).encode()
    if isinstance(value, int):
        return str(value).encode()
    return value


def entry_hash(entry: Entry) -> bytes:
    """SHA-256 of the canonical bytes: 32 bytes."""
    return hashlib.sha256(canonical(entry)).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a shard: the number of its last record, which is also their count, and that record's hash."""

    seq: int
    hash: bytes


class Cause(StrEnum):
    EDITED = "edited"  # the fields do not give the record's hash
    SWAPPED = "swapped"  # they do under another number: records changed places or were numbered anew
    GAP = "gap"  # records before this one are missing
    INSERTED = "inserted"  # a second record under one number
    REWRITTEN = "rewritten"  # a record and its hash fit, but the next record or an anchor was made from another
    FOREIGN = "foreign"  # a record of another shard, or a shard that does not exist
    CUT = "cut"  # the chain ends before the anchored record
    MISSING = "missing shard"  # an anchor names records of a shard, and not one is left
    GENESIS = "genesis"  # the record that opens a shard is missing or does not say what the chain was begun with
    ANCHOR = "anchor"  # a line of the anchor file is damaged, missing, or contradicts an earlier one


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding: the record it is about, and in words what does not fit."""

    shard: int
    seq: int
    cause: Cause
    detail: str


Marks = Mapping[int, Mapping[int, bytes]]  # by shard and number of a record: the hash that an anchor holds for it


def verify(
    links: Iterable[tuple[Entry, bytes]],
    heads: Mapping[int, Head] | None = None,
    shard_count: int = SHARDS,
    marks: Marks | None = None,
) -> Iterator[Fault]:
    """Every fault in (record, hash as stored) pairs, which come ordered by shard and number; reads them once.

    `heads` is the newest anchor's. Without it a cut tail, a missing shard and a chain rewritten to its end stay
    unnoticed. `marks` are those of earlier anchors: a chain that was rewritten and then anchored anew contradicts them.
    Holds one record in memory, and goes on after a fault from the hash as stored. Raises ValueError when the pairs are
    out of order.
    """
    heads, marks = dict(heads or {}), marks or {}
    shard, last, is_sound = -1, Head(0, b""), True
    for entry, stored in links:
        if (entry.shard, entry.seq) < (shard, last.seq):
            raise ValueError("The records must come ordered by shard and number.")
        if entry.shard != shard:
            yield from _missing_tail(shard, last, heads.pop(shard, None))
            shard, last, is_sound = entry.shard, Head(0, genesis_hash(entry.shard, shard_count)), True
        faults = [*_own_faults(entry, stored, shard_count)]
        # Only two records that are each whole show by not fitting that one of them was replaced.
        faults += _link_faults(entry, last, is_comparable=is_sound and not faults)
        anchored = heads.get(shard)
        expected = anchored.hash if anchored and anchored.seq == entry.seq else marks.get(shard, {}).get(entry.seq)
        if not faults and expected is not None and expected != stored:
            faults = [Fault(shard, entry.seq, Cause.REWRITTEN, "the anchor holds another hash for this record")]
        yield from faults
        is_sound = not any(fault.seq == entry.seq for fault in faults)
        last = Head(entry.seq, bytes(stored))
    yield from _missing_tail(shard, last, heads.pop(shard, None))
    for missing, head in sorted(heads.items()):
        yield from _missing_tail(missing, Head(0, b""), head)


def _own_faults(entry: Entry, stored: bytes, shard_count: int) -> Iterator[Fault]:
    """What is wrong with a record by itself."""
    belongs = shard_of(bytes(entry.subject), shard_count)
    if belongs != entry.shard:
        yield Fault(entry.shard, entry.seq, Cause.FOREIGN, f"its person belongs to shard {belongs} of {shard_count}")
    if entry_hash(entry) == stored:
        return
    for seq in range(max(1, entry.seq - SWAP_WINDOW), entry.seq + SWAP_WINDOW + 1):
        if entry_hash(replace(entry, seq=seq)) == stored:
            yield Fault(entry.shard, entry.seq, Cause.SWAPPED, f"it was written as record {seq}")
            return
    yield Fault(entry.shard, entry.seq, Cause.EDITED, "its fields do not give its hash")


def _link_faults(entry: Entry, last: Head, is_comparable: bool) -> Iterator[Fault]:
    """What is wrong between a record and the one before it."""
    if entry.seq == last.seq:
        yield Fault(entry.shard, entry.seq, Cause.INSERTED, "two records have this number")
    elif entry.seq > last.seq + 1:
        missing = "1 record is" if entry.seq == last.seq + 2 else f"{entry.seq - last.seq - 1} records are"
        yield Fault(entry.shard, entry.seq, Cause.GAP, f"{missing} missing before it")
    elif entry.prev_hash != last.hash and is_comparable:
        if last.seq == 0:
            yield Fault(entry.shard, entry.seq, Cause.REWRITTEN, "it is not chained to the start of its shard")
        else:
            detail = f"record {entry.seq} was chained to another record in its place"
            yield Fault(entry.shard, last.seq, Cause.REWRITTEN, detail)


def _missing_tail(shard: int, last: Head, anchored: Head | None) -> Iterator[Fault]:
    if anchored and last.seq == 0 < anchored.seq:
        yield Fault(shard, 1, Cause.MISSING, f"no record of it is left, the anchor names {anchored.seq}")
    elif anchored and last.seq < anchored.seq:
        detail = f"the chain ends at record {last.seq}, the anchor names {anchored.seq}"
        yield Fault(shard, last.seq + 1, Cause.CUT, detail)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where all shards ended at a moment."""

    at: datetime
    heads: Mapping[int, Head]
    previous: str = ""  # SHA-256 in hex of the line before it; "" for the first


def line_digest(line: str) -> str:
    """By which an anchor names the one before it: no line can be taken out of the middle of the file."""
    return hashlib.sha256(line.strip().encode()).hexdigest()


def sign_heads(
    heads: Mapping[int, Head], at: datetime, private_key: bytes, shard_count: int = SHARDS, previous: str = ""
) -> str:
    """One line of JSON for the anchor file: every shard's count and head, signed with an Ed25519 key of 32 bytes.

    A shard that is not given is written down as empty, so that records put into it later cannot vanish unnoticed.
    `previous` is the `line_digest` of the line before.
    """
    full = {shard: heads.get(shard) or Head(0, genesis_hash(shard, shard_count)) for shard in range(shard_count)}
    payload = {
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "heads": {str(shard): [head.seq, bytes(head.hash).hex()] for shard, head in full.items()},
        "previous": previous,
    }
    return json.dumps(sign_document(payload, private_key, ANCHOR), sort_keys=True)


def sign_document(payload: Mapping, private_key: bytes, kind: bytes) -> dict:
    """The payload, plain JSON, with its Ed25519 signature in hex. `kind` keeps an anchor from passing for a proof."""
    signature = Ed25519PrivateKey.from_private_bytes(private_key).sign(_signed_bytes(payload, kind))
    return {**payload, "signature": signature.hex()}


def is_signed(document: Mapping, public_key: bytes, kind: bytes) -> bool:
    """Whether this is a document of that kind, unchanged since the key's owner signed it."""
    payload = {name: value for name, value in document.items() if name != "signature"}
    try:
        signature = bytes.fromhex(document["signature"])
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _signed_bytes(payload, kind))
    except (InvalidSignature, KeyError, ValueError, TypeError):
        return False
    return True


def verify_anchor(line: str, public_key: bytes) -> Anchor:
    """The anchor on one line of the file. Raises AnchorRefused when it is damaged or not signed by our key."""
    try:
        payload = json.loads(line)
        signature = bytes.fromhex(payload.pop("signature"))
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _signed_bytes(payload, ANCHOR))
        heads = {int(shard): Head(seq, bytes.fromhex(digest)) for shard, (seq, digest) in payload["heads"].items()}
        return Anchor(datetime.fromisoformat(payload["at"]), heads, payload.get("previous", ""))
    except InvalidSignature:
        raise AnchorRefused("The anchor was changed, or signed with another key.") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise AnchorRefused("The anchor is damaged: it is not the line that was written.") from None


def anchor_public_key(private_key: bytes) -> bytes:
    """The 32 bytes with which anybody checks the anchors of this key."""
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def _signed_bytes(payload: Mapping, kind: bytes) -> bytes:
    return kind + b"\n" + json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
