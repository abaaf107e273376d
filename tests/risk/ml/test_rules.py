"""Seeded frauds are found under their own code, and an ordinary shop is left in peace."""

import numpy as np
import pytest

from risk.exceptions import BadRule
from risk.ml.features import DAY, HOUR, build_features
from risk.ml.rules import DEFAULT_RULES, Rule, evaluate
from tests.risk.ml.shops import Purchase, orders_of, ordinary_purchases

START = 400 * DAY  # long after the ordinary orders


def flagged(frauds: list[Purchase]) -> dict[str, list[int]]:
    """Rule codes with the places of the frauds that they fired on; fails when an ordinary order is doubted."""
    ordinary = ordinary_purchases()
    signals = evaluate(DEFAULT_RULES, build_features(orders_of([*ordinary, *frauds])))
    found: dict[str, list[int]] = {}
    for rule, row in zip(signals.rule, signals.row, strict=True):
        assert row >= len(ordinary)
        found.setdefault(DEFAULT_RULES[rule].code, []).append(int(row) - len(ordinary))
    return found


def a_basket(number: int) -> tuple[int, ...]:
    return tuple(range(1000 + 10 * number, 1004 + 10 * number))


def test_an_ordinary_shop_raises_no_doubt():
    assert flagged([]) == {}


def test_a_burst_of_twelve_orders_in_an_hour_is_doubted_whole():
    burst = [Purchase(3, at=START + number * 300, products=a_basket(number)) for number in range(12)]
    assert flagged(burst) == {"R-VEL-1H": list(range(12)), "R-VEL-24H": list(range(12))}


def test_an_order_every_two_hours_for_a_day_is_doubted():
    steady = [Purchase(3, at=START + number * 2 * HOUR, products=a_basket(number)) for number in range(12)]
    assert flagged(steady) == {"R-VEL-24H": list(range(12))}


def test_a_basket_bought_again_within_a_day_is_doubted():
    again = [Purchase(3, at=START + number * 8 * HOUR, products=a_basket(0)) for number in range(3)]
    assert flagged(again) == {"R-DUP-24H": [0, 1, 2]}
    weekly = [Purchase(3, at=START + number * 7 * DAY, products=a_basket(0)) for number in range(3)]
    assert flagged(weekly) == {}


def test_an_amount_far_above_the_habit_is_doubted():
    assert flagged([Purchase(3, at=START, amount=5000)]) == {"R-AMT-OUT": [0]}
    assert flagged([Purchase(3, at=START, amount=45)]) == {}


def test_an_order_paid_by_coupons_is_doubted():
    assert flagged([Purchase(3, at=START, amount=2, coupon_saved=38)]) == {"R-CPN-SHARE": [0]}
    assert flagged([Purchase(3, at=START, amount=1, coupon_saved=1.5)]) == {}  # a small one is a coupon well used


def test_a_ring_on_one_device_is_doubted():
    ring = [
        Purchase(100 + number, at=START + number * DAY, products=a_basket(number), device=777) for number in range(8)
    ]
    assert flagged(ring) == {"R-DEV-SHARED": list(range(8))}
    family = [Purchase(100 + number, at=START + number * DAY, device=777) for number in range(4)]
    assert flagged(family) == {}


def test_a_ring_at_one_address_is_doubted():
    ring = [Purchase(100 + number, at=START + number * DAY, address=777) for number in range(12)]
    assert flagged(ring) == {"R-ADR-SHARED": list(range(12))}


def test_signals_come_by_order_and_carry_value_and_score():
    rules = (Rule("A", "", "orders_1h", 2), Rule("B", "", "amount", 10, {"lines": 3}), Rule("C", "", "amount", 1000))
    purchases = [
        Purchase(1, at=0, amount=40),
        Purchase(1, at=60, amount=20),
        Purchase(1, at=DAY, amount=20, products=(1,)),
    ]
    signals = evaluate(rules, build_features(orders_of(purchases)))
    assert signals.row.tolist() == [0, 0, 1, 1]
    assert signals.rule.tolist() == [0, 1, 0, 1]
    assert signals.value.tolist() == [2, 40, 2, 20]
    assert signals.score.tolist() == [0.5, 0.875, 0.5, 0.75]


def test_no_rules_and_no_hits_give_empty_signals():
    features = build_features(orders_of(ordinary_purchases()))
    for signals in (evaluate((), features), evaluate((Rule("C", "", "amount", 1e9),), features)):
        assert len(signals.row) == len(signals.rule) == len(signals.value) == len(signals.score) == 0
        assert signals.row.dtype == np.int64


def test_a_rule_survives_the_database():
    for rule in DEFAULT_RULES:
        assert Rule.from_params(rule.code, rule.description, rule.params) == rule
        assert len(rule.code) <= 20


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "a rule has a feature, at_least"),
        ({"feature": "amount"}, "a rule has a feature, at_least"),
        ({"feature": "amount", "at_least": 5, "atleast": 6}, "a rule has a feature, at_least"),
        ({"feature": "amount", "at_least": 5, "also": [1]}, "a rule has a feature, at_least"),
        ({"feature": "colour", "at_least": 5}, "there is no feature 'colour'"),
        ({"feature": "amount", "at_least": 5, "also": {"colour": 1}}, "there is no feature 'colour'"),
        ({"feature": "amount", "at_least": 0}, "the limit of amount must be a number above 0"),
        ({"feature": "amount", "at_least": "5"}, "the limit of amount must be a number above 0"),
        ({"feature": "amount", "at_least": float("nan")}, "the limit of amount must be a number above 0"),
        ({"feature": "amount", "at_least": 5, "also": {"lines": True}}, "the limit of lines must be a number above 0"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_its_code(params, message):
    with pytest.raises(BadRule, match=message) as refused:
        Rule.from_params("R-X", "A rule", params)
    assert str(refused.value).startswith("R-X: ")
