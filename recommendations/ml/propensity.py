"""How likely somebody does something: linear and logistic regression on normalised features, fitted by gradient descent.

    linear:    score = b + w·x,             loss = mean (score - y)^2 / 2          + l2/2 |w|^2
    logistic:  score = 1 / (1 + e^-(b+w·x)), loss = mean -log p(y | x)              + l2/2 |w|^2

x is sign(f) log(1 + |f|), then standardised on the training rows: spend, counts and days span four orders of magnitude,
and a regression on raw figures follows its largest spender. Descent is Nesterov's accelerated gradient over all rows with
the step 1 / L, L being the largest curvature, so nothing has to be tuned; it starts anew where the loss rises
(O'Donoghue and Candès 2015). Both losses are strictly convex: scikit-learn's solvers come to the same weights.
"""

from dataclasses import asdict, dataclass
from typing import Literal, Self

import numpy as np
import torch

from recommendations.ml.recommender import State

Loss = Literal["logistic", "linear"]


class Diverged(ArithmeticError):
    """The loss or a feature is not a finite number: nothing that was learned may be used."""


@dataclass(frozen=True)
class PropensityConfig:
    loss: Loss = "logistic"
    l2: float = 0.01  # per row: scikit-learn's C is 1 / (l2 n)
    max_steps: int = 5000
    tolerance: float = 1e-6  # largest entry of the gradient; weights are then right to four digits


class Propensity:
    """Learned: `weights_` (n_features,), `bias_`, `mean_` and `scale_` (n_features,) of the signed logs, `steps_`."""

    kind = "propensity"
    Config = PropensityConfig

    def __init__(self, config: PropensityConfig | None = None) -> None:
        self.config = config or PropensityConfig()

    def fit(self, features: np.ndarray, label: np.ndarray) -> Self:
        """features: (n, n_features) in their own units; label: (n,) 0 or 1. Raises Diverged on a NaN or an infinity."""
        logs = signed_log(features)
        if not np.isfinite(logs).all():
            raise Diverged("a feature is not a finite number")
        self.mean_, self.scale_ = logs.mean(axis=0), logs.std(axis=0)
        self.scale_[self.scale_ < 1e-9] = 1.0  # a constant; rounding may leave it a little
        x = torch.from_numpy((logs - self.mean_) / self.scale_)
        y = torch.from_numpy(np.asarray(label, dtype=np.float64))
        self.weights_, self.bias_, self.steps_ = _descend(x, y, self.config)
        return self

    def margin(self, features: np.ndarray) -> np.ndarray:
        """b + w·x, (n,): the log-odds for the logistic loss, the score itself for the linear one."""
        return self.bias_ + self._normalised(features) @ self.weights_

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(n,) between 0 and 1. A linear score is cut off there; it is no probability before it is calibrated."""
        margin = self.margin(features)
        return np.clip(margin, 0.0, 1.0) if self.config.loss == "linear" else 1.0 / (1.0 + np.exp(-margin))

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """What each feature adds to the margin over the average person, (n, n_features). Exact: with the bias, the
        margin is their sum.
        """
        return self._normalised(features) * self.weights_

    def _normalised(self, features: np.ndarray) -> np.ndarray:
        return (signed_log(features) - self.mean_) / self.scale_

    def state(self) -> State:
        learned = {name: np.asarray(getattr(self, name)) for name in ("weights_", "bias_", "mean_", "scale_")}
        return learned | {f"config.{name}": np.asarray(value) for name, value in asdict(self.config).items()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        config = {name.removeprefix("config."): state[name].item() for name in state if name.startswith("config.")}
        model = cls(PropensityConfig(**config))
        model.weights_, model.mean_, model.scale_ = state["weights_"], state["mean_"], state["scale_"]
        model.bias_ = float(state["bias_"])
        return model


def signed_log(features: np.ndarray) -> np.ndarray:
    """sign(f) log(1 + |f|).

    >>> signed_log(np.array([[0.0, np.e - 1, 1 - np.e]])).round(6).tolist()
    [[0.0, 1.0, -1.0]]
    """
    features = np.asarray(features, dtype=np.float64)
    return np.sign(features) * np.log1p(np.abs(features))


def _descend(x: torch.Tensor, y: torch.Tensor, config: PropensityConfig) -> tuple[np.ndarray, float, int]:
    """(weights, bias, steps) at the minimum. The bias stands as a last column of ones and is not shrunk."""
    rows = len(x)
    x = torch.cat([x, torch.ones(rows, 1, dtype=x.dtype)], dim=1)
    shrink = torch.full((x.shape[1],), config.l2, dtype=x.dtype)
    shrink[-1] = 0.0
    curvature = torch.linalg.eigvalsh(x.T @ x / rows)[-1] * (0.25 if config.loss == "logistic" else 1.0)
    rate = 1.0 / (curvature + config.l2)
    weights = torch.zeros(x.shape[1], dtype=x.dtype)
    ahead, momentum = weights.clone(), 1.0
    for step in range(1, config.max_steps + 1):
        margin = x @ ahead
        wrong = (torch.sigmoid(margin) if config.loss == "logistic" else margin) - y
        gradient = x.T @ wrong / rows + shrink * ahead
        if not torch.isfinite(gradient).all():
            raise Diverged(f"the gradient is not finite at step {step}")
        if gradient.abs().max() < config.tolerance:
            break
        after = ahead - rate * gradient
        # Momentum that points uphill is forgotten.
        momentum = 1.0 if torch.dot(gradient, after - weights) > 0 else momentum
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = after + (momentum - 1) / following * (after - weights)
        weights, momentum = after, following
    return ahead[:-1].numpy(), float(ahead[-1]), step
