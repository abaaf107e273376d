"""The population stability index, by hand and against chance."""

import numpy as np
import pytest

from recommendations.ml.drift import ALARM, chance, edges, histogram, psi


def test_by_hand():
    # (0.4 - 0.5) ln(0.4 / 0.5) + (0.6 - 0.5) ln(0.6 / 0.5)
    assert psi([50, 50], [40, 60]) == pytest.approx(0.0223 + 0.0182, abs=1e-4)
    assert psi([1, 2, 3], [10, 20, 30]) == 0.0


def test_an_empty_bin_is_an_alarm_and_not_infinite():
    assert ALARM < psi([100, 0], [50, 50]) < 10


def test_what_chance_makes_is_what_the_formula_says():
    rng = np.random.default_rng(0)
    shares = np.full(10, 0.1)
    values = [psi(rng.multinomial(500, shares), rng.multinomial(400, shares)) for _ in range(300)]

    assert np.mean(values) == pytest.approx(chance(10, 500, 400), rel=0.1)


def test_bins_hold_equally_many_and_equal_values_share_one():
    values = np.arange(1000.0)
    assert histogram(values, edges(values)).tolist() == [100] * 10
    assert histogram(np.array([3.0, 3.0, np.nan, np.inf]), edges(np.array([3.0, 3.0]))).sum() == 2


def test_other_bins_are_refused():
    with pytest.raises(ValueError, match="2 bins then, 3 now"):
        psi([1, 2], [1, 2, 3])
    assert np.isnan(psi([0, 0], [1, 1]))
