"""The webhook channel by Standard Webhooks, against a real receiver that checks every signature."""

import json
import time
from dataclasses import replace

import pytest

from campaigns.channels.signing import SIGNATURE, new_secret, sign, verify
from campaigns.channels.webhook import WebhookChannel
from campaigns.contracts import WebhookMessage
from campaigns.exceptions import ChannelUnavailable, PermanentFailure, TransientFailure
from tests.campaigns.channels.provider import HANG_UP, provider

OLD, NEW = new_secret(), new_secret()
MESSAGE = WebhookMessage(7, "ann", 3, "Oat biscuits", "你好", unsubscribe_url="https://attune.example/u/1")


def channel(server, path="/hook?shop=1", **changes):
    fields = {"url": server.url + path, "secrets": (NEW, OLD), "timeout": 1.0, "is_local_allowed": True}
    return WebhookChannel(**{**fields, **changes})


def test_the_example_of_the_specification():
    # standard-webhooks/standard-webhooks, libraries/python/tests: this secret, id, time and body have this signature.
    secret, body = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    headers = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", body, at=1614265330)
    assert headers[SIGNATURE] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_either_secret_knows_a_message_while_they_rotate():
    with provider() as server, channel(server).open() as session:
        assert session.send(MESSAGE).provider_id == "msg_attune_7"
    (posted,) = server.got
    assert posted.target == "/hook?shop=1"
    assert posted.headers["webhook-id"] == "msg_attune_7"
    assert verify([OLD], posted.headers, posted.body)
    assert verify([NEW], posted.headers, posted.body)
    assert not verify([new_secret()], posted.headers, posted.body)
    assert not verify([NEW], posted.headers, posted.body + b" ")
    assert not verify([NEW], posted.headers, posted.body, at=time.time() + 301)
    assert not verify([NEW], {**posted.headers, "webhook-id": "msg_attune_8"}, posted.body)
    assert posted.json == {
        "type": "campaign.message",
        "data": {"message": 7, "customer": "ann", "campaign": 3, "subject": "Oat biscuits", "text": "你好", "html": "",
                 "unsubscribe_url": "https://attune.example/u/1"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ((410, b""), ChannelUnavailable, "gone"),
        ((302, b"", "Location: http://169.254.169.254/"), ChannelUnavailable, "redirect"),
        ((500, b""), TransientFailure, "try_later"),
        (HANG_UP, TransientFailure, "no_answer"),
        ((400, b""), PermanentFailure, "message_refused"),
    ],
)
def test_what_becomes_of_a_refusal(answer, kind, reason):
    with provider(answer) as server, channel(server).open() as session, pytest.raises(kind) as failure:
        session.send(MESSAGE)
    assert type(failure.value) is kind
    assert failure.value.reason == reason
    assert len(server.got) == 1  # no redirect was followed, nothing repeated here


def test_past_its_fence_nothing_leaves():
    with provider() as server, channel(server).open() as session, pytest.raises(TransientFailure):
        session.send(replace(MESSAGE, not_after=time.monotonic()))
    assert server.got == []


@pytest.mark.parametrize(
    "url", ["http://shop.example/", "https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/"]
)
def test_outside_of_a_laptop_no_inner_address_and_nothing_in_the_clear(url):
    with pytest.raises(ChannelUnavailable) as failure, WebhookChannel(url, (NEW,), timeout=1).open():
        pass
    assert failure.value.reason in ("bad_endpoint", "private_address")


@pytest.mark.parametrize(
    "headers", [{}, {"webhook-id": "1", "webhook-timestamp": "x", "webhook-signature": "v1,a"},
                {"webhook-id": "1", "webhook-timestamp": "9" * 400, "webhook-signature": "v1,é"}]
)  # fmt: skip
def test_a_post_that_nobody_signed_is_not_verified(headers):
    assert not verify([NEW], headers, json.dumps({}).encode())
