"""Speed of the live answer, as ratios of one run: `python -m benchmarks.serving [vectors|index|blend|ranker]`, else all.

vectors   single-person top 10 over dense vectors, against one bare numpy product with argpartition on the same arrays, at
          100,000 and 1,000,000 products: the exact scan (goal: within 1.3 times) and the graph (goal: recall@10 of 0.98 at
          a tenth of the time). Vectors lie in 2,000 clusters, as products in a few thousand types do.
index     single-person ranking by neighbour lists, 300 bought products times 200 neighbours, at the same sizes.
blend     fit and score-all of the live blend on Complete Journey, against implicit's ALS (64 factors, 15 iterations) on the
          same matrix and cores; the 2,469 households scored (goal: under 10 seconds).
ranker    the same for the two-stage recommender: what a night does (first stage fitted, candidates proposed, described and
          ranked in both views) against the same ALS; its trees are grown before, at the small budget.

`benchmarks.serving_http` measures the endpoint. Bounded: some 6 minutes and 3 GB on two cores; the million-product graph is
most of both. Trust the ratios.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from benchmarks.recommenders import purchase_log, read_lines, shop_facts, split_after, week_starts
from recommendations.ml import nearest
from recommendations.ml.blend import Blend
from recommendations.ml.budget import SMALL, config_of
from recommendations.ml.index import NEIGHBOURS, ItemIndex, rank
from recommendations.ml.recommender import recommend
from recommendations.ml.two_stage import TwoStage

SIZES = (100_000, 1_000_000)
QUERIES = 200
WIDTH = 64


# --- dense vectors


def vectors(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    print("\nvectors: top 10 of one person, median of", QUERIES, "queries")
    for n in sizes:
        centres = rng.standard_normal((2_000, WIDTH), dtype=np.float32)
        rows = centres[rng.integers(len(centres), size=n)] + 0.6 * rng.standard_normal((n, WIDTH), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        queries = rows[rng.integers(n, size=QUERIES)] + 0.05 * rng.standard_normal((QUERIES, WIDTH), dtype=np.float32)

        def bare(query: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
            scores = rows @ query
            top = np.argpartition(scores, len(scores) - 10)[len(scores) - 10 :]
            return top[np.argsort(-scores[top])]

        # One after the other in one loop: what else the machine does meets both alike.
        usual, exact = _alternately([bare, lambda query, rows=rows: nearest.exact(rows, query, 10)], queries)
        print(f"  {n:>9,} products: bare numpy {1e3 * usual:.2f} ms; exact scan {exact / usual:.2f} times that")
        began = time.perf_counter()
        graph = nearest.Nearest(rows, nearest.graph(rows))
        built = time.perf_counter() - began
        usual, walked = _alternately([bare, lambda query, graph=graph: graph.top(query, 10)], queries)
        hits = [len(set(bare(query)) & set(graph.top(query, 10)[0].tolist())) for query in queries]
        used = "used" if n >= nearest.APPROXIMATE_FROM else "not used below 200,000"
        print(
            f"  {'':>9} graph ({used}): {walked / usual:.3f} times bare numpy, recall@10 {np.mean(hits) / 10:.3f}, "
            f"built in {built:.0f} s"
        )


def _alternately(ways: list[Callable], queries: np.ndarray) -> list[float]:
    """Median seconds of each way over the queries."""
    spent: list[list[float]] = [[] for _ in ways]
    for query in (queries[0], *queries):
        for place, way in enumerate(ways):
            began = time.perf_counter()
            way(query)
            spent[place].append(time.perf_counter() - began)
    return [statistics.median(times[1:]) for times in spent]


# --- neighbour lists


def index(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    print("\nindex: one person's 300 products times", NEIGHBOURS, "neighbours, ranked; median of", QUERIES)
    for n in sizes:
        made = ItemIndex(
            products=np.arange(n),
            title=np.arange(n, dtype=np.int32),
            neighbours=rng.integers(n, size=(n, NEIGHBOURS), dtype=np.int32),
            weights=rng.random((n, NEIGHBOURS), dtype=np.float32),
            together=np.empty((n, 0), np.int32),
            together_weights=np.empty((n, 0), np.float32),
            baskets=np.empty((n, 0), np.int32),
            popular=rng.random(n, dtype=np.float32),
            buyers=np.zeros(n, np.float32),
        )
        histories = np.stack([rng.choice(n, size=300, replace=False) for _ in range(QUERIES)])
        amounts = rng.random(300) + 0.1
        (spent,) = _alternately([lambda own, made=made, amounts=amounts: rank(made, own, amounts, k=10)], histories)
        print(f"  {n:>9,} products: {1e3 * spent:.1f} ms")


# --- the live blend against ALS


def blend() -> None:
    lines = read_lines()
    split = split_after(lines, purchase_log(lines, "item"), 49)
    users = np.flatnonzero(np.diff(split.history.seen.indptr))
    matrix = csr_matrix(split.history.counts())  # the older type, which the library asks for
    cpu = time.process_time()
    model = Blend().fit(split.history)
    fitted, began = time.process_time() - cpu, time.perf_counter()
    recommend(model, users, 30)
    blend_all, seconds = time.process_time() - cpu, time.perf_counter() - began
    cpu = time.process_time()
    als = AlternatingLeastSquares(factors=64, iterations=15, regularization=20.0, random_state=0, num_threads=1)
    als.fit(matrix, show_progress=False)
    als_fitted = time.process_time() - cpu
    als.recommend(users, matrix[users], N=30, filter_already_liked_items=False)
    als_all = time.process_time() - cpu
    print(f"\nblend: {len(users):,} households, {split.history.n_items:,} products, processor seconds")
    print(f"  live blend  fit {fitted:.1f}, lists for all {blend_all - fitted:.1f}, together {blend_all:.1f}")
    print(f"  ALS         fit {als_fitted:.1f}, lists for all {als_all - als_fitted:.1f}, together {als_all:.1f}")
    print(
        f"  ratio       fit {fitted / als_fitted:.2f}, lists {(blend_all - fitted) / (als_all - als_fitted):.2f}, "
        f"together {blend_all / als_all:.2f}; everybody scored in {seconds:.1f} s of wall time (goal 10 s)"
    )


# --- the ranker against ALS


def ranker() -> None:
    lines = read_lines()
    log, cut = purchase_log(lines, "item"), week_starts(lines)[50]
    split = split_after(lines, log, 49)
    matrix = csr_matrix(split.history.counts())
    cpu = time.process_time()
    model = TwoStage(config_of(SMALL), shop_facts(lines, "item")).fit(log, cut)
    taught, cpu = time.process_time() - cpu, time.process_time()
    snapshot = model.snapshot(log, split, cut)
    fitted, cpu, began = time.process_time() - cpu, time.process_time(), time.perf_counter()
    people = sum(len(block) for block, _ in model.ranked(snapshot, np.arange(log.n_users)))
    scored, seconds, cpu = time.process_time() - cpu, time.perf_counter() - began, time.process_time()
    als = AlternatingLeastSquares(factors=64, iterations=15, regularization=20.0, random_state=0, num_threads=1)
    als.fit(matrix, show_progress=False)
    als.recommend(np.arange(log.n_users), matrix, N=30, filter_already_liked_items=False)
    als_all = time.process_time() - cpu
    print(f"\nranker: {people:,} households, {split.history.n_items:,} products, processor seconds")
    print(
        f"  taught once {taught:.1f}; each night first stage {fitted:.1f}, both views for all {scored:.1f}; ALS {als_all:.1f}"
    )
    print(
        f"  ratio each night {(fitted + scored) / als_all:.2f}; everybody ranked in {seconds:.1f} s of wall time (goal 10 s)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["vectors", "index", "blend", "ranker"])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "vectors": lambda: vectors(tuple(options.sizes)),
        "index": lambda: index(tuple(options.sizes)),
        "blend": blend,
        "ranker": ranker,
    }
    for name in options.parts:
        if name not in parts:
            parser.error(f"there is no part {name}: {', '.join(parts)}")
        parts[name]()


if __name__ == "__main__":
    main()
