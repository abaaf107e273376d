"""Who is treated and who is held out, by a fixed hash: the same answer on every machine, in every year, in any order.

The draw is the first 48 bits of SHA-256 over `salt LF unit` in UTF-8, read as a big-endian number; the hold-out are those
below share x 2^48. 48 bits are exact in a float and in SQL, where the same draw reads

    ('x' || left(encode(sha256(convert_to(salt || E'\\n' || unit, 'UTF8')), 'hex'), 12))::bit(48)::bigint < threshold

A unit is the group of customers who share a contact point: they share the arm, or a held-out person would read the mail
of a treated one. A larger share keeps everyone held out who was so under a smaller one.
"""

import hashlib
from collections.abc import Sequence

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


def _prefix(salt: str) -> bytes:
    # Without this, salt "a" with unit "b LF c" would draw what salt "a LF b" draws for unit "c".
    if not salt or "\n" in salt:
        raise ValueError("A salt is one line of text and not empty.")
    return salt.encode() + b"\n"
