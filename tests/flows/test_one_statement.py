"""What a batch recorded, and when: at once, under its own lease, and also when it is cut short."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.exceptions import ChannelUnavailable
from campaigns.models import Message
from campaigns.services import delivery, fence, pace
from campaigns.services.withdrawal import acknowledge
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


class Server:
    """Takes what it is handed, and does at each message what the test says."""

    def __init__(self, at=None):
        self.at, self.taken, self.seen = at or {}, [], []

    def send(self, message):
        self.seen.append(dict(Message.objects.values_list("pk", "state")))
        self.at.get(len(self.seen), lambda _: None)(message)
        self.taken.append(message.message_id)
        return type("Sent", (), {"provider_id": f"250 {message.message_id}"})()


@pytest.fixture
def shop(monkeypatch):
    made = open_shop(people=4, per_second=10_000)
    delivery.start(made.campaign.pk)
    return made


def batch_of(shop):
    batch = delivery.claim(shop.campaign.pk)
    filled = delivery.fill(batch.campaign, batch.messages)
    people = delivery.people_of(m.customer_id for m in batch.messages)
    sender = delivery.SENDERS["email"]

    def send(server, message):
        return delivery._send_one(
            server, batch, message, sender.build(batch.campaign, filled[message.pk]), people[message.customer_id]
        )

    return batch, send


def test_what_was_sent_is_recorded_before_the_next_one_is_handed_over(shop):
    batch, send = batch_of(shop)
    server = Server()
    for message in batch.messages:
        assert send(server, message)
    for number, states in enumerate(server.seen):
        ids = [m.pk for m in batch.messages]
        assert [states[pk] for pk in ids] == ["sent"] * number + ["sending"] * (len(ids) - number)
    assert Message.objects.filter(state="sending", attempted_at__isnull=False).count() == 1
    delivery._record(batch)
    rows = list(Message.objects.order_by("pk").values_list("state", "provider_id", "lease_token"))
    assert rows == [("sent", f"250 {m.pk}", None) for m in batch.messages]


def test_whoever_withdraws_in_the_middle_of_a_batch_gets_nothing_and_the_one_before_is_recorded(shop):
    batch, send = batch_of(shop)
    first, second, third = batch.messages[:3]

    def withdraw(_):
        ack = acknowledge(
            customer_id=second.customer_id, channel="email", purpose="marketing", method="one_click", actor="subject"
        )
        assert ack.is_effective and ack.cancelled == 1

    server = Server({1: withdraw})
    assert [send(server, m) for m in (first, second, third)] == [True, False, True]
    assert server.taken == [first.pk, third.pk]
    states = dict(Message.objects.values_list("pk", "state"))
    assert (states[first.pk], states[second.pk], states[third.pk]) == ("sent", "skipped", "sending")


def test_a_worker_that_stood_still_for_longer_than_its_lease_sends_and_records_nothing(shop):
    batch, send = batch_of(shop)
    first, second = batch.messages[:2]

    def sleep(_):  # SIGSTOP, and SIGCONT after the lease; the sweep came in between
        Message.objects.filter(state="sending").update(lease_until=timezone.now() - timedelta(seconds=1))
        delivery.sweep()

    server = Server({1: sleep})
    assert send(server, first)
    other = delivery.claim(shop.campaign.pk)
    assert not send(server, second)
    rows = {m.pk: m for m in Message.objects.all()}
    assert rows[first.pk].state == "unknown"  # it went out, and nobody may say so any more without asking the provider
    assert (rows[second.pk].state, rows[second.pk].lease_token) == ("sending", other.token)
    assert rows[second.pk].attempted_at is None and server.taken == [first.pk]


def test_a_channel_that_goes_away_leaves_the_one_before_recorded_and_the_rest_in_the_queue(shop, monkeypatch):
    def gone(_):
        raise ChannelUnavailable("no_connection", "gone")

    server = Server({2: gone})

    class Channel:
        def open(self):
            return self

        def __enter__(self):
            return server

        def __exit__(self, *_):
            return False

    monkeypatch.setitem(
        delivery.SENDERS,
        "email",
        delivery.SENDERS["email"].__class__(delivery.SENDERS["email"].build, lambda *_: Channel()),
    )
    with pytest.raises(ChannelUnavailable):
        delivery.send_batch(shop.campaign.pk)
    assert sorted(Message.objects.values_list("state", flat=True)) == ["queued"] * 3 + ["sent"]


def test_a_database_that_goes_away_between_mark_and_send_leaves_one_unknown_and_no_message_twice(shop):
    batch, send = batch_of(shop)
    first, second = batch.messages[:2]
    server = Server()
    assert send(server, first)
    connection.close()  # fail-over: what was not recorded is not known
    Message.objects.filter(state="sending").update(lease_until=timezone.now() - timedelta(seconds=1))
    delivery.sweep()
    assert not send(server, second)
    assert Message.objects.get(pk=first.pk).state == "unknown"
    assert delivery.claim(shop.campaign.pk).messages[0].pk == second.pk
    assert server.taken == [first.pk]


def test_the_question_is_planned_once_a_connection(shop):
    batch, send = batch_of(shop)
    for message in batch.messages:
        send(Server(), message)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%attempted_at = now()%%'")
        assert cursor.fetchone() == (1,)
    assert fence.ask(0, batch.token, consent="email", reserve=delivery.RESERVE, before=None).reason == "lease"


def test_the_pace_is_kept_by_all_workers_together(shop, monkeypatch):
    now, waited = [1000.0], []
    monkeypatch.setattr(pace.time, "time", lambda: now[0])
    monkeypatch.setattr(pace.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    shop.campaign.per_second = 200  # each takes four at once
    workers = [pace.Pacer(shop.campaign, "email") for _ in range(3)]
    for number in range(600):
        workers[number % 3].keep(lambda: waited.append(now[0]))
        if now[0] >= 1001:
            break
    assert 200 - 3 * 4 <= number <= 200
    assert len(waited) == 1
