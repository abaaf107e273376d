"""Every way to tamper with the consent ledger that we know, tried on a database of its own that is dropped afterwards.

    python -m benchmarks.tamper_trials

Each trial must be refused by the database, or found by `verify_ledger` with its record named. Tried as the application, as
the owner of the tables, and as a superuser: in an ordinary session, with session_replication_role = replica, and with
every trigger switched off. Prints a line a trial and a tally; exits 1 when one was neither refused nor found.
"""

# ruff: noqa: E402, S608 - Django is set up before anything of it is imported; statements are built from constants
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
os.environ["ATTUNE_TEST_DATABASE"] = "tamper_attune"

import django

django.setup()

import psycopg
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections
from django.test.utils import setup_databases, teardown_databases

from customers import ledger
from customers.contracts import NewConsent, NewCustomer
from customers.models import ConsentRecord
from customers.services import anchors, consent, people

TABLE = "customers_consentrecord"
GUARDS = ("ledger_no_change", "ledger_no_truncate", "ledger_dated_now")
PEOPLE, ACTS = 40, 6
ROLES = ("application", "owner", "superuser", "superuser, session_replication_role = replica")
OUTRIGHT = {
    "UPDATE a record": f"UPDATE {TABLE} SET action = 'given' WHERE id = %s",
    "DELETE a record": f"DELETE FROM {TABLE} WHERE id = %s",
    "TRUNCATE": f"TRUNCATE {TABLE} CASCADE",
    "INSERT with a date of last year": f"INSERT INTO {TABLE} SELECT (jsonb_populate_record(r, jsonb_build_object("
    "'id', r.id + 1000000, 'seq', r.seq + 1000000, 'recorded_at', r.recorded_at - interval '1 year'))).* "
    f"FROM {TABLE} r WHERE id = %s",
}


@dataclass
class Tally:
    refused: int = 0
    found: int = 0
    missed: int = 0

    def say(self, name: str, outcome: str, detail: str) -> None:
        print(f"  {outcome:<8} {name}: {detail}")
        setattr(self, outcome, getattr(self, outcome) + 1)


def as_role(role: str) -> psycopg.Connection:
    """A session of its own as that role."""
    database = connections["owner"].settings_dict
    user = {"application": settings.DATABASES["default"]["USER"], "owner": database["USER"]}.get(role, "postgres")
    session = psycopg.connect(
        dbname=database["NAME"], host=database["HOST"], port=database["PORT"] or None, user=user, autocommit=True
    )
    if role.endswith("replica"):
        session.execute("SET session_replication_role = replica")
    return session


def try_outright(tally: Tally) -> None:
    """Nobody may do it, by grant or by trigger."""
    record = ConsentRecord.objects.order_by("shard", "seq").first()
    for role in ROLES:
        for name, statement in OUTRIGHT.items():
            with as_role(role) as session:
                try:
                    session.execute(statement, [record.pk] if "%s" in statement else None)
                except psycopg.Error as refusal:
                    tally.say(f"{name} as {role}", "refused", str(refusal).splitlines()[0])
                    continue
            tally.say(f"{name} as {role}", "missed", "it was carried out")
            restore()


@contextmanager
def unguarded() -> Iterator[psycopg.Connection]:
    """A superuser who switches every guard off, does something, and switches them on again."""
    with as_role("superuser") as session:
        for guard in GUARDS:
            session.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER {guard}")
        yield session
        for guard in GUARDS:
            session.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {guard}")


def keep() -> None:
    with as_role("superuser") as session:
        session.execute(f"CREATE TABLE kept AS TABLE {TABLE}")


def restore() -> None:
    with unguarded() as session:
        session.execute(f"TRUNCATE {TABLE} CASCADE")
        session.execute(f"INSERT INTO {TABLE} SELECT * FROM kept")
    consent.rebuild_state()


def verified() -> str:
    """What verify_ledger says: "" when it holds."""
    err = StringIO()
    try:
        call_command("verify_ledger", stdout=StringIO(), stderr=err)
    except CommandError:
        return err.getvalue().strip()
    return ""


def chain(shard: int) -> list[ConsentRecord]:
    return list(ConsentRecord.objects.filter(shard=shard).order_by("seq"))


def entry_of(record: ConsentRecord, **changes) -> ledger.Entry:
    values = {name: getattr(record, name) for name in ledger.ALL_FIELDS}
    return ledger.Entry(**{n: bytes(v) if isinstance(v, memoryview) else v for n, v in values.items()} | changes)


def rewrite(session, records: list[ConsentRecord], first: int, action: str) -> None:
    """Changes one record and computes every hash from there to the end anew, as somebody with our code would."""
    previous = None
    for record in records[first - 1 :]:
        changes = {"action": action} if record.seq == first else {}
        entry = entry_of(record, **changes, **({"prev_hash": previous} if previous else {}))
        previous = ledger.entry_hash(entry)
        session.execute(
            f"UPDATE {TABLE} SET action = %s, prev_hash = %s, hash = %s WHERE id = %s",
            [entry.action, entry.prev_hash, previous, record.pk],
        )


def swap(session, one: ConsentRecord, other: ConsentRecord) -> None:
    session.execute(f"UPDATE {TABLE} SET seq = -1 WHERE id = %s", [one.pk])
    session.execute(f"UPDATE {TABLE} SET seq = %s WHERE id = %s", [one.seq, other.pk])
    session.execute(f"UPDATE {TABLE} SET seq = %s WHERE id = %s", [other.seq, one.pk])


def insert_between(session, records: list[ConsentRecord], after: int) -> None:
    """A record that was never said, in its place, with the later ones moved up."""
    for record in reversed(records[after:]):
        session.execute(f"UPDATE {TABLE} SET seq = seq + 1 WHERE id = %s", [record.pk])
    model = records[after - 1]
    session.execute(
        f"INSERT INTO {TABLE} SELECT (jsonb_populate_record(r, jsonb_build_object('id', r.id + 1000000, "
        f"'seq', r.seq + 1))).* FROM {TABLE} r WHERE id = %s",
        [model.pk],
    )


def cut(session, records: list[ConsentRecord], keep_until: int) -> None:
    session.execute("DELETE FROM customers_consentstate")
    session.execute(
        f"DELETE FROM {TABLE} WHERE shard = %s AND seq > %s", [records[0].shard, keep_until]
    )  # the projection is put right by the trial, so only the anchor knows


def try_hidden(tally: Tally, shard: int) -> None:
    """A superuser past every guard: the chain or the anchor names the record."""
    records = chain(shard)
    last, middle = records[-1].seq, len(records) // 2
    trials: dict[str, tuple[Callable, str]] = {
        "edit a record": (
            lambda s: s.execute(f"UPDATE {TABLE} SET action = 'objected' WHERE id = %s", [records[middle].pk]),
            f"shard {shard}, record {middle + 1}: edited",
        ),
        "edit the person of a record": (
            lambda s: s.execute(f"UPDATE {TABLE} SET customer_id = 1 WHERE id = %s", [records[middle].pk]),
            f"shard {shard}, record {middle + 1}: edited",
        ),
        "edit a record and its own hash": (
            lambda s: s.execute(
                f"UPDATE {TABLE} SET action = 'objected', hash = %s WHERE id = %s",
                [ledger.entry_hash(entry_of(records[middle], action="objected")), records[middle].pk],
            ),
            f"shard {shard}, record {middle + 1}: rewritten",
        ),
        "edit a record and every hash after it": (
            lambda s: rewrite(s, records, middle + 1, "objected"), f"shard {shard}, record {last}: rewritten",
        ),
        "edit the last record and its hash": (
            lambda s: rewrite(s, records, last, "objected"), f"shard {shard}, record {last}: rewritten",
        ),
        "delete a record": (
            lambda s: (s.execute("DELETE FROM customers_consentstate"),
                       s.execute(f"DELETE FROM {TABLE} WHERE id = %s", [records[middle].pk])),
            f"shard {shard}, record {middle + 2}: gap",
        ),
        "delete the first record": (
            lambda s: (s.execute("DELETE FROM customers_consentstate"),
                       s.execute(f"DELETE FROM {TABLE} WHERE id = %s", [records[0].pk])),
            f"shard {shard}, record 2: gap",
        ),
        "insert a record between two": (
            lambda s: insert_between(s, records, middle), f"shard {shard}, record {middle + 1}: swapped",
        ),
        "swap two neighbours": (
            lambda s: swap(s, records[middle], records[middle + 1]), f"shard {shard}, record {middle + 1}: swapped",
        ),
        "swap two that stand apart": (
            lambda s: swap(s, records[0], records[-1]), f"shard {shard}, record 1: swapped",
        ),
        "cut the last record, the head put back": (
            lambda s: cut(s, records, last - 1), f"shard {shard}, record {last}: cut",
        ),
        "cut the tail, the head put back": (
            lambda s: cut(s, records, middle), f"shard {shard}, record {middle + 1}: cut",
        ),
        "delete a whole shard": (lambda s: cut(s, records, 0), f"shard {shard}, record 1: missing shard"),
        "TRUNCATE": (lambda s: s.execute(f"TRUNCATE {TABLE} CASCADE"), f"shard {shard}, record 1: missing shard"),
        "move a record to another shard": (
            lambda s: s.execute(f"UPDATE {TABLE} SET shard = %s, seq = 100000 WHERE id = %s", [(shard + 1) % 64, records[-1].pk]),
            f"shard {(shard + 1) % 64}, record 100000: foreign",
        ),
        "name another number of shards": (
            lambda s: (s.execute("ALTER TABLE customers_ledgergenesis DISABLE TRIGGER genesis_no_change"),
                       s.execute("UPDATE customers_ledgergenesis SET shard_count = 32 WHERE shard = %s", [shard])),
            f"shard {shard}, record 0: genesis",
        ),
    }  # fmt: skip
    for name, (attack, expected) in trials.items():
        with unguarded() as session:
            attack(session)
        consent.rebuild_state()
        said = verified()
        line = next((line for line in said.splitlines() if line.startswith(expected)), "")
        outcome = "found" if line else "missed"
        tally.say(f"superuser without guards: {name}", outcome, line or said.splitlines()[0] if said else "nothing")
        with as_role("superuser") as session:
            session.execute("ALTER TABLE customers_ledgergenesis DISABLE TRIGGER genesis_no_change")
            session.execute("UPDATE customers_ledgergenesis SET shard_count = 64")
            session.execute("ALTER TABLE customers_ledgergenesis ENABLE ALWAYS TRIGGER genesis_no_change")
        restore()


def try_anchor(tally: Tally, path: Path) -> None:
    text = path.read_text()
    path.write_text(text.replace('"heads": {"0": [', '"heads": {"0": [9', 1))
    said = verified()
    tally.say(
        "change the anchor file", "found" if "anchor:" in said else "missed", said.splitlines()[0] if said else ""
    )
    path.write_text(text)


def main() -> Tally:
    ids = list(people.import_customers(NewCustomer(f"t-{n}") for n in range(PEOPLE)).values())
    actions = [("given", "refused")[turn % 2] for turn in range(ACTS)]
    consent.publish_notice("words-1", "en", "We may write to you.")
    for action in actions:
        consent.record_many(
            NewConsent(pk, "marketing", "email", action, "consent", "trial", "trial", notice_version="words-1")
            for pk in ids
        )
    settings.ANCHOR_DIR = Path(tempfile.mkdtemp(prefix="attune-anchors-"))
    path, _ = anchors.append()
    keep()
    assert verified() == "", "the ledger holds before the first trial"
    sizes = {shard: len(chain(shard)) for shard in range(64)}
    shard = max(sizes, key=sizes.get)
    tally = Tally()
    print(f"{PEOPLE * ACTS} records in {sum(map(bool, sizes.values()))} shards; shard {shard} holds {sizes[shard]}")
    try_outright(tally)
    try_hidden(tally, shard)
    try_anchor(tally, path)
    assert verified() == "", "the ledger holds after the last trial"
    print(
        f"{tally.refused + tally.found + tally.missed} trials: {tally.refused} refused, {tally.found} found with the "
        f"record named, {tally.missed} missed"
    )
    return tally


if __name__ == "__main__":
    old = setup_databases(verbosity=0, interactive=False)
    try:
        result = main()
    finally:
        for alias in connections:
            connections[alias].close()
        teardown_databases(old, verbosity=0)
    sys.exit(1 if result.missed else 0)
