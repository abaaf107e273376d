"""Who is treated and who is held out, by a fixed hash: the same answer on every machine, in every year, in any order.

The draw is the first 48 bits of SHA-256 over `salt LF unit` in UTF-8, read as a big-endian number; the hold-out are those
below share x 2^48. 48 bits are exact in a float and in SQL, where the same draw reads

    ('x' || left(encode(sha256(convert_to(salt || E'\\n' || unit, 'UTF8')), 'hex'), 12))::bit(48)::bigint < threshold

A unit is a group of customers who share contact points, over any number of others: they share the arm, or a held-out
person would read the mail of a treated one. A larger share keeps everyone held out who was so under a smaller one.
"""

import hashlib
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from campaigns.contracts import Arm

BITS = 48
_BYTES = BITS // 8


def threshold(holdout_share: float) -> int:
    """Draws below this number are held out. The share runs from 0 (nobody) to 1 (everybody)."""
    if not 0 <= holdout_share <= 1:
        raise ValueError(f"A hold-out share runs from 0 to 1, not {holdout_share}.")
    return round(holdout_share * 2**BITS)


def arm(salt: str, unit: str, holdout_share: float) -> Arm:
    """The arm of one unit."""
    draw = int.from_bytes(hashlib.sha256(_prefix(salt) + unit.encode()).digest()[:_BYTES], "big")
    return Arm.HOLDOUT if draw < threshold(holdout_share) else Arm.TREATED


def arms(salt: str, units: Sequence[str], holdout_share: float) -> np.ndarray:
    """(n,) array of str, "treated" or "holdout", one a unit in their order: `arm` for many, at a million a second."""
    prefix, sha256 = _prefix(salt), hashlib.sha256
    digests = b"".join([sha256(prefix + unit.encode()).digest() for unit in units])
    # (n, 4) words of 64 bits; the draw is the upper 48 of the first.
    words = np.frombuffer(digests, dtype=">u8").reshape(-1, 4)[:, 0]
    is_holdout = (words >> np.uint64(64 - BITS)) < np.uint64(threshold(holdout_share))
    return np.where(is_holdout, Arm.HOLDOUT.value, Arm.TREATED.value)


class Units:
    """Who is one unit, by what they share: disjoint sets, near linear in the pairs that are joined.

    Tarjan (1975), "Efficiency of a good but not linear set union algorithm", with path halving. A junk address of a hundred
    thousand people, or a chain of as many, costs as much as any other hundred thousand pairs.
    """

    def __init__(self):
        self._above: dict[int, int] = {}
        self._first: dict[Hashable, int] = {}

    def join(self, pairs: Iterable[tuple[Hashable, int]]) -> None:
        """Each pair is a place, such as an address, and a customer id that has it."""
        for place, customer in pairs:
            self._above.setdefault(customer, customer)
            one, other = self.find(self._first.setdefault(place, customer)), self.find(customer)
            if one != other:
                # The smaller id stays on top: it names the unit.
                self._above[max(one, other)] = min(one, other)

    def find(self, customer: int) -> int:
        """The smallest id of the unit; the customer's own when nothing is shared."""
        above = self._above
        while (up := above.get(customer, customer)) != customer:
            above[customer] = customer = above.get(up, up)
        return customer

    def __iter__(self):
        """(customer, unit) of everybody who was named."""
        return ((customer, self.find(customer)) for customer in list(self._above))

    def __contains__(self, customer: int) -> bool:
        return customer in self._above


def _prefix(salt: str) -> bytes:
    # Without this, salt "a" with unit "b LF c" would draw what salt "a LF b" draws for unit "c".
    if not salt or "\n" in salt:
        raise ValueError("A salt is one line of text and not empty.")
    return salt.encode() + b"\n"
