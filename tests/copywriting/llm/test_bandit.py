"""Choosing among approved variants: known answers, a floor, and estimates from the log."""

import numpy as np
import pytest

from copywriting.llm.bandit import Arm, Prior, choose, propensities, snips

PRIOR = Prior(0.02, 200)


def test_equal_arms_get_equal_shares_and_a_clear_winner_gets_all_but_the_floor():
    equal = propensities([Arm("a"), Arm("b"), Arm("c"), Arm("d")], PRIOR, seed=1)
    clear = propensities([Arm("a", 5000, 300), Arm("b", 5000, 50)], PRIOR, floor=0.1, seed=1)

    assert all(share == pytest.approx(0.25, abs=0.02) for share in equal.values())
    assert clear == {"a": pytest.approx(0.9), "b": pytest.approx(0.1)}
    assert sum(equal.values()) == pytest.approx(1)


def test_the_prior_keeps_one_lucky_click_from_winning():
    lucky = [Arm("a", 10, 1), Arm("b", 10, 0)]

    assert propensities(lucky, Prior(0.02, 2000), seed=1)["a"] < 0.6
    assert propensities(lucky, Prior(0.5, 2), seed=1)["a"] > 0.7


def test_the_same_seed_chooses_the_same_and_the_shares_are_the_odds():
    odds = {"a": 0.7, "b": 0.3}
    drawn = choose(odds, 20_000, seed=3)

    assert drawn == choose(odds, 20_000, seed=3)
    assert drawn.count("a") / 20_000 == pytest.approx(0.7, abs=0.01)


def test_over_a_campaign_it_collects_more_than_an_equal_split():
    rates, arms, clicks = {"a": 0.02, "b": 0.05, "c": 0.03}, {key: [0, 0] for key in "abc"}, 0
    chance = np.random.default_rng(5)
    for batch in range(60):
        odds = propensities([Arm(key, *arms[key]) for key in arms], PRIOR, seed=batch)
        for key in choose(odds, 200, seed=batch):
            hit = int(chance.random() < rates[key])
            arms[key] = [arms[key][0] + 1, arms[key][1] + hit]
            clicks += hit

    assert clicks > 1.15 * 12_000 * sum(rates.values()) / 3
    assert arms["b"][0] > 2 * arms["a"][0]


def test_the_log_of_one_policy_tells_what_another_would_have_had():
    chance = np.random.default_rng(99)
    rates, logging = {"a": 0.10, "b": 0.30}, {"a": 0.8, "b": 0.2}
    chosen = choose(logging, 20_000, seed=2)
    responses = [int(chance.random() < rates[key]) for key in chosen]

    found = snips(chosen, responses, [logging[key] for key in chosen], {"a": 0.2, "b": 0.8})

    assert found.low < 0.26 < found.high
    assert found.high - found.low < 0.05
    assert found.effective < 20_000


def test_what_cannot_be_estimated_is_refused():
    with pytest.raises(ValueError, match="effective sample of 10"):
        snips(["a"] * 10, [0] * 10, [0.5] * 10, {"a": 1.0})
    with pytest.raises(ValueError, match="propensity of 0"):
        snips(["a"], [0], [0.0], {"a": 1.0})
    with pytest.raises(ValueError, match="cannot be"):
        Arm("a", 1, 2)
    with pytest.raises(ValueError, match="more than there is"):
        propensities([Arm("a"), Arm("b"), Arm("c")], PRIOR, floor=0.5, seed=1)
