"""Collaborative filtering on three people whose likeness is worked out by hand.

         bread  butter  beer
Ada        2      1      -
Ben        1      1      -
Cleo       -      1      1
(Dora has nothing)
"""

from math import log, sqrt

import numpy as np
import pytest
from scipy import sparse

from recommendations.ml import weighting
from recommendations.ml.item_knn import FLOOR, ItemCosine, ItemKnnConfig, ItemTfIdf, nearest
from recommendations.ml.user_knn import UserBm25, UserCosine, UserKnnConfig, UserTfIdf
from tests.recommendations.ml.known_answers import interactions

BREAD, BUTTER, BEER = 0, 1, 2
ADA, BEN, CLEO, DORA = range(4)
ROWS = [
    (ADA, BREAD, 1.0), (ADA, BREAD, 2.0), (ADA, BUTTER, 1.0),
    (BEN, BREAD, 1.0), (BEN, BUTTER, 1.0),
    (CLEO, BUTTER, 1.0), (CLEO, BEER, 1.0),
]  # fmt: skip
PLAIN = UserKnnConfig(neighbours=1, half_life_days=np.inf, damping=1.0)


def past():
    return interactions(ROWS, n_users=4, n_items=3)


def likeness(weigh, matrix) -> np.ndarray:
    rows = weigh(sparse.csr_array(matrix))
    return (rows @ rows.T).toarray()


def test_cosine_of_products_by_hand():
    """bread (2, 1, 0), butter (1, 1, 1): 3 / (sqrt 5 * sqrt 3); bread and beer share nobody."""
    found = likeness(weighting.cosine, past().seen.T)
    assert found[BREAD, BUTTER] == pytest.approx(3 / (sqrt(5) * sqrt(3)))
    assert found[BUTTER, BEER] == pytest.approx(1 / sqrt(3))
    assert found[BREAD, BEER] == 0.0
    assert np.diag(found) == pytest.approx([1, 1, 1])


def test_tf_idf_of_people_by_hand():
    """4 people; bread is held by 2 (ln 2), butter by 3 (ln 4/3), beer by 1 (ln 4)."""
    bread, butter = log(2), log(4 / 3)
    ada, ben = np.array([sqrt(2) * bread, butter]), np.array([bread, butter])
    expected = ada @ ben / (np.linalg.norm(ada) * np.linalg.norm(ben))
    assert likeness(weighting.tf_idf, past().seen)[ADA, BEN] == pytest.approx(expected)


def test_bm25_of_people_by_hand():
    """Lengths 3, 2, 2, 0, mean 1.75; only butter is common to Ada and Cleo, each once."""

    def weight(idf, c, length):
        return idf * c * 2.2 / (c + 1.2 * (0.25 + 0.75 * length / 1.75))

    expected = weight(log(4 / 3), 1, 3) * weight(log(4 / 3), 1, 2)
    assert likeness(weighting.bm25, past().seen)[ADA, CLEO] == pytest.approx(expected)


def test_items_score_by_the_sum_over_the_own_items():
    """Cleo: butter * 1 + beer * 1 -> bread 0.7746, butter 1 + 0.5774, beer 1 + 0.5774."""
    scores = ItemCosine().fit(past()).score(np.array([CLEO]))[0]
    to_beer = 1 / sqrt(3)
    assert scores == pytest.approx([3 / sqrt(15), 1 + to_beer, 1 + to_beer], abs=2 * FLOOR)


def test_only_the_nearest_items_speak():
    """With two neighbours bread keeps itself and butter; with one each item speaks for itself alone."""
    alone = ItemTfIdf(ItemKnnConfig(neighbours=1)).fit(past())
    assert alone.near_.tolist() == [[BREAD], [BUTTER], [BEER]]
    assert alone.score(np.array([CLEO]))[0, BREAD] < 2 * FLOOR
    pair = ItemCosine(ItemKnnConfig(neighbours=2)).fit(past())
    assert pair.near_[BREAD].tolist() == [BREAD, BUTTER]


def test_items_are_compared_block_by_block_to_the_same_end(monkeypatch):
    matrix = weighting.cosine(sparse.csr_array(past().seen.T))
    whole = nearest(matrix, 2)
    monkeypatch.setattr("recommendations.ml.item_knn.BLOCK_CELLS", 3)
    assert all(np.array_equal(a, b) for a, b in zip(whole, nearest(matrix, 2), strict=True))


def test_the_nearest_person_speaks_with_their_likeness_and_never_oneself():
    """Ada's nearest by cosine is Ben: (2 + 1) / (sqrt 5 * sqrt 2); he bought bread and butter once each."""
    scores = UserCosine(PLAIN).fit(past()).score(np.array([ADA]))[0]
    like = 3 / sqrt(10)
    assert scores == pytest.approx([like, like, 0.0], abs=2 * FLOOR)


def test_sharpness_trusts_the_nearest_more():
    config = UserKnnConfig(neighbours=2, half_life_days=np.inf, damping=1.0, sharpness=2.0)
    scores = UserCosine(config).fit(past()).score(np.array([ADA]))[0]
    ben, cleo = 9 / 10, 1 / 10  # squares of 3 / sqrt 10 and of 1 / (sqrt 5 * sqrt 2)
    assert scores == pytest.approx([ben, ben + cleo, cleo], abs=2 * FLOOR)


@pytest.mark.parametrize("family", [UserTfIdf, UserBm25])
def test_a_rare_common_product_says_more_than_a_common_one(family):
    """Everybody but one has butter; who shares the rare saffron is nearer than who shares butter."""
    rows = [(user, BUTTER, 1.0) for user in range(5)] + [(0, 2, 1.0), (5, 2, 1.0), (5, 3, 1.0), (1, 4, 1.0)]
    model = family(PLAIN).fit(interactions(rows, n_users=7, n_items=5))
    scores = model.score(np.array([0]))[0]
    assert scores.argmax() in (2, 3)
    assert scores[3] > scores[4]
