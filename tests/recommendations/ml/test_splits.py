import numpy as np

from recommendations.ml.splits import PurchaseLog, time_split


def log() -> PurchaseLog:
    """(user, item, day); item 1 has one buyer before day 10, items 0 and 3 two."""
    rows = [(0, 0, 1.0), (1, 0, 9.5), (0, 1, 2.0), (0, 3, 3.0), (1, 3, 4.0), (1, 3, 4.0)]
    rows += [(0, 0, 10.0), (1, 3, 12.9), (1, 3, 11.0), (0, 1, 11.0), (1, 2, 11.0), (0, 3, 13.0)]
    user, item, day = (np.array(column) for column in zip(*rows, strict=True))
    return PurchaseLog(user, item, day, np.ones(len(rows)), n_users=2, n_items=4)


def test_history_ends_at_the_cut_and_the_horizon_at_its_end():
    split = time_split(log(), cut=10.0, horizon_days=3.0, min_buyers=2)
    assert split.items.tolist() == [0, 3]
    assert split.history.item.tolist() == [0, 0, 1, 1, 1]
    assert split.history.days_before_cut.tolist() == [9.0, 0.5, 7.0, 6.0, 6.0]
    assert split.truth.toarray().tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_the_catalogue_is_known_before_the_cut():
    """Item 2 is first sold in the horizon: it can be neither recommended nor missed."""
    split = time_split(log(), cut=10.0, horizon_days=3.0, min_buyers=1)
    assert split.items.tolist() == [0, 1, 3]
    assert split.truth.toarray().tolist() == [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def test_no_horizon_learns_from_everything():
    split = time_split(log(), cut=100.0, horizon_days=0.0, min_buyers=1)
    assert len(split.history) == 12
    assert split.truth.nnz == 0


def test_an_empty_log_gives_an_empty_catalogue():
    nothing = np.array([], dtype=np.int64)
    empty = PurchaseLog(nothing, nothing, nothing.astype(float), nothing.astype(float), n_users=0, n_items=0)
    split = time_split(empty, cut=1.0, horizon_days=1.0)
    assert len(split.items) == 0
    assert split.truth.shape == (0, 0)
