"""No message is sent after its withdrawal was acknowledged as effective: small here, whole in benchmarks.withdrawal_race."""

import pytest

from customers.services import consent
from tests.flows.race import trial

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def test_nothing_is_sent_after_a_withdrawal_was_acknowledged():
    tally = trial(120, people=200, senders=8, withdrawers=8, delay=0.2)

    assert tally.violations == []
    assert tally.withdrawals == tally.effective == 120  # every hand-over ended within the patience
    assert tally.met_under_way >= 10, "the trial met no message under way, so it shows nothing"
    assert tally.sent >= 40
    assert list(consent.verify()) == []


def test_without_patience_what_is_under_way_is_named():
    tally = trial(40, people=80, senders=8, withdrawers=4, delay=0.3, patience=0)

    assert tally.violations == []
    assert tally.under_way >= 5
    assert tally.effective == 40 - tally.under_way
