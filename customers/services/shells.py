"""Where a word goes that comes for a merged record: to the person whom it was merged into, with both rows held.

A link in an old message, an opt-in that waits or a line of a file may name a record that is a shell by now. The ledger
has no column for that name, so the record's actor says it after the one who spoke ("subject for record 12"): by this an
undone merge finds the words that are the shell's own.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from django.db import connection

from customers.queries.people import standing

# A merge that is under way takes these rows for itself: it sees the word, or the word sees it.
HOLD = "SELECT merged_into_id FROM customers_customer WHERE id = ANY(%s) ORDER BY id FOR {}"
CAME_AS = re.compile(r" for record (\d+)$")
ACTOR_LENGTH = 60  # of ConsentRecord.actor
Said = TypeVar("Said")


def hold(customer_ids: Iterable[int], *, to_change: bool = False) -> dict[int, int]:
    """Where each of these stands, all rows held to the end of the transaction; who was not merged is left out.

    One statement where nobody was merged, however many they are. `to_change`: the caller updates the rows afterwards.
    """
    statement = HOLD.format("NO KEY UPDATE" if to_change else "SHARE")
    held = set(customer_ids)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, [sorted(held)])
            is_any_merged = any(into is not None for (into,) in cursor.fetchall())
        now = standing(held) if is_any_merged else {}
        if held.issuperset(now.values()):
            return now
        held.update(now.values())


def addressed(words: Iterable[Said], now: Mapping[int, int]) -> list[Said]:
    """Each word (with `customer_id` and `came_as`) for the person as `now` tells, with the record that it came for."""
    return [
        replace(one, customer_id=now[one.customer_id], came_as=one.came_as or one.customer_id)
        if one.customer_id in now
        else one
        for one in words
    ]


def actor_of(actor: str, came_as: int | None) -> str:
    """Who spoke, as the ledger keeps it."""
    if came_as is None:
        return actor
    through = f" for record {came_as}"
    return actor[: ACTOR_LENGTH - len(through)] + through


def came_as(actor: str) -> int | None:
    """The merged record that this ledger record came for; None for the person's own."""
    found = CAME_AS.search(actor)
    return int(found[1]) if found else None
