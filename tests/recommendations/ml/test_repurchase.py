import numpy as np
import pytest
from scipy.special import ndtr

from recommendations.ml.recency import Recency
from recommendations.ml.repurchase import Repurchase, RepurchaseConfig
from tests.recommendations.ml.known_answers import interactions

COFFEE, DETERGENT, OIL = 0, 1, 2


def every(gap: float, last: float, times: int) -> list[float]:
    return [last + gap * n for n in range(times)]


def test_what_is_due_comes_before_what_was_just_bought():
    """Coffee every 14 days, last 13 days ago; detergent every 60 days, last 2 days ago; one week is asked for.

    Recency puts what was bought last on top, timing what is due.
    """
    rows = []
    for user in range(20):
        rows += [(user, COFFEE, day) for day in every(14, 13, 2)]
        rows += [(user, DETERGENT, day) for day in every(60, 2, 5)]
    past = interactions(rows, n_users=20, n_items=2)
    timing = Repurchase(RepurchaseConfig(horizon_days=7)).fit(past).score(np.array([3]))[0]
    recent = Recency().fit(past).score(np.array([3]))[0]
    assert timing[COFFEE] > 3 * timing[DETERGENT]
    assert recent[DETERGENT] > recent[COFFEE]


def test_what_was_dropped_falls_below_what_is_only_late():
    """Both every 10 days; one was last bought 12 days ago, the other 120."""
    rows = [(user, COFFEE, day) for user in range(9) for day in every(10, 12, 6)]
    rows += [(user, OIL, day) for user in range(9) for day in every(10, 120, 6)]
    scores = Repurchase().fit(interactions(rows, n_users=9, n_items=3)).score(np.array([0]))[0]
    assert scores[COFFEE] > 3 * scores[OIL] > 0


def test_the_chance_by_hand():
    """One item, four purchases each 10 days apart, the last 5 days ago: all gaps equal, so only the priors spread them.

    log gaps all ln 10, so their mean is ln 10 whatever is drawn to what. Variance 0. Of 8 purchases 6 were followed.
    """
    rows = [(user, 0, day) for user in range(2) for day in every(10, 5, 4)]
    rows += [(2, 1, 3.0)]
    past = interactions(rows, n_users=3, n_items=2)
    model = Repurchase(RepurchaseConfig(horizon_days=10)).fit(past)
    share = 6 / 9
    repeat = (0.5 * (6 + 10 * share) / (8 + 10) + 3) / (0.5 + 4)
    expected = repeat * (ndtr(np.inf) - 0.0)  # 5 < 10 < 15: certain within the horizon, if there is a next one
    assert model.score(np.array([0]))[0, 0] == pytest.approx(expected, abs=2e-3)


def test_a_chance_is_a_chance():
    rng = np.random.default_rng(0)
    rows = [
        (int(u), int(i), float(d))
        for u, i, d in zip(
            rng.integers(30, size=900), rng.integers(20, size=900), rng.uniform(0, 300, 900), strict=True
        )
    ]
    due = Repurchase().fit(interactions(rows, n_users=30, n_items=20)).due_
    assert 0 < due.data.min() <= due.data.max() < 1
    assert np.array_equal(due.indices, interactions(rows, n_users=30, n_items=20).seen.indices)
