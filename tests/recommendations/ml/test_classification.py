"""The figures are scikit-learn's, and the interval is wider when a person's rows go together."""

import numpy as np
import pytest
from sklearn import metrics

from recommendations.ml.classification import calibration_error, lift, paired, quality, reliability, roc_auc


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    probability = rng.beta(1, 5, 2000).round(2)  # rounded: ties matter
    return (rng.random(2000) < probability).astype(float), probability


def test_the_figures_are_scikit_learns(rows):
    label, probability = rows
    found = quality(label, probability)
    assert found.roc_auc == pytest.approx(metrics.roc_auc_score(label, probability))
    assert found.pr_auc == pytest.approx(metrics.average_precision_score(label, probability))
    assert found.log_loss == pytest.approx(metrics.log_loss(label, np.clip(probability, 1e-9, 1 - 1e-9)))
    assert found.base_rate == label.mean()


def test_accuracy_stands_beside_what_guessing_gets():
    label = np.array([1.0] + [0.0] * 9)
    found = quality(label, np.full(10, 0.1))
    assert (found.accuracy, found.accuracy_of_guessing, found.roc_auc) == (0.9, 0.9, 0.5)


def test_calibration_error_by_hand():
    """Two tenths: said 0.25 of four, one came (right); said 0.85 of two, one came: off by 0.35 for a third."""
    label = np.array([1.0, 0, 0, 0, 1, 0])
    probability = np.array([0.25] * 4 + [0.85] * 2)
    assert calibration_error(label, probability) == pytest.approx(0.35 / 3)
    assert [(row.said, row.came) for row in reliability(label, probability)] == [(0.25, 0.25), (0.85, 0.5)]


def test_lift_by_hand():
    label = np.array([1.0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    assert lift(label, np.arange(10, 0, -1.0), 0.1) == 5.0


def test_the_better_is_better_beyond_noise_and_people_widen_the_interval(rows):
    label, probability = (column[:600] for column in rows)
    worse = probability + np.random.default_rng(1).normal(0, 0.2, 600)
    assert paired(roc_auc, label, probability, worse).low > 0
    same = paired(roc_auc, label, probability, probability)
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    people = np.repeat(np.arange(150), 4)  # four rows a person, all alike
    by_person = paired(roc_auc, label[people], probability[people], worse[people], unit=people)
    by_row = paired(roc_auc, label[people], probability[people], worse[people])
    assert by_person.high - by_person.low > 1.5 * (by_row.high - by_row.low)


def test_one_answer_alone_is_no_question():
    with pytest.raises(ValueError, match="both answers"):
        quality(np.zeros(5), np.full(5, 0.1))
