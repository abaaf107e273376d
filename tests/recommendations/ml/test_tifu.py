import numpy as np
import pytest

from recommendations.ml.interactions import TooFewData
from recommendations.ml.tifu import FLOOR, Tifu, TifuConfig
from tests.recommendations.ml.known_answers import interactions

CONFIG = TifuConfig(group_size=2, basket_decay=0.5, group_decay=0.25, own_share=0.6, neighbours=1)


def test_the_vector_of_three_baskets_by_hand():
    """Newest first: {0}, {0, 1} | {1}. The oldest group has one basket; two groups.

    item 0: (1 + 0.5) / 2 / 2 = 0.375; item 1: 0.5 / 2 / 2 + 0.25 * 1 / 1 / 2 = 0.25.
    """
    rows = [(0, 0, 1.0), (0, 0, 8.0), (0, 1, 8.0), (0, 1, 30.0), (1, 2, 1.0)]
    model = Tifu(CONFIG).fit(interactions(rows, n_users=2, n_items=3))
    assert model.rows_.toarray() == pytest.approx(np.array([[0.375, 0.25, 0], [0, 0, 0.5 * 2]]))


def test_the_score_mixes_the_own_vector_with_the_nearest_ones():
    """Person 0 has {0}, the nearest has {0, 1}, a third has {2, 3} and is farther."""
    rows = [(0, 0, 1.0), (1, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0), (2, 3, 1.0)]
    scores = Tifu(CONFIG).fit(interactions(rows, n_users=3, n_items=4)).score(np.array([0]))[0]
    assert scores == pytest.approx([0.6 + 0.4, 0.4, 0, 0], abs=2 * FLOOR)


def test_one_person_is_too_few():
    with pytest.raises(TooFewData, match="tifu: fewer than 2 people"):
        Tifu().fit(interactions([(0, 0, 1.0)], n_users=2, n_items=2))
