"""What it costs to keep segments: a refresh after a few events against a rebuild, and what the notes of changes cost a load.

    python -m benchmarks.segments [--customers 200000] [--events 4000000] [--keep FOLDER]

Eight segments over attributes, consent, orders, lines, events and one another. Prints the refresh after 10,000 new events and
its ratio to a rebuild of the same segments; batches of several sizes, with the longest time that somebody who saves a segment
then waited; from how many changed people on a rebuild is quicker; and bulk loads with and without the triggers that note
whom a row changes.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import numpy as np
import polars as pl
from django.db import connection, connections

from benchmarks import crowd
from campaigns.models import ChangedPerson, Segment
from campaigns.queries.segments import members
from campaigns.services import membership
from campaigns.services.segments import save_segment
from catalog.services.bulk import copy_csv, csv_block
from customers.models import Customer

RULES = {
    "loyal": {"all": [{"field": name, "op": ">=", "value": 4} for name in ("r_score", "f_score", "m_score")]},
    "lapsing": {"all": [{"field": "r_score", "op": "<=", "value": 2}, {"field": "f_score", "op": ">=", "value": 3}]},
    "buyers": {"field": "orders_in", "op": ">=", "value": 2, "days": 30},
    "lookers": {"all": [{"field": "viewed", "op": ">=", "value": 5, "days": 30},
                        {"field": "orders_in", "op": "<", "value": 1, "days": 30}]},
    "quiet": {"not": {"field": "viewed", "op": ">", "value": 0, "days": 14}},
    "shelf": {"field": "bought_category", "op": "=", "value": "C7", "days": 60},
    "spenders": {"field": "spend_in", "op": ">=", "value": 30, "days": 60},
    "free": {"all": [{"field": "consent_email", "op": "in", "value": ["given"]},
                     {"any": [{"field": "segment", "op": "=", "value": "buyers"},
                              {"field": "segment", "op": "=", "value": "lookers"}]}]},
}  # fmt: skip
NEW_EVENTS = 10_000
BATCHES = (500, 1_000, 2_500, 5_000, 10_000)
SHARES = (0.02, 0.05, 0.1, 0.2)
LOADED = 200_000
BATCH = membership.BATCH
NOTED = "ALTER TABLE customers_event {} TRIGGER campaigns_note_new"


def load(count: int, customers: int, draw: np.random.Generator) -> float:
    """Seconds to copy so many new events in, half a minute old."""
    ids = pl.Series(draw.integers(0, 2**62, count)).cast(str)
    frame = pl.DataFrame({
        "occurred_at": pl.repeat(datetime.now(UTC) - timedelta(seconds=30), count, eager=True), "message_id": ids,
        "name": pl.repeat("Product Viewed", count, eager=True), "source": pl.repeat("api", count, eager=True),
        "channel": pl.repeat("web", count, eager=True), "customer_id": draw.integers(1, customers + 1, count),
        "properties": pl.repeat("{}", count, eager=True), "origin": pl.repeat("observed", count, eager=True),
    })  # fmt: skip
    block, began = csv_block(frame), time.monotonic()
    copy_csv("customers_event", frame.columns, [block], using="owner")
    return time.monotonic() - began


def change(share: float) -> int:
    """Notes that something changed of this share of the people."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM campaigns_changedperson")
        cursor.execute("INSERT INTO campaigns_changedperson (customer_id) "
                       "SELECT id FROM customers_customer WHERE id %% 1000 < %s", [round(share * 1000)])  # fmt: skip
        return cursor.rowcount


def refreshed() -> float:
    began = time.monotonic()
    membership.refresh()
    assert not ChangedPerson.objects.exists()
    return time.monotonic() - began


def rebuilt() -> float:
    ChangedPerson.objects.all().delete()
    Segment.objects.update(rebuilt_at=None)
    return refreshed()


def longest_wait() -> float:
    """Seconds that the slowest save of a segment took while a refresh of the notes was under way."""
    waits, done = [], Event()

    def save() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            began = time.monotonic()
            save_segment(slug="loyal", name=f"loyal {turn}", rule=RULES["loyal"], audience_phrase="guests")
            waits.append(time.monotonic() - began)
            time.sleep(0.05)
        connections.close_all()

    saver = Thread(target=save)
    saver.start()
    refreshed()
    done.set()
    saver.join()
    return max(waits)


def main(customers: int, events: int) -> None:
    crowd.fill(customers=customers, events=events)
    customers = Customer.objects.count()
    draw = np.random.default_rng(7)
    for slug, rule in RULES.items():
        save_segment(slug=slug, name=slug, rule=rule, audience_phrase="guests")
    print(f"{customers:,} customers, {events:,} events, {Segment.objects.count()} segments: built in {rebuilt():.1f} s")
    whole = min(rebuilt() for _ in range(2))
    refreshed()
    load(NEW_EVENTS, customers, draw)
    after = refreshed()
    print(
        f"refresh after {NEW_EVENTS:,} new events: {after:.2f} s; a rebuild of all: {whole:.1f} s, {whole / after:.1f} times that"
    )
    for segment in Segment.objects.all():
        kept = set(segment_ids(segment))
        assert kept == set(
            members(segment, now=Segment.objects.get(pk=segment.pk).fresh_at).values_list("pk", flat=True)
        )
    print("batch   people a second   longest wait of a save")
    for size in BATCHES:
        membership.BATCH = size
        number = change(min(1.0, 20_000 / customers))
        took = refreshed()
        change(min(1.0, 20_000 / customers))
        print(f"{size:>6,} {number / took:>15,.0f} {longest_wait():>19.2f} s")
    membership.BATCH = BATCH
    crossing(whole)
    notes(customers, draw)


def segment_ids(segment: Segment) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT customer_id FROM campaigns_segmentmember WHERE segment_id = %s", [segment.pk])
        return [pk for (pk,) in cursor.fetchall()]


def crossing(whole: float) -> None:
    """Where the refresh of a share of the people costs as much as asking everybody."""
    membership.REBUILD_SHARE = 2.0
    points = []
    for share in SHARES:
        number = change(share)
        points.append((number, refreshed()))
        print(f"{share:.0%} of the people changed: {points[-1][1]:.1f} s, a rebuild {whole:.1f} s")
    slope, rest = np.polyfit(*zip(*points, strict=True), 1)
    number = (whole - rest) / slope
    print(f"as long as a rebuild: {max(number, 0):,.0f} people, {max(number, 0) / Customer.objects.count():.0%} of all")


def notes(customers: int, draw: np.random.Generator) -> None:
    """Bulk loads by turns, three each way."""
    took: dict[str, list[float]] = {"ENABLE": [], "DISABLE": []}
    for _ in range(3):
        for how, times in took.items():
            with connections["owner"].cursor() as cursor:
                cursor.execute(NOTED.format(how))
            times.append(load(LOADED, customers, draw))
    with connections["owner"].cursor() as cursor:
        cursor.execute(NOTED.format("ENABLE"))
    noted, bare = min(took["ENABLE"]), min(took["DISABLE"])
    print(f"COPY of {LOADED:,} events: {noted:.2f} s with the notes, {bare:.2f} s without, ratio {noted / bare:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--keep", help="a folder where the store stays, and is found again")
    asked = parser.parse_args()
    with crowd.store():
        main(asked.customers, asked.events)
