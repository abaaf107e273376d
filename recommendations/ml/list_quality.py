"""What hit rates do not show of a list of k: is it varied, is it more than best sellers, does it look like its reader?

diversity: share of the pairs in a list whose products belong to different groups (product type; category at type
    level), the intra-list distance of C. Ziegler et al., WWW 2005, with a distance of 0 or 1.
popularity bias: mean popularity of the shown products over that of the bought ones in the person's own past, as ranks
    from 0 (least) to 1 (most popular): above 0 the list is more mainstream than its reader
    (H. Abdollahpouri et al., "The Unfairness of Popularity Bias in Recommendation", 2019).
miscalibration: KL(p || q) between the shares of departments in the own past and in the list, q smoothed by 1 % of p
    (H. Steck, "Calibrated Recommendations", RecSys 2018): 0 is a list in the person's own proportions.
"""

import numpy as np

from recommendations.ml.interactions import Interactions

SMOOTHING = 0.01


def diversity(ranked: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(m,) from lists (m, k), -1 where a place is empty; 0 for a list of fewer than two."""
    k = ranked.shape[1]
    first, second = np.triu_indices(k, 1)
    groups = np.where(ranked >= 0, group[np.maximum(ranked, 0)], -1)
    both = (ranked[:, first] >= 0) & (ranked[:, second] >= 0)
    differ = (groups[:, first] != groups[:, second]) & both
    return differ.sum(axis=1) / np.maximum(both.sum(axis=1), 1)


def popularity_bias(ranked: np.ndarray, users: np.ndarray, history: Interactions) -> np.ndarray:
    """(m,) in [-1, 1]: mean popularity rank of the list minus that of the own past (0 without a past)."""
    buyers = history.buyers()
    rank = np.searchsorted(np.sort(buyers), buyers, side="left") / max(1, len(buyers) - 1)
    shown = ranked >= 0
    of_list = (rank[np.maximum(ranked, 0)] * shown).sum(axis=1) / np.maximum(shown.sum(axis=1), 1)
    seen = history.seen[users]
    own = np.repeat(np.arange(len(users)), np.diff(seen.indptr))
    total = np.bincount(own, weights=rank[seen.indices], minlength=len(users))
    count = np.bincount(own, minlength=len(users))
    return np.where(count > 0, of_list - total / np.maximum(count, 1), 0.0)


def miscalibration(ranked: np.ndarray, users: np.ndarray, history: Interactions, department: np.ndarray) -> np.ndarray:
    """(m,) KL in nats, at least 0; 0 for a person without a past."""
    size = int(department.max()) + 1
    seen = history.seen[users]
    own = np.repeat(np.arange(len(users)), np.diff(seen.indptr)) * size + department[seen.indices]
    past = np.bincount(own, weights=seen.data, minlength=len(users) * size).reshape(-1, size)
    row, place = np.nonzero(ranked >= 0)
    of_list = np.bincount(row * size + department[ranked[row, place]], minlength=len(users) * size).reshape(-1, size)
    p = past / np.maximum(past.sum(axis=1, keepdims=True), 1e-12)
    q = (1 - SMOOTHING) * of_list / np.maximum(of_list.sum(axis=1, keepdims=True), 1) + SMOOTHING * p
    ratio = np.divide(p, q, out=np.ones_like(p), where=(p > 0) & (q > 0))
    return (p * np.log(ratio)).sum(axis=1)


def segments(users: np.ndarray, history: Interactions) -> np.ndarray:
    """(m,) 0 new, 1 light, 2 heavy: at most three baskets so far; below, or at least, the median of the others'."""
    baskets = np.unique(np.stack([history.user, history.days_before_cut]), axis=1)[0].astype(np.int64)
    count = np.bincount(baskets, minlength=history.n_users)
    settled = count[count > 3]
    middle = np.median(settled) if len(settled) else 4
    return np.where(count[users] <= 3, 0, np.where(count[users] < middle, 1, 2))


SEGMENTS = ("new", "light", "heavy")
