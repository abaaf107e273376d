"""Standard Webhooks (standardwebhooks.com, specification 1.0): who sent a post, when, and that nobody changed it."""

import base64
import hmac
import secrets as randomness
import time
from collections.abc import Iterable, Mapping

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
TOLERANCE = 300  # seconds that two clocks may differ, and that a copied post may be played again


def new_secret() -> str:
    """32 random bytes, as the specification writes them."""
    return PREFIX + base64.b64encode(randomness.token_bytes(32)).decode()


def sign(secrets: Iterable[str], message_id: str, body: bytes, at: float | None = None) -> dict[str, str]:
    """The three headers: one signature a secret, so that the receiver may know either while they rotate."""
    seconds = str(int(time.time() if at is None else at))
    signatures = " ".join(f"v1,{_digest(secret, message_id, seconds, body)}" for secret in secrets)
    return {ID: message_id, TIMESTAMP: seconds, SIGNATURE: signatures}


def verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, at: float | None = None) -> bool:
    """Whether one of the secrets signed this within five minutes. `headers` may be any mapping with the three names."""
    message_id, seconds, given = headers.get(ID, ""), headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    now = time.time() if at is None else at
    if not message_id or not (seconds.isascii() and seconds.isdecimal()) or abs(now - int(seconds[:12])) > TOLERANCE:
        return False
    known = [value for version, _, value in (one.partition(",") for one in given.split()) if version == "v1"]
    return any(
        hmac.compare_digest(_digest(secret, message_id, seconds, body).encode(), value.encode())
        for secret in secrets
        for value in known
    )


def _digest(secret: str, message_id: str, seconds: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, "sha256")).decode()
