"""Alarm clocks for training and scoring: an id in, one call, safe to ring twice."""

from celery import shared_task

from recommendations.contracts import CLUSTERS, LIFETIME, PROPENSITIES, RECOMMENDER
from recommendations.services import exposures
from registry import queries, services

KINDS = (RECOMMENDER, CLUSTERS, LIFETIME, PROPENSITIES)


@shared_task(name="recommendations.train")
def train(run_id: int) -> None:
    from recommendations.training import run

    run.train(run_id)


@shared_task(name="recommendations.score")
def score() -> None:
    from recommendations.scoring import everyone

    everyone.score_everyone()


@shared_task(name="recommendations.sweep")
def sweep() -> None:
    for run_id in queries.waiting(KINDS):
        train.delay(run_id)


@shared_task(name="recommendations.nightly")
def nightly() -> None:
    """Trains candidates, lets the better ones go live, then refreshes everybody. One queue, so in this order."""
    for kind in KINDS:
        train.delay(services.ask(kind, {"promote": True}).pk)
    score.delay()


@shared_task(name="recommendations.keep_shown")
def keep_shown() -> None:
    exposures.drain()
