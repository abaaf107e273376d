"""Web push against a real server that opens what it gets with the browser's own key, and checks who signed it."""

import base64
import json
import time
from dataclasses import replace

import http_ece
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from campaigns.channels.push import PushChannel, public_key, read_subscription
from campaigns.contracts import PushMessage
from campaigns.exceptions import AmbiguousOutcome, ChannelUnavailable, PermanentFailure, TransientFailure
from tests.campaigns.channels.provider import HANG_UP, provider


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


BROWSER = ec.generate_private_key(ec.SECP256R1())
POINT = BROWSER.public_key().public_bytes(
    serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
)  # fmt: skip
AUTH = b"0123456789abcdef"
KEY = b64(ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big"))


def given(endpoint):
    return {"endpoint": endpoint, "expirationTime": None, "keys": {"p256dh": b64(POINT), "auth": b64(AUTH)}}


def message(server, **changes):
    kept = read_subscription(given(f"{server.url}/push/abc"), is_local_allowed=True).kept()
    shown = {"title": "Oat biscuits", "body": "只要 $2.50 — today", "url": "https://attune.example/c/1"}
    return PushMessage(**{"message_id": 7, "subscription": kept, **shown, **changes})


def channel(**changes):
    return PushChannel(KEY, "mailto:push@attune.example", timeout=1.0, is_local_allowed=True, **changes)


def test_only_the_browser_can_read_it_and_the_push_service_knows_who_sent_it():
    with provider((201, b"")) as server, channel().open() as session:
        sent = session.send(message(server))
    (posted,) = server.got
    opened = json.loads(http_ece.decrypt(posted.body, private_key=BROWSER, auth_secret=AUTH, version="aes128gcm"))
    assert opened == {
        "title": "Oat biscuits", "body": "只要 $2.50 — today", "url": "https://attune.example/c/1", "unsubscribe": "",
    }  # fmt: skip
    assert b"biscuits" not in posted.body
    assert posted.target == "/push/abc"
    assert (posted.headers["ttl"], posted.headers["content-encoding"]) == ("86400", "aes128gcm")
    assert "/push/abc" not in sent.provider_id  # the path names the browser
    token, _, key = posted.headers["authorization"].removeprefix("vapid t=").partition(",k=")
    assert key == public_key(KEY)
    head, claims, signature = token.split(".")
    said = json.loads(raw(claims))
    assert (said["aud"], said["sub"]) == (server.url, "mailto:push@attune.example")
    assert 0 < said["exp"] - time.time() <= 24 * 3600
    pair = raw(signature)
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(key)).verify(
        encode_dss_signature(int.from_bytes(pair[:32], "big"), int.from_bytes(pair[32:], "big")),
        f"{head}.{claims}".encode(),
        ec.ECDSA(hashes.SHA256()),
    )


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ((410, b""), PermanentFailure, "gone"),
        ((404, b""), PermanentFailure, "gone"),
        ((413, b""), PermanentFailure, "too_long"),
        ((429, b""), TransientFailure, "try_later"),
        ((500, b""), AmbiguousOutcome, "no_answer"),
        (HANG_UP, AmbiguousOutcome, "no_answer"),
    ],
)
def test_what_a_push_service_refuses(answer, kind, reason):
    with provider(answer) as server, channel().open() as session, pytest.raises(kind) as failure:
        session.send(message(server))
    assert failure.value.reason == reason


def test_one_browser_that_shall_be_left_alone_leaves_the_others_as_they_are():
    """A push service counts by browser: only its own trouble (503) is that of the whole channel."""
    answers = ((429, b"", "Retry-After: 90"), (503, b"", "Retry-After: 90"))
    with provider(*answers) as server, channel().open() as session:
        for kind in (TransientFailure, ChannelUnavailable):
            with pytest.raises(kind) as failure:
                session.send(message(server))
            assert (type(failure.value), failure.value.retry_after) == (kind, 90)


def test_too_long_or_too_late_is_not_offered():
    with provider() as server, channel().open() as session:
        with pytest.raises(PermanentFailure):
            session.send(message(server, body="x" * 4000))
        with pytest.raises(TransientFailure):
            session.send(message(server, not_after=time.monotonic()))
        with pytest.raises(PermanentFailure):
            session.send(replace(message(server), subscription="{}"))
    assert server.got == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoint": "https://evil.example/push"}, "endpoint"),
        ({"endpoint": "http://fcm.googleapis.com/fcm/send/x"}, "endpoint"),
        ({"endpoint": "https://fcm.googleapis.com.evil.example/x"}, "endpoint"),
        ({"endpoint": "https://127.0.0.1/x"}, "endpoint"),
        ({"keys": {"p256dh": b64(b"\x04" + b"1" * 64), "auth": b64(AUTH)}}, "p256dh"),
        ({"keys": {"p256dh": b64(POINT), "auth": b64(b"short")}}, "auth"),
        ({"keys": {"p256dh": b64(POINT)}}, "auth"),
        ({"keys": "none"}, "keys"),
    ],
)
def test_a_subscription_that_no_browser_gave_is_refused_by_field(change, field):
    with pytest.raises(ValueError) as refusal:
        read_subscription({**given("https://fcm.googleapis.com/fcm/send/x"), **change})
    assert refusal.value.args[0] == field


def test_the_push_services_of_the_browsers_are_known():
    for host in (
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "web.push.apple.com",
        "db5p.notify.windows.com",
    ):
        assert read_subscription(given(f"https://{host}/x")).endpoint.endswith("/x")
