"""Data whose right answer a reader can see."""

import numpy as np

from recommendations.ml.interactions import Interactions
from recommendations.ml.splits import PurchaseLog, Split, time_split

CUT = 100.0
HORIZON = 28.0


def interactions(rows: list[tuple[int, int, float]], n_users: int, n_items: int) -> Interactions:
    """From (user, item, days before the cut)."""
    user, item, days = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions(user, item, days.astype(float), np.ones(len(rows)), n_users, n_items)


def held_back(user: int, n_items: int) -> int:
    """The one item of the person's own colour that they have not bought before the cut."""
    return (user + 2 * (user // n_items)) % n_items


def favourites(user: int, n_items: int) -> list[int]:
    """Three items of the own colour, bought every ten days."""
    return [(held_back(user, n_items) + step) % n_items for step in (2, 4, 6)]


def checkerboard(n_users: int, n_items: int = 40) -> Split:
    """Even people buy even items, odd people odd ones (n_items even); the last person buys nothing.

    Before the cut each bought every item of their colour once, 60 days ago, but one; and three favourites every ten
    days. In the horizon they buy the favourites and the one that was held back. So in view "novel" exactly one item is
    true and only its colour tells; in "all" four are.
    """
    rows = []
    for user in range(n_users - 1):
        held = held_back(user, n_items)
        rows += [(user, item, 40.0) for item in range(user % 2, n_items, 2) if item != held]
        rows += [(user, item, day) for item in favourites(user, n_items) for day in np.arange(5.0, CUT, 10.0)]
        rows += [(user, item, CUT + 1) for item in [held, *favourites(user, n_items)]]
    user, item, day = (np.array(column) for column in zip(*rows, strict=True))
    log = PurchaseLog(user, item, day, np.ones(len(rows)), n_users, n_items)
    return time_split(log, CUT, HORIZON, min_buyers=1)
