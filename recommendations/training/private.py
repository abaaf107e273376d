"""The propensities under differential privacy, where the settings ask for it: paid for first, then fitted by DP-SGD.

A customer with all their rows is the unit. One training makes two models, which share the epsilon that the settings give
it; three trainings of epsilon 1 use up the quarter's budget, after which the live models stay.
"""

from dataclasses import dataclass

import numpy as np
from django.conf import settings

from customers.services import disclosure
from recommendations.contracts import COUPON, PURCHASE
from recommendations.ml.calibrated import Calibrated
from recommendations.ml.calibration import Calibration
from recommendations.ml.dp import DpConfig, DpLogistic, as_propensity, public_limits, scaled

PRIVACY = "differential privacy"
DATASET, UNIT, MECHANISM = "propensity training", "customer", "DP-SGD (Opacus, PRV accountant)"
DELTA = 3e-7  # of one training: three fit under the cap of one in a million
MODELS = (PURCHASE, COUPON)


@dataclass
class PrivateTraining:
    """Paid for already. spent: (epsilon, delta) that the accountant found, known after `fit`."""

    limits: np.ndarray
    epsilon: float
    delta: float
    spent: tuple[float, float] | None = None

    def fit(self, values: np.ndarray, label: np.ndarray, person: np.ndarray) -> Calibrated:
        model = DpLogistic(DpConfig(epsilon=self.epsilon, delta=self.delta))
        model.fit(scaled(values, self.limits), label, person)
        self.spent = (model.epsilon_, model.delta_)
        return Calibrated(as_propensity(model, self.limits), Calibration.none())

    def told(self) -> dict:
        """For the version's page."""
        return {
            "mechanism": MECHANISM, "unit": UNIT, "paid epsilon": self.epsilon, "paid delta": self.delta,
            "epsilon": round(self.spent[0], 4),
        }  # fmt: skip


def private_training(kind: str, names: tuple[str, ...]) -> PrivateTraining | None:
    """None where the settings ask for none. Takes the price from the budget; raises BudgetSpent where it does not fit."""
    if not settings.PROPENSITY_EPSILON:
        return None
    epsilon, delta = settings.PROPENSITY_EPSILON / len(MODELS), DELTA / len(MODELS)
    disclosure.spend(DATASET, kind, unit=UNIT, mechanism=MECHANISM, epsilon=epsilon, delta=delta)
    return PrivateTraining(public_limits(names), epsilon, delta)
