"""What people search for, counted by pseudonym: words are opened here, and only those that many typed leave."""

from collections import defaultdict
from datetime import datetime

from django.db import connection

from customers.queries.pseudonyms import reading
from customers.services.pseudonyms import named
from customers.services.seal import open_words

RARE = ""  # stands for every word that fewer people typed
SEARCHES = "SELECT person, week, sealed FROM customers_training_search ORDER BY person"

Weekly = dict[str, dict[int, set[int]]]  # term: week from 1: pseudonyms


def searched(*, since: datetime, until: datetime, least: int) -> Weekly:
    """Who typed what in which week of [since, until), of people who may be learnt from.

    A term that fewer than `least` people typed could name one of them: all those are one entry, RARE.
    """
    with reading(since=since, until=until), connection.cursor() as cursor:
        cursor.execute(SEARCHES)
        rows = list(named((person, person, week, sealed) for person, week, sealed in cursor.fetchall()))
    found: Weekly = defaultdict(lambda: defaultdict(set))
    opened = open_words((customer_id, sealed) for customer_id, *_, sealed in rows)
    for (_, person, week, _), words in zip(rows, opened, strict=True):
        if term := " ".join(words.get("query", "").lower().split()):
            found[term][week].add(person)
    told: Weekly = defaultdict(lambda: defaultdict(set))
    for term, weeks in found.items():
        name = term if len(set().union(*weeks.values())) >= least else RARE
        for week, people in weeks.items():
            told[name][week] |= people
    return told
