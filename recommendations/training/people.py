"""Trains what describes people."""

from recommendations.contracts import CLUSTERS
from recommendations.dataset import day_of, people_features, purchases
from recommendations.ml.clusters import Clusters, ClustersConfig
from recommendations.training.window import window
from registry import services as runs
from registry.contracts import Lease, Trained


def train_clusters(lease: Lease) -> list:
    """Groups of people by how and where they buy. It ranks nothing, so there is nothing to compare with."""
    span = window(lease.params)
    runs.beat(lease, "reading orders", 0.1)
    data = purchases(since=span.since, until=span.until)
    runs.beat(lease, "grouping people", 0.5)
    figures, spend = people_features(data, day_of(span.until))
    model = Clusters(ClustersConfig()).fit(figures, spend)
    names = model.names(list(data.departments))
    trained = Trained(
        params={**vars(model.config), "names": names, "departments": list(data.departments)},
        data_since=span.since,
        data_until=span.until,
        rows=len(data.order),
    )
    return [runs.save_version(lease, CLUSTERS, model.state(), trained)]
