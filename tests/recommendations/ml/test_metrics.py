from math import log2

import numpy as np
import pytest
from scipy import sparse

from recommendations.ml.metrics import bootstrap, evaluate, ndcg, paired_difference, reciprocal_rank
from recommendations.ml.splits import Split
from tests.recommendations.ml.known_answers import interactions


class Fixed:
    """The same scores for everybody: item 0 first, then 1, 2, ..."""

    n_items_ = 30

    def score(self, users):
        return np.tile(-np.arange(30, dtype=np.float32), (len(users), 1))


def split() -> Split:
    """Person 0 bought item 0 before and buys 0, 2 and 25; person 1 buys 12; person 2 buys nothing."""
    truth = np.zeros((3, 30), dtype=np.float32)
    truth[0, [0, 2, 25]] = 1
    truth[1, 12] = 1
    history = interactions([(0, 0, 1.0)], n_users=3, n_items=30)
    return Split(history, sparse.csr_array(truth), np.arange(30))


def test_all_by_hand():
    found = evaluate(Fixed(), split(), "all")
    assert found.users.tolist() == [0, 1]
    best = 1 + 1 / log2(3) + 1 / log2(4)
    assert found.values["ndcg@10"].tolist() == pytest.approx([(1 + 1 / log2(4)) / best, 0.0])
    assert found.values["precision@10"].tolist() == [0.2, 0.0]
    assert found.values["recall@10"].tolist() == pytest.approx([2 / 3, 0.0])
    assert found.values["recall@20"].tolist() == pytest.approx([2 / 3, 1.0])
    assert found.values["hit_rate@10"].tolist() == [1.0, 0.0]
    assert found.values["mrr@10"].tolist() == [1.0, 0.0]
    assert found.coverage == pytest.approx(10 / 30)
    assert found.summary()["people"] == 2.0
    assert found.mean("precision@10") == pytest.approx(0.1)


def test_novel_neither_recommends_nor_counts_what_was_bought():
    """Person 0's list starts at item 1: item 2 stands second; 2 and 25 are true."""
    found = evaluate(Fixed(), split(), "novel")
    assert found.values["ndcg@10"].tolist() == pytest.approx([(1 / log2(3)) / (1 + 1 / log2(3)), 0.0])
    assert found.values["recall@20"].tolist() == [0.5, 1.0]
    assert found.values["mrr@10"].tolist() == [0.5, 0.0]


def test_nobody_to_judge_is_said():
    empty = Split(split().history, sparse.csr_array((3, 30), dtype=np.float32), np.arange(30))
    with pytest.raises(ValueError, match="view all: nobody bought"):
        evaluate(Fixed(), empty, "all")


def test_ndcg_is_1_when_all_true_items_lead_even_with_more_than_k():
    hits = np.array([[True] * 10, [True] * 2 + [False] * 8])
    assert ndcg(hits, np.array([40, 2]), k=10).tolist() == pytest.approx([1.0, 1.0])


def test_reciprocal_rank():
    assert reciprocal_rank(np.array([[0, 0, 1, 1], [0, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)).tolist() == [
        1 / 3,
        0.0,
        1.0,
    ]


def test_bootstrap_interval_is_the_normal_one_on_many_people():
    values = np.random.default_rng(1).normal(0.3, 0.2, size=1000)
    found = bootstrap(values)
    half = 1.96 * values.std() / np.sqrt(1000)
    assert found.mean == values.mean()
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert bootstrap(values) == found


def test_a_small_steady_gain_is_found_by_pairs():
    class Better(Fixed):
        def score(self, users):
            scores = super().score(users)
            scores[users == 1, 12] = 1.0
            return scores

    ours, theirs = evaluate(Better(), split(), "all"), evaluate(Fixed(), split(), "all")
    assert paired_difference(ours, theirs, "recall@10").mean == pytest.approx(0.5)
    assert paired_difference(ours, ours, "recall@10").high == 0.0


def test_different_people_cannot_be_paired():
    whole = evaluate(Fixed(), split(), "all")
    fewer = Split(split().history, split().truth[[0, 2, 2]], np.arange(30))
    with pytest.raises(ValueError, match="different people"):
        paired_difference(whole, evaluate(Fixed(), fewer, "all"), "ndcg@10")
