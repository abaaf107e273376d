"""Whether the world still looks as it did when a model was trained.

Population stability index of two distributions over the same bins, a the share then and b the share now:

    PSI = sum over bins of (b - a) ln(b / a)

Siddiqi, "Credit Risk Scorecards", 2006: below 0.1 stable, up to 0.25 look at it, above it something else is there. It is
the sum of both Kullback-Leibler divergences, so it has no direction. An empty bin counts as `FLOOR`, else one new
category would make it infinite. With n people then and m now, chance alone gives about (bins - 1)(1/n + 1/m), which must be
small against 0.1 for a verdict (`chance`).
"""

from collections.abc import Sequence

import numpy as np

LOOK, ALARM = 0.1, 0.25
FLOOR = 1e-4
BINS = 10


def psi(before: Sequence[float], now: Sequence[float]) -> float:
    """The index of two histograms over the same bins, in counts or shares. 0 for equal ones; nan when one is empty."""
    a, b = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} bins then, {len(b)} now: both must be counted over the same ones")
    if not (a.sum() > 0 and b.sum() > 0):
        return float("nan")
    a, b = np.maximum(a / a.sum(), FLOOR), np.maximum(b / b.sum(), FLOOR)
    return float(((b - a) * np.log(b / a)).sum())


def chance(bins: int, n: float, m: float) -> float:
    """What PSI is on average when nothing changed: the mean of its limiting chi-squared distribution."""
    return (bins - 1) * (1.0 / n + 1.0 / m) if n and m else float("inf")


def edges(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Inner borders of bins that hold equally many of the values: (at most bins - 1,), ascending and distinct."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.empty(0)
    return np.unique(np.quantile(finite, np.arange(1, bins) / bins))


def histogram(values: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """How many values fall between the borders, (len(borders) + 1,); what is not finite is left out."""
    finite = values[np.isfinite(values)]
    return np.bincount(np.searchsorted(borders, finite, side="right"), minlength=len(borders) + 1)
