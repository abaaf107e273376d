import numpy as np

from recommendations.ml.recency import Recency, RecencyConfig
from recommendations.ml.recommender import recommend
from tests.recommendations.ml.known_answers import interactions


def test_three_orders_long_ago_lose_to_one_of_today():
    """3 * 2 ** (-168 / 84) = 0.75 against 1."""
    past = interactions([(0, 0, 168.0)] * 3 + [(0, 1, 0.0)], n_users=1, n_items=2)
    assert Recency().fit(past).rates_.toarray().tolist() == [[0.75, 1.0]]
    forgetting = Recency().fit(past)
    frequency = Recency(RecencyConfig(half_life_days=np.inf)).fit(past)
    assert recommend(forgetting, np.array([0]), k=2)[0].tolist() == [[1, 0]]
    assert recommend(frequency, np.array([0]), k=2)[0].tolist() == [[0, 1]]


def test_popular_items_fill_the_places_behind_the_own_ones():
    """Person 0 bought item 2 a year ago; item 0 is what two others buy now, item 1 what one does."""
    past = interactions([(0, 2, 364.0), (1, 0, 1.0), (2, 0, 1.0), (2, 1, 1.0)], n_users=3, n_items=4)
    assert recommend(Recency().fit(past), np.array([0]), k=3)[0].tolist() == [[2, 0, 1]]
