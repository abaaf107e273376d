"""What tests of pages begin with: a shop whose campaign stands where the page needs it, and somebody signed in."""

from django.test import Client
from django.utils import timezone

from accounts.models import User
from campaigns.models import Campaign, Message, MessageVariant
from campaigns.services import delivery
from campaigns.services.lifecycle import move
from tests.flows.shop import Shop, open_shop


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def shop_in_review(**options) -> Shop:
    """A shop whose campaign waits for an approver."""
    shop = open_shop(**options)
    move(shop.campaign.pk, "unschedule")
    move(shop.campaign.pk, "expire", reason="for another look")
    return again(shop)


def shop_sending(**options) -> Shop:
    """A shop whose campaign has started: its messages are queued, none is sent."""
    shop = open_shop(**options)
    delivery.start(shop.campaign.pk)
    return again(shop)


def shop_sent(**options) -> Shop:
    """A shop whose campaign was sent to everybody who was treated."""
    shop = shop_sending(**options)
    Message.objects.update(state="sent", sent_at=timezone.now(), tries=1)
    delivery.finish_if_done(shop.campaign.pk)
    return again(shop)


def again(shop: Shop) -> Shop:
    shop.campaign = Campaign.objects.select_related("offer").get(pk=shop.campaign.pk)
    return shop


def words_of(shop: Shop) -> MessageVariant:
    return MessageVariant.objects.get(campaign=shop.campaign, is_current=True)
