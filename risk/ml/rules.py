"""Rules over the features of orders: each a named limit, kept as data so that an analyst may move it.

A rule fires on an order when every feature that it names reaches its limit. It doubts, it does not decide: a flag keeps
an order out of training and audiences until a person has looked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from risk.exceptions import BadRule
from risk.ml.features import FEATURES, Features


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires when `feature` reaches `at_least` and each feature in `also` reaches its own limit."""

    code: str
    description: str
    feature: str  # the one that is shown as the reason
    at_least: float
    also: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self):
        limits = {self.feature: self.at_least, **self.also}
        for name, limit in limits.items():
            if name not in FEATURES:
                raise BadRule(f"{self.code}: there is no feature {name!r}; there are {', '.join(FEATURES)}.")
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit < float("inf"):
                raise BadRule(f"{self.code}: the limit of {name} must be a number above 0.")

    @property
    def params(self) -> dict:
        """What a database keeps as JSON beside code and description."""
        return {"feature": self.feature, "at_least": self.at_least, "also": dict(self.also)}

    @classmethod
    def from_params(cls, code: str, description: str, params: Mapping) -> "Rule":
        """The rule that `params` came from. Raises BadRule, naming what is missing or wrong."""
        unknown = set(params) - {"feature", "at_least", "also"}
        if unknown or not {"feature", "at_least"} <= set(params) or not isinstance(params.get("also", {}), Mapping):
            raise BadRule(
                f"{code}: a rule has a feature, at_least, and also with further limits; got {sorted(params)}."
            )
        return cls(code, description, params["feature"], params["at_least"], dict(params.get("also", {})))


# Limits are set on the 155,848 orders of 2,469 households in Complete Journey, 2017, where no fraud is known, so that each
# rule doubts about one order in a thousand or less (`python -m benchmarks.risk_rules` prints the shares). That data has no
# devices or addresses: the last two are a judgement, a large household and a shared entrance.
DEFAULT_RULES = (
    Rule("R-VEL-1H", "Many orders of one customer within an hour", "orders_1h", 6),
    Rule("R-VEL-24H", "Many orders of one customer within 24 hours", "orders_24h", 9),
    Rule("R-DUP-24H", "The same basket again within 24 hours", "same_basket_24h", 2, {"lines": 3}),
    Rule("R-AMT-OUT", "An amount far above the customer's habit", "amount_z", 5, {"amount": 50}),
    Rule("R-CPN-SHARE", "Coupons paid most of the order", "coupon_share", 0.5, {"coupon_saved": 5}),
    Rule("R-DEV-SHARED", "One device used by many customers", "device_customers", 6),
    Rule("R-ADR-SHARED", "One address used by many customers", "address_customers", 10),
)


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """Every rule that fired on every order, by order and then by rule: aligned arrays, one place a signal."""

    rules: tuple[Rule, ...]
    rule: NDArray[np.int64]  # index into `rules`
    row: NDArray[np.int64]  # index into the features' orders
    value: NDArray[np.float64]  # of the rule's main feature
    score: NDArray[np.float64]  # 0.5 at the limit, 0.75 at twice the limit, towards 1


def evaluate(rules: Sequence[Rule], features: Features) -> Signals:
    """Which rules fire on which orders. A feature that is unknown (NaN) fires nothing."""
    rows, fired, values, scores = [], [], [], []
    for index, rule in enumerate(rules):
        main = features.values[rule.feature]
        is_hit = main >= rule.at_least
        for name, limit in rule.also.items():
            is_hit &= features.values[name] >= limit
        hits = np.flatnonzero(is_hit)
        rows.append(hits)
        fired.append(np.full(len(hits), index))
        values.append(main[hits])
        scores.append(1 - rule.at_least / (2 * main[hits]))
    row, rule_index = np.concatenate([[], *rows]).astype(np.int64), np.concatenate([[], *fired]).astype(np.int64)
    by_order = np.lexsort((rule_index, row))
    value, score = np.concatenate([[], *values]), np.concatenate([[], *scores])
    return Signals(tuple(rules), rule_index[by_order], row[by_order], value[by_order], score[by_order])
