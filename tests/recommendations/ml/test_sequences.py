import numpy as np

from recommendations.ml.sequences import ORDER, SEARCH, VIEW, EventLog, encode, examples, gap_bucket


def log(rows, n_users=2, n_items=5) -> EventLog:
    """From (user, item, kind, days before the cut)."""
    user, item, kind, days = (np.array(column) for column in zip(*rows, strict=True))
    return EventLog(user, item, kind, days.astype(float), n_users, n_items)


def test_the_last_events_stand_on_the_right_oldest_first():
    found = encode(log([(0, 3, ORDER, 50), (0, 1, VIEW, 10), (0, -1, SEARCH, 9), (1, 2, ORDER, 80)]), 5.0, length=2)
    assert found.item.tolist() == [[2, 6], [0, 3]]  # positions from 1; 6 is an event without an item; 0 is padding
    assert found.kind.tolist() == [[VIEW, SEARCH], [0, ORDER]]
    assert found.gap[0].tolist() == [gap_bucket(40.0), gap_bucket(1.0)]
    assert found.until.tolist() == [gap_bucket(4.0), gap_bucket(75.0)]


def test_nothing_after_the_anchor_is_an_input_and_only_orders_are_targets():
    events = log([(0, 3, ORDER, 50), (0, 1, ORDER, 20), (0, 4, VIEW, 19), (0, 2, ORDER, 1), (1, 2, ORDER, 20)])
    found = examples(events, np.array([30.0]), horizon_days=28.0, length=3)
    assert found.inputs.item.tolist() == [[0, 0, 4]]  # person 1 has no event before the anchor: no example
    assert found.targets.tolist() == [1]  # the view of 4 is no order; the order a day before the cut is too late
    assert found.starts.tolist() == [0, 1]


def test_a_basket_is_shuffled_by_the_seed():
    """20 products in one basket: their numbers must not tell their place."""
    events = log([(0, item, ORDER, 7.0) for item in range(20)], n_users=1, n_items=20)
    first = encode(events, 0.0, 20, seed=1).item[0].tolist()
    assert first == encode(events, 0.0, 20, seed=1).item[0].tolist()
    assert first != encode(events, 0.0, 20, seed=2).item[0].tolist()
    assert sorted(first) == list(range(1, 21))


def test_gaps_double_from_bucket_to_bucket():
    assert gap_bucket(np.array([0.0, 1 / 24, 1.0, 7.0, 400.0])).tolist() == [0, 1, 4, 7, 11]
