import doctest

import numpy as np
import pytest

from recommendations.ml import metrics, rfm


@pytest.mark.parametrize("module", [rfm, metrics])
def test_the_worked_examples_hold(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_fifths_of_a_hundred_people():
    values = np.random.default_rng(0).permutation(100)
    scores = rfm.quintiles(values)
    assert np.bincount(scores).tolist() == [0, 20, 20, 20, 20, 20]
    assert scores[values.argmin()] == 1
    assert scores[values.argmax()] == 5


def test_ties_never_get_different_scores():
    orders = np.array([1] * 70 + [2] * 20 + [9] * 10)
    assert rfm.quintiles(orders).tolist() == [2] * 70 + [5] * 30


def test_recent_is_good_and_no_order_is_0():
    found = rfm.rfm(np.array([0, 1, 2, 3, 4]), np.array([1.0, 10.0, 20.0, 40.0, 80.0]), np.full(5, 7.0), n_users=6)
    assert found.recency_score.tolist() == [5, 4, 3, 2, 1, 0]
    assert found.monetary_score.tolist() == [3, 3, 3, 3, 3, 0]
    assert found.recency_days[5] == np.inf


def test_an_order_after_the_cut_is_refused():
    with pytest.raises(ValueError, match="days_before_cut"):
        rfm.rfm(np.array([0]), np.array([-1.0]), np.array([5.0]), n_users=1)
