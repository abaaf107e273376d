"""How the messages of each channel are built and handed over: the one place that knows which channels there are."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from campaigns.channels import configured
from campaigns.channels.base import Channel
from campaigns.channels.sms import compose_text
from campaigns.contracts import BATCHES, PushMessage, SmsMessage, WebhookMessage
from campaigns.models import Campaign
from campaigns.services import endpoints
from campaigns.services.messages import CLICK, UNSUBSCRIBE, Filled, email_of, link

# Seconds from the gate's answer to the first byte of the text, and again for the text with the server's answer: a
# message is under way for ten seconds at the most, which is how long a withdrawal may have to wait for it.
SMTP_TIMEOUT = 5


@dataclass(frozen=True)
class Sender:
    """`build` makes of filled words what the channel takes; `connect` raises ChannelUnavailable where it is not set up."""

    build: Callable[[Campaign, Filled], object]
    connect: Callable[[Campaign, float], Channel]


def _sms(campaign: Campaign, one: Filled) -> SmsMessage:
    """The label in front, the link to the first product, and the pack's language for the line that says how to stop."""
    place, _ = one.products[0]
    text = compose_text(
        f"[{one.label}] {one.body}" if one.customer.pack.is_label_in_subject else one.body,
        brand=settings.BRAND,
        link=link("click", one.message.pk, CLICK, place),
        language=one.customer.language,
    )
    return SmsMessage(one.message.pk, one.to, text)


def _push(campaign: Campaign, one: Filled) -> PushMessage:
    place, _ = one.products[0]
    return PushMessage(
        message_id=one.message.pk,
        subscription=one.to,
        title=f"[{one.label}] {one.subject}" if one.customer.pack.is_label_in_subject else one.subject,
        body=one.body,
        url=link("click", one.message.pk, CLICK, place),
        unsubscribe_url=link("unsubscribe", one.message.pk, UNSUBSCRIBE),
    )


def _webhook(campaign: Campaign, one: Filled) -> WebhookMessage:
    """The same mail, for the merchant's own sender: it knows the person by the platform's id, and no address leaves us."""
    mail = email_of(campaign, one)
    return WebhookMessage(
        one.message.pk, one.customer.external_id, campaign.pk, mail.subject, mail.text, mail.html, mail.unsubscribe_url
    )


SENDERS: dict[str, Sender] = {
    "email": Sender(email_of, lambda campaign, timeout: configured.email(timeout)),
    "sms": Sender(_sms, lambda campaign, timeout: configured.sms(timeout)),
    "push": Sender(_push, lambda campaign, timeout: configured.push(timeout)),
    "webhook": Sender(_webhook, lambda campaign, timeout: endpoints.channel(campaign.merchant_id, timeout)),
}


def offered() -> list[str]:
    """The channels that this install can send on, and those whose files it can make (campaigns.services.handover);
    `webhook` where anybody has an endpoint for it.
    """
    set_up = {
        "sms": bool(settings.SMS_URL) or configured.has_sink(),
        "push": bool(settings.PUSH_KEY) or configured.has_sink(),
        "webhook": endpoints.senders_of() != [],
        "social": settings.SOCIAL_LISTS,
    }
    return [name for name in (*SENDERS, *sorted(BATCHES)) if set_up.get(name, True)]


def mail_channel() -> Channel:
    """For letters that somebody asked for."""
    return configured.email(SMTP_TIMEOUT)
