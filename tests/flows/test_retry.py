"""A server that is away, or refuses for now: nothing is lost, nobody is asked again at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.exceptions import ChannelUnavailable
from campaigns.models import Message
from campaigns.services import delivery
from catalog.models import Product
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


def test_a_server_that_is_away_leaves_every_row_queued(settings):
    settings.SMTP_HOST, settings.SMTP_PORT, settings.SMTP_TLS = "127.0.0.1", 1, "none"  # nobody listens on port 1
    shop = open_shop(people=3)
    delivery.start(shop.campaign.pk)

    with pytest.raises(ChannelUnavailable):
        delivery.send_batch(shop.campaign.pk)

    rows = Message.objects.values_list("state", "lease_token", "attempted_at")
    assert set(rows) == {("queued", None, None)}
    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "sending"


def test_a_row_that_waits_for_its_time_is_not_claimed_and_keeps_the_campaign_open():
    shop = open_shop(people=1)
    delivery.start(shop.campaign.pk)
    Message.objects.update(not_before=timezone.now() + timedelta(minutes=5))

    assert delivery.claim(shop.campaign.pk) is None
    assert delivery.sweep() == [shop.campaign.pk]

    Message.objects.update(not_before=timezone.now() - timedelta(hours=1))  # the database's now() is the test's start
    assert len(delivery.claim(shop.campaign.pk).messages) == 1


def test_a_title_with_a_line_break_still_makes_a_subject_of_one_line(sink):
    sink()
    shop = open_shop(people=1)
    Product.objects.filter(title="Rye rolls").update(title="Rye\r\nBcc: all@elsewhere.example\u2028rolls")
    delivery.start(shop.campaign.pk)

    delivery.send_batch(shop.campaign.pk)

    assert Message.objects.get().state == "sent"
