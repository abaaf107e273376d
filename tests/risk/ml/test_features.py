"""Features against answers counted by hand or by brute force."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.exceptions import MisshapenOrders
from risk.ml.features import DAY, FEATURES, HOUR, Orders, basket_digests, build_features
from tests.risk.ml.shops import Purchase, orders_of, ordinary_purchases


def values_of(purchases, name):
    return build_features(orders_of(purchases)).values[name].tolist()


def test_every_order_of_a_burst_belongs_to_it():
    """Four orders 20 minutes apart and one the next day: three or four fit into an hour, the last stands alone."""
    burst = [Purchase(1, at=minutes * 60) for minutes in (0, 20, 40, 60)]
    assert values_of([*burst, Purchase(1, at=2 * DAY)], "orders_1h") == [4, 4, 4, 4, 1]
    spread = [Purchase(1, at=minutes * 60) for minutes in (0, 30, 61, 90)]
    assert values_of(spread, "orders_1h") == [2, 3, 3, 3]


def test_an_hour_includes_its_last_second_and_no_more():
    assert values_of([Purchase(1, at=0), Purchase(1, at=HOUR)], "orders_1h") == [2, 2]
    assert values_of([Purchase(1, at=0), Purchase(1, at=HOUR + 1)], "orders_1h") == [1, 1]


def test_customers_do_not_count_for_each_other():
    assert values_of([Purchase(1, at=0), Purchase(2, at=0), Purchase(1, at=5)], "orders_24h") == [2, 1, 2]


def test_unknown_customers_match_nobody():
    purchases = [Purchase(-1, at=0, device=7), Purchase(-1, at=1, device=7), Purchase(5, at=2, device=7)]
    assert values_of(purchases, "orders_1h") == [1, 1, 1]
    assert values_of(purchases, "device_customers") == [1, 1, 1]


@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 4 * HOUR)), min_size=1, max_size=40),
)
def test_windows_agree_with_brute_force(purchases):
    found = values_of([Purchase(customer, at=at) for customer, at in purchases], "orders_1h")
    for (customer, at), count in zip(purchases, found, strict=True):
        times = [other for person, other in purchases if person == customer]
        ends = [end for end in times if at <= end <= at + HOUR]
        fullest = max(sum(end - HOUR <= other <= end for other in times) for end in ends)
        assert count == (1 if customer == -1 else fullest)


def test_the_same_basket_is_seen_in_any_sequence_of_its_lines():
    purchases = [
        Purchase(1, at=0, products=(5, 6, 7)),
        Purchase(1, at=HOUR, products=(7, 5, 6)),
        Purchase(1, at=2 * HOUR, products=(5, 6)),
        Purchase(2, at=0, products=(5, 6, 7)),
        Purchase(1, at=3 * DAY, products=(5, 6, 7)),
    ]
    assert values_of(purchases, "same_basket_24h") == [2, 2, 1, 1, 1]


def test_a_basket_is_its_products_and_quantities():
    position, product, quantity = (
        np.array([0, 0, 1, 1, 2, 2]),
        np.array([1, 2, 2, 1, 1, 2]),
        np.array([3, 4, 4, 3, 4, 3]),
    )
    first, again, exchanged = basket_digests(position, product, quantity, 3).tolist()
    assert first == again
    assert first != exchanged


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), unique=True, min_size=2, max_size=30))
def test_different_one_line_baskets_never_look_alike(lines):
    product, quantity = (np.array(column) for column in zip(*lines, strict=True))
    assert len(set(basket_digests(np.arange(len(lines)), product, quantity, len(lines)).tolist())) == len(lines)


def test_an_amount_is_measured_against_the_customers_own_habit():
    """Customer 1 spends 9 or 11 for years, customer 2 90 or 110: 100 is far out for the first, ordinary for the second."""
    habits = [
        Purchase(customer, at=number * DAY, amount=base * (0.9 if number % 2 else 1.1))
        for customer, base in ((1, 10.0), (2, 100.0))
        for number in range(40)
    ]
    z = values_of([*habits, Purchase(1, at=99 * DAY, amount=100), Purchase(2, at=99 * DAY, amount=100)], "amount_z")
    assert z[-2] > 1.2
    assert abs(z[-1]) < 0.1


def test_robust_z_is_exact_on_numbers_worked_out_by_hand():
    """log(1 + amount) is 0 to 4 in equal parts: median 2, deviations 0, 1, 1, 2, 2, whose median is 1."""
    habit = [Purchase(1, at=number * DAY, amount=np.expm1(number % 5)) for number in range(25)]
    features = build_features(orders_of([*habit]))
    assert features.values["amount_z"][4] == pytest.approx((4 - 2) / 1.4826)
    assert features.values["amount_high"][4] == pytest.approx(np.expm1(2 + 2 * 1.4826))
    assert features.values["amount_low"][4] == 0  # spending is never negative


def test_the_median_of_an_even_number_lies_between_the_middle_two():
    habit = [Purchase(1, at=number * DAY, amount=np.expm1(1 if number % 2 else 3)) for number in range(24)]
    z = values_of(habit, "amount_z")
    assert z[:2] == pytest.approx([1 / 1.4826, -1 / 1.4826])  # median 2, every deviation 1


def test_a_newcomer_is_measured_against_everybody():
    habit = [Purchase(1, at=number * DAY, amount=np.expm1(number % 5)) for number in range(25)]
    z = values_of([*habit, Purchase(2, at=0, amount=np.expm1(4)), Purchase(2, at=DAY, amount=np.expm1(4))], "amount_z")
    assert z[-1] == pytest.approx((4 - 2) / 1.4826)


def test_who_always_spends_the_same_has_no_outlier_at_a_tenth_more():
    everybody = ordinary_purchases()
    same = [Purchase(99, at=number * DAY, amount=20) for number in range(30)]
    assert 0 < values_of([*everybody, *same, Purchase(99, at=0, amount=22)], "amount_z")[-1] < 1


def test_coupons_are_a_share_of_the_price():
    purchases = [
        Purchase(1, at=0, amount=15, coupon_saved=5),
        Purchase(1, at=DAY, amount=0, coupon_saved=8),
        Purchase(1, at=2 * DAY, amount=0),
    ]
    assert values_of(purchases, "coupon_share") == [0.25, 1.0, 0.0]


def test_devices_and_addresses_count_people_not_orders():
    purchases = [
        Purchase(1, at=0, device=7, address=3),
        Purchase(1, at=DAY, device=7),
        Purchase(2, at=0, device=7, address=4),
        Purchase(3, at=0),
    ]
    features = build_features(orders_of(purchases)).values
    assert features["device_customers"][:3].tolist() == [2, 2, 2]
    assert np.isnan(features["device_customers"][3])
    assert features["address_customers"][[0, 2]].tolist() == [1, 1]


def test_columns_that_were_not_given_are_unknown():
    orders = dataclasses.replace(orders_of([Purchase(1, at=0)] * 2), basket=None, device=None, address=None)
    features = build_features(orders).values
    assert list(features) == list(FEATURES)
    for name in ("same_basket_24h", "device_customers", "address_customers"):
        assert np.isnan(features[name]).all()


def test_no_orders_have_no_features():
    features = build_features(orders_of([]))
    assert {name: len(column) for name, column in features.values.items()} == dict.fromkeys(FEATURES, 0)


def test_columns_that_do_not_fit_are_refused_by_name():
    orders = orders_of([Purchase(1, at=0)] * 3)
    with pytest.raises(MisshapenOrders, match="device has shape"):
        dataclasses.replace(orders, device=np.array([1]))
    with pytest.raises(MisshapenOrders, match="amount holds a value that is no number"):
        dataclasses.replace(orders, amount=np.array([1.0, np.nan, 2.0]))


def test_one_customer_with_a_hundred_thousand_orders_at_once_is_no_square():
    """Compared pair by pair this would be ten thousand million steps; it takes a few tenths of a second."""
    count = 100_000
    zeros = np.zeros(count, dtype=np.int64)
    orders = Orders(
        order=np.arange(count),
        customer=zeros,
        occurred_at=zeros,
        amount=np.ones(count),
        lines=zeros,
        coupon_saved=np.zeros(count),
        basket=zeros.astype(np.uint64),
        device=zeros,
    )
    features = build_features(orders).values
    assert set(features["orders_1h"]) == set(features["same_basket_24h"]) == {float(count)}
    assert set(features["device_customers"]) == {1.0}
