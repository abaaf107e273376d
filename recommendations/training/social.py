"""Trains groups of people by what they follow, like, share and comment on, under numbers that last.

Judged as the groups by buying are: how much nearer people stand to their own group than to everybody, against the live
grouping of the same people.
"""

import numpy as np

from recommendations.contracts import SOCIAL_GROUPS
from recommendations.ml.clusters import align, verdict
from recommendations.ml.social import SocialGroups
from recommendations.queries.social import deeds
from recommendations.training.cost import QUARTER, costed
from recommendations.training.window import Window, window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained
from registry.services import load_arrays

METRIC = "nearness to the own group"


def train_social(lease: Lease) -> list:
    span = window(lease.params)
    runs.beat(lease, "reading follows, likes, shares and comments", 0.1)
    found = deeds(since=span.since, until=span.until)
    runs.beat(lease, "grouping people", 0.5)
    quarter = found.matrix[::QUARTER]
    model, cost = costed(
        lambda: SocialGroups().fit(found.matrix),
        lambda: SocialGroups().fit(quarter),
        found.matrix.shape[0],
        quarter.shape[0],
    )
    groups = len(model.sizes_)
    params = {"groups": groups, "targets": found.targets, "people with too few": found.fewer,
              "cost": cost.as_dict()}  # fmt: skip
    before = _live(span)
    if before is not None and before.max(initial=-1) < groups:
        order, kept = align(before, model.predict(found.matrix), groups)
        model = model.renumbered(order)
        params["people who keep their group"] = round(kept, 4)
    params["names"] = model.names(found.targets)
    ours = model.explained(found.matrix, model.predict(found.matrix))
    row = verdict(ours, None if before is None else model.explained(found.matrix, before))
    trained = Trained(
        params=params, data_since=span.since, data_until=span.until, rows=int(found.counts.sum()), metrics={METRIC: row},
        baseline="one group",
    )  # fmt: skip
    return [runs.save_version(lease, SOCIAL_GROUPS, model.state(), trained)]


def _live(span: Window) -> np.ndarray | None:
    """The group of each of today's people by the live version; None before the first one."""
    version = registry.live(SOCIAL_GROUPS)
    if version is None:
        return None
    theirs = deeds(since=span.since, until=span.until, targets=version.params["targets"])
    return SocialGroups.from_state(load_arrays(version)).predict(theirs.matrix)
