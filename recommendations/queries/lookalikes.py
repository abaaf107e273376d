"""Whom some given people are like, for segments of other rooms."""

from collections.abc import Iterable

import numpy as np

from recommendations.ml.lookalike import likeness
from recommendations.models import Profile


def lookalikes(customer_ids: Iterable[int], *, limit: int = 1000) -> list[tuple[int, float]]:
    """(customer id, likeness from 0 to 1), the likest first, without the given people.

    Reads every profile: for a worker, never for a page. Raises ValueError with the remedy when fewer than five of the
    given people have a profile.
    """
    wanted = set(customer_ids)
    rows = Profile.objects.filter(frequency__gt=0).order_by("customer_id")
    ids, figures, affinities = [], [], []
    columns = rows.values_list("customer_id", "recency_days", "frequency", "monetary", "affinities")
    for pk, recency, frequency, spend, shares in columns.iterator(chunk_size=20_000):
        ids.append(pk)
        figures.append((recency or 0.0, float(frequency), max(float(spend), 0.0)))
        affinities.append(shares)
    departments = {name: place for place, name in enumerate(sorted({name for shares in affinities for name in shares}))}
    table = np.zeros((len(ids), len(departments)))
    for row, shares in enumerate(affinities):
        for name, share in shares.items():
            table[row, departments[name]] = share
    seed = np.array([pk in wanted for pk in ids], dtype=bool)
    found = likeness(np.array(figures, dtype=np.float64).reshape(-1, 3), table, seed)
    best = np.argsort(-np.where(seed, -1.0, found), kind="stable")[: min(limit, int((~seed).sum()))]
    return [(ids[place], float(found[place])) for place in best.tolist()]
