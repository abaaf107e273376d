"""Everybody's list and profile from the live models, written whole."""

import json
import math
from collections.abc import Iterator

import numpy as np

from recommendations.contracts import CLUSTERS, HISTORY, RECOMMENDER
from recommendations.dataset import Purchases, day_of, people_features, purchases
from recommendations.ml.blend import Blend
from recommendations.ml.clusters import Clusters
from recommendations.ml.interactions import Interactions
from recommendations.ml.reasons import Reason, explain
from recommendations.ml.recommender import recommend
from recommendations.ml.rfm import Rfm
from recommendations.services import replace_profiles, replace_recommendations
from registry import queries as registry
from registry.services import load_arrays

LIST = 30  # what is kept a person: enough for filters by merchant, price and stock to leave a few
DEEP = 60  # looked at for them: some share a title with a better one
DISCOVERY = 3  # every third place is something new: the habit of buying again is strong, and a shop lives from both
# A block of people; reasons read the same columns of the item weights for everybody in it, so a large block is faster,
# and a list is 30 numbers.
PEOPLE = 20_000


def score_everyone() -> tuple[int, int]:
    """(lists, profiles) written from the live versions; 0 where no version is live."""
    lists = profiles = 0
    recommender, clusters = registry.live(RECOMMENDER), registry.live(CLUSTERS)
    if recommender is not None:
        lists = replace_recommendations(_lists(recommender))
    if clusters is not None:
        profiles = replace_profiles(_profiles(clusters))
    return lists, profiles


def _data(version) -> Purchases:
    return purchases(since=version.data_until - HISTORY, until=version.data_until)


def _lists(version) -> Iterator[tuple]:
    state = load_arrays(version)
    customers, products = state.pop("customer_ids"), state.pop("product_ids")
    model = Blend.from_state(state)
    data = _data(version)
    history = _history(data, customers, products, day_of(version.data_until))
    # A product that nobody bought in the window is not in the data; it gets a title of its own.
    place = np.minimum(np.searchsorted(data.products, products), len(data.products) - 1)
    titles = np.where(data.products[place] == products, data.title[place], -1 - np.arange(len(products)))
    # All reading is done here: rows are made while COPY holds the connection.
    return _list_rows(version.pk, model, history, customers=customers, products=products, titles=titles)


def _list_rows(
    version_id: int,
    model: Blend,
    history: Interactions,
    *,
    customers: np.ndarray,
    products: np.ndarray,
    titles: np.ndarray,
) -> Iterator[tuple]:
    for start in range(0, len(customers), PEOPLE):
        users = np.arange(start, min(start + PEOPLE, len(customers)))
        items, scores, is_novel = _mixed(model, users, history, titles)
        reasons = explain(model, users, items, history)
        for row, place in np.argwhere(items >= 0).tolist():
            yield (
                int(customers[users[row]]),
                int(products[items[row, place]]),
                place + 1,
                float(scores[row, place]),
                bool(is_novel[row, place]),
                *_reason_columns(reasons[row][place], products),
                version_id,
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


def _mixed(
    model: Blend, users: np.ndarray, history: Interactions, titles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items, scores, is_novel, each (len(users), LIST): the best of all with every third place something new.

    Two products with one title stand in a list once: people would read a mistake.
    """
    best, best_scores = recommend(model, users, DEEP)
    novel, novel_scores = recommend(model, users, DEEP, exclude=history.seen)
    items = np.full((len(users), LIST), -1, dtype=np.int64)
    scores = np.full((len(users), LIST), -np.inf, dtype=np.float32)
    is_novel = np.zeros((len(users), LIST), dtype=bool)
    for row in range(len(users)):
        known_pool = zip(best[row].tolist(), best_scores[row].tolist(), strict=True)
        novel_pool = zip(novel[row].tolist(), novel_scores[row].tolist(), strict=True)
        new_ones = set(novel[row].tolist())
        taken: set[int] = set()
        for place in range(LIST):
            pools = (novel_pool, known_pool) if (place + 1) % DISCOVERY == 0 else (known_pool, novel_pool)
            found = _next(pools, titles, taken)
            if found is None:
                break
            items[row, place], scores[row, place] = found
            is_novel[row, place] = found[0] in new_ones
            taken.add(int(titles[found[0]]))
    return items, scores, is_novel


def _next(pools: tuple[Iterator, ...], titles: np.ndarray, taken: set[int]) -> tuple[int, float] | None:
    """The next item whose title is not taken, from the first pool that still has one."""
    for pool in pools:
        for item, score in pool:
            if item >= 0 and int(titles[item]) not in taken:
                return item, score
    return None


def _profiles(version) -> Iterator[tuple]:
    data = _data(version)
    model = Clusters.from_state(load_arrays(version))
    departments = version.params["departments"]
    figures, own_spend = people_features(data, day_of(version.data_until))
    # A department that was new or gone since the training has no column in the model.
    spend = np.zeros((len(own_spend), len(departments)))
    for index, name in enumerate(departments):
        if name in data.departments:
            spend[:, index] = own_spend[:, data.departments.index(name)]
    clusters = model.predict(figures, spend)
    total = spend.sum(axis=1, keepdims=True)
    shares = np.divide(spend, total, out=np.zeros_like(spend), where=total > 0)
    return _profile_rows(version, data, figures, clusters, shares)


def _profile_rows(version, data: Purchases, figures: Rfm, clusters: np.ndarray, shares: np.ndarray) -> Iterator[tuple]:
    names, departments = version.params["names"], version.params["departments"]
    for row, customer_id in enumerate(data.customers.tolist()):
        top = np.argsort(-shares[row], kind="stable")[:8]
        affinities = {departments[i]: round(float(shares[row, i]), 4) for i in top if shares[row, i] > 0}
        cluster = int(clusters[row])
        yield (
            customer_id,
            float(figures.recency_days[row]) if math.isfinite(figures.recency_days[row]) else None,
            int(figures.frequency[row]),
            f"{figures.monetary[row]:.2f}",
            int(figures.recency_score[row]),
            int(figures.frequency_score[row]),
            int(figures.monetary_score[row]),
            cluster if cluster >= 0 else None,
            names[cluster] if cluster >= 0 else "",
            departments[top[0]] if shares[row, top[0]] > 0 else "",
            json.dumps(affinities),
            version.data_until,
            version.pk,
        )
