import numpy as np
import pytest

from recommendations.ml.content import Content, ContentConfig, describe
from recommendations.ml.recency import Recency
from recommendations.ml.segment_popularity import SegmentPopularity, SegmentPopularityConfig
from tests.recommendations.ml.known_answers import interactions

# Known: oat biscuits, rye bread, beer. New: spelt biscuits (type of 0), a second beer, and a torch like nothing else.
TYPE = np.array([0, 1, 2, 0, 2, 3])
DEPARTMENT = np.array([0, 0, 1, 0, 1, 2])
KNOWN = np.array([True, True, True, False, False, False])


def test_a_new_product_goes_to_those_who_like_what_it_is_like():
    past = interactions([(0, 0, 1.0), (0, 0, 8.0), (1, 2, 1.0)], n_users=2, n_items=3)
    content = Content(ContentConfig(neighbours=2)).fit({"type": TYPE, "department": DEPARTMENT}, KNOWN)
    assert content.new_.tolist() == [3, 4, 5]
    assert content.near_[:2, 0].tolist() == [0, 2]
    scores = content.score(Recency().fit(past), np.array([0, 1]))
    assert scores[0, 0] > 10 * scores[0, 1]
    assert scores[1, 1] > 10 * scores[1, 0]
    assert scores[:, 2].tolist() == [0.0, 0.0]  # like nothing, for nobody


def test_a_rare_name_tells_more_than_a_common_one():
    """Six products, two of type 0 and three of department 0: ln 3 and ln 2."""
    rows = describe({"type": TYPE, "department": DEPARTMENT}).toarray()
    assert rows[0, [0, 4]] == pytest.approx([np.log(3), np.log(2)])


def test_words_find_what_the_classes_do_not():
    """The torch's text is near beer's (a festival set, say)."""
    text = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [0, 1], [0, 1]], dtype=float)
    content = Content(ContentConfig(neighbours=1)).fit({"type": TYPE, "department": DEPARTMENT}, KNOWN, text)
    assert content.near_[2, 0] == 2
    assert content.likeness_[2, 0] > 0


def test_a_newcomer_gets_what_their_kind_buys():
    """Families (0) buy nappies, singles (1) wine; twenty of each. Bread sells best overall."""
    rows = [(user, 0, 3.0) for user in range(40)]
    rows += [(user, 1 if user < 20 else 2, 5.0) for user in range(40)]
    segments = np.array([[0]] * 20 + [[1]] * 20 + [[-1]])
    model = SegmentPopularity(SegmentPopularityConfig(prior=10)).fit(
        interactions(rows, n_users=41, n_items=3), segments
    )
    family, single, unknown = model.score_segments(np.array([[0], [1], [-1]]))
    assert family[1] == pytest.approx((20 + 10 * 0.5) / 30, abs=1e-3)
    assert family[2] == pytest.approx(10 * 0.5 / 30, abs=1e-3)
    assert single.argsort()[::-1].tolist() == [0, 2, 1]
    assert unknown[1] == pytest.approx(unknown[2])
    assert np.array_equal(model.score(np.array([0])), model.score_segments(np.array([[0]])))
    assert np.array_equal(model.score_segments(np.array([[7]]))[0], unknown)  # a band that nobody had


def test_a_tiny_segment_says_little():
    """One person of band 1 bought only wine: with a prior of 50 bread stays ahead."""
    rows = [(user, 0, 3.0) for user in range(40)] + [(40, 2, 1.0)]
    segments = np.array([[0]] * 40 + [[1]])
    model = SegmentPopularity().fit(interactions(rows, n_users=41, n_items=3), segments)
    assert model.score_segments(np.array([[1]]))[0].argmax() == 0
