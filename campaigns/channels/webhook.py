"""Messages and events for a merchant's own systems, by Standard Webhooks: signed, never redirected, never inside.

The receiver knows a repeated post by its webhook-id, so what got no answer may be sent again; 410 means never again.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from campaigns.channels.egress import Answer, Line, judge
from campaigns.channels.signing import sign
from campaigns.contracts import Sent, WebhookMessage
from campaigns.exceptions import AmbiguousOutcome, ChannelUnavailable, TransientFailure

MESSAGE = "campaign.message"
GONE = 410


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """`secrets` all sign while they rotate, the newest first. `timeout`: seconds, as of egress.Line."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)
    timeout: float = 10.0
    is_local_allowed: bool = False

    @contextmanager
    def open(self) -> Iterator["WebhookSession"]:
        session = self.session()
        try:
            session.connect()
            yield session
        finally:
            session.close()

    def session(self) -> "WebhookSession":
        """One that connects when it posts. Raises ChannelUnavailable for an address that may not be posted to."""
        return WebhookSession(self, Line(self.url, timeout=self.timeout, is_local_allowed=self.is_local_allowed))


class WebhookSession:
    def __init__(self, channel: WebhookChannel, line: Line):
        self.channel = channel
        self._line = line

    def connect(self) -> None:
        self._line.connect()

    def close(self) -> None:
        self._line.close()

    def send(self, message: WebhookMessage) -> Sent:
        data = {
            "message": message.message_id,
            "customer": message.customer,
            "campaign": message.campaign,
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
            "unsubscribe_url": message.unsubscribe_url,
        }
        webhook_id = f"msg_attune_{message.message_id}"
        self.post(webhook_id, MESSAGE, data, not_after=message.not_after)
        return Sent(webhook_id)

    def post(
        self, webhook_id: str, kind: str, data: dict, not_after: float | None = None, at: datetime | None = None
    ) -> Answer:
        """One event, of the time `at`; returns the answer of a receiver that took it.

        Raises SendFailure: ChannelUnavailable("gone") for 410.
        """
        said = {"type": kind, **({"timestamp": at.isoformat()} if at else {}), "data": data}
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **sign(self.channel.secrets, webhook_id, body)}
        parts = urlsplit(self.channel.url)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            answer = self._line.post(path, body, headers, not_after)
        except AmbiguousOutcome as fault:
            raise TransientFailure(fault.reason, fault.detail) from None  # known by its id when it comes again
        if answer.status == GONE:
            raise ChannelUnavailable("gone", "The receiver answered 410: it wants no more of these.")
        judge(answer, is_repeatable=True)
        return answer
