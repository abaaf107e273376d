"""The way back: rows that learning made under pseudonyms get their people."""

from collections.abc import Iterable, Iterator

import numpy as np

from customers.queries.pseudonyms import people_of_epochs


def named(rows: Iterable[tuple]) -> Iterator[tuple]:
    """The rows with their first column, a pseudonym, replaced by the customer's id. Who is gone is left out.

    Everything is read before the first row is asked for, so that rows can go into a COPY on the same connection.
    """
    pseudonyms, ids = people_of_epochs()
    return _named(rows, pseudonyms, ids)


def _named(rows: Iterable[tuple], pseudonyms: np.ndarray, ids: np.ndarray) -> Iterator[tuple]:
    of = dict(zip(pseudonyms.tolist(), ids.tolist(), strict=True))
    for person, *rest in rows:
        customer_id = of.get(person)
        if customer_id is not None:
            yield (customer_id, *rest)
