"""E-mail through any of Django's mail backends, so through every provider that django-anymail knows.

Over SMTP our own session (channels.email) stays the default: it alone knows whether a connection broke before or after the
text was begun. Django's SMTP backend cannot tell, so here whatever it does not refuse by a code counts as ambiguous.
Anymail's backends post with requests; the fence is asked when their connection stands and nothing has been written yet.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPSenderRefused
from types import SimpleNamespace

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
)
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from campaigns.channels.base import time_left
from campaigns.channels.egress import try_later, wait_of
from campaigns.channels.mime import compose, row_headers
from campaigns.contracts import EmailMessage, Sent
from campaigns.exceptions import AmbiguousOutcome, ChannelUnavailable, PermanentFailure, SendFailure, TransientFailure

METADATA = "attune_message"  # what the provider's webhooks say again
# requests' faults that come before the request: whatever else breaks may have been read whole.
BEFORE = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.SSLError,
    requests.exceptions.ProxyError,
)


@dataclass(frozen=True, slots=True)
class BackendChannel:
    """`backend` is a dotted path, e.g. anymail.backends.postmark.EmailBackend. `timeout`: seconds, for anymail's posts."""

    backend: str
    timeout: float = 10.0

    @contextmanager
    def open(self) -> Iterator["BackendSession"]:
        is_anymail = self.backend.startswith("anymail.")
        try:
            connection = get_connection(self.backend, **({"timeout": self.timeout} if is_anymail else {}))
            connection.open()
        except (ImproperlyConfigured, AnymailConfigurationError, ImportError) as fault:
            raise ChannelUnavailable("no_login", _words(fault)) from None
        except Exception as fault:  # a backend of anybody's: whatever it raises, nothing was handed over yet
            raise ChannelUnavailable("no_connection", _words(fault)) from None
        try:
            yield BackendSession(connection)
        finally:
            connection.close()


class BackendSession:
    def __init__(self, connection: BaseEmailBackend):
        self._connection = connection
        self._fence = SimpleNamespace(not_after=None)
        session = getattr(connection, "session", None)
        if isinstance(session, requests.Session):
            for scheme in ("https://", "http://"):
                session.mount(scheme, _Fenced(self._fence))
            session.max_redirects = 0

    def send(self, message: EmailMessage) -> Sent:
        compose(message)  # refuses what cannot be written, the same way for every backend
        mail = EmailMultiAlternatives(message.subject, message.text, message.sender, [message.to])
        if message.html:
            mail.attach_alternative(message.html, "text/html")
        mail.extra_headers = self._headers(message)
        if not message.reference:
            mail.metadata = {METADATA: str(message.message_id)}  # anymail's; others do not look
        time_left(message.not_after)
        self._fence.not_after = message.not_after
        try:
            count = self._connection.send_messages([mail])
        except SendFailure:
            raise
        except Exception as fault:
            raise _meaning(fault) from None
        if not count:
            raise PermanentFailure("message_refused", "The mail backend did not take it, and gave no reason.")
        status = getattr(mail, "anymail_status", None)
        if status is None:
            return Sent("")
        if not status.status or not status.status & {"sent", "queued"}:
            raise AmbiguousOutcome("no_answer", "The provider's answer does not say what it did.")
        return Sent(str(status.message_id or "")[:200])

    @staticmethod
    def _headers(message: EmailMessage) -> dict[str, str]:
        sender = message.sender.rpartition("<")[2].rstrip("> ")
        own = row_headers(message, sender)
        return own if message.reference else {**message.headers, **own}


class _Fenced(HTTPAdapter):
    """Asks the fence after the connection stands and before the first byte of a request."""

    def __init__(self, fence: SimpleNamespace):
        self._fence = fence
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs)
        fence = self._fence

        def fenced(pool):
            class Connection(pool.ConnectionCls):
                def connect(self):
                    super().connect()
                    time_left(fence.not_after)

            return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

        self.poolmanager.pool_classes_by_scheme = {
            "http": fenced(HTTPConnectionPool),
            "https": fenced(HTTPSConnectionPool),
        }


def _meaning(fault: Exception) -> SendFailure:
    words = _words(fault)
    if isinstance(fault, SMTPException):
        return _by_smtp(fault, words)
    if isinstance(fault, AnymailRecipientsRefused):
        return PermanentFailure("address_refused", words)
    if isinstance(fault, AnymailRequestsAPIError) and fault.status_code:
        headers = {name.lower(): value for name, value in fault.response.headers.items()}
        return _by_status(fault.status_code, words, wait_of(headers))
    if isinstance(fault, requests.RequestException):
        never_left = isinstance(fault, BEFORE) or "NewConnectionError" in repr(fault.__cause__)
        return ChannelUnavailable("no_connection", words) if never_left else AmbiguousOutcome("no_answer", words)
    if isinstance(fault, AnymailError) and not isinstance(fault, AnymailAPIError):
        return PermanentFailure("message_refused", words)  # the provider has no such feature: nothing was posted
    return AmbiguousOutcome("no_answer", words)


def _by_smtp(fault: SMTPException, words: str) -> SendFailure:
    if isinstance(fault, SMTPRecipientsRefused):
        return PermanentFailure("address_refused", words)
    if isinstance(fault, SMTPSenderRefused):
        return ChannelUnavailable("sender_refused", words)
    if isinstance(fault, SMTPDataError):
        permanent = fault.smtp_code >= 500
        return PermanentFailure("message_refused", words) if permanent else TransientFailure("try_later", words)
    return AmbiguousOutcome("no_answer", words)


def _by_status(status: int, words: str, wait: float) -> SendFailure:
    if status in (401, 403):
        return ChannelUnavailable("no_login", words)
    if status in (408, 425, 429, 503):
        return try_later(words, wait)
    if 200 <= status < 300 or status >= 500:
        return AmbiguousOutcome("no_answer", words)  # an answer that cannot be read, or a fault behind the door
    return PermanentFailure("message_refused", words)


def _words(fault: Exception) -> str:
    """The first line without addresses: anymail's text goes on to quote the whole message."""
    first = (str(fault).splitlines() or [""])[0]
    return re.sub(r"\S+@\S+", "(address)", f"{type(fault).__name__}: {first}")[:280]
