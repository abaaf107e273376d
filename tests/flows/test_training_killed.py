"""A training that the kernel kills for memory: a real worker, a real broker, SIGKILL, and no loop."""

import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from config.celery import app
from registry import services
from registry.models import ModelVersion, TrainingRun

ROOT = Path(__file__).resolve().parents[2]
TASK = "recommendations.train"


@pytest.fixture
def worker(tmp_path):
    """A Celery worker with one pool process on the test database and the embedded broker, on a queue of its own."""
    info = connections["default"].settings_dict
    address = f"postgresql://{info['USER']}@/{info['NAME']}?host={info['HOST']}&port={info['PORT']}"
    env = {
        **os.environ,
        "DATABASE_URL": address,
        "DATABASE_OWNER_URL": address,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
    }
    env |= {"CELERY_BROKER_URL": settings.CELERY_BROKER_URL, "CACHE_URL": settings.CACHE_URL}
    queue = f"trial-{uuid.uuid4()}"
    argv = [sys.executable, "-m", "celery", "-A", "config.celery", "worker", "-Q", queue, "-n", f"{queue}@here"]
    argv += ["-c", "1", "-l", "info", "--without-gossip", "--without-mingle"]
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=output, stderr=output)
    until(lambda: "ready." in log.read_text(), process, log)
    yield process, queue, log
    process.send_signal(signal.SIGQUIT)
    process.wait(20)


def until(done, process, log) -> None:
    deadline = time.monotonic() + 40
    while not done():
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.05)


def kill_the_training(process) -> None:
    """What the kernel does to the largest process: the pool process that trains, with no word to it."""
    (pool,) = psutil.Process(process.pid).children()
    pool.kill()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_training_killed_for_memory_is_tried_twice_and_then_said_to_have_failed(worker):
    process, queue, log = worker
    run = services.ask("recommender")

    def now() -> TrainingRun:
        return TrainingRun.objects.get(pk=run.pk)

    def deliveries() -> int:
        return log.read_text().count(f"Task {TASK}[")

    # The training reads orders first: while somebody else holds that table it stands still, as a long one would.
    with connections["owner"].cursor() as owner:
        owner.execute("BEGIN")
        owner.execute("LOCK TABLE customers_order IN ACCESS EXCLUSIVE MODE")
        app.send_task(TASK, args=[run.pk], queue=queue)
        until(lambda: now().attempts == 1 and now().step == "reading orders", process, log)
        kill_the_training(process)

        # Celery hands the lost task out again at once. The lease of the dead one lives: it must return, not train.
        until(lambda: log.read_text().count("succeeded in") == 1, process, log)
        assert (now().state, now().attempts) == ("running", 1)

        TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        app.send_task(TASK, args=[run.pk], queue=queue)  # as the sweep does
        until(lambda: now().attempts == 2 and now().step == "reading orders", process, log)
        kill_the_training(process)
        until(lambda: log.read_text().count("succeeded in") == 2, process, log)

        TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        app.send_task(TASK, args=[run.pk], queue=queue)
        until(lambda: now().state == "failed", process, log)
        owner.execute("ROLLBACK")

    assert now().attempts == 2
    assert now().error.startswith("The worker was lost 2 times (for memory, perhaps)")
    assert not ModelVersion.objects.exists()
    quiet = deliveries()
    time.sleep(1.5)
    assert deliveries() == quiet, "something still hands the dead training out"
