"""How the messages of each channel are built and handed over: the one place that knows which channels there are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings

from campaigns.channels.base import Channel
from campaigns.channels.email import EmailChannel, SmtpServer
from campaigns.contracts import Unsendable
from campaigns.models import Campaign, Message
from campaigns.services.messages import build_emails

# Seconds from the gate's answer to the first byte of the text, and again for the text with the server's answer: a
# message is under way for ten seconds at the most, which is how long a withdrawal may have to wait for it.
SMTP_TIMEOUT = 5


@dataclass(frozen=True)
class Sender:
    """`build`: by message id what the channel takes, or why there is nothing to hand over."""

    build: Callable[[Campaign, Iterable[Message]], dict[int, object | Unsendable]]
    connect: Callable[[], Channel]


def mail_server() -> SmtpServer:
    return SmtpServer(
        settings.SMTP_HOST,
        settings.SMTP_PORT,
        security=settings.SMTP_TLS,
        user=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        timeout=SMTP_TIMEOUT,
    )


SENDERS: dict[str, Sender] = {"email": Sender(build_emails, lambda: EmailChannel(mail_server()))}
