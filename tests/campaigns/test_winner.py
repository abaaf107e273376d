"""Which wording is best: chances that add up, a floor under every one, and no winner by luck."""

import numpy as np
import pytest

from campaigns.stats.winner import FLOOR, standings


def test_the_better_of_two_clear_rates_wins_and_the_other_keeps_the_floor():
    first, second = standings([200, 100], [2000, 2000], seed=1)

    assert first.is_winner and not second.is_winner
    assert first.best > 0.999 and second.share == pytest.approx(FLOOR, abs=0.001)
    assert first.best + second.best == pytest.approx(1)
    assert first.share + second.share == pytest.approx(1)


def test_the_chance_is_the_normal_approximations_where_that_holds():
    """1,000 of 10,000 against 1,050: z = 0.005 / sqrt(2 * 0.1025 * 0.8975 / 10,000) = 1.166, so 0.878."""
    assert standings([1000, 1050], [10_000, 10_000], seed=3)[1].best == pytest.approx(0.878, abs=0.01)


@pytest.mark.parametrize(("won", "asked"), [([1, 0], [2, 12]), ([0, 0], [500, 500]), ([51, 50], [1000, 1000])])
def test_luck_and_equals_name_no_winner(won, asked):
    assert not any(one.is_winner for one in standings(won, asked, seed=1))


def test_of_equal_wordings_a_wrong_winner_is_rare():
    chance = np.random.default_rng(7)
    named = sum(
        any(one.is_winner for one in standings(chance.binomial(800, 0.05, size=3), [800] * 3, seed=trial))
        for trial in range(300)
    )
    assert named <= 15  # of 300; a wording of three that looks best by chance


@pytest.mark.parametrize(("won", "asked"), [([1], [2]), ([3, 1], [2, 2]), ([], [])])
def test_what_cannot_be_compared_is_refused(won, asked):
    with pytest.raises(ValueError):
        standings(won, asked, seed=1)
