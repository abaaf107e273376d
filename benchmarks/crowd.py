"""A store of its own with a made-up crowd in it, by COPY: for the benchmarks that ask what a million people cost.

    from benchmarks import crowd      # before Django is set up: it says where the store lies
    with crowd.store():
        crowd.fill(customers=1_000_000, events=20_000_000)

The store is an embedded server of its own, durable, under /var/tmp. It goes with the benchmark, unless `--keep FOLDER` names a
place where the next one finds it again, filled.
"""

# ruff: noqa: E402 - Django is set up before anything of it is imported
import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

_kept = argparse.ArgumentParser(add_help=False)
_kept.add_argument("--keep", type=Path, help="a folder where the store stays, and is found again")
KEPT = _kept.parse_known_args()[0].keep
PLACE = KEPT.resolve() if KEPT else Path(tempfile.mkdtemp(prefix="attune-crowd-", dir="/var/tmp"))
os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings.test", "ATTUNE_DURABLE": "1", "ATTUNE_DATA_DIR": str(PLACE)}

import django

django.setup()

import numpy as np
import polars as pl
from django.db import connection, connections
from django.test.utils import setup_databases
from django.utils import timezone

from catalog.services.bulk import copy_csv, csv_block
from customers.models import Customer, Order
from customers.services import partitions
from customers.services.consent import publish_notice
from recommendations.models import Profile
from registry.models import ModelVersion

BLOCK = 250_000
DAYS = 90  # that the events and orders lie in
PRODUCTS = 1_000
EVENTS = ("Product Viewed", "Product List Viewed", "Product Added", "Products Searched", "Cart Viewed")
OFTEN = (0.6, 0.15, 0.1, 0.1, 0.05)
GOODS = """
INSERT INTO catalog_product (external_id, title, department, category, product_type, brand, size, description, url,
                             image_url, price, currency, is_active, origin, version)
SELECT 'p' || n, 'Thing ' || n, 'D' || n %% 10, 'C' || n %% 100, '', '', '', '', '', '', 1 + n %% 50, 'USD', true, 'observed', 1
FROM generate_series(1, %s) n
"""
# Dated by the database, which takes no other time; hashes that nobody verifies.
SAID = """
INSERT INTO customers_consentrecord (
    shard, channel, id, seq, customer_id, action, subject, purpose, lawful_basis, notice_version, language, method, origin,
    actor, jurisdiction, ip_truncated, recorded_at, prev_hash, hash)
SELECT %s, %s, x.id, x.person, x.person, x.action, '', 'marketing', 'consent', 'newsletter-1', 'en', 'sign_up_form', 'observed',
       'subject', 'US', '', clock_timestamp(), '', ''
FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS x(id, person, action)
"""
FILLED = (
    "customers_customer", "customers_contactpoint", "customers_suppression", "customers_consentstate", "customers_order",
    "customers_orderline", "recommendations_profile", "recommendations_recommendation",
)  # fmt: skip
SEQUENCES = ("customers_customer", "customers_order", "customers_consentrecord", "customers_contactpoint")


@contextmanager
def store() -> Iterator[None]:
    """The database, migrated; afterwards it goes, unless it is kept. Its rows are not read into memory for a test to restore."""
    setup_databases(verbosity=0, interactive=False, keepdb=True, serialized_aliases=())
    try:
        yield
    finally:
        for alias in connections:
            connections[alias].close()
        if KEPT is None:
            _remove()


def _remove() -> None:
    """In a process of its own: the servers stop when this one has ended, and only then may their folder go."""
    code = (
        "import os, shutil, sys, time\n"
        "running = os.path.join(sys.argv[1], 'postgres', 'postmaster.pid')\n"
        "time.sleep(2)\n"
        "for _ in range(600):\n"
        "    if not os.path.exists(running): break\n"
        "    time.sleep(0.2)\n"
        "shutil.rmtree(sys.argv[1], ignore_errors=True)\n"
    )
    subprocess.Popen([sys.executable, "-c", code, str(PLACE)], start_new_session=True)


def fill(*, customers: int, events: int, seed: int = 1) -> None:
    """People with addresses, consent, profiles and lists of products, an order each and more, and what they looked at.

    One person in fifty shares an address with the one before, one in a hundred is suppressed. Does nothing in a store that
    holds people already.
    """
    if Customer.objects.exists():
        return
    began, draw = time.monotonic(), np.random.default_rng(seed)
    partitions.ensure(timezone.now() - timedelta(days=DAYS + 1))
    publish_notice("newsletter-1", "en", "Yes, send me offers by e-mail.")
    with connections["owner"].cursor() as cursor:
        cursor.execute(GOODS, [PRODUCTS])
    model = ModelVersion.objects.create(kind="recommender", status="live", artifact_digest="0" * 64)
    with ExitStack() as bared:
        for table in FILLED:
            bared.enter_context(bare(table))
        for first, ids in _blocks(customers):
            _people(ids, draw)
            _profiles(ids, model.pk, draw)
            _orders(ids, first, draw)
        say("people, orders, lists of products", began)
    say("their indexes", began)
    with bare("customers_event"):
        for first, ids in _blocks(events):
            _events(ids, (first / events, (first + len(ids)) / events), customers, draw)
        say("events", began)
    with connections["owner"].cursor() as cursor:
        for table in SEQUENCES:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")  # noqa: S608
        cursor.execute("VACUUM ANALYZE")
    say("filled", began)


@contextmanager
def bare(table: str) -> Iterator[None]:
    """Rows come in without foreign keys, triggers and any but the primary index, which are made again over all of them: ten
    million rows take minutes that way, and hours else.
    """
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
                       "WHERE conrelid = %s::regclass AND contype IN ('f', 'u') AND conparentid = 0", [table])  # fmt: skip
        constraints = cursor.fetchall()
        for name, _ in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute("SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index "
                       "WHERE indrelid = %s::regclass AND NOT indisprimary", [table])  # fmt: skip
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, definition in indexes:
            cursor.execute(definition.replace(" ON ONLY ", " ON "))
        for name, definition in constraints:
            unproven = " NOT VALID" if definition.startswith("FOREIGN") else ""
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}{unproven}')
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _blocks(count: int) -> Iterator[tuple[int, np.ndarray]]:
    for first in range(0, count, BLOCK):
        yield first, np.arange(first + 1, min(first + BLOCK, count) + 1)


def _copy(table: str, **columns) -> None:
    """Columns of one length or a single value each."""
    length = max(len(one) for one in columns.values() if isinstance(one, np.ndarray | list | pl.Series))
    frame = pl.DataFrame({
        name: one if isinstance(one, np.ndarray | list | pl.Series) else pl.repeat(one, length, eager=True)
        for name, one in columns.items()
    })  # fmt: skip
    copy_csv(table, list(columns), [csv_block(frame)], using="owner")


def _lookups(kind: str, ids: np.ndarray) -> list[str]:
    return ["\\x" + hashlib.sha256(f"{kind}:{one}".encode()).hexdigest() for one in ids.tolist()]


def _people(ids: np.ndarray, draw: np.random.Generator) -> None:
    now = datetime.now(UTC)
    _copy(
        "customers_customer", id=ids, external_id=pl.Series(ids).cast(str).str.zfill(9), is_provisional=False,
        attributes="{}", language="en", timezone="", jurisdiction="US", personalise=draw.random(len(ids)) > 0.03,
        first_seen_at=now - timedelta(days=400), excluded_reason="", origin="observed",
    )  # fmt: skip
    has = {"email": ids[draw.random(len(ids)) < 0.95], "phone": ids[draw.random(len(ids)) < 0.4]}
    for kind, owners in has.items():
        shown = np.where(draw.random(len(owners)) < 0.02, np.maximum(owners - 1, 1), owners)
        lookups = _lookups(kind, shown)
        _copy(
            "customers_contactpoint", customer_id=owners, kind=kind, sealed="\\x" + "00" * 80, lookup=lookups,
            lookup_version=1, origin="observed", matched_at=now,
        )  # fmt: skip
        if kind == "email":
            stopped = [
                lookup for lookup, is_out in zip(lookups, draw.random(len(owners)) < 0.01, strict=True) if is_out
            ]
            _copy("customers_suppression", channel="email", lookup=sorted(set(stopped)), lookup_version=1,
                  reason="unsubscribed")  # fmt: skip
    for shard, (channel, share) in enumerate((("email", 0.85), ("sms", 0.35))):
        said = ids[draw.random(len(ids)) < share + 0.05]
        given = draw.random(len(said)) < share / (share + 0.05)
        record = said * 2 + shard
        action = pl.Series(np.where(given, "given", "refused"))
        with connections["owner"].cursor() as cursor:
            cursor.execute(SAID, [shard, channel, record.tolist(), said.tolist(), action.to_list()])
        _copy(
            "customers_consentstate", customer_id=said, purpose="marketing", channel=channel, action=action, is_given=given,
            origin="observed", record_id=record, since=now - timedelta(days=300),
        )  # fmt: skip


def _profiles(ids: np.ndarray, model: int, draw: np.random.Generator) -> None:
    now, many = datetime.now(UTC), len(ids)
    scores = {name: draw.integers(1, 6, many) for name in ("r_score", "f_score", "m_score")}
    _copy(
        Profile._meta.db_table, customer_id=ids, recency_days=draw.random(many) * DAYS, frequency=draw.integers(1, 40, many),
        monetary=(draw.random(many) * 500).round(2), **scores, cluster=draw.integers(0, 8, many), cluster_name="",
        top_category="C1", affinities='{"D1": 0.5}', figures="{}", as_of=now, model_version_id=model,
    )  # fmt: skip
    first = draw.integers(0, PRODUCTS, many)
    for rank in (1, 2, 3):
        _copy(
            "recommendations_recommendation", customer_id=ids, product_id=(first + rank * 17) % PRODUCTS + 1, rank=rank,
            score=1 / rank, is_novel=False, reason_code="bought_again", model_version_id=model,
        )  # fmt: skip


def _times(many: int, draw: np.random.Generator, first: float = 0.0, last: float = 1.0) -> pl.Series:
    """Evenly over the days, or over this part of them."""
    now = int(datetime.now(UTC).timestamp() * 1e6)
    ago = (1 - first - draw.random(many) * (last - first)) * DAYS * 86_400e6
    return pl.Series(now - ago.astype(np.int64)).cast(pl.Datetime("us"))


def _orders(ids: np.ndarray, first: int, draw: np.random.Generator) -> None:
    numbers = np.arange(2 * first + 1, 2 * first + 2 * len(ids) + 1)
    _copy(
        Order._meta.db_table, id=numbers, external_id=pl.Series(numbers).cast(str), customer_id=draw.choice(ids, len(numbers)),
        ordered_at=_times(len(numbers), draw), channel="web", store="", source="api", total=10, discount=0,
        coupon_discount=0, refunded=0, currency="USD", coupon="", excluded_reason="", origin="observed",
    )  # fmt: skip
    _copy("customers_orderline", order_id=numbers, product_id=draw.integers(1, PRODUCTS + 1, len(numbers)), quantity=1,
          amount=10)  # fmt: skip


def _events(ids: np.ndarray, when: tuple[float, float], customers: int, draw: np.random.Generator) -> None:
    """The square of an even draw: a few people do most, as everywhere. In the order they happened, as they come in:
    `when` is the part of the time, 0 to 1, that these fill.
    """
    whom = (draw.random(len(ids)) ** 2 * customers).astype(np.int64) + 1
    _copy(
        "customers_event", occurred_at=_times(len(ids), draw, *when).sort(), message_id=pl.Series(ids).cast(str),
        source="api", channel="web", name=draw.choice(EVENTS, len(ids), p=OFTEN), customer_id=whom, origin="observed",
        properties='{"product_id": "p' + pl.Series(draw.integers(1, PRODUCTS + 1, len(ids))).cast(str) + '"}',
    )  # fmt: skip


def say(what: str, since: float) -> None:
    print(f"  {time.monotonic() - since:7.1f} s  {what}", flush=True)


def used() -> float:
    """GB that the store takes on the disk."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return cursor.fetchone()[0] / 1e9


class Memory:
    """The most memory that is nobody else's: what this process took on, and all of the busiest server process, in MB.

    Read ten times a second from /proc (RssAnon): the pages that all server processes share are not counted.
    """

    def __init__(self):
        self.own, self.server, self._done = 0.0, 0.0, Event()
        self._before = _anonymous(os.getpid())
        self._reader = Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._reader.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._reader.join()

    def _watch(self) -> None:
        postmaster = int((PLACE / "postgres" / "postmaster.pid").read_text().split("\n")[0])
        while not self._done.wait(0.1):
            self.own = max(self.own, _anonymous(os.getpid()) - self._before)
            for task in Path(f"/proc/{postmaster}/task").iterdir():
                children = (task / "children").read_text().split()
                self.server = max([self.server, *(_anonymous(int(pid)) for pid in children)])


def _anonymous(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().split("\n")
    except OSError:  # it has ended
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("RssAnon")), 0.0)
