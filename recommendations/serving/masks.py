"""Which positions of the index a set of filters allows: asked of the catalogue once in half a minute, then a look-up.

A mask may be half a minute behind; what is shown is checked once more against the rows themselves.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np

from recommendations.contracts import Filters
from recommendations.queries.live import eligible
from recommendations.serving.shelf import Shelf

SECONDS = 30.0
MASKS = 64  # a megabyte each for a million products

_lock = threading.Lock()
_kept: "OrderedDict[tuple, tuple[float, Mask]]" = OrderedDict()


@dataclass(frozen=True, eq=False)
class Mask:
    """items: (n,) bool over the index. newcomers: the same over the products that are not in it; None where there is none."""

    items: np.ndarray
    newcomers: np.ndarray | None


def allowed(shelf: Shelf, filters: Filters) -> Mask | None:
    """None where there is no index to mask."""
    if shelf.items is None:
        return None
    # What depends on the person is no part of a mask.
    key = (shelf.digest, replace(filters, bought_within_days=0, repeat_cap=0, per_category=0))
    now = time.monotonic()
    with _lock:
        found = _kept.get(key)
        if found is not None and now - found[0] < SECONDS:
            return found[1]
    ids = eligible(filters)
    positions = shelf.items.positions(ids)
    items = np.zeros(len(shelf.items), dtype=bool)
    items[positions[positions >= 0]] = True
    new = shelf.newcomers
    mask = Mask(items, None if new is None else np.isin(new.new_products, ids))
    with _lock:
        _kept[key] = (now, mask)
        _kept.move_to_end(key)
        while len(_kept) > MASKS:
            _kept.popitem(last=False)
    return mask
