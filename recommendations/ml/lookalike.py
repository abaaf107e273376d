"""People who are like some given ones: nearest to their middle in how and where they buy.

Recency, frequency and spend as logarithms, shares of departments as square roots, each scaled by its spread over everybody,
departments together as heavy as the three figures. Likeness is 1 / (1 + distance to the seeds' mean, in units of the
seeds' own mean distance to it): 0.5 is as near as a seed usually is.
"""

import numpy as np

LEAST_SEEDS = 5  # the middle of fewer is a portrait of somebody


def likeness(figures: np.ndarray, shares: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """(n,) likeness in (0, 1] of everybody to the seeds. figures: (n, 3) recency, frequency, spend, 0 or more; shares:
    (n, departments) from 0 to 1; seed: (n,) bool. Raises ValueError below five seeds.
    """
    if seed.sum() < LEAST_SEEDS:
        raise ValueError(f"{int(seed.sum())} of the given people have a profile; {LEAST_SEEDS} are needed")
    logs = np.log1p(figures)
    spread = logs.std(axis=0)
    logs = logs / np.where(spread > 0, spread, 1.0)
    roots = np.sqrt(shares)
    pooled = np.sqrt(roots.var(axis=0).sum() / 3)
    place = np.concatenate([logs, roots / (pooled or 1.0)], axis=1)
    distance = np.sqrt(((place - place[seed].mean(axis=0)) ** 2).sum(axis=1))
    usual = distance[seed].mean() or 1.0
    return 1 / (1 + distance / usual)
