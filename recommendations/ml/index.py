"""What one process needs to rank for one person at once: each item's nearest items, and what is popular, as flat arrays.

Nearest by behaviour: the cosine of two items' columns of X, the people's damped decayed counts (as EASE uses them),

    s(i, j) = x_i . x_j / (|x_i| |x_j| + shrink)

(Sarwar et al., "Item-based Collaborative Filtering Recommendation Algorithms", WWW 2001; the shrinkage is Bell and
Koren's, 2007: two items that one person bought are not alike). Only the best `NEIGHBOURS` of an item are kept. Nearest
by basket: the cosine of two items' columns of the baskets, with the number of baskets that hold both.

A person is then ranked without a model: a sparse row (what they bought, looked at, put into the cart) times these lists,
plus the own decayed counts, plus a little popularity. Nothing here is quadratic in people: a person counts with at most
`PER_PERSON` items, an order with at most `PER_BASKET`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from scipy import sparse

# 1,600 bytes an item: 40 MB for the demo store's 24 thousand, 1.6 GB for a million, mapped and not read.
NEIGHBOURS = 200
TOGETHER = 40
PER_PERSON = 300  # the strongest; the pairs of the heaviest buyer would cost as much as those of all the others
PER_BASKET = 100
SHRINK = 0.5  # in units of |x_i||x_j|; an item of a single buyer has a norm of about one
MIN_BASKETS = 3  # fewer say nothing about goods and something about one household
BLOCK = 512  # items at a time: their products with all others are held densely nowhere
# Above this share of the catalogue touched, one pass over all of it is cheaper than sorting what was touched.
DENSE_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class ItemIndex:
    """products: (n,) int64 ids, ascending. title: (n,) int32, equal where people read the same words.
    neighbours, weights: (n, NEIGHBOURS) positions, -1 for none, and cosines, best first. together, baskets,
    together_weights: (n, TOGETHER) the same by basket, with the baskets that hold both. popular: (n,) float32, buyers in
    the popularity window plus a part below 1 of buyers ever. buyers: (n,) float32, those in the window alone.
    """

    products: np.ndarray
    title: np.ndarray
    neighbours: np.ndarray
    weights: np.ndarray
    together: np.ndarray
    together_weights: np.ndarray
    baskets: np.ndarray
    popular: np.ndarray
    buyers: np.ndarray

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))

    def __len__(self) -> int:
        return len(self.products)

    def positions(self, product_ids: np.ndarray) -> np.ndarray:
        """Where these products stand, (len,) int64; -1 for one that the index does not know."""
        wanted = np.asarray(product_ids, dtype=np.int64)
        if not len(self):
            return np.full(len(wanted), -1)
        place = np.minimum(np.searchsorted(self.products, wanted), len(self) - 1)
        return np.where(self.products[place] == wanted, place, -1)

    def spread(self, positions: np.ndarray, amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What these items, each with its amount, say for their neighbours: (positions ascending, scores float64).

        A sparse row times the lists. The items themselves get a score only from one another.
        """
        near = self.neighbours[positions].ravel()
        said = (self.weights[positions] * np.asarray(amounts, dtype=np.float32)[:, None]).ravel()
        if near.size > DENSE_SHARE * len(self):
            totals = np.bincount(near + 1, said, minlength=len(self) + 1)[1:]
            found = np.flatnonzero(totals)
            return found, totals[found]
        kept = near >= 0
        found, place = np.unique(near[kept], return_inverse=True)
        return found.astype(np.int64), np.bincount(place, said[kept], minlength=len(found))

    def because(self, target: int, positions: np.ndarray, amounts: np.ndarray) -> int | None:
        """Which of these items says most for the target, as a place in `positions`; None when none says anything."""
        if not len(positions):
            return None
        said = np.where(self.neighbours[positions] == target, self.weights[positions], 0.0).sum(axis=1) * amounts
        best = int(said.argmax())
        return best if said[best] > 0 else None


@dataclass(frozen=True)
class Mix:
    """How much the parts count, each scaled to a best of 1. Chosen on weeks 46 to 49 of the demo store, item level:
    NDCG@10 0.406 with `near` 0.1, 0.400 with 0.3, 0.377 with 0.6.
    """

    own: float = 1.0
    near: float = 0.1
    popular: float = 0.05


def rank(
    index: ItemIndex,
    positions: np.ndarray,
    amounts: np.ndarray,
    *,
    k: int,
    allowed: np.ndarray | None = None,
    mix: Mix | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The best k items for a history: (positions, scores), best first; fewer where fewer have a score.

    positions, amounts: distinct items of the history and their decayed counts. allowed: (n,) bool, what may be shown.
    """
    totals = scores(index, positions, amounts, mix)
    if allowed is not None:
        totals = np.where(allowed, totals, -np.inf)
    return best(totals, k)


def scores(index: ItemIndex, positions: np.ndarray, amounts: np.ndarray, mix: Mix | None = None) -> np.ndarray:
    """What a history says of every item of the index, (n,) float32; as `rank`."""
    mix = mix or Mix()
    found, said = index.spread(positions, np.sqrt(amounts))
    totals: np.ndarray = mix.popular * index.popular / max(float(index.popular.max(initial=0.0)), 1e-12)
    totals = totals.astype(np.float32)
    if len(found) and said.max() > 0:
        totals[found] += (mix.near / said.max() * said).astype(np.float32)
    if len(positions):
        totals[positions] += (mix.own / amounts.max() * amounts).astype(np.float32)
    return totals


def best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest above -inf, best first, equal ones by lower position: (positions int64, scores)."""
    width = min(k, len(scores))
    if not width:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    top = np.argpartition(scores, len(scores) - width)[len(scores) - width :]
    top.sort()
    top = top[np.argsort(-scores[top], kind="stable")]
    return top[np.isfinite(scores[top])], scores[top][np.isfinite(scores[top])]


def strongest(rows: sparse.csr_array, most: int) -> sparse.csr_array:
    """The `most` largest cells of each row; the others become nothing."""
    length = np.diff(rows.indptr)
    if not len(length) or length.max(initial=0) <= most:
        return rows
    owner = np.repeat(np.arange(rows.shape[0]), length)
    order = np.lexsort((-rows.data, owner))
    nth = np.empty(len(order), dtype=np.int64)
    nth[order] = np.arange(len(order)) - np.repeat(rows.indptr[:-1], length)[order]
    kept = nth < most
    parts = (rows.data[kept], (owner[kept], rows.indices[kept]))
    return sparse.csr_array(parts, shape=rows.shape)


def nearest(
    rows: sparse.csr_array, k: int, *, shrink: float = SHRINK, least: float = 0.0
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """For each column of rows with a neighbour: (column, its nearest columns, cosines, products x_i . x_j), best first.

    rows: (people or baskets, items) sparse, no negative cell. least: pairs with a smaller x_i . x_j are passed over.
    Cost: the sum over rows of the square of their cells, so bound the cells of a row first (`strongest`).
    """
    columns = sparse.csc_array(rows, dtype=np.float32)
    norms = np.sqrt(columns.multiply(columns).sum(axis=0))
    items = columns.T.tocsr()
    right = sparse.csr_array(rows, dtype=np.float32)
    for start in range(0, items.shape[0], BLOCK):
        products = (items[start : start + BLOCK] @ right).tocsr()
        for row in range(products.shape[0]):
            item = start + row
            cells = slice(products.indptr[row], products.indptr[row + 1])
            near, together = products.indices[cells], products.data[cells]
            kept = (near != item) & (together >= max(least, 1e-12))
            near, together = near[kept], together[kept]
            if not len(near):
                continue
            cosine = together / (norms[item] * norms[near] + shrink)
            if len(near) > k:
                top = np.argpartition(cosine, len(near) - k)[len(near) - k :]
                near, together, cosine = near[top], together[top], cosine[top]
            order = np.lexsort((near, -cosine))
            yield item, near[order], cosine[order], together[order]


def build(
    *,
    people: sparse.csr_array,
    baskets: sparse.csr_array,
    products: np.ndarray,
    title: np.ndarray,
    popular: np.ndarray,
    buyers: np.ndarray,
) -> ItemIndex:
    """The index of a catalogue. people: (people, n) damped decayed counts; baskets: (orders, n) ones."""
    n = len(products)
    near, weights = np.full((n, NEIGHBOURS), -1, dtype=np.int32), np.zeros((n, NEIGHBOURS), dtype=np.float32)
    for item, ids, cosines, _ in nearest(strongest(people, PER_PERSON), NEIGHBOURS):
        near[item, : len(ids)], weights[item, : len(ids)] = ids, cosines
    together, together_weights = np.full((n, TOGETHER), -1, np.int32), np.zeros((n, TOGETHER), np.float32)
    both = np.zeros((n, TOGETHER), dtype=np.int32)
    for item, ids, cosines, counts in nearest(strongest(baskets, PER_BASKET), TOGETHER, shrink=5.0, least=MIN_BASKETS):
        together[item, : len(ids)], together_weights[item, : len(ids)] = ids, cosines
        both[item, : len(ids)] = counts
    return ItemIndex(
        products=np.asarray(products, dtype=np.int64),
        title=np.asarray(title, dtype=np.int32),
        neighbours=near,
        weights=weights,
        together=together,
        together_weights=together_weights,
        baskets=both,
        popular=np.asarray(popular, dtype=np.float32),
        buyers=np.asarray(buyers, dtype=np.float32),
    )
