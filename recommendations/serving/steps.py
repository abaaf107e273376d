"""Where candidates come from: an ordered chain of steps, each of which adds what the ones before did not know.

    person      own_list (scored at night), history (ranked now, from the published index), newcomers, segment or, for who
                bought nothing yet, alike (by age, income, household), popular
    session     session (what was just looked at), newcomers, popular
    product     bought_together, similar, popular
    segment     segment, popular

Steps have ranges of scores that do not overlap, so a later step fills and never overtakes; only the session moves what
others brought, because what somebody does now says more about now than a year of habit. How much more cannot be measured
on data without browsing: `SESSION_WEIGHT` puts the nearest neighbour of one product looked at in this minute in the middle
of the nightly list, and that of a product put into the cart at its head.
"""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from recommendations.contracts import Filters, Group, Person, RecommendedItem, ServedProduct, Signal
from recommendations.ml.index import best
from recommendations.ml.index import scores as scores_of
from recommendations.queries import live
from recommendations.queries.groups import popular_in
from recommendations.queries.lists import popular
from recommendations.serving.masks import Mask, allowed
from recommendations.serving.shelf import DEEP, Shelf, shelf

LIST_RANGE, HISTORY_RANGE, SEGMENT_RANGE, POPULAR_RANGE = (1.0, 2.0), (0.6, 0.99), (0.3, 0.59), (0.0, 0.29)
NEW = 10  # newcomers among the candidates of an answer: a list of what hardly anybody knows would help nobody
PRODUCT_RANGES = ((1.0, 2.0), (0.6, 0.99))
SESSION_WEIGHT = 3.0
SESSION_HALF_LIFE = 3600.0  # seconds
# What an act says of a product, in views. A removal takes the cart's word back.
ACTS = {"Product Viewed": 1.0, "Product Clicked": 1.0, "Product Added": 3.0, "Product Added to Wishlist": 2.0,
        "Order Completed": 1.0}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """For whom or what. One of person, lookup (an anonymous session's keyed hash), product with relation, or segment.

    note: why the answer is not personal; then person and lookup are empty, so that nothing of them is even read.
    """

    person: Person | None = None
    lookup: bytes | None = None
    product: ServedProduct | None = None
    relation: str = ""  # bought_together or similar
    segment: Group | None = None
    note: str = ""


@dataclass(eq=False)
class Pool:
    """Candidates so far: ids with scores, best first, and what the reasons need."""

    steps: list[str] = field(default_factory=list)
    wanted: tuple[str, ...] = ()  # the steps that answer the question itself; without them it is a fall-back
    found: dict[int, float] = field(default_factory=dict)
    source: dict[int, str] = field(default_factory=dict)
    shelf: Shelf | None = None
    own_list: dict[int, RecommendedItem] = field(default_factory=dict)
    facts: dict[int, ServedProduct] = field(default_factory=dict)  # of products that were read with the list
    own: live.Own | None = None
    signals: list[Signal] = field(default_factory=list)
    in_cart: set[int] = field(default_factory=set)
    near: tuple[np.ndarray, np.ndarray] = (np.empty(0, np.int64), np.empty(0))  # the session's positions and amounts
    looked_at: dict[int, int] = field(default_factory=dict)  # position that stands in for it -> the newcomer looked at
    like: dict[int, int] = field(default_factory=dict)  # newcomer -> the known product that it is like
    said: dict[int, float] = field(
        default_factory=dict
    )  # figures behind reasons: baskets with both, buyers of a segment
    asked: ServedProduct | None = None
    segment: Group | None = None
    model_version_id: int | None = None
    is_narrowed: bool = False

    @property
    def ids(self) -> list[int]:
        return sorted(self.found, key=lambda pk: (-self.found[pk], pk))

    @property
    def explains(self) -> set[int]:
        """Products that a reason may name besides the candidates."""
        return (
            {signal.product_id for signal in self.signals[:10]}
            | {item.reason_product_id for item in self.own_list.values() if item.reason_product_id}
            | set(self.like.values())
        )

    def is_novel(self, product_id: int) -> bool:
        if product_id in self.own_list:
            return self.own_list[product_id].is_novel
        return self.own is None or product_id not in set(self.own.products.tolist())

    def add(self, step: str, ids, scores, span: tuple[float, float]) -> None:
        """Ids best first; scores are squeezed into the step's range, so that they keep their order and no more."""
        self.steps.append(step)
        low, high = span
        scores = np.asarray(scores, dtype=np.float64)
        if not len(scores):
            return
        width = max(float(scores.max() - scores.min()), 1e-12)
        for pk, score in zip(ids, low + (high - low) * (scores - scores.min()) / width, strict=True):
            if pk not in self.found:
                self.found[pk], self.source[pk] = float(score), step


def gather(subject: Subject, filters: Filters, *, k: int, reach: int | None, now: datetime, narrow: bool) -> Pool:
    """The candidates of the chain that fits the subject. narrow: only what the catalogue allows."""
    pool = Pool(shelf=shelf(), asked=subject.product, segment=subject.segment)
    pool.is_narrowed = narrow
    mask = allowed(pool.shelf, filters) if narrow and pool.shelf else None
    if subject.product is not None:
        _product(pool, subject, mask)
    elif subject.segment is not None:
        _segment(pool, subject.segment, filters)
        pool.wanted = ("segment",)
    elif subject.person is not None or subject.lookup is not None:
        _person(pool, subject, filters, mask, k=k, reach=reach, now=now)
    _popular(pool, filters, mask)
    if pool.model_version_id is None and pool.shelf is not None:
        pool.model_version_id = pool.shelf.model_version
    return pool


def _person(pool: Pool, subject: Subject, filters: Filters, mask, *, k: int, reach: int | None, now: datetime) -> None:
    person = subject.person
    pool.wanted = ("own_list", "history", "session") if person else ("session",)
    if person is not None:
        mine, pool.facts = live.listed(person.id)
        pool.own_list = {item.product_id: item for item in mine}
        pool.model_version_id = mine[0].model_version_id if mine else None
        pool.add("own_list", [item.product_id for item in mine], np.arange(len(mine), 0, -1), LIST_RANGE)
        if len(mine) < 2 * k or pool.is_narrowed:
            _history(pool, person, mask, now)
    pool.signals = live.signals(customer_id=person and person.id, lookup=subject.lookup, merchant_id=reach, now=now)
    _session(pool, mask)
    if person is not None and person.cluster is not None:
        _segment(pool, Group("", cluster=person.cluster), filters)
    elif person is not None and pool.own is not None and not len(pool.own.products):
        _alike(pool, person, mask)


def _history(pool: Pool, person: Person, mask, now: datetime) -> None:
    """Ranks anew from what the person bought: newcomers since the night, and filters that leave little of the list."""
    pool.steps.append("history")
    pool.own = live.own(person.id, now)
    if pool.shelf is None or pool.shelf.items is None or not len(pool.own.products):
        return
    index = pool.shelf.items
    positions = index.positions(pool.own.products)
    known = positions >= 0
    totals = scores_of(index, positions[known], pool.own.decayed[known])
    found, scores = best(totals if mask is None else np.where(mask.items, totals, -np.inf), DEEP)
    new, new_scores = _newcomers(pool, totals, mask)
    ids, scores = np.concatenate([index.products[found], new]), np.concatenate([scores, new_scores])
    order = np.argsort(-scores, kind="stable")
    pool.steps.pop()
    pool.add("history", ids[order].tolist(), scores[order], HISTORY_RANGE)
    pool.source |= {pk: "newcomers" for pk in new.tolist() if pool.source[pk] == "history"}


def _newcomers(pool: Pool, totals: np.ndarray, mask: Mask | None) -> tuple[np.ndarray, np.ndarray]:
    """(ids, scores) of products that too few bought to be in the index, on the scale of these scores of what they are like."""
    new = pool.shelf.newcomers
    if new is None:
        return np.empty(0, dtype=np.int64), np.empty(0)
    ids, scores, because = new.ranked(totals, NEW, None if mask is None else mask.newcomers)
    if "newcomers" not in pool.steps:
        pool.steps.append("newcomers")
    pool.like |= dict(zip(ids.tolist(), pool.shelf.items.products[because].tolist(), strict=True))
    return ids, scores


def _alike(pool: Pool, person: Person, mask: Mask | None) -> None:
    """For somebody who bought nothing yet: what people of their age, income or household buy."""
    if pool.shelf is None or pool.shelf.alike is None:
        return
    found, scores = pool.shelf.alike.ranked(np.array(person.bands), DEEP, None if mask is None else mask.items)
    if len(found):
        pool.add("alike", pool.shelf.items.products[found].tolist(), scores, SEGMENT_RANGE)


def _session(pool: Pool, mask) -> None:
    """Moves what is near to what was just looked at, put into the cart, or bought."""
    pool.steps.append("session")
    removed: set[int] = set()
    amounts: dict[int, float] = {}
    bought = False
    for signal in pool.signals:  # newest first
        bought = bought or signal.name == "Order Completed"
        if signal.name == "Product Removed":
            removed.add(signal.product_id)
            continue
        if signal.name == "Product Added" and signal.product_id in removed:
            continue
        if signal.name == "Product Added" and not bought:
            pool.in_cart.add(signal.product_id)
        amount = ACTS[signal.name] * 2.0 ** (-signal.seconds_ago / SESSION_HALF_LIFE)
        amounts[signal.product_id] = amounts.get(signal.product_id, 0.0) + amount
    index = pool.shelf.items if pool.shelf else None
    if not amounts or index is None:
        return
    positions, weights = _stood_in(pool, np.array(list(amounts)), np.array(list(amounts.values())))
    found, said = index.spread(positions, weights)
    totals = np.zeros(len(index), dtype=np.float32)
    totals[found] = said
    new, new_said = _newcomers(pool, totals, mask)
    if mask is not None:
        found, said = found[mask.items[found]], said[mask.items[found]]
    if not len(found) + len(new):
        return
    pool.near = (positions, weights)
    top, scores = best(said, DEEP)
    ids = np.concatenate([index.products[found[top]], new])
    scores = np.concatenate([scores, new_said])
    moved = SESSION_WEIGHT * (1.0 - 0.5 ** float(weights.sum())) * scores / scores.max()
    are_new = set(new.tolist())
    for pk, move in zip(ids.tolist(), moved.tolist(), strict=True):
        # The step that moved it furthest is its source.
        if move > pool.found.get(pk, 0.0):
            pool.source[pk] = "newcomers" if pk in are_new else "session"
        pool.found[pk] = pool.found.get(pk, 0.0) + move


def _stood_in(pool: Pool, products: np.ndarray, amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where these products stand in the index, with their amounts; for a newcomer, what it is like stands in."""
    index, new = pool.shelf.items, pool.shelf.newcomers
    positions = index.positions(products)
    known = positions >= 0
    found, weights = positions[known], amounts[known]
    if new is None or known.all():
        return found, weights
    strange = products[~known]
    kinds = new.kinds_of(strange)
    for product, kind, amount in zip(strange.tolist(), kinds.tolist(), amounts[~known].tolist(), strict=True):
        if kind >= 0:
            near, shares = new.stand_ins(np.array([kind]), np.array([amount]))
            found, weights = np.concatenate([found, near]), np.concatenate([weights, shares])
            pool.looked_at |= {position: product for position in near.tolist() if position not in pool.looked_at}
    return found, weights


def _product(pool: Pool, subject: Subject, mask) -> None:
    pool.wanted = (subject.relation,)
    steps = [_together, _similar] if subject.relation == "bought_together" else [_similar, _together]
    for step, span in zip(steps, PRODUCT_RANGES, strict=True):
        step(pool, subject.product, mask, span)


def _together(pool: Pool, product: ServedProduct, mask, span: tuple[float, float]) -> None:
    index = pool.shelf.items if pool.shelf else None
    position = int(index.positions(np.array([product.id]))[0]) if index is not None else -1
    if index is None or position < 0:
        pool.steps.append("bought_together")
        return
    near = index.together[position]
    kept = (near >= 0) & (mask.items[near] if mask is not None else True)
    ids = index.products[near[kept]].tolist()
    pool.add("bought_together", ids, index.together_weights[position][kept], span)
    pool.said |= dict(zip(ids, index.baskets[position][kept].tolist(), strict=True))


def _similar(pool: Pool, product: ServedProduct, mask, span: tuple[float, float]) -> None:
    found = pool.shelf
    place = int(np.searchsorted(found.vector_products, product.id)) if found is not None else 0
    if found is None or place == len(found.vector_products) or found.vector_products[place] != product.id:
        pool.steps.append("similar")
        return
    ids, scores = found.near.top(found.near.vectors[place], DEEP)
    # Below a half the words in common are those that every second title has.
    kept = scores > 0.5
    pool.add("similar", found.vector_products[ids[kept]].tolist(), scores[kept], span)


def _segment(pool: Pool, group: Group, filters: Filters) -> None:
    rows = popular_in(group, filters.merchant_id, DEEP)
    pool.add("segment", [pk for pk, _ in rows], [buyers for _, buyers in rows], SEGMENT_RANGE)
    pool.said |= {pk: buyers for pk, buyers in rows if pool.source[pk] == "segment"}


def _popular(pool: Pool, filters: Filters, mask) -> None:
    index = pool.shelf.items if pool.shelf else None
    if index is None:
        rows = popular(k=DEEP, merchant_id=filters.merchant_id)
        pool.add("popular", [row.product_id for row in rows], [row.score for row in rows], POPULAR_RANGE)
        pool.said |= {row.product_id: row.score for row in rows if pool.source[row.product_id] == "popular"}
        return
    if mask is None:
        found, scores = pool.shelf.best_sellers
    else:
        found, scores = best(np.where(mask.items, index.popular, -np.inf), DEEP)
    ids = index.products[found].tolist()
    pool.add("popular", ids, scores, POPULAR_RANGE)
    buyers = zip(ids, index.buyers[found].tolist(), strict=True)
    pool.said |= {pk: count for pk, count in buyers if pool.source[pk] == "popular"}
