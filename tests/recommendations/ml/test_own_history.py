import numpy as np
import pytest

from recommendations.ml.own_history import FACTS, OwnHistory, own_history


def three_orders() -> OwnHistory:
    """Person 0 ordered item 1 ten and thirty days ago, person 2 item 0 a hundred days ago; person 1 nothing."""
    return own_history(np.array([0, 2, 0]), np.array([1, 0, 1]), np.array([30.0, 100.0, 10.0]), n_users=3, n_items=4)


def test_the_facts_of_a_cell_by_hand():
    found = three_orders()
    assert found.starts.tolist() == [0, 1, 1, 2]
    assert found.item.tolist() == [1, 0]
    twice, once = found.facts.tolist()
    season = 2 ** (-10 / 84) + 2 ** (-30 / 84)
    lately = 2 ** (-10 / 14) + 2 ** (-30 / 14)
    # Ten days since the last, twenty between the two.
    expected = [np.log(3), np.log1p(season), np.log1p(lately), np.log(11), np.log(11) - np.log(21), 0, 1]
    assert twice == pytest.approx(expected, abs=1e-6)
    assert once == pytest.approx(
        [np.log(2), np.log1p(2 ** (-100 / 84)), np.log1p(2 ** (-100 / 14)), np.log(101), 0, 1, 1], abs=1e-6
    )
    # Of the last 14 days one buyer of item 1, and half a buyer added to each of four items.
    assert np.exp(found.trend[0, 0]) == pytest.approx([0.5 / 3, 1.5 / 3, 0.5 / 3, 0.5 / 3], abs=1e-6)


def test_rows_can_be_taken_and_joined_and_kept_as_matrices():
    found = three_orders()
    picked = found[np.array([2, 0, 1])]
    assert (picked.starts.tolist(), picked.item.tolist()) == ([0, 1, 2, 2], [0, 1])
    both = OwnHistory.joined([found, picked])
    assert both.starts.tolist() == [0, 1, 1, 2, 3, 4, 4]
    assert both.place.tolist() == [0, 0, 0, 1, 1, 1]
    assert both.rows().tolist() == [0, 2, 3, 4]
    matrices = found.matrices(4)
    assert len(matrices) == FACTS and matrices[0].shape == (3, 4)
    again = OwnHistory.of_matrices(matrices, found.trend)
    assert np.array_equal(again.facts, found.facts) and np.array_equal(again.item, found.item)


def test_nobody_bought_anything():
    none = np.empty(0, dtype=np.int64)
    found = own_history(none, none, np.empty(0), n_users=2, n_items=3)
    assert found.starts.tolist() == [0, 0, 0]
    assert found.facts.shape == (0, FACTS)
