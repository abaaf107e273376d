"""Reasons that a person can read and check, without the limit that fired."""

import dataclasses

import pytest

from risk.contracts import Reason
from risk.ml.explain import WORDINGS, explain, usual_ranges
from risk.ml.features import DAY, FEATURES, build_features
from risk.ml.rules import DEFAULT_RULES, Rule, evaluate
from tests.risk.ml.shops import Purchase, orders_of, ordinary_purchases

START = 400 * DAY


def reasons_for(frauds, rules=DEFAULT_RULES):
    features = build_features(orders_of([*ordinary_purchases(), *frauds]))
    usual = usual_ranges(build_features(orders_of(ordinary_purchases())))
    return explain(evaluate(rules, features), features, usual)


def test_a_burst_is_explained_by_its_count_and_what_is_usual():
    burst = [Purchase(3, at=START + number * 60, products=(number,)) for number in range(12)]
    first = next(reason for reason in reasons_for(burst) if reason.code == "R-VEL-1H")
    assert first == Reason("R-VEL-1H", "12 orders by this customer within one hour; usual is 1.", 12, 1, 1, 0.75)


def test_an_amount_is_explained_by_the_customers_own_range():
    (reason,) = reasons_for([Purchase(3, at=START, amount=5000)])
    assert reason.code == "R-AMT-OUT"
    assert reason.value == 5000
    assert 0 < reason.usual_low < 10
    assert 40 < reason.usual_high < 100
    low, high = f"{reason.usual_low:,.2f}", f"{reason.usual_high:,.2f}"
    assert reason.sentence == f"5,000.00 paid for this order; usual is {low} to {high}."


def test_coupons_are_explained_as_a_share():
    (reason,) = reasons_for([Purchase(3, at=START, amount=2, coupon_saved=38)])
    assert reason.sentence == "Coupons paid 95% of this order; usual is 0%."


def test_every_feature_has_its_words_and_they_fit_the_column():
    """The amount's range is shown, never judged: it has no words of its own."""
    assert set(WORDINGS) == set(FEATURES) - {"amount_low", "amount_high"}
    rules = tuple(Rule(f"R-{name}", "", name, 1e-9) for name in WORDINGS)
    reasons = reasons_for([Purchase(3, at=START, amount=5000, coupon_saved=38)], rules)
    assert {reason.code for reason in reasons} == {rule.code for rule in rules}
    assert max(len(reason.sentence) for reason in reasons) <= 300


def test_no_sentence_tells_the_limit():
    burst = [Purchase(3, at=START + number * 60, products=(number,)) for number in range(9)]
    reasons = reasons_for(burst, (Rule("R", "", "orders_1h", 7),))
    assert len(reasons) == 9
    assert not any("7" in reason.sentence for reason in reasons)


def test_what_nobody_ever_showed_has_no_usual_range():
    orders = dataclasses.replace(orders_of(ordinary_purchases()), device=None)
    usual = usual_ranges(build_features(orders))
    assert "device_customers" not in usual
    assert usual["orders_24h"] == (1, 1)
    features = build_features(orders_of([Purchase(number, at=0, device=1) for number in range(6)]))
    reason = explain(evaluate(DEFAULT_RULES, features), features, usual)[0]
    assert reason == Reason("R-DEV-SHARED", "6 customers ordered with this device.", 6, None, None, 0.5)


def test_a_hundred_orders_give_the_range_without_its_two_ends():
    features = build_features(orders_of([Purchase(number, at=0, amount=float(number + 1)) for number in range(100)]))
    assert usual_ranges(features)["amount"] == pytest.approx((1, 99))
