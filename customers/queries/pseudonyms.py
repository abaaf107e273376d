"""Readings for learning: the training views under one purpose's pseudonyms, and the way back to people.

A pseudonym names a person within one purpose and epoch: models hold nothing else. The key comes from the environment and
goes to the database for the length of one transaction.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from customers import crypto
from customers.exceptions import UnknownEpoch

# Each purpose makes other pseudonyms of the same people.
RECOMMENDING, RISK = "recommending", "risk"
EPOCH_BITS = 57

OPEN = """
SELECT set_config('attune.training_inner', %s, true), set_config('attune.training_outer', %s, true),
       set_config('attune.training_epoch', %s, true), set_config('attune.training_since', %s, true),
       set_config('attune.training_until', %s, true)
"""
PEOPLE = "SELECT customers_pseudonym(id), id FROM customers_customer WHERE erased_at IS NULL ORDER BY 1"
# One round trip opens, reads and closes: without a transaction around it, the three statements are one.
ONCE = f"""{OPEN}, set_config('attune.risk_people', %s, true), set_config('attune.risk_since', %s, true);
{{}};
{OPEN}, set_config('attune.risk_people', '', true), set_config('attune.risk_since', '', true)
"""
CLOSED = ("", "", "0", "", "")
OWNERS = """
SELECT customers_pseudonym(id), min(id) FROM customers_customer
WHERE erased_at IS NULL AND id IN (SELECT customer_id FROM customers_order WHERE id = ANY(%(orders)s))
GROUP BY 1 HAVING count(*) = 1
"""


def epochs() -> dict[int, bytes]:
    """The keys that this install holds, by epoch. Raises BadKeyring."""
    return crypto.training_keys(settings.TRAINING_KEY)


def epoch_of(people: np.ndarray) -> int:
    """The epoch that these pseudonyms are of. Raises UnknownEpoch where its key is not held, or they are of several."""
    found = np.unique(people >> EPOCH_BITS)
    if len(found) != 1 or int(found[0]) not in epochs():
        raise UnknownEpoch(
            f"The model names people of epoch {', '.join(map(str, found.tolist())) or 'none'}; this install holds the keys "
            f"of {', '.join(map(str, sorted(epochs())))}. Train again."
        )
    return int(found[0])


@contextmanager
def reading(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    epoch: int | None = None,
    purpose: str = RECOMMENDING,
) -> Iterator[None]:
    """Inside, the training views hold what may be learnt from in [since, until), under the pseudonyms of this epoch (the
    newest). Orders need the window; who people are does not. The views are empty anywhere else.
    """
    opened = _opened(purpose, epoch, since, until)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(OPEN, opened)
        try:
            yield
        finally:
            # Inside somebody's transaction the settings would last to its end. After an error it ends at once anyway.
            if not connection.needs_rollback and connection.connection.info.transaction_status.name == "INTRANS":
                with connection.cursor() as cursor:
                    cursor.execute(OPEN, CLOSED)


def read_once(
    sql: str,
    params: dict,
    *,
    purpose: str,
    since: datetime | None = None,
    until: datetime | None = None,
    people: Iterable[int] = (),
    new_since: datetime | None = None,
) -> list[tuple]:
    """The rows of one SELECT in a reading of its own, in one round trip. Not inside another reading, which it would close.

    people, new_since: for the sweep's view, whose orders it shows (customer ids) and which of them it calls new.
    """
    with connection.cursor() as cursor:
        whose = ["{" + ",".join(map(str, people)) + "}", _written(new_since)]
        read = cursor.mogrify(sql, params)
        cursor.execute(ONCE.format(read.replace("%", "%%")), [*_opened(purpose, None, since, until), *whose, *CLOSED])
        cursor.nextset()
        return cursor.fetchall()


def _opened(purpose: str, epoch: int | None, since: datetime | None, until: datetime | None) -> tuple[str, ...]:
    """What OPEN needs, of this epoch (the newest)."""
    keys = epochs()
    epoch = max(keys) if epoch is None else epoch
    inner, outer = crypto.training_pads(keys[epoch], purpose, epoch)
    return inner.hex(), outer.hex(), str(epoch), _written(since), _written(until)


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def owners(order_ids: Iterable[int], *, purpose: str) -> list[tuple[int, int]]:
    """(pseudonym, customer id) of those whom these orders belong to and who are there, each alone under it."""
    return read_once(OWNERS, {"orders": list(order_ids)}, purpose=purpose)


def pseudonyms_of(customer_id: int) -> list[int]:
    """Under every epoch that is held; also of somebody erased, whose rows in artifacts have to go."""
    found = []
    for epoch in epochs():
        with reading(epoch=epoch), connection.cursor() as cursor:
            cursor.execute("SELECT customers_pseudonym(%s)", [customer_id])
            found += cursor.fetchone()
    return found


def people_of_epochs() -> tuple[np.ndarray, np.ndarray]:
    """(pseudonyms rising, customer ids), (n,) int64 each, of everybody who is there, under every epoch that is held.

    Whom two share (once in 300,000 installs of a million people) is left out: nobody gets another's list.
    """
    parts = []
    for epoch in epochs():
        with reading(epoch=epoch), connection.cursor() as cursor:
            cursor.execute(PEOPLE)
            parts.append(np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2))
    table = np.concatenate(parts)
    table = table[np.argsort(table[:, 0], kind="stable")]
    _, first, count = np.unique(table[:, 0], return_index=True, return_counts=True)
    alone = first[count == 1]
    return table[alone, 0], table[alone, 1]
