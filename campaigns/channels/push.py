"""Notifications for browsers: Web Push (RFC 8030), sealed for the browser alone (RFC 8291), signed by VAPID (RFC 8292)."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from urllib.parse import urlsplit

import http_ece
from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from campaigns.channels.egress import Line, check_address, is_loopback, judge
from campaigns.contracts import PushMessage, Sent
from campaigns.exceptions import ChannelUnavailable, PermanentFailure, TransientFailure

# The push services of the browsers that there are: a subscription is data from outside, and leads nowhere else.
SERVICES = ("fcm.googleapis.com", "*.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com")
MOST = 3_993  # bytes of a notification: RFC 8291 allows 4096 sealed ones
TOO_MANY = 429
TOKEN_LIVES = 12 * 3600  # seconds; RFC 8292 allows 24 hours


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser's PushManager gave the shop. `p256dh` is a point of P-256, `auth` 16 bytes; base64url."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)

    def kept(self) -> str:
        """The one written form, as its contact point rests."""
        return json.dumps({"endpoint": self.endpoint, "p256dh": self.p256dh, "auth": self.auth}, separators=(",", ":"))


def read_subscription(
    given: dict, *, services: tuple[str, ...] = SERVICES, is_local_allowed: bool = False
) -> Subscription:
    """Of a PushSubscription's JSON ({"endpoint", "keys": {"p256dh", "auth"}}) or our own form.

    Raises ValueError (field, reason).
    """
    keys = given.get("keys", given)
    if not isinstance(keys, dict):
        raise ValueError("keys", "Send p256dh and auth, as PushSubscription.toJSON() gives them.")
    values = {"endpoint": given.get("endpoint"), "p256dh": keys.get("p256dh"), "auth": keys.get("auth")}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            raise ValueError(name, "It is missing: send what PushSubscription.toJSON() gives.")
    found = Subscription(**{name: value.rstrip("=") for name, value in values.items()})
    try:
        parts = check_address(found.endpoint, is_local_allowed=is_local_allowed)
    except ValueError as refusal:
        raise ValueError("endpoint", str(refusal)) from None
    is_ours = is_local_allowed and is_loopback(parts.hostname)
    if not is_ours and not any(fnmatch(parts.hostname, service) for service in services):
        raise ValueError("endpoint", "This is no push service that is known here (ATTUNE_PUSH_SERVICES).")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(found.p256dh))
    except (ValueError, InvalidKey, UnsupportedAlgorithm):
        raise ValueError("p256dh", "It is no point of the curve P-256 in base64url.") from None
    try:
        length = len(_bytes(found.auth))
    except ValueError:
        length = 0
    if length != 16:
        raise ValueError("auth", "It is not 16 bytes in base64url.")
    return found


@dataclass(frozen=True, slots=True)
class PushChannel:
    """`key` is the private VAPID key, 32 bytes in base64url; `contact` where push services may ask (mailto: or https:)."""

    key: str = field(repr=False)
    contact: str
    services: tuple[str, ...] = SERVICES
    timeout: float = 10.0
    is_local_allowed: bool = False

    @contextmanager
    def open(self) -> Iterator["PushSession"]:
        session = PushSession(self)
        try:
            yield session
        finally:
            session.close()


class PushSession:
    """One connection a push service, kept for the batch: there are four of them."""

    def __init__(self, channel: PushChannel):
        self.channel = channel
        self._lines: dict[str, Line] = {}
        self._tokens: dict[str, str] = {}
        self._vapid = Vapid02.from_raw(channel.key.rstrip("=").encode())

    def send(self, message: PushMessage) -> Sent:
        """Raises PermanentFailure("gone") when the browser has given the subscription up: it can be forgotten."""
        channel = self.channel
        try:
            kept = json.loads(message.subscription)
            subscription = read_subscription(kept, services=channel.services, is_local_allowed=channel.is_local_allowed)
        except (ValueError, AttributeError):
            raise PermanentFailure("bad_address", "The subscription cannot be read.") from None
        parts = urlsplit(subscription.endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(message.keep_for),
            "Urgency": "low",  # an advertisement does not wake a phone that saves its battery
            # The same row again replaces itself where the browser has not been told yet.
            "Topic": f"attune{message.message_id}"[-32:],
            "Authorization": self._token(origin),
        }
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        answer = self._line(origin).post(path, _sealed(message, subscription), headers, message.not_after)
        if answer.status in (404, 410):
            raise PermanentFailure("gone", f"The push service answered {answer.status}: the subscription has ended.")
        if answer.status == 413:
            raise PermanentFailure("too_long", "The push service takes no notification of this size.")
        try:
            judge(answer, is_repeatable=False)
        except ChannelUnavailable as failure:
            # A push service counts what goes to one browser: how long that one shall be left alone says nothing of others.
            if failure.retry_after and answer.status == TOO_MANY:
                raise TransientFailure(failure.reason, failure.detail, failure.retry_after) from None
            raise
        # Its path names the browser: the origin alone is told.
        return Sent(f"{origin} {answer.status}"[:200])

    def close(self) -> None:
        for line in self._lines.values():
            line.close()

    def _line(self, origin: str) -> Line:
        if origin not in self._lines:
            self._lines[origin] = Line(
                origin, timeout=self.channel.timeout, is_local_allowed=self.channel.is_local_allowed
            )
        return self._lines[origin]

    def _token(self, origin: str) -> str:
        if origin not in self._tokens:
            claims = {"aud": origin, "exp": int(time.time()) + TOKEN_LIVES, "sub": self.channel.contact}
            self._tokens[origin] = self._vapid.sign(claims)["Authorization"]
        return self._tokens[origin]


def public_key(key: str) -> str:
    """What the shop's page hands to pushManager.subscribe as applicationServerKey."""
    point = Vapid02.from_raw(key.rstrip("=").encode()).public_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def _sealed(message: PushMessage, subscription: Subscription) -> bytes:
    shown = {"title": message.title, "body": message.body, "url": message.url, "unsubscribe": message.unsubscribe_url}
    content = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
    if len(content) > MOST:
        raise PermanentFailure("too_long", f"The notification takes {len(content)} bytes, more than {MOST}.")
    return http_ece.encrypt(
        content,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=_bytes(subscription.p256dh),
        auth_secret=_bytes(subscription.auth),
        version="aes128gcm",
    )


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
