"""The regression under differential privacy: it learns, it says what it cost, and one group moves it no further than it may."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

from recommendations.ml import dp
from recommendations.ml.classification import roc_auc
from recommendations.ml.dp import DpConfig, DpLogistic


def rows(groups: int = 600, each: int = 3, seed: int = 0):
    """Whoever has a high first feature does it; the others say nothing."""
    draw = np.random.default_rng(seed)
    features = draw.uniform(-1, 1, (groups * each, 4))
    label = (draw.random(groups * each) < 1 / (1 + np.exp(-4 * features[:, 0]))).astype(float)
    return features, label, np.repeat(np.arange(groups), each)


def test_it_learns_what_counts_and_stays_within_its_budget():
    features, label, groups = rows()
    model = DpLogistic(DpConfig(epsilon=2.0, steps=100, seed=1)).fit(features, label, groups)
    assert 0 < model.epsilon_ <= 2.0
    assert model.delta_ == pytest.approx(0.1 / 600)
    assert roc_auc(label, model.predict(features)) > 0.8
    assert np.abs(model.weights_[0]) > 3 * np.abs(model.weights_[1:]).max()


def test_less_budget_is_more_noise():
    features, label, groups = rows(200)
    fitted = [DpLogistic(DpConfig(epsilon=e, steps=50, seed=1)).fit(features, label, groups) for e in (0.3, 3.0)]
    assert fitted[0].noise_ > 3 * fitted[1].noise_
    assert fitted[0].epsilon_ <= 0.3 < fitted[1].epsilon_ <= 3.0


def test_what_it_says_it_cost_is_what_the_gaussian_mechanism_costs():
    """With everybody drawn, the steps are one Gaussian mechanism of mu = sqrt(steps) / noise (Balle and Wang 2018)."""
    features, label, groups = rows(100)
    model = DpLogistic(DpConfig(epsilon=2.0, steps=30, seed=1)).fit(features, label, groups)
    mu = np.sqrt(30) / model.noise_

    def delta(epsilon):
        return ndtr(-epsilon / mu + mu / 2) - np.exp(epsilon) * ndtr(-epsilon / mu - mu / 2)

    exact = brentq(lambda epsilon: delta(epsilon) - model.delta_, 1e-3, 50)
    assert exact <= model.epsilon_ <= exact + 0.02


def test_the_noise_is_another_one_each_time():
    features, label, groups = rows(50)
    config = DpConfig(epsilon=1.0, steps=20)
    one, other = (DpLogistic(config).fit(features, label, groups).weights_ for _ in range(2))
    assert not np.allclose(one, other)


def test_a_group_is_cut_as_one_however_many_rows_it_has(monkeypatch):
    """Without noise one step moves the weights by at most learning rate * clip / expected batch for each group."""
    monkeypatch.setattr(dp, "get_noise_multiplier", lambda **_: 0.0)
    monkeypatch.setattr(dp.PRVAccountant, "get_epsilon", lambda *_: np.inf)
    config = DpConfig(steps=1, sample_rate=1.0, clip=0.01, learning_rate=1.0, l2=0.0, seed=1)
    features, label, groups = rows(20)
    loud = (np.concatenate([features, np.ones((500, 4))]), np.concatenate([label, np.ones(500)]))
    with_loud = DpLogistic(config).fit(*loud, np.concatenate([groups, np.full(500, 20)]))
    without = DpLogistic(config).fit(features, label, groups)
    moved = np.append(with_loud.weights_ * 21 - without.weights_ * 20, with_loud.bias_ * 21 - without.bias_ * 20)
    assert np.linalg.norm(moved) == pytest.approx(0.01, rel=1e-3)


def test_what_cannot_be_learnt_from_is_refused():
    with pytest.raises(ValueError, match="not a finite number"):
        DpLogistic().fit(np.array([[np.nan]]), np.array([1.0]), np.array([0]))
    with pytest.raises(ValueError, match="two of them"):
        DpLogistic().fit(np.array([[1.0]]), np.array([1.0]), np.array([0]))
