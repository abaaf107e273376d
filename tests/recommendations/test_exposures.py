"""What was shown is kept: by a list in the cache server that survives a killed process, and by hand where that is away."""

from uuid import uuid4

import pytest
import redis

from recommendations.models import Exposure
from recommendations.services import exposures
from tests import factories

pytestmark = pytest.mark.django_db


def keep(request_id=None, **fields) -> None:
    exposures.keep(exposures.Shown(request_id or uuid4(), "api", items=(), propensities=(), **fields))


def test_a_drain_that_died_after_its_rows_were_written_is_repeated_without_a_second_row(nothing_waits, monkeypatch):
    keep()
    with monkeypatch.context() as dies:
        dies.setattr(type(nothing_waits), "ltrim", lambda *_: (_ for _ in ()).throw(redis.ConnectionError("killed")))
        with pytest.raises(redis.ConnectionError):
            exposures.drain()
    assert Exposure.objects.count() == 1

    assert exposures.drain() == 1
    assert Exposure.objects.count() == 1
    assert exposures.drain() == 0


def test_a_second_drain_at_the_same_time_leaves_the_list_alone(nothing_waits):
    keep()
    with nothing_waits.lock(exposures.LOCK, timeout=5):
        assert exposures.drain() == 0
    assert exposures.drain() == 1


def test_more_than_a_block_is_kept_in_order(nothing_waits, monkeypatch):
    monkeypatch.setattr(exposures, "BLOCK", 3)
    ids = [uuid4() for _ in range(8)]
    for request_id in ids:
        keep(request_id)

    assert exposures.drain() == 8
    assert list(Exposure.objects.order_by("id").values_list("request_id", flat=True)) == ids


def test_a_person_erased_in_between_leaves_an_answer_without_a_name(nothing_waits):
    gone = factories.customer(erased_at="2026-01-01T00:00:00Z")
    keep(model_version_id=10**9, customer_id=gone.pk)

    exposures.drain()

    kept = Exposure.objects.get()
    assert (kept.customer_id, kept.model_version_id) == (None, None)


def test_without_the_cache_server_the_request_writes_the_row_itself(monkeypatch):
    away = redis.Redis.from_url("unix:///nowhere/valkey.sock", socket_connect_timeout=0.1)
    monkeypatch.setattr(exposures, "_server", lambda: away)

    keep()

    assert Exposure.objects.count() == 1


def test_a_list_that_nobody_drains_stops_growing_for_good(nothing_waits, monkeypatch):
    monkeypatch.setattr(exposures, "MOST", 2)
    for _ in range(3):
        keep()

    assert (Exposure.objects.count(), nothing_waits.llen(exposures.WAITING)) == (1, 2)
    exposures.drain()
    assert Exposure.objects.count() == 3
