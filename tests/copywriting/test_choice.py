"""Which wording is best: chances that add up, a floor under every one, no winner by luck, and one code for page and draw."""

import numpy as np
import pytest

from copywriting.services.choice import FLOOR, Prior, shares, standings

PRIOR = Prior(0.05, 200)


def judged(*counts: tuple[int, int], seed: int = 1):
    """Standings of (responses, readers) in order."""
    arms = [(str(place), readers, won) for place, (won, readers) in enumerate(counts)]
    return list(standings(arms, PRIOR, seed=seed).values())


def test_the_better_of_two_clear_rates_wins_and_the_other_keeps_the_floor():
    first, second = judged((200, 2000), (100, 2000))

    assert first.is_winner and not second.is_winner
    assert first.best > 0.999 and second.share == pytest.approx(FLOOR, abs=0.001)
    assert first.best + second.best == pytest.approx(1)
    assert first.share + second.share == pytest.approx(1)


def test_what_the_page_shows_is_what_is_drawn():
    arms = [("a", 400, 12), ("b", 380, 19), ("c", 10, 2)]

    shown = {key: one.share for key, one in standings(arms, PRIOR, seed=7).items()}

    assert shares(arms, PRIOR, seed=7) == shown


def test_the_chance_is_the_normal_approximations_where_that_holds():
    """1,000 of 10,000 against 1,050: z = 0.005 / sqrt(2 * 0.1025 * 0.8975 / 10,000) = 1.166, so 0.878; the prior of 200
    readers takes a hundredth off the difference, and less than that off the chance.
    """
    assert judged((1000, 10_000), (1050, 10_000), seed=3)[1].best == pytest.approx(0.878, abs=0.015)


@pytest.mark.parametrize("counts", [((1, 2), (0, 12)), ((0, 500), (0, 500)), ((51, 1000), (50, 1000))])
def test_luck_and_equals_name_no_winner(counts):
    assert not any(one.is_winner for one in judged(*counts))


def test_of_equal_wordings_a_wrong_winner_is_rare():
    chance = np.random.default_rng(7)
    named = sum(
        any(one.is_winner for one in judged(*((won, 800) for won in chance.binomial(800, 0.05, size=3)), seed=trial))
        for trial in range(300)
    )
    assert named <= 15  # of 300; a wording of three that looks best by chance


@pytest.mark.parametrize("counts", [((3, 2), (1, 2)), ((-1, 2), (1, 2)), ()])
def test_what_cannot_be_compared_is_refused(counts):
    with pytest.raises(ValueError):
        judged(*counts)


def test_more_wordings_than_floors_share_evenly():
    assert [one.share for one in judged(*[(5, 100)] * 25)] == pytest.approx([1 / 25] * 25)
