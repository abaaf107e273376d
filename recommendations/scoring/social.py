"""Each person's group by what they do on social networks, what they lean to there, and who is like them."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from customers.services.pseudonyms import named
from recommendations.contracts import HISTORY, SOCIAL_GROUPS
from recommendations.ml.deeds import LEAST_DEEDS, LEAST_PEOPLE
from recommendations.ml.social import SocialGroups, alike
from recommendations.queries.social import deeds, people_with_enough
from registry import queries as registry
from registry.services import load_arrays

LEANINGS, ALIKE = 3, 3


@dataclass(frozen=True)
class Social:
    """people: pseudonym -> what a profile keeps of them. groups: (number, name, people) for the overview. reason: why there
    are none, "" where there are.
    """

    people: dict[int, dict]
    groups: list[tuple[int, str, int]]
    reason: str = ""


def social(until: datetime) -> Social:
    version = registry.live(SOCIAL_GROUPS)
    if version is None:
        people = people_with_enough(since=until - HISTORY, until=until)
        return Social({}, [], f"{people:,} people with {LEAST_DEEDS} or more of them; {LEAST_PEOPLE} are needed.")
    targets, names = version.params["targets"], version.params["names"]
    found = deeds(since=until - HISTORY, until=until, targets=targets)
    model = SocialGroups.from_state(load_arrays(version))
    group = model.predict(found.matrix)
    near, likeness = alike(model.place(found.matrix), group, k=ALIKE)
    customers = dict(named(zip(found.people.tolist(), found.people.tolist(), strict=True)))
    ids = {person: customer for customer, person in customers.items()}
    whole = np.asarray(found.matrix.sum(axis=0)).reshape(-1)
    usual = whole / max(whole.sum(), 1e-9)
    people = {}
    for row, person in enumerate(found.people.tolist()):
        if group[row] < 0:
            continue
        mine = slice(found.matrix.indptr[row], found.matrix.indptr[row + 1])
        columns, weights = found.matrix.indices[mine], found.matrix.data[mine]
        share = weights / weights.sum()
        best = np.argsort(-share / np.maximum(usual[columns], 1e-9), kind="stable")[:LEANINGS]
        people[person] = {
            "group": int(group[row]),
            "name": names[group[row]],
            "deeds": int(found.counts[row]),
            "leanings": [
                [targets[columns[i]], round(float(share[i]), 4), round(float(share[i] / usual[columns[i]]), 2)]
                for i in best
            ],
            "alike": [
                [ids[found.people[other]], round(float(cosine), 3)]
                for other, cosine in zip(near[row].tolist(), likeness[row].tolist(), strict=True)
                if other >= 0 and found.people[other] in ids
            ],
        }
    sizes = np.bincount(group[group >= 0], minlength=len(names))
    return Social(people, [(number, name, int(sizes[number])) for number, name in enumerate(names)])
