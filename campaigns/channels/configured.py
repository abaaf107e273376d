"""Each channel as this install's settings say. `timeout`: seconds until the first byte, and again for it with its answer."""

import base64
import hmac

from django.conf import settings

from campaigns.channels.backend import BackendChannel
from campaigns.channels.base import Channel
from campaigns.channels.dkim_header import DkimKey
from campaigns.channels.egress import check_address
from campaigns.channels.email import EmailChannel, SmtpServer
from campaigns.channels.push import PushChannel, Subscription, public_key, read_subscription
from campaigns.channels.sms import SmsChannel, SmsProvider
from campaigns.channels.webhook import WebhookChannel
from campaigns.exceptions import ChannelUnavailable


def has_sink() -> bool:
    """Whether this machine keeps what would go out, on every channel that no provider is set for."""
    return settings.MAIL_SINK and bool(settings.SINK_PORT)


def sink_url() -> str:
    return f"http://127.0.0.1:{settings.SINK_PORT}"


def email(timeout: float) -> Channel:
    if settings.MAIL_BACKEND:
        return BackendChannel(settings.MAIL_BACKEND, timeout)
    key = None
    if settings.DKIM_KEY:
        domain = settings.DKIM_DOMAIN or settings.MAIL_FROM.rpartition("@")[2].rstrip("> ")
        key = DkimKey(domain, settings.DKIM_SELECTOR, settings.DKIM_KEY)
    server = SmtpServer(
        settings.SMTP_HOST,
        settings.SMTP_PORT,
        security=settings.SMTP_TLS,
        user=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        timeout=timeout,
        dkim=key,
    )
    return EmailChannel(server)


def sms(timeout: float) -> Channel:
    url = settings.SMS_URL or (f"{sink_url()}/sms" if has_sink() else "")
    if not url:
        raise ChannelUnavailable("not_set", "No provider of text messages is set: ATTUNE_SMS_URL.")
    return SmsChannel(
        SmsProvider(
            url=url,
            style=settings.SMS_STYLE,
            sender=settings.SMS_SENDER,
            user=settings.SMS_USER,
            secret=settings.SMS_SECRET,
            status_url=f"{settings.PUBLIC_URL}/hooks/sms/",
            most_parts=settings.SMS_MOST_PARTS,
            timeout=timeout,
            is_local_allowed=settings.MAIL_SINK,
        )
    )


def push(timeout: float) -> Channel:
    return PushChannel(
        push_key(),
        contact=f"mailto:{settings.MAIL_FROM.rpartition('<')[2].rstrip('> ')}",
        services=tuple(settings.PUSH_SERVICES),
        timeout=timeout,
        is_local_allowed=settings.MAIL_SINK,
    )


def push_key() -> str:
    """The private VAPID key. A laptop's comes from its own secret; elsewhere it has to be set, for browsers keep to it."""
    if settings.PUSH_KEY:
        return settings.PUSH_KEY
    if not settings.MAIL_SINK:
        raise ChannelUnavailable("not_set", "No key for push is set: ATTUNE_PUSH_KEY.")
    return base64.urlsafe_b64encode(hmac.digest(settings.SECRET_KEY.encode(), b"attune push key", "sha256")).decode()


def push_public_key() -> str:
    """Raises ChannelUnavailable where no key is set."""
    return public_key(push_key())


def subscription(given: dict) -> Subscription:
    """Raises ValueError (field, reason)."""
    return read_subscription(given, services=tuple(settings.PUSH_SERVICES), is_local_allowed=settings.MAIL_SINK)


def webhook(timeout: float, url: str, secrets: tuple[str, ...]) -> WebhookChannel:
    return WebhookChannel(url, secrets, timeout, is_local_allowed=settings.MAIL_SINK)


def check_endpoint(url: str) -> None:
    """Raises ValueError, for people, for an address that may not be posted to."""
    check_address(url, is_local_allowed=settings.MAIL_SINK)
