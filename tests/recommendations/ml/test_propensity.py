"""Regressions by gradient descent come to scikit-learn's optimum, explain themselves exactly, and refuse what is no number."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from recommendations.ml.propensity import Diverged, Propensity, PropensityConfig, signed_log


@pytest.fixture(scope="module")
def rows():
    """1,200 people: spend, trips, a useless figure and a constant; who spends much and comes seldom answers."""
    rng = np.random.default_rng(7)
    features = np.stack(
        [np.exp(rng.normal(4, 1.5, 1200)), rng.poisson(9, 1200), rng.normal(0, 50, 1200), np.full(1200, 3.0)], axis=1
    )
    margin = 1.2 * np.log1p(features[:, 0]) - 1.5 * np.log1p(features[:, 1]) - 2.5
    return features, (rng.random(1200) < 1 / (1 + np.exp(-margin))).astype(float)


def normalised(features):
    logs = signed_log(features)
    scale = logs.std(axis=0)
    return (logs - logs.mean(axis=0)) / np.where(scale > 0, scale, 1.0)


def test_logistic_comes_to_scikit_learns_optimum(rows):
    features, label = rows
    ours = Propensity(PropensityConfig(l2=0.01, tolerance=1e-9)).fit(features, label)
    theirs = LogisticRegression(C=1 / (0.01 * len(label)), tol=1e-10, max_iter=10_000).fit(normalised(features), label)
    assert ours.weights_ == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert ours.bias_ == pytest.approx(theirs.intercept_[0], abs=1e-5)
    assert ours.predict(features) == pytest.approx(theirs.predict_proba(normalised(features))[:, 1], abs=1e-5)
    assert ours.steps_ < 5000


def test_linear_comes_to_scikit_learns_optimum(rows):
    features, label = rows
    ours = Propensity(PropensityConfig(loss="linear", l2=0.01, tolerance=1e-9)).fit(features, label)
    theirs = Ridge(alpha=0.01 * len(label)).fit(normalised(features), label)
    assert ours.weights_ == pytest.approx(theirs.coef_, abs=1e-6)
    assert ours.margin(features) == pytest.approx(theirs.predict(normalised(features)), abs=1e-6)
    assert 0.0 <= ours.predict(features).min() <= ours.predict(features).max() <= 1.0


def test_contributions_and_bias_are_the_whole_margin(rows):
    features, label = rows
    model = Propensity().fit(features, label)
    assert model.contributions(features).sum(axis=1) + model.bias_ == pytest.approx(model.margin(features))
    assert np.abs(model.contributions(features)[:, 3]).max() < 1e-9  # a figure that is the same for all explains nobody


def test_what_is_kept_predicts_the_same(rows):
    features, label = rows
    model = Propensity().fit(features, label)
    again = Propensity.from_state(model.state())
    assert (again.predict(features) == model.predict(features)).all()
    assert again.config == model.config


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_figure_that_is_no_number_stops_the_training(rows, broken):
    features, label = rows
    spoilt = features.copy()
    spoilt[5, 0] = broken
    with pytest.raises(Diverged, match="not a finite number"):
        Propensity().fit(spoilt, label)
