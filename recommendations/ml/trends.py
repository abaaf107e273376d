"""What more people buy or search for than before, told apart from chance.

Two windows of one length. Of the people who shopped in each (N1 and N0), n1 and n0 took to a thing. If nothing changed,
n1 of the n1 + n0 falls like Binomial(n1 + n0, N1 / (N1 + N0)): the test of two Poisson rates given their sum. Over some
thousand things a few would look new by luck alone, so the chances are corrected (Benjamini and Hochberg 1995): of what is
called rising at level q, a share of q is expected to be luck.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

LEVEL = 0.05
LEAST_PEOPLE = 20  # in both windows together: below it hardly anything could be told from chance
LEAST_CHANGE = 1.1  # a rise that is certain and small is no news


@dataclass(frozen=True, slots=True)
class Rise:
    """people and before: in the later and the earlier window. change: share of the shoppers now over the share before,
    with half a person added to each so that nothing is infinite. chance: corrected (q).
    """

    name: str
    people: int
    before: int
    change: float
    chance: float


def rising(counts: list[tuple[str, int, int]], shoppers: int, shoppers_before: int) -> list[Rise]:
    """counts: (name, people now, people before). What passes, the surest first, then the largest change.

    >>> rising([("plums", 60, 20), ("milk", 500, 500)], 1000, 1000)[0].name
    'plums'
    """
    tested = [row for row in counts if row[1] + row[2] >= LEAST_PEOPLE]
    if not tested or shoppers <= 0 or shoppers_before <= 0:
        return []
    now, before = (np.array([row[place] for row in tested]) for place in (1, 2))
    chance = corrected(binom.sf(now - 1, now + before, shoppers / (shoppers + shoppers_before)))
    change = (now + 0.5) / (before + 0.5) * (shoppers_before / shoppers)
    found = [
        Rise(row[0], int(row[1]), int(row[2]), float(change[place]), float(chance[place]))
        for place, row in enumerate(tested)
        if chance[place] <= LEVEL and change[place] >= LEAST_CHANGE
    ]
    return sorted(found, key=lambda rise: (rise.chance, -rise.change, rise.name))


def corrected(chance: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's q for each p.

    >>> corrected(np.array([0.01, 0.04, 0.03, 0.5])).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    order = np.argsort(chance)
    scaled = chance[order] * len(chance) / np.arange(1, len(chance) + 1)
    q = np.empty(len(chance))
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q
