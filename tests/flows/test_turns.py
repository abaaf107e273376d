"""Wake-ups of a send: one waits at the most, a lost one is rung again, and a long send lets others have their turn."""

import pytest
from django.core.cache import cache

from campaigns import tasks
from campaigns.models import Message
from campaigns.services import delivery
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def rung(monkeypatch):
    """Every wake-up that reached the broker."""
    calls = []
    monkeypatch.setattr("campaigns.tasks.deliver.delay", lambda *arguments: calls.append(arguments))
    cache.clear()
    return calls


def test_a_hundred_sweeps_leave_one_wake_up_until_somebody_hears_it(rung, sink):
    sink()
    shop = open_shop(people=3)
    delivery.start(shop.campaign.pk)
    for _ in range(100):
        tasks.sweep()
    assert rung == [(shop.campaign.pk, "email")]

    delivery.pause(shop.campaign.pk, actor=shop.marketer, reason="to look")
    tasks.deliver(*rung[0])  # heard, and there is nothing to do
    delivery.resume(shop.campaign.pk, actor=shop.marketer)
    tasks.sweep()
    assert rung == [(shop.campaign.pk, "email")] * 2


def test_a_wake_up_that_was_lost_with_the_broker_is_rung_again(rung, sink):
    sink()
    shop = open_shop(people=3)
    delivery.start(shop.campaign.pk)
    tasks.sweep()
    cache.touch(tasks._rung(shop.campaign.pk, "email"), 0)  # its time is over
    tasks.sweep()
    assert len(rung) == 2


def test_a_long_send_goes_behind_what_waits_after_its_turn(rung, sink, monkeypatch):
    sink()
    shop = open_shop(people=7)
    delivery.start(shop.campaign.pk)
    monkeypatch.setattr(tasks, "TURN", 0.0)
    monkeypatch.setattr(delivery, "BATCH", 3)
    monkeypatch.setattr(delivery, "MOST", 3)
    turns = 0
    tasks.wake(shop.campaign.pk, "email")
    while len(rung) > turns:
        turns += 1
        tasks.deliver(*rung[turns - 1])
    assert turns == 4  # 3, 3 and 1 messages, and the look that finds nothing
    assert Message.objects.filter(state="sent").count() == 7
    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "sent"
