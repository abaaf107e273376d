"""Reads what people did on social networks, under pseudonyms, of those who may be learnt from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection
from scipy import sparse

from catalog.models import Product
from customers.queries.behaviour import product_ids
from customers.queries.pseudonyms import reading
from recommendations.ml.deeds import LEAST_DEEDS, WEIGHTS

DEEDS = "SELECT person, action, network, product, deeds FROM customers_training_deed"
ENOUGH = """
SELECT count(*) FROM (SELECT 1 FROM customers_training_deed GROUP BY person HAVING sum(deeds) >= %(least)s) found
"""


@dataclass(frozen=True, eq=False)
class Deeds:
    """people: (n,) pseudonyms, rising, each with LEAST_DEEDS deeds or more; matrix: (n, targets) summed weights; targets:
    what they are, in words; counts: (n,) deeds; fewer: people with too few of them.
    """

    people: np.ndarray
    matrix: sparse.csr_array
    targets: list[str]
    counts: np.ndarray
    fewer: int


def people_with_enough(*, since: datetime, until: datetime) -> int:
    """How many have LEAST_DEEDS follows, likes, shares and comments or more. Reads events: for a worker."""
    with reading(since=since, until=until), connection.cursor() as cursor:
        cursor.execute(ENOUGH, {"least": LEAST_DEEDS})
        return cursor.fetchone()[0]


def deeds(*, since: datetime, until: datetime, targets: list[str] | None = None) -> Deeds:
    """A deed speaks of the network that it was on, and of the department and the category of its product. targets: a model's,
    in its order; without them all that were found.
    """
    with reading(since=since, until=until), connection.cursor() as cursor:
        cursor.execute(DEEDS)
        rows = cursor.fetchall()
    ids = product_ids(None, {product for *_, product, _ in rows if product})
    about = {pk: kinds for pk, *kinds in Product.objects.filter(pk__in=set(ids.values())).values_list(
        "pk", "department", "category")}  # fmt: skip
    total: dict[int, int] = {}
    for person, *_, count in rows:
        total[person] = total.get(person, 0) + count
    people = np.array(sorted(person for person, count in total.items() if count >= LEAST_DEEDS), dtype=np.int64)
    cells: dict[tuple[int, str], float] = {}
    for person, action, network, product, count in rows:
        if total[person] < LEAST_DEEDS or action not in WEIGHTS:
            continue
        for target in _targets(network, about.get(ids.get(product), ())):
            cells[person, target] = cells.get((person, target), 0.0) + WEIGHTS[action] * count
    names = sorted({target for _, target in cells}) if targets is None else targets
    place = {name: column for column, name in enumerate(names)}
    kept = [(person, place[target], weight) for (person, target), weight in cells.items() if target in place]
    row = np.searchsorted(people, np.array([person for person, _, _ in kept], dtype=np.int64))
    column = np.array([column for _, column, _ in kept], dtype=np.int64)
    weight = np.array([weight for _, _, weight in kept])
    return Deeds(
        people=people,
        matrix=sparse.csr_array(sparse.coo_array((weight, (row, column)), shape=(len(people), len(names)))),
        targets=list(names),
        counts=np.array([total[person] for person in people.tolist()], dtype=np.int64),
        fewer=len(total) - len(people),
    )


def _targets(network: str, kinds: Iterable[str]) -> set[str]:
    found = {kind.lower() for kind in kinds if kind}
    return found | {f"on {network}"} if network else found
