"""How many people share what is told of them: k-anonymity of demographics, as the platform has them and as learning reads."""

from collections import Counter
from dataclasses import dataclass

from django.db import connection

from catalog.models import Origin
from customers.models import Customer
from customers.queries.pseudonyms import reading

TOLD = ("age", "income", "household_size")
READ = "SELECT age, income, household_size FROM customers_training_person"


@dataclass(frozen=True)
class Anonymity:
    """`smallest` is k: the size of the smallest class; `alone` are people in classes smaller than five."""

    what: str
    people: int
    classes: int
    smallest: int
    alone: int


def anonymity() -> list[Anonymity]:
    """All attributes together, the three that models read, and those three as they are read."""
    people = Customer.objects.present().filter(origin=Origin.OBSERVED).exclude(attributes={})
    rows = list(people.values_list("attributes", flat=True).iterator(chunk_size=20_000))
    with reading(), connection.cursor() as cursor:
        cursor.execute(READ)
        read = [row for row in cursor.fetchall() if any(row)]
    return [
        _of("all attributes, as the platform has them", [tuple(sorted(row.items())) for row in rows]),
        _of(f"{', '.join(TOLD)}, as the platform has them", [tuple(row.get(name) for name in TOLD) for row in rows]),
        _of(f"{', '.join(TOLD)}, as learning reads them", read),
    ]


def _of(what: str, rows: list[tuple]) -> Anonymity:
    sizes = Counter(rows)
    return Anonymity(
        what, len(rows), len(sizes), min(sizes.values(), default=0), sum(n for n in sizes.values() if n < 5)
    )
