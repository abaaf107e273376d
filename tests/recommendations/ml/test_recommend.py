import numpy as np
from scipy import sparse

from recommendations.ml import recommender
from recommendations.ml.popularity import Popularity
from recommendations.ml.recommender import recommend, top_k
from tests.recommendations.ml.known_answers import interactions


def test_best_first_and_equal_scores_by_lower_id():
    ids, scores = top_k(np.array([[0.5, 2.0, 0.5, 1.0]], dtype=np.float32), k=4)
    assert ids.tolist() == [[1, 3, 0, 2]]
    assert scores.tolist() == [[2.0, 1.0, 0.5, 0.5]]


def test_a_catalogue_smaller_than_the_list_leaves_places_empty():
    ids, scores = top_k(np.array([[1.0, -np.inf, 3.0]], dtype=np.float32), k=5)
    assert ids.tolist() == [[2, 0, -1, -1, -1]]
    assert scores[0, 2:].tolist() == [-np.inf] * 3


def test_excluded_items_are_never_recommended():
    past = interactions([(0, 0, 1.0), (1, 0, 1.0), (1, 1, 1.0)], n_users=2, n_items=3)
    model = Popularity().fit(past)
    exclude = sparse.csr_array(np.array([[0, 0, 1], [0, 0, 0]]))
    assert recommend(model, np.array([0, 1]), k=3)[0].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert recommend(model, np.array([0, 1]), k=3, exclude=exclude)[0].tolist() == [[0, 1, -1], [0, 1, 2]]
    assert recommend(model, np.array([0, 1]), k=3, exclude=past.seen)[0].tolist() == [[1, 2, -1], [2, -1, -1]]


def test_blocks_of_users_change_nothing(monkeypatch):
    rows = [(user, user % 5, 1.0) for user in range(23)]
    model = Popularity().fit(interactions(rows, n_users=23, n_items=5))
    whole = recommend(model, np.arange(23), k=3)
    monkeypatch.setattr(recommender, "BLOCK_CELLS", 20)
    assert [len(block) for block in recommender.blocks(np.arange(10), n_items=5)] == [4, 4, 2]
    blocked = recommend(model, np.arange(23), k=3)
    assert np.array_equal(whole[0], blocked[0])
    assert np.array_equal(whole[1], blocked[1])


def test_nobody_asked_nothing_recommended():
    model = Popularity().fit(interactions([(0, 0, 1.0)], n_users=1, n_items=1))
    ids, scores = recommend(model, np.array([], dtype=np.int64), k=3)
    assert ids.shape == scores.shape == (0, 3)
