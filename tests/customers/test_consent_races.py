"""Writers at once: every chain stays whole, and nobody waits for another shard."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from customers.models import ConsentRecord, ConsentState, SubjectKey
from customers.services import consent, withdraw
from tests import factories
from tests.customers.rows import act, reachable

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
WRITERS = 16


def at_once(work, arguments) -> list:
    """Calls `work` with each argument, all started together, each on a connection of its own."""
    arguments = list(arguments)
    start = Barrier(len(arguments))

    def one(argument):
        start.wait()
        try:
            return work(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(one, arguments))


def test_sixteen_writers_on_the_same_people_keep_every_chain_whole():
    people = [factories.customer().pk for _ in range(4)]
    act(people[0])  # publishes the wording before the race

    def ten_acts(writer: int) -> int:
        for turn in range(10):
            consent.record(act(people[(writer + turn) % 4], "given" if (writer + turn) % 3 else "withdrawn"))
        return 10

    assert sum(at_once(ten_acts, range(WRITERS))) == 160
    assert ConsentRecord.objects.count() == 160
    assert list(consent.verify()) == []
    assert list(consent.compare_state()) == []


def test_bulk_writers_take_shards_in_order_and_never_lock_each_other_out():
    people = [factories.customer().pk for _ in range(40)]
    act(people[0])

    def everyone(writer: int) -> int:
        order = people if writer % 2 else people[::-1]
        return consent.record_many([act(pk) for pk in order])

    assert at_once(everyone, range(8)) == [40] * 8
    assert list(consent.verify()) == []
    assert ConsentState.objects.count() == 40


def test_two_writers_give_a_person_one_key():
    ann = factories.customer()
    at_once(lambda _: consent.record(act(ann.pk, "refused", notice_version="")), range(8))

    assert len({bytes(subject) for subject in ConsentRecord.objects.values_list("subject", flat=True)}) == 1
    assert SubjectKey.objects.get().customer == ann


def test_withdrawals_at_once_leave_one_suppression():
    ann = reachable()
    done = at_once(
        lambda _: withdraw.withdraw(
            customer_id=ann.pk, channel="email", purpose="marketing", method="one_click", actor="subject"
        ),
        range(8),
    )
    assert done == [True] * 8
    assert not ConsentState.objects.get(customer=ann).is_given
