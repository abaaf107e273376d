"""The demo store's people and their orders before the cut-off, from the Complete Journey files.

What the data does not hold is invented and says so: an address at example.invalid and a consent given at import are
`simulated`. Attributes, orders and times (moved by whole weeks) are real. Every part looks at what is there, so a run
that was killed is completed by the next one.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import polars as pl
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from catalog import queries as catalog
from catalog.exceptions import DemoStoreRefused
from catalog.services.bulk import analyze
from catalog.services.completejourney import CompleteJourney, merchant_id
from customers.contracts import Action, Channel, LawfulBasis, NewConsent, NewContact, NewCustomer, Purpose
from customers.models import (
    ConsentRecord,
    ConsentState,
    ContactPoint,
    Customer,
    DemoStore,
    Event,
    EventKey,
    Order,
    OrderLine,
)
from customers.services import consent, partitions, people
from customers.services.load import OrderTotals, Way, load_orders

STORE = Way(source="store", channel="store", origin="observed", currency="USD")
EMAIL, SIMULATED = "email", "simulated"
ATTRIBUTES = ("age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count")
LOADERS = 2  # half of the work is the server's foreign keys, one core for each connection; more would fight for locks

# By hash of the external id, so that a repeated load asks the same people. 70 in 100 agreed and 5 refused; 25 were
# never asked, and whoever was never asked receives nothing.
AGREED, REFUSED = 0.70, 0.05
ASKED = (
    (Purpose.MARKETING, Channel.EMAIL),
    (Purpose.PROFILING, Channel.ANY),
    (Purpose.MODEL_TRAINING, Channel.ANY),
)
METHOD, ACTOR = "import", "import"
NOTICE = "demo-import-1"
NOTICE_TEXT = (
    "SIMULATED FOR THE DEMO STORE. The Complete Journey data records no consent; nobody was shown these words.\n"
    "Yes, send me offers by e-mail that are chosen by what I buy. For this the store may look at my purchases and "
    "let its recommendation models learn from them. I can take this back at any time, each part for itself, by the "
    "link in every message or in my preferences."
)


@dataclass(frozen=True, slots=True)
class PeopleReport:
    """What is there after a load."""

    customers: int
    with_demographics: int
    contact_points: int
    agreed: int
    refused: int
    never_asked: int
    totals: OrderTotals
    is_new: bool  # False: everything was there already


def load_people(store: CompleteJourney, *, progress: Callable[[int], object] = lambda lines: None) -> PeopleReport:
    """Loads people, addresses, consent and orders; `progress` gets the order lines of each block that has gone in.

    Raises DemoStoreRefused when the catalogue is not loaded, or another cut of the data is.
    """
    everyone = store.people()
    names = everyone["household_id"].cast(pl.String).to_list()
    row = _store_row(store)
    if row.loaded_at is not None:
        return _report(everyone, names, is_new=False)
    products = catalog.product_ids(row.merchants)
    if not products.keys() >= store.product_ids():
        raise DemoStoreRefused("The catalogue is not there yet: run load_completejourney_products first.")
    ids = people.import_customers(_customers(everyone))
    people.add_contact_points(
        NewContact(ids[name], EMAIL, f"household-{name}@example.invalid", origin=SIMULATED) for name in names
    )
    _record_consent(ids)
    _load_orders(store, ids, products, progress)
    analyze(
        [model._meta.db_table for model in (Customer, ContactPoint, ConsentState, EventKey, Event, Order, OrderLine)]
    )
    DemoStore.objects.filter(pk=row.pk).update(loaded_at=timezone.now())
    return _report(everyone, names, is_new=True)


def _store_row(store: CompleteJourney) -> DemoStore:
    row = DemoStore.objects.first()
    if row is not None and row.name != store.name:
        raise DemoStoreRefused(f"“{row.name}” is loaded; “{store.name}” needs a database of its own.")
    if row is None:
        merchants = [merchant_id(maker) for maker in store.merchants()]
        row = DemoStore.objects.create(
            name=store.name, shift=store.shift, cutoff_at=store.cutoff_at, merchants=merchants
        )
    return row


def _customers(everyone: pl.DataFrame) -> Iterator[NewCustomer]:
    for row in everyone.iter_rows(named=True):
        known = {name: row[name] for name in ATTRIBUTES if row[name] is not None}
        yield NewCustomer(str(row["household_id"]), attributes=known, first_seen_at=row["first_seen_at"])


def share(external_id: str) -> float:
    """Where a person stands between 0 and 1: even, fixed, and without a meaning."""
    return int.from_bytes(hashlib.sha256(b"attune demo consent " + external_id.encode()).digest()[:8]) / 2**64


def answer(external_id: str) -> Action | None:
    """What this person is taken to have said at import; None: never asked."""
    place = share(external_id)
    if place < AGREED:
        return Action.IMPORTED
    return Action.REFUSED if place < AGREED + REFUSED else None


def _record_consent(ids: dict[str, int]) -> None:
    consent.publish_notice(NOTICE, "en", NOTICE_TEXT)
    said = ConsentRecord.objects.filter(method=METHOD, notice_version=NOTICE)
    said = set(said.values_list("customer_id", "purpose", "channel"))
    consent.record_many(
        NewConsent(
            customer_id=customer_id, purpose=purpose, channel=channel, action=answer(name),
            lawful_basis=LawfulBasis.CONSENT, method=METHOD, actor=ACTOR, origin=SIMULATED, notice_version=NOTICE,
            language="en",
        )
        for name, customer_id in ids.items()
        for purpose, channel in ASKED
        if answer(name) is not None and (customer_id, purpose, channel) not in said
    )  # fmt: skip


def order_lines(block: pl.DataFrame) -> pl.DataFrame:
    """A block of the files with the names and external ids that the platform uses."""
    named = {"basket_id": "order", "household_id": "customer", "product_id": "product", "store_id": "store"}
    return block.rename(named).with_columns(pl.col(*named.values()).cast(pl.String))


def _load_orders(store: CompleteJourney, ids: dict[str, int], products: dict[str, int], progress) -> None:
    first = store.people()["first_seen_at"].min()
    partitions.ensure(first, store.cutoff_at)

    def load(lines: pl.DataFrame) -> int:
        try:
            # A block is one transaction, so its first order stands for all of it.
            if not Order.objects.filter(merchant=None, external_id=lines["order"][0]).exists():
                load_orders(lines, STORE, customers=ids, products=products)
        finally:
            connection.close()  # a thread's own
        return lines.height

    blocks = (order_lines(block) for block in store.blocks(until=store.cutoff_at))
    for lines in _side_by_side(load, blocks):
        progress(lines)


def _side_by_side(work: Callable[[pl.DataFrame], int], blocks: Iterator[pl.DataFrame]) -> Iterator[int]:
    """Results as they come; never more blocks in memory than there are loaders, and one."""
    with ThreadPoolExecutor(LOADERS, thread_name_prefix="load") as pool:
        waiting: set[Future[int]] = set()
        for block in blocks:
            waiting.add(pool.submit(work, block))
            while len(waiting) > LOADERS:
                done = next(as_completed(waiting))
                waiting.discard(done)
                yield done.result()
        for done in as_completed(waiting):
            yield done.result()


def _report(everyone: pl.DataFrame, names: list[str], *, is_new: bool) -> PeopleReport:
    answers = [answer(name) for name in names]
    orders = Order.objects.filter(source=STORE.source, merchant=None)
    lines = OrderLine.objects.filter(order__source=STORE.source, order__merchant=None)
    taken = orders.aggregate(total=Sum("total"))["total"] or 0
    return PeopleReport(
        customers=len(names),
        with_demographics=everyone["age"].count(),
        contact_points=ContactPoint.objects.filter(kind=EMAIL, origin=SIMULATED).count(),
        agreed=answers.count(Action.IMPORTED),
        refused=answers.count(Action.REFUSED),
        never_asked=answers.count(None),
        totals=OrderTotals(orders.count(), lines.count(), int(taken * 100)),
        is_new=is_new,
    )
