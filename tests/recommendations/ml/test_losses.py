from math import exp, log

import pytest
import torch

from recommendations.ml.losses import cross_entropy, gbce, sampled_sigmoid, uniform_negatives

LOGITS = torch.tensor([[2.0, 0.0, -1.0]])
POSITIVES = torch.tensor([[1.0, 0.0, 1.0]])


def test_cross_entropy_by_hand():
    total = exp(2) + 1 + exp(-1)
    assert cross_entropy(LOGITS, POSITIVES).item() == pytest.approx(-(log(exp(2) / total) + log(exp(-1) / total)) / 2)


def test_a_drawn_positive_does_not_count():
    drawn, counts = uniform_negatives(POSITIVES, 200, torch.Generator().manual_seed(0))
    assert set(drawn[0].tolist()) == {0, 1, 2}
    assert counts[0].tolist() == [float(item == 1) for item in drawn[0].tolist()]


def test_sampled_sigmoid_by_hand():
    """Item 1 is the only negative, so its draws are all alike: -log sigmoid(0) = log 2."""
    found = sampled_sigmoid(LOGITS, POSITIVES, 50, torch.Generator().manual_seed(0))
    positive = (log(1 + exp(-2)) + log(1 + exp(1))) / 2
    assert found.item() == pytest.approx(positive + log(2))


def test_gbce_raises_the_positive_by_beta():
    """k = 1 of 2 others, rate 1/2, t = 1: beta = 1/2 * (1 - 2 + 2) = 1/2; without calibration beta is 1."""
    generator = torch.Generator().manual_seed(3)
    _, counts = uniform_negatives(POSITIVES, 1, torch.Generator().manual_seed(3))
    negative = log(2) * counts[0, 0].item()
    positive = (log(1 + exp(-2)) + log(1 + exp(1))) / 2
    found = gbce(LOGITS, POSITIVES, 1, generator, calibration=1.0)
    assert found.item() == pytest.approx(positive / 2 + negative)
