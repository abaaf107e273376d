"""How the messages of each channel are built and handed over: the one place that knows which channels there are."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from campaigns.channels import configured
from campaigns.channels.base import Channel
from campaigns.channels.sms import compose_text
from campaigns.contracts import PushMessage, SmsMessage
from campaigns.models import Campaign
from campaigns.services.messages import CLICK, UNSUBSCRIBE, Filled, email_of, link

# Seconds from the gate's answer to the first byte of the text, and again for the text with the server's answer: a
# message is under way for ten seconds at the most, which is how long a withdrawal may have to wait for it.
SMTP_TIMEOUT = 5


@dataclass(frozen=True)
class Sender:
    """`build` makes of filled words what the channel takes; `connect` raises ChannelUnavailable where it is not set up."""

    build: Callable[[Campaign, Filled], object]
    connect: Callable[[float], Channel]


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


SENDERS: dict[str, Sender] = {
    "email": Sender(email_of, configured.email),
    "sms": Sender(_sms, configured.sms),
    "push": Sender(_push, configured.push),
}


def offered() -> list[str]:
    """The channels that this install can send on."""
    set_up = {"sms": bool(settings.SMS_URL), "push": bool(settings.PUSH_KEY)}
    return [name for name in SENDERS if set_up.get(name, True)]


def mail_channel() -> Channel:
    """For letters that somebody asked for."""
    return configured.email(SMTP_TIMEOUT)
