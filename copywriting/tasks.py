"""Alarm clocks for tuning and writing: an id in, one call, safe to ring twice."""

import logging

from celery import shared_task

from copywriting.contracts import COPYWRITER
from copywriting.services.jobs import JOB, REPLAY
from registry import queries, services

log = logging.getLogger(__name__)


def nudge(task, row_id: int) -> None:
    """Wakes a worker once the row is committed. When the broker is away the row stands; beat finds it within half a minute."""
    try:
        task.delay_on_commit(row_id)
    except task.OperationalError:
        log.warning("%s was not sent: the broker does not answer; beat will find the work", task.name)


@shared_task(name="copywriting.train")
def train(run_id: int) -> None:
    from copywriting import training

    training.train(run_id)


@shared_task(name="copywriting.sweep")
def sweep() -> None:
    for run_id in queries.waiting((COPYWRITER,)):
        train.delay(run_id)


@shared_task(name="copywriting.write")
def write(run_id: int) -> None:
    from copywriting import generation

    generation.write_job(run_id)


@shared_task(name="copywriting.replay")
def replay(run_id: int) -> None:
    from copywriting import generation

    generation.write_replay(run_id)


@shared_task(name="copywriting.sweep_writing")
def sweep_writing() -> None:
    """Texts that were asked for and that nobody writes yet."""
    for run_id in queries.waiting((JOB,)):
        write.delay(run_id)
    for run_id in queries.waiting((REPLAY,)):
        replay.delay(run_id)


@shared_task(name="copywriting.nightly")
def nightly() -> None:
    """Tunes again on what people approved since, when they approved something; what is better goes live."""
    from copywriting import training

    if training.is_due():
        train.delay(services.ask(COPYWRITER, {"promote": True}).pk)
