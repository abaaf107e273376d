"""How fast the ledger takes records and verifies them, on a database of its own that is dropped afterwards.

    python -m benchmarks.consent_ledger

Prints appends a second with 1, 4 and 16 writers, each append a transaction of its own, as a ratio to a bare INSERT of
the same row by as many writers; records a second in bulk; and the seconds to verify 100,000. Wall time says what the
machine gave, CPU time of this process what the work costs.
"""

# ruff: noqa: E402 - Django is set up before anything of it is imported
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from threading import Barrier

# The tests' settings build a database of its own as its owner; here it is durable, as in production.
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
os.environ["ATTUNE_DURABLE"] = "1"
os.environ["ATTUNE_TEST_DATABASE"] = "bench_attune"

import django

django.setup()

from django.conf import settings
from django.db import connection, connections, transaction
from django.test.utils import setup_databases, teardown_databases

from customers.contracts import NewConsent, NewCustomer
from customers.services import consent, people

PEOPLE, RECORDS, APPENDS = 5_000, 100_000, 400
BARE = "CREATE TABLE bare_insert (LIKE customers_consentrecord INCLUDING ALL)"
PLAIN = """
INSERT INTO bare_insert (shard, seq, subject, purpose, channel, action, lawful_basis, notice_version, language, method,
                         origin, actor, jurisdiction, ip_truncated, recorded_at, prev_hash, hash)
VALUES (0, nextval('bare_seq'), %s, 'marketing', 'email', 'refused', 'consent', '', '', 'benchmark',
        'simulated', 'benchmark', '', '', clock_timestamp(), %s, %s)
"""


def in_threads(writers: int, work, arguments) -> float:
    """Calls a second over all writers, each on a connection of its own."""
    arguments = list(arguments)

    shares = [arguments[writer::writers] for writer in range(writers)]
    ready = Barrier(writers + 1)

    def one(share) -> None:
        connection.ensure_connection()
        ready.wait()
        for argument in share:
            work(argument)
        connection.close()

    with ThreadPoolExecutor(writers) as pool:
        running = [pool.submit(one, share) for share in shares]
        ready.wait()
        started = time.monotonic()
        for future in running:
            future.result()
    return APPENDS / (time.monotonic() - started)


def append(customer_id: int) -> None:
    consent.record(NewConsent(customer_id, "marketing", "email", "refused", "consent", "benchmark", "benchmark"))


def bare(number: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PLAIN, [b"s" * 32, b"p" * 32, number.to_bytes(32)])


def main() -> None:
    ids = list(people.import_customers(NewCustomer(f"bench-{n}") for n in range(PEOPLE)).values())
    with connections["owner"].cursor() as cursor:
        cursor.execute(BARE)
        cursor.execute("CREATE SEQUENCE bare_seq")
        role = settings.DATABASES["default"]["USER"]
        cursor.execute(f"GRANT ALL ON bare_insert, bare_seq TO {role}")
    for writers in (1, 4, 16):
        plain = in_threads(writers, bare, range(1, APPENDS + 1))
        chained = in_threads(writers, append, islice(cycle(ids), APPENDS))
        print(
            f"{writers:>2} writers: {chained:7.0f} appends/s, {plain:7.0f} bare INSERTs/s, ratio {chained / plain:.2f}"
        )
    started = time.monotonic()
    rest = RECORDS - 3 * APPENDS
    rows = islice(cycle(ids), rest)
    consent.record_many(NewConsent(pk, "marketing", "email", "refused", "consent", "bench", "bench") for pk in rows)
    print(f"in bulk: {rest / (time.monotonic() - started):,.0f} records/s")
    for _ in range(3):
        started, cpu, progress = time.monotonic(), time.process_time(), consent.Progress()
        faults = list(consent.verify(progress=progress))
        wall, cpu = time.monotonic() - started, time.process_time() - cpu
        print(f"verified {progress.records:,} records in {wall:.1f} s ({cpu:.1f} s CPU), {len(faults)} faults")


if __name__ == "__main__":
    old = setup_databases(verbosity=0, interactive=False)
    try:
        main()
    finally:
        for alias in connections:
            connections[alias].close()
        teardown_databases(old, verbosity=0)
