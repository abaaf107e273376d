"""How fast events are taken in, in batches of 500, and how fast interactions are read back.

    python -m benchmarks.events_in

On a database of its own, durable, dropped afterwards. Seven in ten events look at a product, one searches, two are
orders of eight lines. Wall time says what the machine gave, CPU time of this process what our part costs.
"""

# ruff: noqa: E402 - Django is set up before anything of it is imported
import os
import random
import time
from datetime import timedelta
from uuid import UUID

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
os.environ["ATTUNE_DURABLE"] = "1"
os.environ["ATTUNE_TEST_DATABASE"] = "bench_attune"

import django

django.setup()

from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from django.utils import timezone

from customers.queries.behaviour import interactions
from customers.services.events import record_events
from tests import factories

BATCH, BATCHES, PRODUCTS, PEOPLE = 500, 40, 2_000, 2_500
KINDS = ["Product Viewed"] * 7 + ["Products Searched"] + ["Order Completed"] * 2


def an_event(draw: random.Random, now) -> dict:
    name = draw.choice(KINDS)
    if name == "Products Searched":
        properties = {"query": "oat biscuits"}
    elif name == "Product Viewed":
        properties = {"product_id": f"p-{draw.randrange(PRODUCTS)}"}
    else:
        lines = [f"p-{draw.randrange(PRODUCTS)}" for _ in range(8)]
        products = [{"product_id": line, "quantity": 2, "price": "1.25"} for line in lines]
        properties = {"order_id": str(UUID(int=draw.getrandbits(128))), "products": products}
    at = now - timedelta(seconds=draw.randrange(7 * 86_400))
    return {
        "messageId": str(UUID(int=draw.getrandbits(128))), "event": name, "timestamp": at.isoformat(),
        "userId": f"person-{draw.randrange(PEOPLE)}", "properties": properties,
    }  # fmt: skip


def main() -> None:
    for number in range(PRODUCTS):
        factories.product(external_id=f"p-{number}")
    draw, now = random.Random(1), timezone.now()
    batches = [[an_event(draw, now) for _ in range(BATCH)] for _ in range(BATCHES)]
    started, cpu = time.monotonic(), time.process_time()
    accepted = sum(record_events(batch, merchant_id=None, source="api").accepted for batch in batches)
    wall, cpu = time.monotonic() - started, time.process_time() - cpu
    print(f"{accepted:,} events: {accepted / wall:,.0f} a second; {accepted / cpu:,.0f} a CPU second of this process")
    started = time.monotonic()
    repeated = sum(record_events(batch, merchant_id=None, source="api").duplicates for batch in batches)
    print(f"{repeated:,} known ones: {repeated / (time.monotonic() - started):,.0f} a second")
    started = time.monotonic()
    columns = interactions(since=now - timedelta(days=8), until=now)
    print(f"{len(columns):,} order lines read in {time.monotonic() - started:.2f} s")


if __name__ == "__main__":
    old = setup_databases(verbosity=0, interactive=False)
    try:
        main()
    finally:
        for alias in connections:
            connections[alias].close()
        teardown_databases(old, verbosity=0)
