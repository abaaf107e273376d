"""Which positions of the index a set of filters allows: asked of the catalogue once in half a minute, then a look-up.

A mask may be half a minute behind; what is shown is checked once more against the rows themselves.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import replace

import numpy as np

from recommendations.contracts import Filters
from recommendations.queries.live import eligible
from recommendations.serving.shelf import Shelf

SECONDS = 30.0
MASKS = 64  # a megabyte each for a million products

_lock = threading.Lock()
_kept: "OrderedDict[tuple, tuple[float, np.ndarray]]" = OrderedDict()


def allowed(shelf: Shelf, filters: Filters) -> np.ndarray | None:
    """(n,) bool over the index; None where there is no index to mask."""
    if shelf.items is None:
        return None
    # What depends on the person is no part of a mask.
    key = (shelf.digest, replace(filters, bought_within_days=0, repeat_cap=0, per_category=0))
    now = time.monotonic()
    with _lock:
        found = _kept.get(key)
        if found is not None and now - found[0] < SECONDS:
            return found[1]
    positions = shelf.items.positions(eligible(filters))
    mask = np.zeros(len(shelf.items), dtype=bool)
    mask[positions[positions >= 0]] = True
    with _lock:
        _kept[key] = (now, mask)
        _kept.move_to_end(key)
        while len(_kept) > MASKS:
            _kept.popitem(last=False)
    return mask
