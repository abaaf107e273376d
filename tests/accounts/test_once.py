"""A write request with an Idempotency-Key: done once, answered twice, and not lost with a killed process."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.exceptions import IdempotencyConflict
from accounts.models import IdempotencyKey
from accounts.services import IN_FLIGHT, once
from tests import factories

pytestmark = pytest.mark.django_db
DOOR = "POST /api/v1/events/"


def test_the_second_request_gets_the_first_answer_and_runs_nothing():
    user, runs = factories.staff("marketer"), []

    def work():
        runs.append(1)
        return 201, {"made": len(runs)}

    assert once(user, "k1", {"a": 1}, work, door=DOOR) == (201, {"made": 1}, False)
    assert once(user, "k1", {"a": 1}, work, door=DOOR) == (201, {"made": 1}, True)
    assert runs == [1]


def test_the_same_key_with_another_body_is_refused():
    user = factories.staff("marketer")
    once(user, "k1", {"a": 1}, lambda: (201, {}), door=DOOR)

    with pytest.raises(IdempotencyConflict, match="reused"):
        once(user, "k1", {"a": 2}, lambda: (201, {}), door=DOOR)


def test_a_request_whose_process_was_killed_is_taken_over_after_its_time():
    user = factories.staff("marketer")

    class Killed(BaseException):
        pass

    def die():
        raise Killed

    with pytest.raises(Killed):
        once(user, "k1", {"a": 1}, die, door=DOOR)
    with pytest.raises(IdempotencyConflict, match="in_flight"):
        once(user, "k1", {"a": 1}, lambda: (201, {"made": 1}), door=DOOR)

    with time_machine.travel(timezone.now() + IN_FLIGHT + timedelta(seconds=5), tick=False):
        assert once(user, "k1", {"a": 1}, lambda: (201, {"made": 1}), door=DOOR) == (201, {"made": 1}, False)
    assert IdempotencyKey.objects.get().status == 201


def test_what_failed_may_be_tried_again_under_the_same_key():
    user = factories.staff("marketer")

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        once(user, "k1", {"a": 1}, fail, door=DOOR)
    assert once(user, "k1", {"a": 1}, lambda: (201, {}), door=DOOR)[0] == 201


def test_a_key_is_of_one_door_too():
    """The same body at another address, or under another method, is another request: it must not get that one's answer."""
    user = factories.staff("marketer")
    once(user, "k1", {"ids": [1]}, lambda: (201, {}), door=DOOR)
    for door in ("POST /api/v1/products/", "PUT /api/v1/events/"):
        with pytest.raises(IdempotencyConflict, match="reused"):
            once(user, "k1", {"ids": [1]}, lambda: (201, {}), door=door)
    assert once(user, "k1", {"ids": [1]}, lambda: (500, {}), door=DOOR) == (201, {}, True)
