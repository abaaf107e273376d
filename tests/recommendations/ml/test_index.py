"""The index of the web process: neighbours by hand, a person ranked, words, and a graph that finds what a scan finds."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from recommendations.ml import nearest as nearest_module
from recommendations.ml.index import ItemIndex, best, build, nearest, rank, strongest
from recommendations.ml.nearest import Nearest, exact, words


def small() -> ItemIndex:
    """Items 0 and 1 are bought by the same two people, 2 by a third."""
    people = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32))
    baskets = sparse.csr_array(np.array([[1, 1, 0]] * 4 + [[0, 0, 1]], dtype=np.float32))
    return build(
        people=people, baskets=baskets, products=np.array([10, 20, 30]), title=np.arange(3), popular=np.array([2.0, 2.0, 3.0]),
        buyers=np.array([2.0, 2.0, 3.0]),
    )  # fmt: skip


def test_cosine_by_hand():
    index = small()

    # x0 . x1 = 2, |x0||x1| = 2, shrinkage 0.5
    assert index.neighbours[0, :2].tolist() == [1, -1]
    assert index.weights[0, 0] == pytest.approx(2 / 2.5)
    assert (index.neighbours[2] == -1).all()
    assert index.together[0, 0] == 1
    assert index.baskets[0, 0] == 4
    assert index.together_weights[0, 0] == pytest.approx(4 / (4 + 5))


def test_a_history_ranks_the_own_first_then_its_neighbours_then_what_is_popular():
    index = small()

    found, scores = rank(index, np.array([0]), np.array([2.0]), k=3)

    assert found.tolist() == [0, 1, 2]
    assert scores.tolist() == pytest.approx([1 + 0.05 * 2 / 3, 0.1 + 0.05 * 2 / 3, 0.05])
    assert rank(index, np.array([0]), np.array([2.0]), k=3, allowed=np.array([False, False, True]))[0].tolist() == [2]
    assert index.because(1, np.array([2, 0]), np.array([9.0, 1.0])) == 1
    assert index.because(2, np.array([0]), np.array([1.0])) is None


def test_a_newcomer_gets_what_is_popular_and_an_unknown_product_no_position():
    index = small()

    assert rank(index, np.empty(0, np.int64), np.empty(0), k=1)[0].tolist() == [2]
    assert index.positions(np.array([20, 21, 5, 99])).tolist() == [1, -1, -1, -1]


def test_both_ways_of_spreading_say_the_same():
    rng = np.random.default_rng(0)
    people = sparse.random_array((300, 400), density=0.03, rng=rng, format="csr", dtype=np.float32)
    index = build(
        people=people, baskets=people, products=np.arange(400), title=np.arange(400), popular=np.ones(400),
        buyers=np.ones(400),
    )  # fmt: skip
    positions, amounts = np.array([3, 50, 200]), np.array([1.0, 2.0, 0.5])
    dense = index.spread(positions, amounts)
    import recommendations.ml.index as module

    module_share, module.DENSE_SHARE = module.DENSE_SHARE, np.inf
    try:
        found = index.spread(positions, amounts)
    finally:
        module.DENSE_SHARE = module_share
    assert found[0].tolist() == dense[0].tolist()
    np.testing.assert_allclose(found[1], dense[1], rtol=1e-6)


def test_neighbours_are_those_of_the_whole_matrix():
    rng = np.random.default_rng(1)
    rows = sparse.random_array((80, 30), density=0.2, rng=rng, format="csr", dtype=np.float32)
    dense = rows.toarray()
    norms = np.linalg.norm(dense, axis=0)
    cosine = dense.T @ dense / (np.outer(norms, norms) + 0.5)
    np.fill_diagonal(cosine, 0)

    for item, near, scores, _ in nearest(rows, 5):
        np.testing.assert_allclose(scores, np.sort(cosine[item])[::-1][: len(near)], rtol=1e-5)
        np.testing.assert_allclose(cosine[item, near], scores, rtol=1e-5)


def test_the_heaviest_buyer_counts_with_the_strongest_cells_alone():
    rows = sparse.csr_array(np.array([[5, 1, 4, 3], [0, 2, 0, 0]], dtype=np.float32))

    assert strongest(rows, 2).toarray().tolist() == [[5, 0, 4, 0], [0, 2, 0, 0]]


def test_best_leaves_out_what_is_barred_and_orders_equals_by_place():
    assert best(np.array([1.0, 3.0, -np.inf, 3.0]), 4)[0].tolist() == [1, 3, 0]
    assert best(np.empty(0), 3)[0].tolist() == []


def test_words_bring_products_together_that_are_called_alike():
    vectors = words(
        [("OATS", "Rolled oats"), ("OATS", "Steel-cut oats"), ("MILK", "Whole milk"), ("", "")]
    )  # fmt: skip

    assert vectors.shape == (4, 64)
    assert vectors[0] @ vectors[1] > 0.5 > abs(vectors[0] @ vectors[2])
    assert (vectors[3] == 0).all()


def test_a_scan_by_slices_finds_what_one_product_finds(monkeypatch):
    rng = np.random.default_rng(0)
    vectors, query = rng.standard_normal((1000, 8)).astype(np.float32), rng.standard_normal(8).astype(np.float32)
    monkeypatch.setattr(nearest_module, "SLICE", 70)

    ids, scores = exact(vectors, query, 10)

    assert ids.tolist() == np.argsort(-(vectors @ query), kind="stable")[:10].tolist()
    np.testing.assert_allclose(scores, np.sort(vectors @ query)[::-1][:10], rtol=1e-5)


def test_from_the_stated_size_on_a_graph_answers_and_survives_its_file(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert Nearest.of(vectors).graph is None
    monkeypatch.setattr(nearest_module, "APPROXIMATE_FROM", 3000)

    made = Nearest.of(vectors)
    (tmp_path / "graph").write_bytes(bytes(made.graph.save()))
    again = Nearest(vectors, nearest_module.load_graph(tmp_path / "graph"))

    for near in (made, again):
        hits = [len(set(near.top(query, 10)[0]) & set(exact(vectors, query, 10)[0])) for query in vectors[:50]]
        assert np.mean(hits) > 9.5


def test_the_graph_library_leaves_lightgbm_its_digits():
    """In a fresh process, for the first of the two that is loaded decides."""
    code = (
        "import recommendations.ml.nearest, lightgbm, numpy\n"
        "x = numpy.random.default_rng(0).random((500, 5))\n"
        "booster = lightgbm.train({'verbose': -1}, lightgbm.Dataset(x, x[:, 0]), num_boost_round=3)\n"
        "lightgbm.Booster(model_str=booster.model_to_string())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-500:]
