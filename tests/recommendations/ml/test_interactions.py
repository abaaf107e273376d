import numpy as np
import pytest

from recommendations.ml.interactions import Interactions
from tests.recommendations.ml.known_answers import interactions


def test_an_order_one_half_life_old_counts_one_half():
    past = interactions([(0, 1, 0.0), (0, 1, 84.0), (0, 2, 168.0), (1, 0, 84.0)], n_users=2, n_items=3)
    assert past.counts(half_life_days=84.0).toarray().tolist() == [[0.0, 1.5, 0.25], [0.5, 0.0, 0.0]]


def test_counts_without_half_life_are_orders():
    past = interactions([(0, 1, 0.0), (0, 1, 300.0), (1, 1, 5.0)], n_users=2, n_items=2)
    assert past.seen.toarray().tolist() == [[0.0, 2.0], [0.0, 1.0]]
    assert past.counts().dtype == np.float32


def test_buyers_are_distinct_people_inside_the_window():
    past = interactions([(0, 1, 1.0), (0, 1, 2.0), (1, 1, 13.9), (2, 1, 14.0), (2, 0, 3.0)], n_users=3, n_items=2)
    assert past.buyers(window_days=14.0).tolist() == [1.0, 2.0]
    assert past.buyers().tolist() == [1.0, 3.0]


def test_last_days_keeps_a_purchase_of_today_apart_from_none():
    past = interactions([(0, 1, 9.0), (0, 1, 0.0), (1, 0, 4.0)], n_users=2, n_items=2)
    assert past.last_days.indices.tolist() == past.seen.indices.tolist() == [1, 0]
    assert past.last_days.data.tolist() == [0.0, 4.0]


def test_own_orders_of_one_item():
    past = interactions([(0, 1, 9.0), (0, 1, 0.0), (0, 3, 5.0), (1, 0, 4.0)], n_users=3, n_items=4)
    assert past.own(0, 1) == (2, 0.0)
    assert past.own(0, 3) == (1, 5.0)
    assert [past.own(0, 2), past.own(1, 3), past.own(2, 0)] == [None, None, None]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("user", np.array([0, 2]), "user holds positions outside 0..1"),
        ("item", np.array([-1, 0]), "item holds positions outside 0..2"),
        ("item", np.array([0.0, 1.0]), "item must be an integer array"),
        ("days_before_cut", np.array([1.0, -0.5]), "would leak"),
        ("days_before_cut", np.array([1.0, np.nan]), "days_before_cut must be finite"),
        ("quantity", np.array([1.0, 0.0]), "quantity must be finite and above 0"),
        ("quantity", np.array([1.0]), "quantity has shape"),
    ],
)
def test_bad_rows_are_refused_by_field(field, value, message):
    rows = {
        "user": np.array([0, 1]),
        "item": np.array([0, 1]),
        "days_before_cut": np.array([1.0, 2.0]),
        "quantity": np.array([1.0, 1.0]),
    }
    with pytest.raises(ValueError, match=message):
        Interactions(**{**rows, field: value}, n_users=2, n_items=3)
