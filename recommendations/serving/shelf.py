"""The index that this process ranks with: opened when a new one was published, checked by digest, kept when that is damaged."""

import logging
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from recommendations.contracts import SERVED
from recommendations.ml.alike import Alike
from recommendations.ml.index import ItemIndex, best
from recommendations.ml.nearest import Nearest, load_graph
from recommendations.ml.newcomers import Newcomers
from recommendations.ml.published import Damaged, OpenSet, current, open_set, published_at
from recommendations.services.published import FILE, GRAPH, folder
from registry import services as registry

log = logging.getLogger(__name__)

DEEP = 120  # candidates of a step: enough that titles, stock and caps leave thirty
LOOK_EVERY = 1.0  # seconds between two looks at the pointer: 64 bytes, so a promotion is served within a second


@dataclass(frozen=True, eq=False)
class Shelf:
    """items: what was bought often enough to say something; newcomers: what was not, by what it is like; alike: what people
    of one age, income or household buy. near: every product on sale by its words; vector_products
    (m,) ids ascending, beside its vectors. model_version: the recommender whose data window this is.
    """

    digest: str
    items: ItemIndex | None
    newcomers: Newcomers | None
    alike: Alike | None
    near: Nearest
    vector_products: np.ndarray
    model_version: int | None
    until: str

    @cached_property
    def best_sellers(self) -> tuple[np.ndarray, np.ndarray]:
        """(positions, scores) of the most popular, the same in every answer without filters."""
        return best(self.items.popular, DEEP)


class _Holder:
    """One a process. A thread opens the new set, the others go on with the old one."""

    def __init__(self) -> None:
        self.shelf: Shelf | None = None
        self.refused: int | None = None  # the publication that was found damaged: not read again at every look
        self.where: Path | None = None
        self.looked = 0.0
        self.lock = threading.Lock()

    def get(self) -> Shelf | None:
        now = time.monotonic()
        if self.where == folder() and now - self.looked < LOOK_EVERY:
            return self.shelf
        # The first answer of a process waits for the index; later ones do not wait for a newer one.
        if not self.lock.acquire(blocking=self.shelf is None):
            return self.shelf
        try:
            self._look()
        finally:
            self.looked = time.monotonic()
            self.lock.release()
        return self.shelf

    def _look(self) -> None:
        here = folder()
        if self.where != here:
            self.shelf, self.refused, self.where = None, None, here
        digest, publication = current(here), published_at(here)
        if digest is None or publication == self.refused or (self.shelf and digest == self.shelf.digest):
            return
        try:
            self.shelf = _shelf(open_set(here, digest))
            self.refused = None
        except (Damaged, KeyError, TypeError, ValueError) as error:
            self.refused = publication
            log.error("the published index is refused: %s", error)
            registry.raise_alarm(
                SERVED,
                FILE,
                f"Refused: {error} The one before it answers, or the nightly lists. Score everybody again to publish anew.",
            )


def _shelf(found: OpenSet) -> Shelf:
    arrays = found.arrays
    items = ItemIndex(**{name: arrays[name] for name in ItemIndex.names()}) if "products" in arrays else None
    graph = load_graph(found.files[GRAPH]) if GRAPH in found.files else None
    return Shelf(
        digest=found.digest,
        items=items,
        newcomers=_of(Newcomers, arrays),
        alike=_of(Alike, arrays),
        near=Nearest(arrays["vectors"], graph),
        vector_products=arrays["vector_products"],
        model_version=found.about["model_version"],
        until=found.about["until"],
    )


def _of(kind, arrays: dict[str, np.ndarray]):
    """None where nothing of the kind was published."""
    names = kind.names()
    return kind(**{name: arrays[name] for name in names}) if set(names) <= set(arrays) else None


_holder = _Holder()


def shelf() -> Shelf | None:
    """What is published now, or None before the first scoring. Costs nothing but a look at a pointer once a second."""
    return _holder.get()
