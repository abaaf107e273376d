"""How fast files come in, as a share of a bare COPY of the same rows: the price of checks, keys, seals and the way back.

    python -m benchmarks.imports

On a database of its own, durable, dropped afterwards. Ratios say what our part costs; seconds are the machine's.
"""

# ruff: noqa: E402 - Django is set up before anything of it is imported
import os
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
os.environ["ATTUNE_DURABLE"] = "1"
os.environ["ATTUNE_TEST_DATABASE"] = "bench_attune"

import django

django.setup()

from django.db import connections
from django.test.utils import setup_databases, teardown_databases

from customers.models import ImportBatch
from customers.services import import_run, import_undo, imports, partitions
from customers.services.import_fields import guess
from tests import factories

PEOPLE, ORDERS, LINES, PRODUCTS, SOCIAL = 20_000, 5_000, 4, 500, 20_000
SINCE = datetime(2026, 5, 1, tzinfo=UTC)


def people(draw: random.Random):
    yield "customer,email,phone,loyalty,attribute"
    for n in range(PEOPLE):
        yield f"person-{n},person-{n}@example.com,+4144668{draw.randrange(10_000):04},card-{n},{draw.randrange(80)}"


def purchases(draw: random.Random):
    yield "card,order,ordered_at,product,quantity,amount,store"
    for n in range(ORDERS):
        at = (SINCE + timedelta(seconds=draw.randrange(20 * 86_400))).isoformat()
        card = f"card-{draw.randrange(PEOPLE)}"
        for line in range(LINES):
            yield f"{card},r-{n},{at},p-{draw.randrange(PRODUCTS)},{line + 1},{draw.randrange(100, 2000) / 100},s-1"


def social(draw: random.Random):
    yield "customer,network,action,at,post,comment"
    for n in range(SOCIAL):
        at = (SINCE + timedelta(seconds=draw.randrange(20 * 86_400))).isoformat()
        action = draw.choice(["follow", "like", "share", "comment"])
        yield f"person-{draw.randrange(PEOPLE)},instagram,{action},{at},post-{n % 50},{'nice' if action == 'comment' else ''}"


def bare_copy(path: Path, columns: int) -> float:
    """Seconds to COPY the same file into a table of text columns, committed."""
    names = ", ".join(f"c{n} text" for n in range(columns))
    connection = connections["owner"]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute(f"CREATE TABLE bare ({names})")
        started = time.monotonic()
        with path.open("rb") as file, cursor.copy("COPY bare FROM STDIN (FORMAT csv, HEADER)") as copy:
            while block := file.read(2**16):
                copy.write(block)
        return time.monotonic() - started


def measure(kind: str, lines, folder: Path, **options) -> None:
    path = folder / f"{kind}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    header = path.open(encoding="utf-8").readline().strip().split(",")
    mapping = guess(kind, header) | ({"attribute.age": "attribute"} if "attribute" in header else {})
    batch = imports.register(kind, path)
    imports.choose(batch.pk, mapping, options)
    seconds = {"COPY": bare_copy(path, len(header))}
    for name, step in (("dry run", None), ("load", imports.load)):
        if step:
            step(batch.pk)
        started = time.monotonic()
        import_run.run(batch.pk, path)
        seconds[name] = time.monotonic() - started
    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.LOADED and batch.taken, batch.message
    said = "; ".join(
        f"{name} {batch.done / seconds[name]:,.0f} a second, {seconds[name] / seconds['COPY']:,.0f} times a bare COPY"
        for name in ("dry run", "load")
    )
    print(f"{kind}: {batch.done:,} lines, {batch.rejected} refused: {said}")
    if kind == "social":
        started = time.monotonic()
        import_undo.undo(batch.pk, actor=None, reason="benchmark")
        print(f"taken back: {batch.done / (time.monotonic() - started):,.0f} lines a second")


def main() -> None:
    for n in range(PRODUCTS):
        factories.product(external_id=f"p-{n}")
    partitions.ensure(SINCE, SINCE + timedelta(days=31))
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        measure("people", people(draw), Path(folder))
        measure("purchases", purchases(draw), Path(folder))
        measure("social", social(draw), Path(folder))


if __name__ == "__main__":
    old = setup_databases(verbosity=0, interactive=False)
    try:
        main()
    finally:
        for alias in connections:
            connections[alias].close()
        teardown_databases(old, verbosity=0)
