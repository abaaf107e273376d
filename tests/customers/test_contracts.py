"""What a newest word allows, moment by moment."""

from datetime import UTC, datetime, timedelta

import pytest

from customers.contracts import Action, Channel, ConsentState, Purpose

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_state(action: Action, valid_until: datetime | None = None) -> ConsentState:
    return ConsentState(Purpose.MARKETING, Channel.EMAIL, action, SINCE, valid_until)


@pytest.mark.parametrize("action", Action)
def test_three_acts_allow_and_no_other(action):
    assert a_state(action).allows(SINCE + SECOND) == (action in {"given", "confirmed", "imported"})


def test_it_holds_from_its_moment_until_the_moment_it_ends():
    state = a_state(Action.GIVEN, valid_until=SINCE + 10 * SECOND)
    moments = [SINCE - SECOND, SINCE, SINCE + 9 * SECOND, SINCE + 10 * SECOND]
    assert [state.allows(moment) for moment in moments] == [False, True, True, False]


def test_words_fit_their_columns():
    assert max(len(purpose) for purpose in Purpose) <= 20
    assert max(len(channel) for channel in Channel) <= 10
    assert max(len(action) for action in Action) <= 12
