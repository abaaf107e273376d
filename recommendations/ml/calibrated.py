"""A model of a chance with its calibration, as one thing to keep, load and ask."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recommendations.ml.boosting import Boosting, BoostingConfig
from recommendations.ml.calibration import Calibration, out_of_fold
from recommendations.ml.propensity import Propensity, PropensityConfig
from recommendations.ml.recommender import State

FAMILIES = ("linear", "logistic", "boosting")
# One booster is enough beside a regression that mostly wins; the nightly training has to stay short.
BOOSTING = BoostingConfig(trees=100, models=1)


@dataclass(frozen=True, eq=False)
class Calibrated:
    model: Propensity | Boosting
    calibration: Calibration

    @classmethod
    def fit(cls, family: str, features: np.ndarray, label: np.ndarray, fold: np.ndarray) -> Self:
        """Fits on everything; calibrates on scores of each fold by a model of the others."""

        def fit(values: np.ndarray, labels: np.ndarray) -> Propensity | Boosting:
            if family == "boosting":
                return Boosting(BOOSTING).fit(values, labels)
            return Propensity(PropensityConfig(loss=family, tolerance=1e-5)).fit(values, labels)

        inside = out_of_fold(lambda values, labels: fit(values, labels).predict, features, label, fold)
        return cls(fit(features, label), Calibration.learn(inside, label))

    def predict(self, features: np.ndarray) -> np.ndarray:
        return self.calibration(self.model.predict(features))

    def state(self) -> State:
        """Raises NotImplementedError for scikit-learn's boosting."""
        state = {"family": np.asarray("boosting" if isinstance(self.model, Boosting) else "regression")}
        state |= {f"model.{name}": value for name, value in self.model.state().items()}
        return state | {f"calibration.{name}": value for name, value in self.calibration.state().items()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        family = Boosting if state["family"].item() == "boosting" else Propensity
        parts = {
            prefix: {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
            for prefix in ("model.", "calibration.")
        }
        return cls(family.from_state(parts["model."]), Calibration.from_state(parts["calibration."]))
