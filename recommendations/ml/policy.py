"""From ranked candidates to a list: what is asked for, what is allowed, how often, and one place left to chance.

Rules are asked in a fixed order and the first one that objects is the one that is named, so "why is it not shown" has
one answer per product. What follows from the list itself (a title or a category that is full) is asked last.

The last place of a list is drawn: the best that is left with probability 1 - epsilon, else one of the `AMONG` best with
equal chances. Its probabilities are kept, every other place has probability 1, and that is what makes it possible to
judge another policy by these lists later (`offpolicy`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

AMONG = 10
EPSILON = 0.1  # one list in ten shows something else in its last place: what looking around costs
SHORTEST = 5  # a shorter list has no place to spare
TOLD = 50  # dropped items that are named


@dataclass(frozen=True)
class Candidate:
    """A product with its place in the order of merit. `title` and `category` are what the caps count by."""

    product_id: int
    score: float
    source: str
    title: str = ""
    category: str = ""


@dataclass(frozen=True)
class Dropped:
    product_id: int
    rule: str
    detail: str


@dataclass(frozen=True)
class Caps:
    """limit: places. per_category: at most so many of one category, 0 for any number."""

    limit: int
    per_category: int = 0
    epsilon: float = EPSILON


@dataclass(frozen=True)
class Chosen:
    """items in order, with the probability of each in its place; `slot` is the drawn place, None when nothing was drawn,
    and `odds` the probability of each product that could have stood there.
    """

    items: tuple[Candidate, ...]
    propensities: tuple[float, ...]
    slot: int | None = None
    odds: Mapping[int, float] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()


Rule = Callable[[Candidate], Dropped | None]


def choose(
    pinned: Sequence[Candidate],
    candidates: Iterable[Candidate],
    rules: Sequence[Rule],
    caps: Caps,
    rng: np.random.Generator,
) -> Chosen:
    """Pinned first, in their order and past every rule; then the candidates, which come best first and may repeat."""
    taken: list[Candidate] = list(pinned[: caps.limit])
    ids = {one.product_id for one in taken}
    titles = {one.title for one in taken if one.title}
    categories: dict[str, int] = {}
    for one in taken:
        categories[one.category] = categories.get(one.category, 0) + 1
    draws = caps.limit >= SHORTEST and caps.epsilon > 0 and len(taken) < caps.limit
    places = caps.limit - 1 if draws else caps.limit
    left: list[Candidate] = []
    dropped: list[Dropped] = []
    for one in candidates:
        if len(taken) == caps.limit:
            break
        if one.product_id in ids:
            continue
        ids.add(one.product_id)
        objection = next((said for rule in rules if (said := rule(one))), None)
        objection = objection or _full(one, titles, categories, caps)
        if objection is not None:
            if len(dropped) < TOLD:
                dropped.append(objection)
            continue
        if len(taken) >= places:
            # Of equal titles one may stand in the drawn place, whichever it is.
            left.append(one)
            if len(left) == AMONG:
                break
            continue
        taken.append(one)
        titles.add(one.title)
        categories[one.category] = categories.get(one.category, 0) + 1
    if not draws or not left:
        return Chosen(tuple(taken), (1.0,) * len(taken), dropped=tuple(dropped))
    odds = {one.product_id: caps.epsilon / len(left) for one in left}
    odds[left[0].product_id] += 1.0 - caps.epsilon
    drawn = left[int(rng.choice(len(left), p=np.array([odds[one.product_id] for one in left])))]
    propensities = (*(1.0,) * len(taken), odds[drawn.product_id])
    return Chosen((*taken, drawn), propensities, slot=len(taken), odds=odds, dropped=tuple(dropped))


def _full(one: Candidate, titles: set[str], categories: Mapping[str, int], caps: Caps) -> Dropped | None:
    if one.title and one.title in titles:
        return Dropped(one.product_id, "same_title", "A better one reads the same.")
    if caps.per_category and one.category and categories.get(one.category, 0) >= caps.per_category:
        return Dropped(one.product_id, "category_full", f"{caps.per_category} of “{one.category}” stand before it.")
    return None
