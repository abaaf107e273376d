"""Alarm clocks for training and scoring: an id in, one call, safe to ring twice."""

import logging

from celery import shared_task
from django.utils import timezone

from recommendations.contracts import (
    CLUSTERS,
    COMPARISON,
    EXCLUSIONS,
    FAMILIES,
    LIFETIME,
    NETWORKS,
    PROPENSITIES,
    RECOMMENDER,
    REDEMPTION,
    SOCIAL_GROUPS,
    TWO_STAGE,
)
from recommendations.queries.material import has_material
from recommendations.services import exposures
from recommendations.services import watch as watching
from registry import queries, services

log = logging.getLogger(__name__)

KINDS = (RECOMMENDER, CLUSTERS, LIFETIME, PROPENSITIES, REDEMPTION, SOCIAL_GROUPS)
WEEKLY = (RECOMMENDER, TWO_STAGE, *KINDS[1:])
SWEPT = (*WEEKLY, EXCLUSIONS, COMPARISON, *FAMILIES)


def nudge(run_id: int) -> None:
    """Wakes a worker once the row is committed. When the broker is away the row stands; beat finds it within a minute."""
    try:
        train.delay_on_commit(run_id)
    except train.OperationalError:
        log.warning("%s was not sent: the broker does not answer; beat will find the run", train.name)


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
    for run_id in queries.waiting(SWEPT):
        train.delay(run_id)


@shared_task(name="recommendations.nightly")
def nightly() -> None:
    """The live recipes on newer data, the better ones live, then everybody anew. One queue, so in this order."""
    _train_all(KINDS, "incremental")


@shared_task(name="recommendations.weekly")
def weekly() -> None:
    """As nightly, with the recipes themselves sought anew; behind it all, each network that somebody trained once.

    A network stays a candidate, for it takes minutes of one core and no list is made of it until a person promotes it.
    """
    _train_all(WEEKLY, "full")
    for kind in NETWORKS:
        if queries.versions(kind).exists():
            train.delay(services.ask(kind, {"promote": False}).pk)


def _train_all(kinds: tuple[str, ...], mode: str) -> None:
    for kind in kinds:
        if not has_material(kind, timezone.now()):
            continue
        train.delay(services.ask(kind, {"promote": True, "mode": mode}).pk)
    score.delay()
    watch.delay()


@shared_task(name="recommendations.watch")
def watch() -> None:
    watching.watch()


@shared_task(name="recommendations.keep_shown")
def keep_shown() -> None:
    exposures.drain()
