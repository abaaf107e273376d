"""A provider that says when to come again (Retry-After) is left alone until then, by every campaign and without a lost try."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.core.cache import cache
from django.utils import timezone

from campaigns.channels.egress import Answer, judge, wait_of
from campaigns.exceptions import ChannelUnavailable, TransientFailure
from campaigns.models import Message, WebhookDelivery
from campaigns.queries.monitor import lanes
from campaigns.services import delivery, pace, telling
from campaigns.tasks import send_letters
from campaigns.views.lanes import limit
from customers.models import ContactPoint, OptIn
from customers.services import optin
from customers.services.withdraw import withdraw
from tests.campaigns.channels.provider import provider
from tests.campaigns.test_gate import on_channels
from tests.campaigns.test_webhooks import endpoint
from tests.flows.shop import open_shop

POSTMARK_TOOK = (200, {"To": "x", "MessageID": "pm-1", "ErrorCode": 0, "Message": "OK"})


@pytest.fixture(autouse=True)
def _nobody_asked_yet():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def shop(settings, db):
    settings.MAIL_SINK = True
    return open_shop(people=4)


def sending(shop, server):
    endpoint(server.url, "campaign.message")
    on_channels(shop, "webhook")
    delivery.start(shop.campaign.pk)
    return shop.campaign.pk


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("120", 120, 120), (" 7 ", 7, 7), ("0", 0, 0), ("", 0, 0), ("soon", 0, 0), ("-5", 0, 0), ("1.5", 0, 0), ("²", 0, 0),
        ("999999999", 86_400, 86_400), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0), ("31 Feb", 0, 0),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 3_000, 3_600),
    ],
)  # fmt: skip
def test_the_header_is_a_number_of_seconds_or_a_date(said, least, most):
    assert least <= wait_of({"retry-after": said}) <= most


@pytest.mark.parametrize("status", [429, 503])
def test_who_says_for_how_long_speaks_for_the_whole_channel(status):
    with pytest.raises(ChannelUnavailable) as failure:
        judge(Answer(status, {"retry-after": "30"}, b""), is_repeatable=False)
    assert (failure.value.reason, failure.value.retry_after) == ("try_later", 30)
    with pytest.raises(TransientFailure) as failure:
        judge(Answer(status, {}, b""), is_repeatable=False)
    assert type(failure.value) is TransientFailure


def test_the_provider_hears_nothing_more_until_its_time_is_over(shop):
    with provider((200, {}), (429, b"", "Retry-After: 120"), usual=(200, {})) as server:
        campaign = sending(shop, server)
        with pytest.raises(ChannelUnavailable):
            delivery.send_batch(campaign)
        assert len(server.got) == 2
        assert delivery.send_batch(campaign) == 0  # another worker, a moment later
        assert len(server.got) == 2

        rows = list(Message.objects.order_by("pk"))
        assert [(row.state, row.tries) for row in rows] == [("sent", 1), ("queued", 1), ("queued", 0), ("queued", 0)]
        assert timedelta(seconds=110) < rows[1].not_before - timezone.now() <= timedelta(seconds=120)
        shop.campaign.refresh_from_db()
        assert shop.campaign.state == "sending"
        (lane,) = lanes(campaign)
        assert limit(shop.campaign, lane, None) == "the provider, which asked for some time without messages"

        cache.clear()  # its time is over
        Message.objects.filter(state="queued").update(not_before=timezone.now() - timedelta(seconds=1))
        assert delivery.send_batch(campaign) == 3
        assert len(server.got) == 5
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


def test_one_merchants_sender_that_wants_peace_holds_up_no_other_and_no_mail(shop):
    pace.leave_alone("webhook:7", 60)
    assert not pace.is_left_alone(pace.provider_of(shop.campaign, "webhook"))
    assert not pace.is_left_alone(pace.provider_of(shop.campaign, "email"))
    pace.leave_alone("email", 60)
    pace.leave_alone("email", 1)  # a shorter word does not undo a longer one
    assert cache.get("peace:email") > timezone.now().timestamp() + 50
    delivery.start(shop.campaign.pk)
    assert delivery.claim(shop.campaign.pk) is None


def test_a_server_that_is_away_costs_no_try(shop, settings):
    settings.SMTP_HOST, settings.SMTP_PORT, settings.SMTP_TLS = "127.0.0.1", 1, "none"  # nobody listens on port 1
    delivery.start(shop.campaign.pk)
    for _ in range(delivery.MAX_TRIES + 1):
        with pytest.raises(ChannelUnavailable):
            delivery.send_batch(shop.campaign.pk)
    assert set(Message.objects.values_list("state", "tries")) == {("queued", 0)}


def test_an_endpoint_is_told_nothing_until_its_time_is_over(shop):
    with provider((503, b"", "Retry-After: 3600"), usual=(200, {})) as server:
        kept, _ = endpoint(server.url, "message.sent")
        other, _ = endpoint(server.url, "message.sent")
        for one in (kept, kept, other):
            WebhookDelivery.objects.create(endpoint=one, kind="message.sent")
        assert telling.tell(kept.pk) == 0
        assert telling.tell(kept.pk) == 0
        assert len(server.got) == 1
        assert telling.tell(other.pk) == 1

        first, second = WebhookDelivery.objects.filter(endpoint=kept).order_by("pk")
        assert (first.tries, second.tries) == (1, 0)
        assert timedelta(minutes=59) < first.not_before - timezone.now() <= timedelta(hours=1)
        cache.clear()
        assert telling.tell(kept.pk) == 1  # the second; the first waits for its own hour
    assert len(server.got) == 3


def test_letters_leave_the_mail_provider_alone_as_well(shop, settings):
    """The same provider takes the links that people asked for: they wait, and are not lost."""
    person = shop.people[0]
    point = ContactPoint.objects.get(customer=person, kind="email")
    delivery.start(shop.campaign.pk)
    withdraw(customer_id=person.pk, channel="email", purpose="marketing", method="one_click", actor="subject")
    optin.ask(person, "email", point, by_subject=True, method="test")
    settings.MAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    with provider((429, {"ErrorCode": 429, "Message": "slow"}, "Retry-After: 60"), usual=POSTMARK_TOOK) as server:
        settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token", "POSTMARK_API_URL": f"{server.url}/"}
        send_letters()
        send_letters()
        assert len(server.got) == 1
        assert delivery.claim(shop.campaign.pk) is None
        cache.clear()  # its time is over
        send_letters()
        assert len(delivery.claim(shop.campaign.pk).messages) == 4
    assert len(server.got) == 2
    assert OptIn.objects.get().sent_at is not None
