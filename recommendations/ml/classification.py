"""How good probabilities are: ranking (ROC-AUC, PR-AUC, lift), truth (log loss, calibration error), and what guessing gets.

Accuracy is never told alone: where 14 of 100 redeem, "nobody" is right 86 times.
"""

from dataclasses import dataclass

import numpy as np

from recommendations.ml.metrics import Interval

RESAMPLES = 1000
BINS = 10  # of equal width; the calibration error below depends on it


@dataclass(frozen=True)
class Quality:
    """rows, base_rate; accuracy at 0.5 beside `accuracy_of_guessing`, the share of the commoner answer."""

    rows: int
    base_rate: float
    roc_auc: float
    pr_auc: float
    log_loss: float
    calibration_error: float
    lift_at_10: float
    accuracy: float
    accuracy_of_guessing: float


def quality(label: np.ndarray, probability: np.ndarray) -> Quality:
    """Raises ValueError unless both answers occur."""
    label = np.asarray(label, dtype=np.float64)
    if not 0 < label.sum() < len(label):
        raise ValueError("both answers must occur")
    base = float(label.mean())
    return Quality(
        rows=len(label),
        base_rate=base,
        roc_auc=roc_auc(label, probability),
        pr_auc=pr_auc(label, probability),
        log_loss=log_loss(label, probability),
        calibration_error=calibration_error(label, probability),
        lift_at_10=lift(label, probability, 0.1),
        accuracy=float(((probability >= 0.5) == (label > 0)).mean()),
        accuracy_of_guessing=max(base, 1 - base),
    )


def roc_auc(label: np.ndarray, score: np.ndarray) -> float:
    """The chance that a positive stands above a negative, ties half (Mann and Whitney).

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    positive = label.sum()
    return float((rank[label > 0].sum() - positive * (positive + 1) / 2) / (positive * (len(label) - positive)))


def pr_auc(label: np.ndarray, score: np.ndarray) -> float:
    """Average precision: the mean of the precision at each positive, equal scores taken together.

    >>> round(pr_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])), 4)  # (1/1 + 2/3) / 2
    0.8333
    """
    order = np.argsort(-score, kind="stable")
    hits, ends = np.cumsum(label[order]), np.append(np.diff(score[order]) != 0, True)
    hits, seen = hits[ends], np.flatnonzero(ends) + 1
    return float((np.diff(hits, prepend=0) * hits / seen).sum() / hits[-1])


def log_loss(label: np.ndarray, probability: np.ndarray) -> float:
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    return float(-(label * np.log(clipped) + (1 - label) * np.log(1 - clipped)).mean())


def calibration_error(label: np.ndarray, probability: np.ndarray) -> float:
    """Expected calibration error: by tenths of probability, the mean distance of what was said and what came."""
    return float(sum(row.share * abs(row.said - row.came) for row in reliability(label, probability)))


@dataclass(frozen=True)
class ReliabilityRow:
    share: float  # of the rows
    said: float  # mean probability
    came: float  # share of positives


def reliability(label: np.ndarray, probability: np.ndarray) -> list[ReliabilityRow]:
    """One row per tenth of probability that has somebody in it, rising."""
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    said = np.bincount(place, weights=probability, minlength=BINS)
    came = np.bincount(place, weights=label, minlength=BINS)
    filled = np.flatnonzero(count).tolist()
    return [
        ReliabilityRow(float(count[i] / len(label)), float(said[i] / count[i]), float(came[i] / count[i]))
        for i in filled
    ]


def lift(label: np.ndarray, score: np.ndarray, share: float) -> float:
    """How many times the base rate the best `share` of the rows has."""
    top = np.argsort(-score, kind="stable")[: max(1, round(share * len(label)))]
    return float(label[top].mean() / label.mean())


def paired(
    metric, label: np.ndarray, ours: np.ndarray, theirs: np.ndarray, *, unit: np.ndarray | None = None, seed: int = 0
) -> Interval:
    """metric(label, ours) - metric(label, theirs) with its 95 % interval from resampling.

    unit: (n,) whose rows these are: people are drawn with all their rows, for the rows of one person are no independent
    witnesses. None: each row is its own.
    """
    rng = np.random.default_rng(seed)
    unit = np.arange(len(label)) if unit is None else np.unique(unit, return_inverse=True)[1]
    order = np.argsort(unit, kind="stable")
    starts = np.searchsorted(unit[order], np.arange(unit.max() + 2))
    differences = []
    while len(differences) < RESAMPLES:
        drawn = rng.integers(unit.max() + 1, size=unit.max() + 1)
        rows = order[np.concatenate([np.arange(starts[u], starts[u + 1]) for u in drawn.tolist()])]
        if 0 < label[rows].sum() < len(rows):
            differences.append(metric(label[rows], ours[rows]) - metric(label[rows], theirs[rows]))
    low, high = np.percentile(differences, [2.5, 97.5])
    return Interval(float(metric(label, ours) - metric(label, theirs)), float(low), float(high))
