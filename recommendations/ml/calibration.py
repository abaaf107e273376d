"""From a score to a probability that holds: Platt's sigmoid or isotonic regression, on scores of rows never fitted on.

A model that is calibrated on its own training rows believes itself. So its scores come from folds: each fold is scored by
a model that did not see it, and the map is learned from those (Platt 1999; Zadrozny and Elkan 2002).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from recommendations.ml.recommender import State

Method = Literal["platt", "isotonic"]
# Isotonic regression learns a step function: below some thousand rows its steps follow single people.
ISOTONIC_ROWS = 5000


@dataclass(frozen=True)
class Calibration:
    """A rising map from score to probability, given by its values at some scores; between them a straight line, in
    log-odds for Platt's.
    """

    method: Method
    at: np.ndarray  # (k,) scores in log-odds, rising
    value: np.ndarray  # (k,) log-odds for platt, probabilities for isotonic

    @classmethod
    def learn(cls, score: np.ndarray, label: np.ndarray, method: Method | None = None) -> Self:
        """From out-of-fold probabilities (n,) and labels (n,)."""
        method = method or ("isotonic" if len(score) >= ISOTONIC_ROWS else "platt")
        odds = log_odds(score)
        if method == "platt":
            # Two numbers of n rows; on the odds themselves, for a signed log would bend them.
            slope, shift = _sigmoid(odds, label)
            at = np.array([-20.0, 20.0])
            return cls(method, at, slope * at + shift)
        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(odds, label)
        return cls(method, fitted.X_thresholds_, fitted.y_thresholds_)

    @classmethod
    def none(cls) -> Self:
        """Leaves every probability as it is: learning a map would be one more look at the rows."""
        ends = np.array([-20.0, 20.0])
        return cls("platt", ends, ends)

    def __call__(self, score: np.ndarray) -> np.ndarray:
        """(n,) probabilities from probabilities."""
        value = np.interp(log_odds(score), self.at, self.value)
        return expit(value) if self.method == "platt" else value

    def state(self) -> State:
        return {"method": np.asarray(self.method), "at": self.at, "value": self.value}

    @classmethod
    def from_state(cls, state: State) -> Self:
        return cls(state["method"].item(), state["at"], state["value"])


def log_odds(probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def _sigmoid(odds: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """(slope, shift) of the logistic regression on the odds, with Platt's smoothed targets."""
    positive = label.sum()
    target = np.where(label > 0, (positive + 1) / (positive + 2), 1 / (len(label) - positive + 2))
    slope, shift = 1.0, 0.0
    for _ in range(50):  # Newton: two unknowns
        probability = expit(slope * odds + shift)
        wrong, weight = target - probability, probability * (1 - probability) + 1e-12
        design = np.stack([odds, np.ones_like(odds)], axis=1)
        step = np.linalg.solve((design * weight[:, None]).T @ design + 1e-9 * np.eye(2), design.T @ wrong)
        slope, shift = slope + step[0], shift + step[1]
        if np.abs(step).max() < 1e-9:
            break
    return float(slope), float(shift)


def out_of_fold(
    fit: Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]],
    features: np.ndarray,
    label: np.ndarray,
    fold: np.ndarray,
) -> np.ndarray:
    """(n,) probabilities: each fold's rows by a model of the other folds. fold: (n,) numbers, groups that belong together
    (a campaign, a month) whole in one. `fit` takes features and labels and returns the predictor.
    """
    scores = np.empty(len(label))
    for number in np.unique(fold):
        held = fold == number
        scores[held] = fit(features[~held], label[~held])(features[held])
    return scores
