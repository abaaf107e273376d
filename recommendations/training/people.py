"""Trains what groups people, under numbers that last."""

import numpy as np

from recommendations.contracts import CLUSTERS
from recommendations.dataset import Purchases, day_of, people_features, purchases, spend_in
from recommendations.ml.clusters import Clusters, ClustersConfig, align, verdict
from recommendations.ml.rfm import Rfm
from recommendations.training.cost import QUARTER, costed
from recommendations.training.window import window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained
from registry.services import load_arrays

METRIC = "explained share of differences"


def train_clusters(lease: Lease) -> list:
    """Groups of people by how and where they buy, numbered as the live version numbers them.

    What is judged is the share of the differences between today's people that the groups explain; against the live groups
    by the same people, so that a new grouping goes live only when it describes them better beyond noise.
    """
    span = window(lease.params)
    runs.beat(lease, "reading orders", 0.1)
    data = purchases(since=span.since, until=span.until)
    runs.beat(lease, "grouping people", 0.5)
    figures, spend = people_features(data, day_of(span.until))
    quarter = Rfm(*(column[::QUARTER] for column in vars(figures).values()))
    model, cost = costed(
        lambda: Clusters(ClustersConfig()).fit(figures, spend),
        lambda: Clusters(ClustersConfig()).fit(quarter, spend[::QUARTER]),
        len(spend),
        len(spend[::QUARTER]),
    )
    params = {**vars(model.config), "departments": list(data.departments), "cost": cost.as_dict()}
    before = _live(data, figures, spend)
    if before is not None:
        order, kept = align(before, model.predict(figures, spend), model.config.n_clusters)
        model = model.renumbered(order)
        params["people who keep their group"] = round(kept, 4)
    params["names"] = model.names(list(data.departments))
    trained = Trained(
        params=params,
        data_since=span.since,
        data_until=span.until,
        rows=len(data.order),
        metrics={METRIC: _judge(model, figures, spend, before)},
        baseline="one group",
    )
    return [runs.save_version(lease, CLUSTERS, model.state(), trained)]


def _live(data: Purchases, figures: Rfm, spend: np.ndarray) -> np.ndarray | None:
    """The group of each of today's people by the live version; None before the first one."""
    version = registry.live(CLUSTERS)
    if version is None:
        return None
    model = Clusters.from_state(load_arrays(version))
    return model.predict(figures, spend_in(version.params["departments"], data, spend))


def _judge(model: Clusters, figures: Rfm, spend: np.ndarray, before: np.ndarray | None) -> dict:
    ours = model.explained(figures, spend, model.predict(figures, spend))
    return verdict(ours, None if before is None else model.explained(figures, spend, before))
