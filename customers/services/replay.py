"""Replays the held-back baskets of the demo store: they enter as incoming orders, the way a shop would post them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from catalog.exceptions import DemoStoreRefused
from catalog.services.completejourney import CompleteJourney
from customers.contracts import QuarantinedEvent
from customers.models import DemoStore, Source
from customers.services import partitions
from customers.services.demo_people import STORE, order_lines
from customers.services.events import MAX_BATCH, record_events
from customers.services.orders import COMPLETED


@dataclass(frozen=True, slots=True)
class ReplayReport:
    accepted: int
    duplicates: int  # had come in before: nothing changed
    quarantined: tuple[QuarantinedEvent, ...]
    replayed_until: datetime


def held_back(until: datetime | None = None) -> tuple[CompleteJourney, datetime, datetime]:
    """(the data, where a replay would begin, where it would end). None is everything. Raises DemoStoreRefused."""
    row = DemoStore.objects.filter(loaded_at__isnull=False).first()
    if row is None:
        raise DemoStoreRefused("No demo store is loaded: run load_completejourney_people first.")
    store = CompleteJourney.named(row.name, row.shift)
    since = row.replayed_until or row.cutoff_at
    return store, since, min(until or store.end_at, store.end_at)


def replay(until: datetime | None = None, *, progress: Callable[[int], object] = lambda baskets: None) -> ReplayReport:
    """Brings in every basket before `until` (None: all), each once, in order of time; `progress` gets baskets.

    A killed replay goes on where it stopped. What has been replayed stays: an earlier `until` changes nothing.
    """
    store, since, until = held_back(until)
    accepted, duplicates, quarantined = 0, 0, []
    if until > since:
        partitions.ensure(since, until)
    for events, reached in _batches(store, since, until):
        receipt = record_events(events, merchant_id=None, source=Source.REPLAY, origin=STORE.origin)
        # Up to, not past, the last basket: another of the same second may stand in the next batch.
        DemoStore.objects.filter(name=store.name).update(replayed_until=reached)
        accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
        quarantined += receipt.quarantined
        progress(len(events))
    reached = max(since, until)
    DemoStore.objects.filter(name=store.name).update(replayed_until=reached)
    return ReplayReport(accepted, duplicates, tuple(quarantined), reached)


def _batches(store: CompleteJourney, since: datetime, until: datetime) -> Iterator[tuple[list[dict], datetime]]:
    for block in store.blocks(since=since, until=until):
        baskets = order_lines(block).group_by("order", maintain_order=True).agg(
            pl.col("customer", "store", "ordered_at").first(),
            pl.col("cents", "discount_cents", "coupon_cents").sum(),
            bought=pl.struct("product", "quantity", "cents"),
        )  # fmt: skip
        for batch in baskets.iter_slices(MAX_BATCH):
            yield [_event(basket) for basket in batch.iter_rows(named=True)], batch["ordered_at"][-1]


def _event(basket: dict) -> dict:
    """A basket as a shop posts it. Its id is that of the event, so that it can come in once only."""
    return {
        "messageId": basket["order"],
        "type": "track",
        "event": COMPLETED,
        "userId": basket["customer"],
        "timestamp": basket["ordered_at"].isoformat(),
        "context": {"channel": STORE.channel},
        "properties": {
            "order_id": basket["order"],
            "total": _money(basket["cents"]),
            "discount": _money(basket["discount_cents"]),
            "coupon_discount": _money(basket["coupon_cents"]),
            "currency": STORE.currency,
            "store": basket["store"],
            "products": [
                {"product_id": line["product"], "quantity": line["quantity"], "amount": _money(line["cents"])}
                for line in basket["bought"]
            ],
        },
    }


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
