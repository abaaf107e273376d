"""Looking every day does not make the intervals wrong, and costs little."""

import numpy as np
import pytest
from scipy import stats

from campaigns.stats.sequential import converted_covariance, nominal_levels, running, spent

LOOKS = np.arange(1, 5) / 4


def critical(levels):
    return stats.norm.ppf((1 + levels) / 2)


def brownian(shares):
    """What grows by independent steps: the hardest case for many looks."""
    return np.minimum.outer(shares, shares)


def test_one_look_costs_nothing():
    assert nominal_levels(np.array([[4.0]]), np.array([1.0]))[0] == pytest.approx(0.95, abs=1e-12)


def test_looks_that_say_the_same_cost_no_more_than_what_early_ones_spent():
    same = np.ones((4, 4))
    assert critical(nominal_levels(same, LOOKS))[-1] == pytest.approx(1.96, abs=0.03)


@pytest.mark.parametrize("shares", [LOOKS, np.arange(1, 29) / 28], ids=["weekly", "daily"])
def test_the_error_of_all_looks_together_is_the_one_promised(shares):
    """Against paths of another seed: never more than promised, and hardly less."""
    rng = np.random.default_rng(5)
    steps = rng.standard_normal((200_000, len(shares))) * np.sqrt(np.diff(shares, prepend=0))
    z = np.abs(np.cumsum(steps, axis=1) / np.sqrt(shares))
    crossed = np.cumsum(z > critical(nominal_levels(brownian(shares), shares)), axis=1) > 0

    assert 0.045 < crossed[:, -1].mean() < 0.0525
    assert (crossed.mean(axis=0) < spent(shares) + 0.0025).all()


def test_later_looks_do_not_move_earlier_ones():
    whole = critical(nominal_levels(brownian(LOOKS), LOOKS))
    half = critical(nominal_levels(brownian(LOOKS[:2]), LOOKS[:2]))
    assert half == pytest.approx(whole[:2], abs=0.05)  # up to the noise of the paths


def test_a_look_before_anything_happened_spends_nothing():
    quiet = np.zeros((4, 4))
    quiet[1:, 1:] = brownian(LOOKS[1:])
    assert nominal_levels(quiet, LOOKS)[0] == 0.95
    assert (nominal_levels(quiet, LOOKS)[1:] == nominal_levels(brownian(LOOKS[1:]), LOOKS[1:])).all()
    assert (nominal_levels(np.zeros((4, 4)), LOOKS) == 0.95).all()


def test_the_same_looks_give_the_same_levels():
    assert (nominal_levels(brownian(LOOKS), LOOKS) == nominal_levels(brownian(LOOKS), LOOKS)).all()


def test_running_totals_vary_as_their_steps_add_up():
    steps = np.random.default_rng(1).standard_normal((50, 3))
    assert np.allclose(running(steps.T @ steps), np.cumsum(steps, axis=1).T @ np.cumsum(steps, axis=1))


def test_who_has_ordered_by_one_look_has_by_the_next():
    by_first, by_second = np.array([1, 0, 0, 1, 0]), np.array([1, 1, 0, 1, 0])
    found = converted_covariance(np.array([by_first.mean(), by_second.mean()]))
    assert np.allclose(found, np.cov(by_first, by_second, ddof=0))
