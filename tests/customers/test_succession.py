"""Which act may follow which: no import and no late confirmation revives what a person ended; a "no" is always taken."""

import pytest

from customers.contracts import MAY_FOLLOW, NOES, Action
from customers.exceptions import ConsentRefused
from customers.models import ConsentRecord, ConsentState
from customers.services import consent
from tests import factories
from tests.customers.rows import act

pytestmark = pytest.mark.django_db

WAY_TO = {  # acts that lead to each last word
    None: [], Action.REQUESTED: ["requested"], Action.GIVEN: ["given"], Action.IMPORTED: ["imported"],
    Action.CONFIRMED: ["requested", "confirmed"], Action.REFUSED: ["refused"], Action.WITHDRAWN: ["given", "withdrawn"],
    Action.OBJECTED: ["objected"], Action.EXPIRED: ["given", "expired"],
}  # fmt: skip


@pytest.mark.parametrize("before", [None, *Action])
@pytest.mark.parametrize("action", [*Action])
def test_the_ledger_takes_what_the_table_allows_and_nothing_else(before, action):
    ann = factories.customer()
    for step in WAY_TO[before]:
        consent.record(act(ann.pk, step))
    if action in MAY_FOLLOW[before]:
        consent.record(act(ann.pk, action))
        assert ConsentRecord.objects.latest("id").action == action
        return
    count = ConsentRecord.objects.count()
    with pytest.raises(ConsentRefused) as refusal:
        consent.record(act(ann.pk, action))
    assert refusal.value.field == "action"
    assert ConsentRecord.objects.count() == count


def test_a_no_may_follow_anything():
    assert all(following >= NOES for following in MAY_FOLLOW.values())


def test_an_import_does_not_revive_a_no_to_every_channel():
    ann = factories.customer()
    consent.record(act(ann.pk, "objected", channel="any"))
    with pytest.raises(ConsentRefused, match="does not revive what this person ended"):
        consent.record(act(ann.pk, "imported", channel="sms"))
    consent.record(act(ann.pk, "imported", channel="sms", purpose="profiling"))  # another purpose is another matter


def test_a_batch_is_refused_before_any_of_it_is_written():
    people = [factories.customer() for _ in range(3)]
    consent.record(act(people[1].pk, "withdrawn"))
    with pytest.raises(ConsentRefused, match=f"customer {people[1].pk}"):
        consent.record_many([act(one.pk, "imported") for one in people])
    assert ConsentRecord.objects.count() == 1
    assert ConsentState.objects.count() == 1
