"""Keeps what was shown.

An answer to a shop is not kept by the request that gives it: it is appended to a list in the cache server, one round trip
of a tenth of a millisecond, and `drain` moves the list into the table every few seconds. The server writes an append-only
file (the embedded one does; set `appendonly yes` for your own), so a web process, a worker or the server itself may be
killed and nothing is lost but, after a power cut, the last second. An entry leaves the list only after its row is
committed; one that is drained twice is known by its request id. Where the server does not answer, or the list grows
because nobody drains it, the request writes the row itself.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from uuid import UUID, uuid4

import redis
from django.conf import settings
from django.db import connection
from redis.exceptions import LockNotOwnedError

from recommendations.models import Exposure

log = logging.getLogger(__name__)

WAITING = "attune:exposures:waiting"
LOCK = "attune:exposures:drain"
MOST = 50_000  # waiting entries, some 25 MB: beyond them nobody drains, and the server must keep room for its queues
BLOCK = 500  # rows a statement
BLOCKS = 100  # at most in one drain, so that a task ends

# A person who was erased and a version that is gone leave their answer without a name.
INSERT = """
INSERT INTO recommendations_exposure (request_id, at, surface, customer_id, model_version_id, kind, items, propensities,
                                      slot, odds, strategy)
SELECT v.request_id, v.at, v.surface, c.id, m.id, COALESCE(v.kind, 'product'), v.items, v.propensities, v.slot, v.odds,
       v.strategy
FROM jsonb_to_recordset(%s::jsonb) AS v (request_id uuid, at timestamptz, surface text, customer bigint, version bigint,
                                         kind text, items jsonb, propensities jsonb, slot smallint, odds jsonb,
                                         strategy text)
LEFT JOIN customers_customer c ON c.id = v.customer AND c.erased_at IS NULL
LEFT JOIN registry_modelversion m ON m.id = v.version
ORDER BY v.at
ON CONFLICT (request_id) DO NOTHING
"""


@cache
def _server() -> redis.Redis:
    # A request must not wait for a server that is gone.
    return redis.Redis.from_url(settings.CACHE_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


@dataclass(frozen=True)
class Shown:
    """One answer. items: ids of products, or of offers, in their order; propensities: the probability of each in its place.

    customer_id: None where the list was not made for a person. slot, odds: of the drawn place. strategy: the step of the
    chain that brought the first.
    """

    request_id: UUID
    surface: str
    items: Sequence[int]
    propensities: Sequence[float]
    customer_id: int | None = None
    model_version_id: int | None = None
    strategy: str = ""
    kind: str = Exposure.Kind.PRODUCT
    slot: int | None = None
    odds: Mapping[int, float] | None = None


def keep(shown: Shown) -> None:
    """Notes one answer for the next drain."""
    entry = json.dumps(
        {
            "request_id": str(shown.request_id),
            "at": datetime.now(UTC).isoformat(),
            "surface": shown.surface,
            "customer": shown.customer_id,
            "version": shown.model_version_id,
            "kind": str(shown.kind),
            "items": list(shown.items),
            "propensities": [round(p, 6) for p in shown.propensities],
            "slot": shown.slot,
            "odds": {str(pk): round(p, 6) for pk, p in shown.odds.items()} if shown.odds else None,
            "strategy": shown.strategy,
        }
    )
    try:
        if _server().rpush(WAITING, entry) <= MOST:
            return
        _server().lrem(WAITING, -1, entry)  # it stands at the end, where the search begins
        log.warning("more than %d exposures wait: is a worker on the queue default running?", MOST)
    except redis.RedisError as error:
        log.warning("the cache server took no exposure (%s); it is written at once", error)
    _insert([entry])


def drain() -> int:
    """Moves what waits into the table; returns how many entries. One drain at a time: the second returns 0."""
    server = _server()
    lock = server.lock(LOCK, timeout=120)
    if not lock.acquire(blocking=False):
        return 0
    try:
        moved = 0
        for _ in range(BLOCKS):
            entries = [entry.decode() for entry in server.lrange(WAITING, 0, BLOCK - 1)]
            if not entries:
                break
            _insert(entries)
            server.ltrim(WAITING, len(entries), -1)
            moved += len(entries)
        return moved
    finally:
        # Another drain may hold it by now, if this one slept through its two minutes.
        with suppress(LockNotOwnedError):
            lock.release()


def _insert(entries: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [f"[{','.join(entries)}]"])


def log_exposures(
    *, surface: str, model_version_id: int | None, rows: Iterable[tuple[UUID | None, int | None, list[int]]]
) -> int:
    """Records answers that were given: (request id, customer id, product ids in order). Repeated request ids are ignored.

    The lists here are deterministic, so each shown product was shown with probability 1.
    """
    exposures = [
        Exposure(
            request_id=request_id or uuid4(),
            surface=surface,
            customer_id=customer_id,
            model_version_id=model_version_id,
            items=items,
            propensities=[1.0] * len(items),
        )
        for request_id, customer_id, items in rows
    ]
    Exposure.objects.bulk_create(exposures, ignore_conflicts=True, batch_size=1000)
    return len(exposures)
