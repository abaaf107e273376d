"""The way back: rows that learning made under pseudonyms get their people."""

from collections.abc import Iterable, Iterator, Sequence

from customers.queries.pseudonyms import RISK, owners, people_of_epochs


def named(rows: Iterable[tuple]) -> Iterator[tuple]:
    """The rows with their first column, a pseudonym, replaced by the customer's id. Who is gone is left out.

    Everything is read before the first row is asked for, so that rows can go into a COPY on the same connection.
    """
    pseudonyms, ids = people_of_epochs()
    return _named(rows, dict(zip(pseudonyms.tolist(), ids.tolist(), strict=True)))


def owned(rows: Sequence[tuple]) -> list[tuple]:
    """As `named`, for the fraud sweep's rows (pseudonym, order, ...): looks among the owners of those orders alone, so that
    it costs as much as there are rows and not as there are people.
    """
    return list(_named(rows, dict(owners({order for _, order, *_ in rows}, purpose=RISK)))) if rows else []


def _named(rows: Iterable[tuple], of: dict[int, int]) -> Iterator[tuple]:
    for person, *rest in rows:
        customer_id = of.get(person)
        if customer_id is not None:
            yield (customer_id, *rest)
