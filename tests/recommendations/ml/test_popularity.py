import numpy as np

from recommendations.ml.popularity import Popularity, PopularityConfig
from tests.recommendations.ml.known_answers import interactions


def test_people_count_once_and_only_lately():
    """Item 0: one person five times; item 1: two people; item 2: three people, but months ago."""
    rows = [(0, 0, 1.0)] * 5 + [(0, 1, 2.0), (1, 1, 3.0)] + [(user, 2, 90.0) for user in range(3)]
    model = Popularity().fit(interactions(rows, n_users=3, n_items=3))
    assert model.score(np.array([2]))[0].tolist() == [1.25, 2.5, 0.75]


def test_a_wider_window_brings_the_old_seller_back():
    rows = [(0, 0, 1.0), *[(user, 1, 90.0) for user in range(3)]]
    past = interactions(rows, n_users=3, n_items=2)
    assert Popularity().fit(past).score(np.array([0]))[0].argmax() == 0
    assert Popularity(PopularityConfig(window_days=91.0)).fit(past).score(np.array([0]))[0].argmax() == 1
