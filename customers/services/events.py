"""Takes in what happened: checks each event, keeps the good ones once and for all, and sets the broken ones aside whole.

A batch costs the same dozen statements whether it holds one event or a thousand. An event that cannot be taken in
never stops another: it rests sealed in the quarantine with its field, its reason and what to do.

A product id is looked up among the products of the merchant whose event it is, so nobody can name, or learn of,
another merchant's product; the platform's own events (no merchant) may name any. Looking at a product that is not
known yet is taken in, for feeds lag behind; an order for one waits in the quarantine until the feed has come.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from customers import crypto
from customers.contracts import CONTACT_KIND, Channel, NewCustomer, Purpose, QuarantinedEvent, Receipt
from customers.exceptions import BatchRefused
from customers.models import Customer, Quarantine, Source, Suppression
from customers.queries.behaviour import product_ids
from customers.queries.keys import EVENT_CONTEXT, erased_names
from customers.queries.people import standing
from customers.services import orders, people, seal, sessions
from customers.services.spec import Broken, ReadEvent, message_id_of, read
from customers.services.withdraw import Withdrawal, withdraw_many

MAX_BATCH = 1000  # some 2 MB of products and half a second: what a request may cost
# In the order of ids, so that two batches with the same ids wait for each other instead of crossing.
CLAIM = """
INSERT INTO customers_eventkey (merchant_id, message_id)
SELECT %s, message_id FROM unnest(%s::text[]) AS message_id
ON CONFLICT (merchant_id, message_id) DO NOTHING RETURNING message_id
"""
# Not COPY: Postgres copies nothing into a table with row-level security.
STORE = """
INSERT INTO customers_event (occurred_at, message_id, name, source, channel, merchant_id, customer_id, anonymous_lookup,
                             properties, sealed, request_id, origin, came_as)
SELECT occurred_at, message_id, name, source, channel, %s, customer_id, anonymous_lookup, properties::jsonb, sealed,
       request_id::uuid, %s, came_as
FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bytea[], %s::text[],
            %s::bytea[], %s::text[], %s::bigint[])
     AS e (occurred_at, message_id, name, source, channel, customer_id, anonymous_lookup, properties, sealed, request_id,
           came_as)
"""
# Said by a shop's own mail system. Our own links tell campaigns, which withdraws before it leaves the event.
SAYS_NO = {"Unsubscribed": Suppression.Reason.UNSUBSCRIBED, "Email Marked as Spam": Suppression.Reason.COMPLAINED}
OUR_OWN = (Source.TRACKING, Source.SIMULATOR)


@dataclass(frozen=True, slots=True)
class _Batch:
    merchant_id: int | None
    source: str
    origin: str
    now: datetime


@dataclass(frozen=True, slots=True)
class _Named:
    """Whom a `userId` names: their record, and the record it stands in where it was merged."""

    record: Customer
    person_id: int

    @property
    def came_as(self) -> int | None:
        return self.record.pk if self.person_id != self.record.pk else None


@dataclass(frozen=True, slots=True)
class _Fault:
    """An event that is set aside, with its raw form."""

    said: QuarantinedEvent
    raw: object


def record_events(
    events: Sequence[object], *, merchant_id: int | None, source: str, origin: str = "observed"
) -> Receipt:
    """Takes in 1 to 1,000 events in the words of Segment's e-commerce spec v2, in one transaction.

    Each is a dict as posted. A repeated `messageId` of the same merchant counts as a duplicate and changes nothing,
    for good. An unknown `userId` becomes a customer of this origin. Only source "replay" may name a time to come.
    Raises BatchRefused for an empty or longer batch; everything else lands in the receipt.
    """
    if not 1 <= len(events) <= MAX_BATCH:
        raise BatchRefused(f"A batch holds 1 to {MAX_BATCH} events, this one {len(events)}.")
    batch = _Batch(merchant_id, str(Source(source)), str(origin), timezone.now())
    with transaction.atomic():
        receipt, faults = _take(events, batch)
        Quarantine.objects.bulk_create([_aside(fault, batch) for fault in faults])
    return receipt


def take_events(events: Sequence[object], *, merchant_id: int | None, source: str, origin: str = "observed") -> Receipt:
    """As `record_events`, for whoever keeps what is broken by other means: nothing goes to the quarantine."""
    if not 1 <= len(events) <= MAX_BATCH:
        raise BatchRefused(f"A batch holds 1 to {MAX_BATCH} events, this one {len(events)}.")
    with transaction.atomic():
        return _take(events, _Batch(merchant_id, str(Source(source)), str(origin), timezone.now()))[0]


def _take(events: Sequence[object], batch: _Batch) -> tuple[Receipt, list[_Fault]]:
    good, faults = _read_all(events, batch)
    customers = _present({event.user_id for event in good if event.user_id})
    products = product_ids(batch.merchant_id, {item.product for event in good for item in event.items})
    good = _sift(good, faults, events, _erased(good, customers))
    good = _sift(good, faults, events, _without_product(good, products))
    good = _sift(good, faults, events, _without_order(good, batch))
    customers |= _made(good, customers, batch)
    fresh = _claim(good, batch)
    _store(fresh, customers, batch)
    _apply_orders(fresh, customers, products, batch)
    _join_sessions(fresh, customers, batch)
    _apply_noes(fresh, customers, batch)
    faults.sort(key=lambda fault: fault.said.index)
    return Receipt(len(fresh), len(good) - len(fresh), tuple(fault.said for fault in faults)), faults


def _read_all(events: Sequence[object], batch: _Batch) -> tuple[list[ReadEvent], list[_Fault]]:
    good, faults = [], []
    otherwise = "store" if batch.source == Source.STORE else "web"
    for index, raw in enumerate(events):
        try:
            may_be_future = batch.source == Source.REPLAY
            good.append(read(raw, index, now=batch.now, may_be_future=may_be_future, channel=otherwise))
        except Broken as broken:
            faults.append(_Fault(QuarantinedEvent(index, message_id_of(raw), broken.field, broken.reason), raw))
    return good, faults


def _sift(
    good: list[ReadEvent], faults: list[_Fault], events: Sequence[object], broken: dict[int, Broken]
) -> list[ReadEvent]:
    """What stays when the broken ones, by index, have gone to the faults."""
    for event in good:
        if event.index in broken:
            why = broken[event.index]
            said = QuarantinedEvent(event.index, event.message_id, why.field, why.reason)
            # What somebody does whose erasure we confirmed is not kept, not even sealed: only that it came.
            raw = {"messageId": event.message_id} if why.field == "userId" else events[event.index]
            faults.append(_Fault(said, raw))
    return [event for event in good if event.index not in broken]


def _present(names: set[str]) -> dict[str, _Named]:
    """Who of these people is known, by external id."""
    if not names:
        return {}
    gone = erased_names(names)
    rows = list(
        Customer.objects.filter(external_id__in=[*names, *gone]).only("external_id", "erased_at", "merged_into_id")
    )
    merged = [row.pk for row in rows if row.merged_into_id is not None]
    now = standing(merged) if merged else {}
    return {gone.get(row.external_id, row.external_id): _Named(row, now.get(row.pk, row.pk)) for row in rows}


def _made(good: list[ReadEvent], customers: dict[str, _Named], batch: _Batch) -> dict[str, _Named]:
    """Makes whoever a good event names and nobody knows yet."""
    seen: dict[str, datetime] = {}
    for event in good:
        if event.user_id and event.user_id not in customers:
            seen[event.user_id] = min(event.occurred_at, seen.get(event.user_id, event.occurred_at))
    if seen:
        people.import_customers(NewCustomer(name, first_seen_at=seen[name], origin=batch.origin) for name in seen)
    return _present(set(seen))


def _erased(good: list[ReadEvent], customers: dict[str, _Named]) -> dict[int, Broken]:
    why = Broken("userId", "This person was erased at their own request. Stop sending what they do.")
    erased = {name for name, named in customers.items() if named.record.erased_at is not None}
    return {event.index: why for event in good if event.user_id in erased}


def _without_product(good: list[ReadEvent], products: dict[str, int]) -> dict[int, Broken]:
    """Orders for what no feed has named: their lines would point nowhere."""
    broken = {}
    for event in good:
        if event.name != orders.COMPLETED:
            continue
        for place, item in enumerate(event.items):
            if item.product not in products:
                broken[event.index] = Broken(
                    f"properties.products[{place}].product_id",
                    "No product of this merchant has this id. Send the product, then try this event again.",
                )
                break
    return broken


def _without_order(good: list[ReadEvent], batch: _Batch) -> dict[int, Broken]:
    changes = [event for event in good if event.name in orders.CHANGES]
    wanted = {event.properties["order_id"] for event in changes}
    made_here = {event.properties["order_id"] for event in good if event.name == orders.COMPLETED}
    there = made_here | orders.known(batch.merchant_id, wanted - made_here)
    why = Broken("properties.order_id", "No order has this id. Send its Order Completed, then try this event again.")
    return {event.index: why for event in changes if event.properties["order_id"] not in there}


def _claim(good: list[ReadEvent], batch: _Batch) -> list[ReadEvent]:
    """The events whose id was never accepted before, each id once."""
    first = {event.message_id: event for event in reversed(good)}
    if not first:
        return []
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [batch.merchant_id, sorted(first)])
        new = {message_id for (message_id,) in cursor.fetchall()}
    return [event for event in good if event.message_id in new and first[event.message_id] is event]


def _store(fresh: list[ReadEvent], customers: dict[str, _Named], batch: _Batch) -> None:
    if not fresh:
        return
    writers = [customers[e.user_id] for e in fresh if e.text and e.user_id]
    # A merged record's words stay under its own key, by which `came_as` opens them.
    keys = seal.keys_for({named.record.pk: named.record for named in writers}.values())
    ring = seal.keyring()
    rows = []
    for event in fresh:
        named = customers[event.user_id] if event.user_id else None
        key = keys.get(named.record.pk) if named else None
        anonymous = crypto.keyed_hash(ring, "anonymous", event.anonymous_id)[1] if event.anonymous_id else None
        # What somebody wrote without being known has no key to be sealed under, so it is not kept.
        text = json.dumps(event.text).encode() if event.text and key else None
        rows.append(
            (
                event.occurred_at,
                event.message_id,
                event.name,
                batch.source,
                event.channel,
                named and named.person_id,
                anonymous,
                json.dumps(event.properties),
                crypto.seal(key, text, EVENT_CONTEXT) if text else None,
                event.request_id and str(event.request_id),
                named and named.came_as,
            )
        )
    with connection.cursor() as cursor:
        cursor.execute(STORE, [batch.merchant_id, batch.origin, *map(list, zip(*rows, strict=True))])


def _apply_orders(
    fresh: list[ReadEvent], customers: dict[str, _Named], products: dict[str, int], batch: _Batch
) -> None:
    purchases = [
        orders.Purchase(
            event,
            customers[event.user_id].person_id if event.user_id else None,
            customers[event.user_id].came_as if event.user_id else None,
            tuple(products[item.product] for item in event.items),
        )
        for event in fresh
        if event.name == orders.COMPLETED
    ]
    orders.complete(purchases, merchant_id=batch.merchant_id, source=batch.source, origin=batch.origin)
    orders.change([event for event in fresh if event.name in orders.CHANGES], merchant_id=batch.merchant_id)


def _join_sessions(fresh: list[ReadEvent], customers: dict[str, _Named], batch: _Batch) -> None:
    """What a device did before its person was known, and what it says of who else they are."""
    seen: dict[str, list[datetime]] = {}
    logins = set()
    for event in fresh:
        if event.anonymous_id:
            seen.setdefault(event.anonymous_id, []).append(event.occurred_at)
        for kind, value in (("anonymous", event.anonymous_id), ("device", event.device_id)):
            if value and event.user_id:
                logins.add((customers[event.user_id].person_id, kind, value))
    if seen:
        sessions.join(sessions.spans(seen), merchant_id=batch.merchant_id)
    sessions.remember(logins, origin=batch.origin)


def _apply_noes(fresh: list[ReadEvent], customers: dict[str, _Named], batch: _Batch) -> None:
    """Somebody unsubscribed elsewhere: it counts here too, in the same transaction."""
    said = [event for event in fresh if event.name in SAYS_NO and event.user_id]
    if not said or batch.source in OUR_OWN:
        return
    actor = f"merchant:{batch.merchant_id}" if batch.merchant_id else "platform"
    withdraw_many(
        Withdrawal(
            customer_id=customers[event.user_id].person_id,
            channel=event.channel if event.channel in CONTACT_KIND else Channel.EMAIL,
            purpose=Purpose.MARKETING,
            method="event",
            actor=actor,
            origin=batch.origin,
            reason=SAYS_NO[event.name],
        )
        for event in said
    )


def _aside(fault: _Fault, batch: _Batch) -> Quarantine:
    whole = json.dumps({"origin": batch.origin, "event": fault.raw}, default=str).encode()
    return Quarantine(
        merchant_id=batch.merchant_id,
        message_id=fault.said.message_id,
        source=batch.source,
        field=fault.said.field[:80],
        reason=fault.said.reason[:300],
        sealed=seal.seal_install(whole),
    )


def retry_quarantined(ids: Iterable[int], *, merchant_id: int | None) -> Receipt:
    """Tries events that were set aside again, now that a feed or an order has come; indexes count along `ids`.

    What is taken in, or turns out to have come by another way, is resolved; the rest stays with its newest reason.
    Ids of another merchant, resolved ones and what another worker tries at this moment are passed over.
    """
    ids = list(ids)
    accepted, duplicates, still = 0, 0, []
    with transaction.atomic():
        open_rows = Quarantine.objects.filter(pk__in=ids[:MAX_BATCH], merchant_id=merchant_id, resolved_at=None)
        groups: dict[tuple[str, str], list[tuple[Quarantine, object]]] = {}
        for row in open_rows.order_by("pk").select_for_update(skip_locked=True):
            whole = json.loads(seal.open_install(row.sealed))
            groups.setdefault((row.source, whole["origin"]), []).append((row, whole["event"]))
        for (source, origin), pairs in groups.items():
            batch = _Batch(merchant_id, source, origin, timezone.now())
            receipt, _ = _take([raw for _, raw in pairs], batch)
            accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
            still += _keep_open([row for row, _ in pairs], receipt, ids)
    return Receipt(accepted, duplicates, tuple(sorted(still, key=lambda one: one.index)))


def _keep_open(rows: list[Quarantine], receipt: Receipt, ids: list[int]) -> list[QuarantinedEvent]:
    """Resolves the rows that the receipt does not name and gives the others their newest reason."""
    said = {one.index: one for one in receipt.quarantined}
    now = timezone.now()
    for place, row in enumerate(rows):
        if place in said:
            row.field, row.reason = said[place].field[:80], said[place].reason[:300]
        else:
            row.resolved_at = now
    Quarantine.objects.bulk_update(rows, ["field", "reason", "resolved_at"])
    return [
        QuarantinedEvent(ids.index(rows[place].pk), one.message_id, one.field, one.reason)
        for place, one in said.items()
    ]
