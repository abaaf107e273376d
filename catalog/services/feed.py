"""Products in: a feed file or a posted batch. Good lines load, bad lines are kept with what is wrong with them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F

from catalog.contracts import FeedReport, MerchantRef, Reject
from catalog.models import FeedImport, FeedReject, Origin
from catalog.services import feed_lines
from catalog.services.product_rules import UNPRINTABLE, Fault, check
from catalog.services.products import COLUMNS, upsert

BATCH = 2_000  # lines a transaction: 50 ms of COPY, a megabyte or two of memory, and little to repeat after a crash
SHOWN = 1_000  # rejects that the report carries; a feed of another format would fill the memory with them


def import_products(lines: Iterable[str | bytes], *, merchant: MerchantRef | None, name: str) -> FeedReport:
    """Loads a JSON-lines or CSV feed of any length for a merchant (None: the platform), batch by batch.

    A product that is known by its external id is replaced; its version counts up only when something changed. Raises
    FeedUnreadable when no line could be read at all. Sent twice, it changes nothing the second time.
    """
    return _load(feed_lines.items(lines), merchant, name)


def import_items(items: Sequence[Any], *, merchant: MerchantRef | None, name: str = "API") -> FeedReport:
    """The same for objects that were posted: `place` of a reject is the index in the list, from 0."""
    return _load(((index, json.dumps(item, default=str), item) for index, item in enumerate(items)), merchant, name)


def _load(rows: Iterator[tuple[int, str, Any]], merchant: MerchantRef | None, name: str) -> FeedReport:
    first = next(rows, None)  # before anything is written: a feed that cannot be read leaves no trace
    feed = FeedImport.objects.create(merchant_id=merchant and merchant.id, name=name[:200])
    accepted = rejected = changed = 0
    shown: list[Reject] = []
    batch = [] if first is None else [first, *islice(rows, BATCH - 1)]
    while batch:
        good, rejects = _sorted(batch, merchant and merchant.id)
        bad = len(batch) - len(good)
        with transaction.atomic():
            changed += upsert([_csv(good)]) if good else 0
            FeedReject.objects.bulk_create(
                FeedReject(feed=feed, line=r.place, field=r.field, reason=r.reason, remedy=r.remedy, raw=r.raw)
                for r in rejects
            )
            FeedImport.objects.filter(pk=feed.pk).update(
                accepted=F("accepted") + len(good), rejected=F("rejected") + bad
            )
        accepted, rejected = accepted + len(good), rejected + bad
        shown += rejects[: SHOWN - len(shown)]
        batch = list(islice(rows, BATCH))
    return FeedReport(feed.pk, accepted, rejected, changed, tuple(shown))


def _sorted(batch, merchant_id: int | None) -> tuple[list[dict], list[Reject]]:
    """The rows that may be loaded, and every fault of the others."""
    good, rejects = [], []
    for place, raw, item in batch:
        facts, faults = ({}, [item]) if isinstance(item, Fault) else check(item)
        if faults:
            kept = _storable(raw)
            rejects += [Reject(place, _storable(f.field)[:60], f.reason[:300], f.remedy[:200], kept) for f in faults]
        else:
            good.append(facts | {"place": place, "merchant_id": merchant_id, "origin": Origin.OBSERVED.value})
    return good, rejects


def _storable(text: str) -> str:
    """The text with what no database keeps written out, as in \\x00."""
    return UNPRINTABLE.sub(lambda sign: ascii(sign[0])[1:-1], text)


def _csv(rows: list[dict]) -> bytes:
    return "".join(",".join(_field(row[column]) for column in COLUMNS) + "\n" for row in rows).encode()


def _field(value: Any) -> str:
    """One CSV field: None bare, everything else in quotes, so that an empty text is not taken for NULL."""
    return "" if value is None else '"' + str(value).replace('"', '""') + '"'
