"""Does the run that somebody asked for: claims it, trains, keeps candidates, lets a better one go live where asked to."""

import logging
from collections.abc import Callable

from customers.exceptions import BudgetSpent
from recommendations.contracts import (
    CLUSTERS,
    COMPARISON,
    EXCLUSIONS,
    LIFETIME,
    PROPENSITIES,
    RECOMMENDER,
    REDEMPTION,
    SOCIAL_GROUPS,
    TWO_STAGE,
)
from recommendations.ml.families import FAMILIES
from recommendations.ml.interactions import TooFewData
from recommendations.training.comparison import measure_families
from recommendations.training.exclusions import measure_exclusions
from recommendations.training.families import train_family
from recommendations.training.lifetime import train_lifetime
from recommendations.training.people import train_clusters
from recommendations.training.propensity import train_propensities
from recommendations.training.recommender import train_recommender
from recommendations.training.redemption import train_redemption
from recommendations.training.refresh import can_refresh, refresh_recommender
from recommendations.training.social import train_social
from recommendations.training.two_stage import train_two_stage
from registry import services as runs
from registry.contracts import Lease
from registry.exceptions import PromotionRefused

log = logging.getLogger(__name__)

TRAININGS: dict[str, Callable[[Lease], list]] = {
    RECOMMENDER: train_recommender,
    CLUSTERS: train_clusters,
    LIFETIME: train_lifetime,
    PROPENSITIES: train_propensities,
    REDEMPTION: train_redemption,
    SOCIAL_GROUPS: train_social,
}
KINDS = tuple(TRAININGS)  # what every night trains; a family on its own is trained when somebody asks for it
TRAININGS[TWO_STAGE] = train_two_stage  # weekly, and when somebody asks for it
TRAININGS |= dict.fromkeys(FAMILIES, train_family)
MEASUREMENTS: dict[str, Callable[[Lease], list]] = {EXCLUSIONS: measure_exclusions, COMPARISON: measure_families}
INCREMENTAL, FULL = "incremental", "full"  # the nightly and the weekly training: the `mode` of a run's parameters


def train(run_id: int) -> list:
    """Does the run if it is free; returns the new versions, [] when somebody else holds it.

    Too few data, or a privacy budget that is spent, ends the run with the reason and leaves the live model alone; so does
    any other failure.
    """
    lease = runs.claim(run_id)
    if lease is None:
        return []
    try:
        versions = _training(lease)(lease)
        runs.finish(lease)
        if lease.params.get("promote"):
            _promote_what_is_better(versions)
    except TooFewData as error:
        runs.fail(lease, f"Too few data: {error}")
        return []
    except BudgetSpent as error:
        runs.fail(lease, str(error))
        return []
    except Exception as error:
        runs.fail(lease, f"{type(error).__name__}: {error}")
        raise
    return versions


def _training(lease: Lease) -> Callable[[Lease], list]:
    """The full training, or at night the live recipe on newer data, once there is one."""
    if lease.params.get("mode") == INCREMENTAL and lease.kind == RECOMMENDER and can_refresh():
        return refresh_recommender
    return (TRAININGS | MEASUREMENTS)[lease.kind]


def _promote_what_is_better(versions: list) -> None:
    """The nightly run's own hand: the first of a kind, or one that the paired comparison finds better."""
    for version in versions:
        try:
            runs.promote(version.pk, actor=None, reason="The training asked for it: first of its kind, or better.")
        except PromotionRefused as refusal:
            log.info("%s", refusal)
