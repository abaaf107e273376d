"""What row-level security costs: the same queries with the policies and without, on a database of its own.

    python -m benchmarks.row_security

90,000 products of ten merchants, half a million events, a million order lines. Each query runs as the application's role
and for the platform, whose policy lets every row through and so pays without hiding anything; the fastest of nine runs
each way, the two ways by turns. Prints the ratio, and the plan's filter to show that it calls no function a row.
"""

# ruff: noqa: E402 - Django is set up before anything of it is imported
import os
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
os.environ["ATTUNE_DURABLE"] = "1"
os.environ["ATTUNE_TEST_DATABASE"] = "bench_attune"

import django

django.setup()

from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases

from customers.contracts import NewCustomer
from customers.services import people

ROUNDS = 9
GUARDED = ("catalog_product", "customers_event")
FILL = (
    "INSERT INTO catalog_merchant (external_id, name, origin) SELECT 'm' || n, 'M', 'simulated' FROM generate_series(1, 10) n",
    """INSERT INTO catalog_product (merchant_id, external_id, title, department, category, product_type, brand, size,
           description, url, image_url, price, currency, is_active, origin, version)
       SELECT m.id, 'p' || n, 'Thing ' || n, '', 'c' || n % 300, '', '', '', '', '', '', n % 50, 'USD', true, 'simulated', 1
       FROM generate_series(1, 90000) n JOIN catalog_merchant m ON m.external_id = 'm' || (n % 10 + 1)""",
    """INSERT INTO customers_event (occurred_at, message_id, name, source, channel, merchant_id, customer_id, properties, origin)
       SELECT now() - n * interval '4 seconds', 'e' || n, 'Product Viewed', 'api', 'web', n % 10 + 1, n % 5000 + 1, '{}',
              'simulated'
       FROM generate_series(1, 500000) n""",
    """INSERT INTO customers_order (external_id, customer_id, ordered_at, channel, store, source, total, discount,
           coupon_discount, refunded, currency, coupon, excluded_reason, origin)
       SELECT 'o' || n, n % 5000 + 1, now() - n * interval '1 minute', 'web', '', 'api', 10, 0, 0, 0, 'USD', '', '', 'simulated'
       FROM generate_series(1, 100000) n""",
    """INSERT INTO customers_orderline (order_id, product_id, quantity, amount)
       SELECT n % 100000 + 1, n * 7 % 90000 + 1, 1, 1 FROM generate_series(1, 1000000) n""",
    "ANALYZE",
)
QUERIES = {
    "revenue by category: 1,000,000 lines joined with 90,000 products": """
        SELECT p.category, sum(l.amount) FROM customers_orderline l JOIN catalog_product p ON p.id = l.product_id GROUP BY 1""",
    "events a day: all 500,000 read": """
        SELECT date_trunc('day', occurred_at), count(*) FROM customers_event GROUP BY 1""",
    "one person's timeline: by index": """
        SELECT * FROM customers_event WHERE customer_id = 77 ORDER BY occurred_at DESC LIMIT 50""",
}


def seconds(query: str) -> float:
    with connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(query)
        cursor.fetchall()
        return time.perf_counter() - started


def switch(how: str) -> None:
    with connections["owner"].cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} {how} ROW LEVEL SECURITY")


def main() -> None:
    people.import_customers(NewCustomer(f"c{number}") for number in range(5_000))
    with connections["owner"].cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (COSTS OFF) {QUERIES['events a day: all 500,000 read']}")
        print(next(line.strip() for (line,) in cursor.fetchall() if "Filter" in line))
    for name, query in QUERIES.items():
        took = {"ENABLE": [], "DISABLE": []}
        for _ in range(ROUNDS):
            for how, times in took.items():
                switch(how)
                times.append(seconds(query))
        switch("ENABLE")
        best = {how: min(times) for how, times in took.items()}
        print(f"{name}: {best['ENABLE'] * 1e3:.1f} ms with, {best['DISABLE'] * 1e3:.1f} ms without, "
              f"ratio {best['ENABLE'] / best['DISABLE']:.2f}")  # fmt: skip


if __name__ == "__main__":
    old = setup_databases(verbosity=0, interactive=False)
    try:
        main()
    finally:
        for alias in connections:
            connections[alias].close()
        teardown_databases(old, verbosity=0)
