"""Everybody's list from the live recommender."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from customers.queries.pseudonyms import epoch_of
from recommendations.contracts import HISTORY, TWO_STAGE
from recommendations.dataset import Purchases, day_of, facts, purchases
from recommendations.ml.blend import Blend, BlendConfig
from recommendations.ml.budget import config_of
from recommendations.ml.interactions import Interactions
from recommendations.ml.reasons import Reason, explain
from recommendations.ml.recommender import recommend
from recommendations.ml.splits import time_split
from recommendations.ml.two_stage import Snapshot, TwoStage
from registry.services import load_arrays

LIST = 30  # what is kept a person: enough for filters by merchant, price and stock to leave a few
DEEP = 60  # looked at for them: some share a title with a better one
DISCOVERY = 3  # every third place is something new: the habit of buying again is strong, and a shop lives from both
# A block of people; reasons read the same columns of the item weights for everybody in it, so a large block is faster,
# and a list is 30 numbers.
PEOPLE = 20_000


def lists(version, data: Purchases) -> Iterator[tuple]:
    """Rows of Recommendation, as `services.RECOMMENDATION_COLUMNS`. data: the purchases of the version's own window."""
    state = load_arrays(version)
    if version.params.get("family") == TWO_STAGE:
        return _ranked_lists(version, state, data)
    customers, products = state.pop("customer_ids"), state.pop("product_ids")
    model = Blend.from_state(state)
    # The model names people by the pseudonyms of its own epoch; a newer key may be in use by now.
    epoch = epoch_of(customers)
    if len(data.customers) and epoch_of(data.customers) != epoch:
        data = purchases(since=version.data_until - HISTORY, until=version.data_until, epoch=epoch)
    history = _history(data, customers, products, day_of(version.data_until))
    # A product that nobody bought in the window is not in the data; it gets a title of its own.
    place = np.minimum(np.searchsorted(data.products, products), len(data.products) - 1)
    titles = np.where(data.products[place] == products, data.title[place], -1 - np.arange(len(products)))
    # All reading is done here: rows are made while COPY holds the connection.
    shop = _Shop(version.pk, model, history, customers, products, titles)
    return _rows(shop, _of_blend(model, history))


def _ranked_lists(version, state: dict[str, np.ndarray], data: Purchases) -> Iterator[tuple]:
    """By the trees of the version, over a first stage that is fitted here on what may be read now."""
    model = TwoStage.from_state(state, config_of(version.params), facts(data))
    end = day_of(version.data_until)
    split = time_split(data.log, end, 0.0)
    snapshot = model.snapshot(data.log, split, end)
    # The blend that the ranker was chosen over says why: its parts stand in the first stage.
    blend = Blend.of_fitted(BlendConfig(), snapshot.models)
    titles = data.title[split.items]
    shop = _Shop(version.pk, blend, split.history, data.customers, data.products[split.items], titles)
    return _rows(shop, _of_ranker(model, snapshot))


@dataclass(frozen=True, eq=False)
class _Shop:
    """What rows are made of, beside the order of merit. blend: explains. titles: equal where people read the same words."""

    version_id: int
    blend: Blend
    history: Interactions
    customers: np.ndarray
    products: np.ndarray
    titles: np.ndarray


@dataclass(frozen=True, eq=False)
class _Merit:
    """The DEEP best of some people, (people, DEEP) items with scores: of all, and of what they never bought."""

    users: np.ndarray
    best: tuple[np.ndarray, np.ndarray]
    novel: tuple[np.ndarray, np.ndarray]


def _of_blend(model: Blend, history: Interactions) -> Iterator[_Merit]:
    for start in range(0, history.n_users, PEOPLE):
        users = np.arange(start, min(start + PEOPLE, history.n_users))
        yield _Merit(users, recommend(model, users, DEEP), recommend(model, users, DEEP, exclude=history.seen))


def _of_ranker(model: TwoStage, snapshot: Snapshot) -> Iterator[_Merit]:
    """Only who has bought something has candidates of their own; the others get what everybody gets, at the request."""
    buyers = np.flatnonzero(np.diff(snapshot.split.history.seen.indptr))
    for users, rankings in model.ranked(snapshot, buyers):
        none = np.full((len(users), 0), -1, dtype=np.int64), np.empty((len(users), 0), dtype=np.float32)
        found = {view: ranking.best(users, DEEP) for view, ranking in rankings.items()}
        yield _Merit(users, found.get("all", none), found.get("novel", none))


def _rows(shop: _Shop, merits: Iterable[_Merit]) -> Iterator[tuple]:
    for merit in merits:
        users = merit.users
        items, scores, is_novel = _mixed(merit, shop.history, shop.titles)
        reasons = explain(shop.blend, users, items, shop.history)
        for row, place in np.argwhere(items >= 0).tolist():
            yield (
                int(shop.customers[users[row]]),
                int(shop.products[items[row, place]]),
                place + 1,
                float(scores[row, place]),
                bool(is_novel[row, place]),
                *_reason_columns(reasons[row][place], shop.products),
                shop.version_id,
            )


def _reason_columns(reason: Reason, products: np.ndarray) -> tuple:
    explains = None if reason.item is None else int(products[reason.item])
    return reason.code, explains, float(reason.value), reason.days if math.isfinite(reason.days) else None


def _history(data: Purchases, customers: np.ndarray, products: np.ndarray, end: float) -> Interactions:
    """What the model was fitted on, in the model's own positions; people flagged since then have left it."""
    customer, product = data.customers[data.log.user], data.products[data.log.item]
    keep = np.isin(customer, customers) & np.isin(product, products)
    return Interactions(
        user=np.searchsorted(customers, customer[keep]),
        item=np.searchsorted(products, product[keep]),
        days_before_cut=end - data.log.day[keep],
        quantity=data.log.quantity[keep],
        n_users=len(customers),
        n_items=len(products),
    )


def _mixed(merit: _Merit, history: Interactions, titles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items, scores, is_novel, each (people, LIST): the best of all with every third place something new.

    Two products with one title stand in a list once: people would read a mistake.
    """
    users, (best, best_scores), (novel, novel_scores) = merit.users, merit.best, merit.novel
    items = np.full((len(users), LIST), -1, dtype=np.int64)
    scores = np.full((len(users), LIST), -np.inf, dtype=np.float32)
    is_novel = np.zeros((len(users), LIST), dtype=bool)
    seen = history.seen
    for row, user in enumerate(users.tolist()):
        known_pool = zip(best[row].tolist(), best_scores[row].tolist(), strict=True)
        novel_pool = zip(novel[row].tolist(), novel_scores[row].tolist(), strict=True)
        own = set(seen.indices[seen.indptr[user] : seen.indptr[user + 1]].tolist())
        taken: set[int] = set()
        for place in range(LIST):
            pools = (novel_pool, known_pool) if (place + 1) % DISCOVERY == 0 else (known_pool, novel_pool)
            found = _next(pools, titles, taken)
            if found is None:
                break
            items[row, place], scores[row, place] = found
            is_novel[row, place] = found[0] not in own
            taken.add(int(titles[found[0]]))
    return items, scores, is_novel


def _next(pools: tuple[Iterator, ...], titles: np.ndarray, taken: set[int]) -> tuple[int, float] | None:
    """The next item whose title is not taken, from the first pool that still has one."""
    for pool in pools:
        for item, score in pool:
            if item >= 0 and int(titles[item]) not in taken:
                return item, score
    return None
