"""Off-policy estimates: by hand, over synthetic logs of known value, and refused where the log says too little."""

import numpy as np
import pytest

from benchmarks.offpolicy import coverage
from recommendations.ml.offpolicy import (
    Log,
    TooLittle,
    cross_fitted,
    doubly_robust,
    effective_rounds,
    estimates,
    ips,
    snips,
)


def test_three_rounds_by_hand():
    log = Log(
        reward=np.array([1.0, 0.0, 1.0]),
        p=np.array([0.5, 0.5, 0.25]),
        q=np.array([1.0, 0.5, 0.25]),  # weights 2, 1, 1
        expected_taken=np.array([0.5, 0.5, 0.5]),
        expected_policy=np.array([0.6, 0.6, 0.6]),
    )

    assert ips(log).value == pytest.approx((2 + 0 + 1) / 3)
    assert snips(log).value == pytest.approx(3 / 4)
    assert doubly_robust(log).value == pytest.approx(0.6 + (2 * 0.5 - 1 * 0.5 + 1 * 0.5) / 3)
    assert effective_rounds(log) == pytest.approx(16 / 6)


def test_the_policy_that_ran_is_worth_what_it_earned():
    rng = np.random.default_rng(0)
    reward, p = rng.integers(0, 2, 1000).astype(float), rng.uniform(0.1, 1, 1000)

    for one in estimates(Log(reward, p, p)):
        assert one.value == pytest.approx(reward.mean())
        assert one.low < reward.mean() < one.high


def test_the_interval_holds_the_known_value_in_93_of_100_logs():
    """A smaller run of `benchmarks.offpolicy`, which draws 500: 2.5 standard errors of 150 draws are 4.5 points."""
    for name, row in coverage(150, seed=1).items():
        assert row["covered"] >= 0.93 - 0.045, name
        assert abs(row["bias"]) < row["width"] / 8, name


def test_the_reward_model_has_not_seen_the_round_it_speaks_of():
    action, reward = np.zeros(10, dtype=int), np.zeros(10)
    reward[3] = 1.0

    expected = cross_fitted(action, reward, 1, folds=10)

    assert expected[3, 0] == 0.0
    assert (np.delete(expected[:, 0], 3) > 0).all()


@pytest.mark.parametrize(
    ("n", "clicks", "why"), [(50, 10, "are needed"), (1000, 1, "rewards"), (0, 0, "are needed")]
)  # fmt: skip
def test_too_little_is_refused_with_how_much_there_is(n, clicks, why):
    reward = np.zeros(n)
    reward[:clicks] = 1.0

    with pytest.raises(TooLittle, match=why):
        estimates(Log(reward, np.full(n, 0.5), np.full(n, 0.5)))


@pytest.mark.parametrize(
    ("field", "value"), [("p", 0.0), ("p", 1.5), ("q", -0.1), ("reward", np.nan)]
)  # fmt: skip
def test_a_broken_log_names_its_field(field, value):
    good = {"reward": np.ones(3), "p": np.full(3, 0.5), "q": np.full(3, 0.5)}

    with pytest.raises(ValueError, match=f"^{field}"):
        Log(**good | {field: np.full(3, value)})
