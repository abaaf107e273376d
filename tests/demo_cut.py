"""The demo store of the first forty households, loaded from the real files and committed, for the tests of one module."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import connections

from catalog.services.completejourney import CompleteJourney
from catalog.services.demo_products import load_catalogue, source
from customers.services.demo_people import load_people

HOUSEHOLDS = 40
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday: the cut-off falls on Monday the 23rd, 468 weeks later
FILLED = ("catalog_merchant", "catalog_product", "catalog_offer", "customers_customer", "customers_order",
          "customers_event", "customers_eventkey", "customers_demostore", "customers_notice",
          "customers_consentrecord")  # fmt: skip
PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'customers_event'::regclass"
GUARDS = [("customers_consentrecord", "ledger_no_truncate"), ("customers_notice", "notice_no_truncate")]


def demo_source() -> CompleteJourney:
    return source(NOW, HOUSEHOLDS)


@contextmanager
def loaded(blocker, *, people: bool = True) -> Iterator[CompleteJourney]:
    """Loads the catalogue, and unless told otherwise the people and their orders; empties all of it again at the end."""
    with blocker.unblock():
        before = _partitions()
        try:
            store = demo_source()
            load_catalogue(store)
            if people:
                load_people(store)
            with blocker.block():
                yield store
        finally:
            _empty(before)


def _partitions() -> set[str]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(PARTITIONS)
        return {name for (name,) in cursor.fetchall()}


def _empty(keep: set[str]) -> None:
    with connections["owner"].cursor() as cursor:
        for table, guard in GUARDS:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")
        cursor.execute(f"TRUNCATE {', '.join(FILLED)} CASCADE")
        for table, guard in GUARDS:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard}")
        for partition in _partitions() - keep:
            cursor.execute(f"DROP TABLE {partition}")
