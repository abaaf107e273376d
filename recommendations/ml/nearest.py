"""Nearest vectors by inner product: all of them looked at in a small catalogue, a graph walked in a large one.

Exact: one product of the matrix with the query and a selection of the best. From `APPROXIMATE_FROM` on, HNSW (Malkov and
Yashunin, arXiv:1603.09320) by usearch: the walk looks at `SEARCH` candidates, the graph holds `LINKS` edges a vector.

`words` turns what a catalogue says of a product into such a vector: feature hashing (Weinberger et al., ICML 2009) of its
words and classes, weighted by rarity. It needs no purchase, so a product that came this morning has neighbours.
"""

import ctypes
import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from scipy import sparse

# usearch brings its own copy of the C++ library, and whichever copy is loaded first lends its number formats to the other:
# after usearch alone, LightGBM writes models without digits. Other systems than Linux keep the two apart.
with suppress(OSError):
    ctypes.CDLL("libstdc++.so.6", mode=ctypes.RTLD_GLOBAL)

from usearch.index import Index

APPROXIMATE_FROM = 200_000
LINKS, BUILD, SEARCH = 16, 128, 96
WIDTH = 64
WORD = re.compile(r"[^\W\d_]{2,}")
SLICE = 65_536  # rows whose scores are selected from at a time: they stay in a core's cache


class Nearest:
    """vectors: (n, width) float32, of length 1 or 0. graph: a usearch file over the same rows; None looks at all."""

    def __init__(self, vectors: np.ndarray, graph: Index | None = None) -> None:
        self.vectors, self.graph = vectors, graph

    @classmethod
    def of(cls, vectors: np.ndarray) -> "Nearest":
        """With a graph from `APPROXIMATE_FROM` vectors on."""
        return cls(vectors, graph(vectors) if len(vectors) >= APPROXIMATE_FROM else None)

    def top(self, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(positions, inner products) of the k nearest to query (width,), best first."""
        if self.graph is not None:
            found = self.graph.search(np.asarray(query, dtype=np.float32), k)
            return np.asarray(found.keys, dtype=np.int64), 1.0 - np.asarray(found.distances)
        return exact(self.vectors, query, k)


def exact(vectors: np.ndarray, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k rows with the largest inner product, best first. Slice by slice, each must beat the k-th best so far."""
    k = min(k, len(vectors))
    ids, scores = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    if not k:
        return ids, scores
    for start in range(0, len(vectors), SLICE):
        part = vectors[start : start + SLICE] @ query
        if len(ids) == k:
            better = np.flatnonzero(part > scores.min())
            part = part[better]
        else:
            better = np.arange(len(part))
        if len(part) > k:
            kept = np.argpartition(part, len(part) - k)[len(part) - k :]
            part, better = part[kept], better[kept]
        ids, scores = np.concatenate([ids, better + start]), np.concatenate([scores, part])
        if len(ids) > k:
            kept = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
            ids, scores = ids[kept], scores[kept]
    order = np.lexsort((ids, -scores))
    return ids[order], scores[order]


def graph(vectors: np.ndarray) -> Index:
    """The graph over the rows, built on all cores."""
    made = Index(
        ndim=vectors.shape[1],
        metric="ip",
        dtype="f32",
        connectivity=LINKS,
        expansion_add=BUILD,
        expansion_search=SEARCH,
    )
    made.add(np.arange(len(vectors), dtype=np.uint64), np.asarray(vectors, dtype=np.float32))
    return made


def load_graph(path: Path) -> Index:
    """A graph from its file, mapped."""
    return Index.restore(str(path), view=True)


def words(texts: Sequence[Iterable[str]], width: int = WIDTH) -> np.ndarray:
    """One vector of length 1 per product, (len(texts), width) float32; zeros for a product of which nothing is said.

    texts: per product its fields, the most telling ones first; a field counts half of the one before it.
    """
    vocabulary: dict[str, int] = {}
    cells: list[int] = []
    weights: list[float] = []
    ends = [0]
    for fields in texts:
        row: dict[int, float] = {}
        for place, text in enumerate(fields):
            for word in set(WORD.findall(text.casefold())):
                number = vocabulary.setdefault(word, len(vocabulary))
                row[number] = row.get(number, 0.0) + 0.5**place
        cells += row
        weights += row.values()
        ends.append(len(cells))
    if not vocabulary:
        return np.zeros((len(texts), width), dtype=np.float32)
    holders = np.bincount(cells, minlength=len(vocabulary))
    signs = np.stack([_signs(word, width) for word in vocabulary])
    signs *= np.log1p(len(texts) / holders)[:, None].astype(np.float32)
    said = sparse.csr_array((np.array(weights, np.float32), cells, ends), shape=(len(texts), len(vocabulary)))
    vectors = said @ signs
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _signs(word: str, width: int) -> np.ndarray:
    """A fixed direction for a word: 64 signs are nearly at right angles to any other word's."""
    bits = np.unpackbits(np.frombuffer(hashlib.blake2b(word.encode(), digest_size=width // 8).digest(), np.uint8))
    return np.float32(1.0) - 2.0 * bits.astype(np.float32)
