"""Everybody's profile from the live clusters."""

import json
import math
from collections.abc import Iterator

import numpy as np

from recommendations.contracts import HISTORY
from recommendations.dataset import Purchases, day_of, people_features, purchases
from recommendations.ml.clusters import Clusters
from recommendations.ml.rfm import Rfm
from registry.services import load_arrays


def profiles(version) -> Iterator[tuple]:
    """Rows of Profile, as `services.PROFILE_COLUMNS`."""
    data = purchases(since=version.data_until - HISTORY, until=version.data_until)
    model = Clusters.from_state(load_arrays(version))
    departments = version.params["departments"]
    figures, own_spend = people_features(data, day_of(version.data_until))
    # A department that was new or gone since the training has no column in the model.
    spend = np.zeros((len(own_spend), len(departments)))
    for index, name in enumerate(departments):
        if name in data.departments:
            spend[:, index] = own_spend[:, data.departments.index(name)]
    clusters = model.predict(figures, spend)
    total = spend.sum(axis=1, keepdims=True)
    shares = np.divide(spend, total, out=np.zeros_like(spend), where=total > 0)
    return _profile_rows(version, data, figures, clusters, shares)


def _profile_rows(version, data: Purchases, figures: Rfm, clusters: np.ndarray, shares: np.ndarray) -> Iterator[tuple]:
    names, departments = version.params["names"], version.params["departments"]
    for row, customer_id in enumerate(data.customers.tolist()):
        top = np.argsort(-shares[row], kind="stable")[:8]
        affinities = {departments[i]: round(float(shares[row, i]), 4) for i in top if shares[row, i] > 0}
        cluster = int(clusters[row])
        yield (
            customer_id,
            float(figures.recency_days[row]) if math.isfinite(figures.recency_days[row]) else None,
            int(figures.frequency[row]),
            f"{figures.monetary[row]:.2f}",
            int(figures.recency_score[row]),
            int(figures.frequency_score[row]),
            int(figures.monetary_score[row]),
            cluster if cluster >= 0 else None,
            names[cluster] if cluster >= 0 else "",
            departments[top[0]] if shares[row, top[0]] > 0 else "",
            json.dumps(affinities),
            version.data_until,
            version.pk,
        )
