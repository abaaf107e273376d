from math import log

import numpy as np
import pytest

from recommendations.ml.comparison import judge, table
from recommendations.ml.list_quality import diversity, miscalibration, popularity_bias, segments
from recommendations.ml.popularity import Popularity
from recommendations.ml.recency import Recency
from tests.recommendations.ml.known_answers import checkerboard, interactions


def test_diversity_counts_the_pairs_that_differ():
    group = np.array([0, 0, 1, 2])
    lists = np.array([[0, 1, 2], [0, 2, 3], [0, -1, -1]])
    assert diversity(lists, group).tolist() == pytest.approx([2 / 3, 1.0, 0.0])


def test_popularity_bias_is_the_list_against_the_own_past():
    """Items 0, 1, 2 have 3, 2, 1 buyers: ranks 1, 0.5, 0. Person 2 bought all; the list shows the best seller."""
    rows = [(0, 0, 1.0), (1, 0, 1.0), (2, 0, 1.0), (1, 1, 1.0), (2, 1, 1.0), (2, 2, 1.0)]
    past = interactions(rows, n_users=4, n_items=3)
    found = popularity_bias(np.array([[0, -1], [0, -1], [2, 1]]), np.array([2, 0, 3]), past)
    assert found.tolist() == pytest.approx([1.0 - 0.5, 0.0, 0.0])


def test_a_list_in_the_own_proportions_is_calibrated():
    """Half dairy, half bakery in the past; lists of the same halves and of dairy alone."""
    past = interactions([(0, 0, 1.0), (0, 1, 1.0)], n_users=1, n_items=4)
    department = np.array([0, 1, 0, 1])
    lists, users = np.array([[2, 3], [0, 2]]), np.array([0, 0])
    even, one_sided = miscalibration(lists, users, past, department)
    assert even == pytest.approx(0.0, abs=1e-12)
    assert one_sided == pytest.approx(0.5 * log(0.5 / 0.995) + 0.5 * log(0.5 / 0.005))


def test_segments_by_baskets():
    rows = [(0, 0, 1.0)] + [(1, 0, float(d)) for d in range(5)] + [(2, 0, float(d)) for d in range(9)]
    assert segments(np.array([0, 1, 2]), interactions(rows, n_users=3, n_items=1)).tolist() == [0, 1, 2]


def test_the_table_has_both_views_paired_with_the_baseline_and_says_orders_only():
    split = checkerboard(31)
    group = np.arange(40) % 2
    judged = []
    for model in (Popularity(), Recency()):
        fitted = model.fit(split.history)
        judged += judge(model.kind, lambda view, fitted=fitted: fitted, split, group, group)
    rows = table(judged, "popularity")
    assert [(row.family, row.view) for row in rows[:2]] == [("recency", "all"), ("popularity", "all")]
    best, base = rows[0], rows[1]
    assert {row.basis for row in rows} == {"orders only"}
    assert best.low <= best.figures["ndcg@10"] <= best.high
    assert best.over[0] == pytest.approx(best.figures["ndcg@10"] - base.figures["ndcg@10"])
    assert base.over is None
    assert sum(people for people, _ in best.by_segment.values()) == best.people == 30
    assert {"precision@10", "recall@20", "hit_rate@10", "mrr@10", "coverage", "diversity", "popularity_bias",
            "miscalibration"} <= set(best.figures)  # fmt: skip
    with pytest.raises(KeyError):
        table(judged, "ease")
