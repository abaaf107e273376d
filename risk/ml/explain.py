"""Signals in words: the code, the value and what is usual, in one plain sentence that an analyst reads.

The limit of a rule is not said: whoever knows it stays just below.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from risk.contracts import Reason
from risk.ml.features import FEATURES, Features
from risk.ml.rules import Signals

# The middle 98 of 100 orders count as usual: the two ends are where faults of the data and fraud lie.
USUAL_PERCENTILES = (1, 99)

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Wording:
    """How a feature is said. `shown` is the column whose value stands in the sentence, by its own or `low` and `high`."""

    sentence: str
    number: str  # a format specification
    shown: str = ""
    low: str = ""
    high: str = ""


WORDINGS = {
    "orders_1h": Wording("{value} orders by this customer within one hour", ".0f"),
    "orders_24h": Wording("{value} orders by this customer within 24 hours", ".0f"),
    "same_basket_24h": Wording("{value} orders by this customer with the same basket within 24 hours", ".0f"),
    "lines": Wording("{value} lines in this order", ".0f"),
    "amount": Wording("{value} paid for this order", ",.2f"),
    # A robust z says nothing to a reader; the amount beside this customer's own range does.
    "amount_z": Wording("{value} paid for this order", ",.2f", "amount", "amount_low", "amount_high"),
    "coupon_share": Wording("Coupons paid {value} of this order", ".0%"),
    "coupon_saved": Wording("Coupons took {value} off this order", ",.2f"),
    "device_customers": Wording("{value} customers ordered with this device", ".0f"),
    "address_customers": Wording("{value} customers ordered to this address", ".0f"),
}


def usual_ranges(features: Features) -> dict[str, Range]:
    """(low, high) of every feature that is known for some order: between them lie 98 of 100 orders."""
    ranges = {}
    for name in FEATURES:
        known = features.values[name][~np.isnan(features.values[name])]
        if len(known):
            low, high = np.percentile(known, USUAL_PERCENTILES, method="inverted_cdf")  # values that occur
            ranges[name] = (float(low), float(high))
    return ranges


def explain(signals: Signals, features: Features, ranges: Mapping[str, Range]) -> list[Reason]:
    """One reason a signal, in the same order. Give the ranges of ordinary traffic, not of the few orders just judged."""
    return [_reason(signals, place, features, ranges) for place in range(len(signals.row))]


def _reason(signals: Signals, place: int, features: Features, ranges: Mapping[str, Range]) -> Reason:
    rule, row = signals.rules[signals.rule[place]], signals.row[place]
    wording = WORDINGS[rule.feature]
    value = float(features.values[wording.shown or rule.feature][row])
    if wording.low:
        low, high = float(features.values[wording.low][row]), float(features.values[wording.high][row])
    else:
        low, high = ranges.get(rule.feature, (None, None))
    sentence = wording.sentence.format(value=format(value, wording.number)) + _usual(low, high, wording.number)
    return Reason(rule.code, sentence, value, low, high, float(signals.score[place]))


def _usual(low: float | None, high: float | None, number: str) -> str:
    if low is None or high is None:
        return "."
    low_text, high_text = format(low, number), format(high, number)
    return f"; usual is {low_text}." if low_text == high_text else f"; usual is {low_text} to {high_text}."
