"""The consent ledger: appends to its chains, verifies them, and keeps the projection of the newest words.

A chain is one of 64 shards. Who appends holds the shard's lock until the commit and reads the head from the last row,
so appends to different shards never wait for each other and no head table can disagree with the rows. The database's
clock dates a record; a trigger refuses any other date.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from customers import crypto, ledger
from customers.contracts import ALLOWING, Action, Channel, LawfulBasis, NewConsent, Purpose, StateFault
from customers.exceptions import ConsentRefused, NoticeChanged
from customers.models import ConsentRecord, Customer, LedgerGenesis, Notice
from customers.privacy import truncate_ip
from customers.queries.people import standing
from customers.services import seal, shells, succession
from customers.services.projection import Act, differences, project, rebuild

# A thousand records hold their shards' locks for some 50 ms; the next writer of such a shard waits that long.
TRANSACTION_RECORDS = 1000
LOCK_CLASS = 0x6C656467  # "ledg": keeps the shards' advisory locks apart from anybody else's
USER_AGENT_CONTEXT = "consent user agent"
STREAM_ROWS = 2000  # some 2 MB in memory while verifying, whatever the ledger's size

LOCK = "SELECT pg_advisory_xact_lock(%s, shard) FROM unnest(%s::int[]) AS shard"
HEADS = """
SELECT s.shard, COALESCE(r.seq, 0), r.hash, clock_timestamp()
FROM unnest(%s::int[]) AS s (shard)
LEFT JOIN LATERAL (
    SELECT seq, hash FROM customers_consentrecord WHERE shard = s.shard ORDER BY seq DESC LIMIT 1
) r ON true
"""
COLUMNS = {
    "shard": "smallint", "seq": "bigint", "subject": "bytea", "customer_id": "bigint", "purpose": "text",
    "channel": "text", "action": "text", "lawful_basis": "text", "notice_version": "text", "notice_sha256": "bytea",
    "language": "text", "method": "text", "origin": "text", "actor": "text", "jurisdiction": "text",
    "ip_truncated": "text", "sealed": "bytea", "valid_until": "timestamptz", "recorded_at": "timestamptz",
    "prev_hash": "bytea", "form_sha256": "bytea", "hash": "bytea",
}  # fmt: skip
INSERT = f"""
INSERT INTO customers_consentrecord ({", ".join(COLUMNS)})
SELECT * FROM unnest({", ".join(f"%s::{kind}[]" for kind in COLUMNS.values())}) RETURNING shard, seq, id
"""  # noqa: S608 - built from the names above alone
STREAM = f"""
SELECT {", ".join(ledger.ALL_FIELDS)}, hash FROM customers_consentrecord
WHERE %s::int IS NULL OR shard = %s ORDER BY shard, seq, id
"""  # noqa: S608 - built from the names of the record's fields alone


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A record that lacks only its place in the chain."""

    shard: int
    subject: bytes
    consent: NewConsent
    notice_sha256: bytes | None
    sealed: bytes | None


def record(entry: NewConsent) -> int:
    """Appends one act and updates the projection, in one transaction; returns the record's id. Raises ConsentRefused.

    What a merged record says counts for the person whom it was merged into.
    """
    with transaction.atomic():
        return _append(_where_they_stand(_prepare([entry])))[0]


def record_many(entries: Iterable[NewConsent], *, to_person: bool = True) -> int:
    """Appends all acts in their order per person and returns how many. Raises ConsentRefused before the first is written.

    What a merged record says counts for its person; without `to_person` the act is of that very record, as when its own
    consent lapses or is erased. Shards are taken in order, at most 1,000 records a transaction; inside somebody's
    transaction it is one, which then holds all its shards to the end, so call it once there. Repeating it records the
    acts again.
    """
    prepared = _prepare(list(entries), to_person=to_person)
    for start in range(0, len(prepared), TRANSACTION_RECORDS):
        with transaction.atomic():
            part = prepared[start : start + TRANSACTION_RECORDS]
            _append(_where_they_stand(part) if to_person else part)
    return len(prepared)


def _where_they_stand(prepared: list[_Prepared]) -> list[_Prepared]:
    """The same, with their people's rows held; made anew when one of them was merged in the meantime.

    Held only now, when everybody has a key: to make one takes the row for itself.
    """
    now = shells.hold({one.consent.customer_id for one in prepared})
    return _prepare(shells.addressed([one.consent for one in prepared], now)) if now else prepared


def _prepare(entries: list[NewConsent], *, to_person: bool = True) -> list[_Prepared]:
    """Everything that can be refused or computed before a shard's lock is held, ordered by shard."""
    customers = list(Customer.objects.filter(pk__in={entry.customer_id for entry in entries}))
    if to_person and any(one.merged_into_id is not None for one in customers):
        entries = shells.addressed(entries, standing(one.pk for one in customers))
        customers = list(Customer.objects.filter(pk__in={entry.customer_id for entry in entries}))
    keys = seal.keys_for(customers)
    subjects = {pk: crypto.pseudonym(key) for pk, key in keys.items()}
    notices = _notice_digests({entry.notice_version for entry in entries} - {""})
    for entry in entries:
        _check(entry, keys, notices)
    # Asked again under the locks; asked here so that a batch is refused before any of it is written.
    succession.check(entries, succession.last_words(keys))
    prepared = []
    for entry in entries:
        agent = entry.user_agent[:500].encode()
        subject = subjects[entry.customer_id]
        prepared.append(
            _Prepared(
                shard=ledger.shard_of(subject),
                subject=subject,
                consent=entry,
                notice_sha256=notices.get(entry.notice_version),
                sealed=crypto.seal(keys[entry.customer_id], agent, USER_AGENT_CONTEXT) if agent else None,
            )
        )
    return sorted(prepared, key=lambda one: one.shard)  # stable: keeps a person's acts in order


def _check(entry: NewConsent, keys: dict[int, bytes], notices: dict[str, bytes]) -> None:
    for name, words in (
        ("purpose", Purpose), ("channel", Channel), ("action", Action), ("lawful_basis", LawfulBasis)
    ):  # fmt: skip
        if getattr(entry, name) not in list(words):
            raise ConsentRefused(name, f"“{getattr(entry, name)}” is none of {', '.join(words)}.")
    if entry.customer_id not in keys:
        raise ConsentRefused("customer_id", "Nobody has this id, or was erased.")
    if not entry.method or not entry.actor:
        raise ConsentRefused("method" if not entry.method else "actor", "Say how it was said, and who recorded it.")
    if entry.notice_version and entry.notice_version not in notices:
        raise ConsentRefused("notice_version", f"No wording “{entry.notice_version}” is published.")
    # Consent is informed or it is none (GDPR art. 4(11)): the record must prove which words were shown.
    if entry.action in ALLOWING and entry.lawful_basis == LawfulBasis.CONSENT and not entry.notice_version:
        raise ConsentRefused("notice_version", "Consent names the wording that was shown.")


def _notice_digests(versions: set[str]) -> dict[str, bytes]:
    if not versions:
        return {}
    rows = Notice.objects.filter(version__in=versions).values_list("version", "sha256")
    return {version: bytes(digest) for version, digest in rows}


def _append(prepared: list[_Prepared]) -> list[int]:
    """Chains and inserts records that come ordered by shard, and projects them; returns their ids in that order.

    Six statements however many records, one more when a shard begins. The caller's transaction holds the locks until
    it ends. Raises ConsentRefused for an act that may not follow the last one.
    """
    shards = sorted({one.shard for one in prepared})
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [LOCK_CLASS, shards])
        # A statement of its own: its snapshot is taken with the locks held, so it sees every committed record.
        cursor.execute(HEADS, [shards])
        rows = cursor.fetchall()
        heads = {
            shard: ledger.Head(seq, bytes(digest) if seq else ledger.genesis_hash(shard))
            for shard, seq, digest, _ in rows
        }
        now = rows[0][3]
        succession.check(
            (one.consent for one in prepared), succession.last_words(one.consent.customer_id for one in prepared)
        )
        _begin(shard for shard, seq, _, _ in rows if not seq)
        chained = []
        for one in prepared:
            entry, head = _entry(one, heads[one.shard], now)
            heads[one.shard] = head
            chained.append((*ledger.ALL_COLUMNS(entry), head.hash))
        cursor.execute(INSERT, [list(column) for column in zip(*chained, strict=True)])
        ids = {(shard, seq): pk for shard, seq, pk in cursor.fetchall()}
    in_order = [ids[row[0], row[1]] for row in chained]
    project(Act(one.consent, pk, now) for one, pk in zip(prepared, in_order, strict=True))
    return in_order


def _begin(shards: Iterable[int]) -> None:
    """Writes the genesis record of shards that hold nothing yet: how many shards there are, and the hash it begins with."""
    rows = [LedgerGenesis(shard=shard, shard_count=ledger.SHARDS, hash=ledger.genesis_hash(shard)) for shard in shards]
    if rows:
        LedgerGenesis.objects.bulk_create(rows, ignore_conflicts=True)


def _entry(one: _Prepared, head: ledger.Head, now: datetime) -> tuple[ledger.Entry, ledger.Head]:
    consent = one.consent
    entry = ledger.Entry(
        shard=one.shard,
        seq=head.seq + 1,
        subject=one.subject,
        customer_id=consent.customer_id,
        purpose=str(consent.purpose),
        channel=str(consent.channel),
        action=str(consent.action),
        lawful_basis=str(consent.lawful_basis),
        notice_version=consent.notice_version,
        notice_sha256=one.notice_sha256,
        language=consent.language,
        method=consent.method,
        origin=str(consent.origin),
        actor=shells.actor_of(consent.actor, consent.came_as),
        jurisdiction=consent.jurisdiction,
        ip_truncated=truncate_ip(consent.ip),
        sealed=one.sealed,
        valid_until=consent.valid_until,
        recorded_at=now,
        prev_hash=head.hash,
        form_sha256=consent.form_sha256,
    )
    return entry, ledger.Head(entry.seq, ledger.entry_hash(entry))


@dataclass(frozen=True, slots=True)
class Anchored:
    """What the anchor file says: the furthest head of each shard, and every record that an anchor ever ended with."""

    heads: Mapping[int, ledger.Head] = field(default_factory=dict)
    marks: ledger.Marks = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """How far a verification has come; it counts what it reads."""

    records: int = 0
    shards: int = 0


def verify(
    customer_id: int | None = None,
    *,
    shard: int | None = None,
    progress: Progress | None = None,
    anchored: Anchored | None = None,
) -> Iterator[ledger.Fault]:
    """Every fault of the whole ledger, of one shard, or of the shard that holds this person's records.

    `anchored` is what the anchor file says (services.anchors.read); without it a cut tail stays unnoticed. Streams
    within one snapshot, so appends go on meanwhile; holds some two thousand records in memory.
    """
    if customer_id is not None:
        shard = shard_of_customer(customer_id)
        if shard is None:
            return
    anchored = anchored or Anchored()
    heads = {one: head for one, head in anchored.heads.items() if shard is None or one == shard}
    yield from _genesis_faults(shard)
    yield from ledger.verify(_links(shard, progress or Progress()), heads, marks=anchored.marks)


def _genesis_faults(shard: int | None) -> Iterator[ledger.Fault]:
    """Shards whose genesis record is missing or names another number of shards than they were begun with."""
    begun = ConsentRecord.objects.filter(seq=1) if shard is None else ConsentRecord.objects.filter(seq=1, shard=shard)
    kept = {row.shard: row for row in LedgerGenesis.objects.all()}
    for number in begun.order_by("shard").values_list("shard", flat=True):
        row = kept.get(number)
        if row is None:
            yield ledger.Fault(number, 0, ledger.Cause.GENESIS, "the record that opens this shard is missing")
        elif row.shard_count != ledger.SHARDS or bytes(row.hash) != ledger.genesis_hash(number, row.shard_count):
            detail = f"it names {row.shard_count} shards, or another beginning than the chain's"
            yield ledger.Fault(number, 0, ledger.Cause.GENESIS, detail)


def is_whole(kept: ConsentRecord) -> bool:
    """Whether this record's fields still give its hash. Its place in the chain is `verify`'s to judge."""
    values = {name: getattr(kept, name) for name in ledger.ALL_FIELDS}
    as_bytes = {name: bytes(value) for name, value in values.items() if isinstance(value, memoryview)}
    return ledger.entry_hash(ledger.Entry(**{**values, **as_bytes})) == bytes(kept.hash)


def shard_of_customer(customer_id: int) -> int | None:
    """Where this person's records stand, read off the records: it holds for an erased person too. None without any."""
    rows = ConsentRecord.objects.filter(customer_id=customer_id).order_by("-id")
    return rows.values_list("shard", flat=True).first()


def _links(shard: int | None, progress: Progress) -> Iterator[tuple[ledger.Entry, bytes]]:
    with transaction.atomic():
        connection.ensure_connection()
        # psycopg's own cursor, for its binary format: it reads a row in half the time of text.
        with connection.connection.cursor(name="consent_ledger") as cursor:
            cursor.itersize = STREAM_ROWS
            cursor.execute(STREAM, [shard, shard], binary=True)
            last = None
            for row in cursor:
                progress.records += 1
                progress.shards += row[0] != last
                last = row[0]
                yield ledger.Entry(*row[:-1]), row[-1]


def compare_state() -> Iterator[StateFault]:
    """Every row of the projection that is not what the ledger says, or is missing. One statement, one snapshot."""
    yield from differences()


def rebuild_state() -> int:
    """Makes the projection anew from the ledger and returns how many rows it has. Appends wait meanwhile."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [LOCK_CLASS, list(range(ledger.SHARDS))])
        return rebuild()


def publish_notice(version: str, language: str, text: str) -> bytes:
    """Keeps a wording under its version for good and returns its SHA-256. The same again changes nothing.

    Raises NoticeChanged when the version stands for other words.
    """
    digest = hashlib.sha256(text.encode()).digest()
    Notice.objects.bulk_create(
        [Notice(version=version, language=language, text=text, sha256=digest)], ignore_conflicts=True
    )
    kept = Notice.objects.get(version=version)
    if bytes(kept.sha256) != digest or kept.language != language:
        raise NoticeChanged(f"“{version}” is published with other words; give these a version of their own.")
    return digest
