"""The held-back baskets enter as incoming orders: each once, in order of time, as far as asked."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from customers.models import Customer, DemoStore, Event, EventKey, Order, OrderLine, Quarantine
from customers.services import replay as replay_module
from customers.services.replay import replay
from tests.demo_cut import loaded

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
CUTOFF = datetime(2026, 11, 23, 5, tzinfo=UTC)
WEEK_LATER = datetime(2026, 11, 30, 5, tzinfo=UTC)
END = datetime(2026, 12, 21, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(django_db_setup, django_db_blocker):
    with loaded(django_db_blocker) as store:
        yield store


@pytest.fixture(autouse=True)
def _partitions_are_there(monkeypatch):
    # Made by another connection, they would wait for the end of the test's transaction.
    monkeypatch.setattr(replay_module.partitions, "ensure", lambda since, until: [])


def replayed():
    return Order.objects.filter(source="replay")


def test_one_week_comes_in_to_the_cent(store):
    report = replay(WEEK_LATER)

    assert (report.accepted, report.duplicates, report.quarantined) == (61, 0, ())
    assert report.replayed_until == DemoStore.objects.get().replayed_until == WEEK_LATER
    assert replayed().filter(ordered_at__gte=CUTOFF, ordered_at__lt=WEEK_LATER).count() == replayed().count() == 61
    assert OrderLine.objects.filter(order__source="replay").count() == 470
    assert replayed().aggregate(t=Sum("total"), d=Sum("discount"), c=Sum("coupon_discount")) == {
        "t": Decimal("1568.31"), "d": Decimal("239.36"), "c": Decimal("3.00"),
    }  # fmt: skip
    assert OrderLine.objects.filter(order__source="replay").aggregate(a=Sum("amount")) == {"a": Decimal("1568.31")}


def test_everything_comes_in_and_a_time_to_come_is_kept(store):
    report = replay()

    assert (report.accepted, report.quarantined, report.replayed_until) == (236, (), END)
    assert Order.objects.count() == 2_544 + 236
    assert OrderLine.objects.count() == 24_094
    assert set(replayed().values_list("channel", "origin", "merchant", "currency")) == {
        ("store", "observed", None, "USD")
    }
    assert EventKey.objects.count() == Event.objects.count() == 2_780
    assert Customer.objects.count() == 40
    assert not Quarantine.objects.exists()


def test_a_replayed_order_looks_like_a_loaded_one(store):
    replay(WEEK_LATER)

    old, new = (Event.objects.filter(source=source).first() for source in ("store", "replay"))
    assert old.properties.keys() == new.properties.keys()
    assert old.properties["products"][0].keys() == new.properties["products"][0].keys()
    assert (old.name, old.channel, old.origin) == (new.name, new.channel, new.origin)


def test_a_second_replay_brings_in_only_what_is_new(store):
    replay(WEEK_LATER)

    assert replay(WEEK_LATER).accepted == 0
    assert replay(CUTOFF).replayed_until == WEEK_LATER
    assert replay().accepted == 236 - 61
    assert replayed().count() == 236


def test_a_replay_that_was_killed_goes_on_where_it_stopped(store, monkeypatch):
    monkeypatch.setattr(replay_module, "MAX_BATCH", 20)
    record_events, calls = replay_module.record_events, []

    def dies(events, **how):
        calls.append(len(events))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return record_events(events, **how)

    monkeypatch.setattr(replay_module, "record_events", dies)
    with pytest.raises(KeyboardInterrupt):
        replay(WEEK_LATER)
    stopped_at = DemoStore.objects.get().replayed_until
    assert replayed().count() == 40
    assert stopped_at == replayed().latest("ordered_at").ordered_at < WEEK_LATER

    report = replay(WEEK_LATER)

    assert (report.accepted, report.duplicates) == (
        21,
        1,
    )  # the basket at which it stopped comes again, and counts once
    assert replayed().count() == 61


def test_the_command_says_how_far_it_went(store, capsys):
    call_command("replay_orders", until="2026-11-30T05:00", verbosity=0)
    call_command("replay_orders", until="2026-11-27", verbosity=0)

    assert capsys.readouterr().out.splitlines() == [
        "replayed until 2026-11-30 05:00 UTC: 61 orders came in, 0 were there already, 0 were set aside",
        "replayed until 2026-11-30 05:00 UTC already; nothing to do",
    ]


def test_the_command_refuses_what_is_no_date(store):
    with pytest.raises(CommandError, match="write a date such as 2026-12-07, or all"):
        call_command("replay_orders", until="soon", verbosity=0)


def test_without_a_demo_store_there_is_nothing_to_replay(store):
    DemoStore.objects.update(loaded_at=None)

    with pytest.raises(CommandError, match="run load_completejourney_people first"):
        call_command("replay_orders", until="all", verbosity=0)
