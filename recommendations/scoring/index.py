"""Publishes what the web process ranks with: neighbours, baskets, popularity and the words of every product on sale."""

import numpy as np
from django.utils import timezone
from scipy import sparse

from recommendations.contracts import HISTORY, SERVED
from recommendations.dataset import Purchases, day_of
from recommendations.ml.index import ItemIndex, build
from recommendations.ml.nearest import APPROXIMATE_FROM, graph, words
from recommendations.ml.popularity import Popularity
from recommendations.ml.published import publish
from recommendations.ml.splits import time_split
from recommendations.queries.catalogue import words_on_sale
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
