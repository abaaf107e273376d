"""Intervals that hold however often one looks: group-sequential spending over the daily looks of a campaign.

A campaign assigns everybody at its start; what grows from look to look is what each customer has bought since. So the
estimates of two looks are strongly correlated, and the correlation is known: it is that of the customers' running
totals. An error rate of 1 - level is spent over the looks with the square of calendar time, and each look gets the critical
value that spends no more than its part, given the looks before it. Looks to come need not be known. That costs some per
cent of width at the last look, where a confidence sequence for any stopping time (Waudby-Smith et al. 2024) costs at
least 55 %.

Sources
  Lan and DeMets (1983), "Discrete sequential boundaries for clinical trials", Biometrika 70, 659-663; and (1989) "Changing
      frequency of interim analysis in sequential monitoring", Biometrics 45, 1017-1020: spending by calendar time.
  Kim and DeMets (1987), "Design and analysis of group sequential tests based on the type I error spending rate function",
      Biometrika 74, 149-154: the power family; its square lets an early look say something, which O'Brien and Fleming's
      does not.
  Jennison and Turnbull (1989), "Interim analyses: the repeated confidence interval approach", JRSS B 51, 305-361.
  Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence
      sequences", Annals of Statistics 52, 2613-2640.
"""

import numpy as np
from scipy import special

from campaigns.stats.lift import LEVEL

# Paths drawn to find the critical values, always the same ones: a page that is opened twice shows the same interval.
PATHS, SEED = 2**16, 20_170_101
# A look that fewer paths than this may cross is held to its whole part (Bonferroni): they would make no quantile. At the
# first look that is exact.
FEWEST = 40


def spent(shares: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """The error rate that may be spent by each share of the time, 0 to 1: (1 - level) share^2, so little of it early."""
    return (1 - level) * np.minimum(shares, 1.0) ** 2


def nominal_levels(covariance: np.ndarray, shares: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """(looks,) levels of one-look intervals that together keep `level`; those of later looks do not move earlier ones.

    covariance: (looks, looks), of the estimates or anything proportional to it; shares: (looks,), rising, of the whole
    time that is planned, 0 to 1. A look before anything varied (a zero on the diagonal) misleads nobody: it gets `level`
    and spends nothing.
    """
    levels = np.full(len(shares), level)
    told = np.flatnonzero(np.diag(covariance) > 0)
    if len(told) == 0:
        return levels
    covariance, shares = covariance[np.ix_(told, told)], np.asarray(shares)[told]
    deviation = np.sqrt(np.diag(covariance))
    z = np.abs(_paths(covariance / np.outer(deviation, deviation)))
    parts = np.diff(spent(shares, level), prepend=0.0)
    inside = np.ones(PATHS, dtype=bool)
    for look, part in enumerate(parts):
        allowed = int(part * PATHS)
        left = z[inside, look]
        if look == 0 or allowed < FEWEST or allowed >= len(left):
            critical = -special.ndtri(part / 2)
        else:
            critical = np.partition(left, len(left) - allowed)[len(left) - allowed]
        inside &= z[:, look] <= critical
        levels[told[look]] = 2 * special.ndtr(critical) - 1
    return levels


def _paths(correlation: np.ndarray) -> np.ndarray:
    """(PATHS, looks) standard normal paths of this correlation."""
    values, vectors = np.linalg.eigh(correlation)  # two looks between which nothing happened leave it singular
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    half = np.random.default_rng(SEED).standard_normal((PATHS // 2, len(correlation)))
    return np.concatenate([half, -half]) @ root.T


def running(increments: np.ndarray) -> np.ndarray:
    """Second moments (looks, looks) of running totals from those of the increments between looks."""
    return np.cumsum(np.cumsum(increments, axis=0), axis=1)


def converted_covariance(shares: np.ndarray) -> np.ndarray:
    """Covariance (looks, looks) of "has ordered by this look" from the share of customers who had, rising."""
    p = np.asarray(shares, dtype=float)
    return np.minimum.outer(p, p) - np.outer(p, p)
