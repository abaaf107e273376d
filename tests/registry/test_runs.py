"""A training run: one holder at a time, two attempts at the most, and whoever lost the lease must stop."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from registry import queries, services
from registry.exceptions import LeaseLost
from registry.models import TrainingRun

pytestmark = pytest.mark.django_db


def test_a_redelivered_task_returns_quietly_while_the_lease_lives():
    run = services.ask("recency")
    lease = services.claim(run.pk)

    assert lease.kind == "recency"
    assert services.claim(run.pk) is None
    assert TrainingRun.objects.get(pk=run.pk).attempts == 1


def test_a_lost_worker_gives_way_to_a_second_attempt_and_then_to_a_stop():
    run = services.ask("recency")
    first = services.claim(run.pk)
    with time_machine.travel(timezone.now() + services.LEASE + timedelta(seconds=1), tick=False):
        second = services.claim(run.pk)
        assert second.token != first.token
        with pytest.raises(LeaseLost):
            services.beat(first, "still here", 0.5)
    with time_machine.travel(timezone.now() + 3 * services.LEASE, tick=False):
        assert services.claim(run.pk) is None

    run.refresh_from_db()
    assert (run.state, run.attempts) == ("failed", 2)
    assert "lost 2 times" in run.error
    assert queries.waiting(("recency",)) == []


def test_a_beat_keeps_the_lease_past_its_first_end():
    run = services.ask("recency")
    lease = services.claim(run.pk)
    with time_machine.travel(timezone.now() + services.LEASE - timedelta(seconds=10), tick=False):
        services.beat(lease, "fitting", 0.4)
    with time_machine.travel(timezone.now() + services.LEASE + timedelta(seconds=10), tick=False):
        assert services.claim(run.pk) is None
        services.finish(lease)
    run.refresh_from_db()
    assert (run.state, run.share_done) == ("succeeded", 1)


def test_asking_twice_while_one_waits_leaves_one_run():
    assert services.ask("recency").pk == services.ask("recency").pk
    assert services.ask("recency", {"half_life": 4}).pk != services.ask("recency").pk


def test_a_failed_run_keeps_its_reason_and_is_not_tried_again():
    run = services.ask("recency")
    services.fail(services.claim(run.pk), "loss is NaN after epoch 2")

    assert services.claim(run.pk) is None
    assert TrainingRun.objects.get(pk=run.pk).error == "loss is NaN after epoch 2"
