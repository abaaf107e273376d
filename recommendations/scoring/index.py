"""Publishes what the web process ranks with: neighbours, baskets, popularity, cold starts and the words of every product."""

import numpy as np
from django.utils import timezone
from scipy import sparse

from recommendations.contracts import HISTORY, SERVED
from recommendations.dataset import NOT_GOODS, Purchases, bands, day_of
from recommendations.ml.alike import Alike
from recommendations.ml.index import ItemIndex, build
from recommendations.ml.nearest import APPROXIMATE_FROM, graph, words
from recommendations.ml.newcomers import Newcomers
from recommendations.ml.popularity import Popularity
from recommendations.ml.published import publish
from recommendations.ml.segment_popularity import SegmentPopularity
from recommendations.ml.splits import time_split
from recommendations.queries.catalogue import classes_on_sale, words_on_sale
from recommendations.services.published import FILE, GRAPH, folder
from registry import services as registry

HALF_LIFE_DAYS, DAMPING = 84.0, 0.25  # as EASE: they tell the same story of who bought what
POPULAR_DAYS = 14.0


def publish_index(data: Purchases, version) -> str | None:
    """Makes the index of these purchases the one that answers; its digest, or None while nobody bought anything.

    version: the live recommender, whose window the purchases are of; None before the first.
    """
    until = timezone.now() if version is None else version.data_until
    split = time_split(data.log, day_of(until), 0.0)
    arrays: dict[str, np.ndarray] = {}
    if len(split.history):
        index = _index(data, split)
        arrays |= {name: getattr(index, name) for name in ItemIndex.names()}
        arrays |= _newcomers(index) | _alike(data, split)
    ids, texts = words_on_sale()
    if not arrays and not len(ids):
        return None
    vectors = words(texts)
    arrays |= {"vector_products": ids, "vectors": vectors}
    files = {GRAPH: bytes(graph(vectors).save())} if len(ids) >= APPROXIMATE_FROM else {}
    about = {
        "model_version": version and version.pk,
        "since": (until - HISTORY).isoformat(),
        "until": until.isoformat(),
        "rows": len(split.history),
    }
    digest = publish(folder(), arrays, about, files)
    registry.clear_alarm(SERVED, FILE)
    return digest


def _newcomers(index: ItemIndex) -> dict[str, np.ndarray]:
    """Products on sale that are not in the index; {} where there is none."""
    rows = [row for row in classes_on_sale().iterator(chunk_size=20_000) if row[3] not in NOT_GOODS]
    if not rows:
        return {}
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    known = index.positions(ids)
    if (known >= 0).all() or (known < 0).all():
        return {}
    columns = zip(*(row[1:] for row in rows), strict=True)
    groups = {
        name: np.unique(np.array(column), return_inverse=True)[1].reshape(-1)
        for name, column in zip(("type", "category", "department", "brand"), columns, strict=True)
    }
    found = Newcomers.of(ids, groups, known)
    return {name: getattr(found, name) for name in Newcomers.names()}


def _alike(data: Purchases, split) -> dict[str, np.ndarray]:
    """What people of one age, income or household buy; {} where nobody told any of it."""
    codes = bands(data.customers)
    if not (codes >= 0).any():
        return {}
    found = Alike.of(SegmentPopularity().fit(split.history, codes))
    return {name: getattr(found, name) for name in Alike.names()}


def _index(data: Purchases, split) -> ItemIndex:
    history = split.history
    people = history.counts(HALF_LIFE_DAYS)
    people.data **= DAMPING
    # The rows of the catalogue alone, in the split's positions.
    position = np.full(data.log.n_items, -1, dtype=np.int64)
    position[split.items] = np.arange(len(split.items))
    kept = position[data.log.item] >= 0
    ones = np.ones(int(kept.sum()), dtype=np.float32)
    baskets = sparse.csr_array(
        (ones, (data.order[kept], position[data.log.item[kept]])), shape=(int(data.order.max()) + 1, len(split.items))
    )
    return build(
        people=people,
        baskets=baskets,
        products=data.products[split.items],
        title=data.title[split.items],
        popular=Popularity().fit(history).buyers_,
        buyers=history.buyers(POPULAR_DAYS),
    )
