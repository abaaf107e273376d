"""A model that says too much is brought down to what comes, from folds that it did not see."""

import numpy as np
import pytest

from recommendations.ml.calibration import Calibration, log_odds, out_of_fold
from recommendations.ml.classification import calibration_error, roc_auc


@pytest.fixture(scope="module")
def overconfident():
    """True log-odds z; the model says 2 z + 1."""
    rng = np.random.default_rng(11)
    odds = rng.normal(-1.5, 1.2, 12_000)
    label = (rng.random(12_000) < 1 / (1 + np.exp(-odds))).astype(float)
    return 1 / (1 + np.exp(-(2 * odds + 1))), label


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic"])
def test_it_holds_on_rows_that_it_was_not_learned_from(overconfident, method):
    said, label = overconfident
    calibration = Calibration.learn(said[:6000], label[:6000], method)
    assert calibration_error(label[6000:], said[6000:]) > 0.07
    assert calibration_error(label[6000:], calibration(said[6000:])) < 0.02


def test_platt_finds_the_two_numbers(overconfident):
    said, label = overconfident
    calibration = Calibration.learn(said, label, "platt")
    odds = log_odds(calibration(np.array([0.5, 1 / (1 + np.exp(-3.0))])))  # the model's odds 0 and 3: true -0.5 and 1
    assert odds == pytest.approx([-0.5, 1.0], abs=0.15)


def test_beta_finds_the_three_numbers_of_ends_that_are_off_differently():
    """True log-odds are 0.5 ln p - 2 ln(1 - p) - 1 of what the model says."""
    rng = np.random.default_rng(12)
    said = rng.uniform(0.02, 0.98, 40_000)
    odds = 0.5 * np.log(said) - 2.0 * np.log(1 - said) - 1.0
    label = (rng.random(len(said)) < 1 / (1 + np.exp(-odds))).astype(float)
    learned = log_odds(Calibration.learn(said, label, "beta")(np.array([0.1, 0.5, 0.9])))
    assert learned == pytest.approx([-1.94, 0.04, 3.55], abs=0.12)


def test_beta_never_turns_the_order_round():
    """Labels that fall with the score: both weights would be negative, so what is left says the base rate."""
    rng = np.random.default_rng(13)
    said = rng.uniform(0.1, 0.9, 4000)
    label = (rng.random(4000) < 1 - said).astype(float)
    learned = Calibration.learn(said, label, "beta")(np.linspace(0.1, 0.9, 9))
    assert (np.diff(learned) >= 0).all()


def test_it_changes_no_order_under_platt_and_survives_keeping(overconfident):
    said, label = overconfident
    calibration = Calibration.learn(said, label, "platt")
    assert roc_auc(label, calibration(said)) == pytest.approx(roc_auc(label, said))
    again = Calibration.from_state(calibration.state())
    assert (again(said) == calibration(said)).all()


def test_isotonic_is_for_many_rows_only(overconfident):
    said, label = overconfident
    assert Calibration.learn(said[:400], label[:400]).method == "platt"
    assert Calibration.learn(said, label).method == "isotonic"


def test_a_fold_is_scored_by_the_others_alone():
    """Labels are the fold's number: a predictor of the mean of what it saw never returns its own."""
    fold = np.repeat([0, 1, 2], 4)
    label = fold.astype(float)

    def fit(features, labels):
        return lambda rows: np.full(len(rows), labels.mean())

    assert out_of_fold(fit, np.zeros((12, 1)), label, fold).tolist() == [1.5] * 4 + [1.0] * 4 + [0.5] * 4
