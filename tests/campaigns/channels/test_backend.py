"""Mail through django-anymail against a server that answers as Postmark does, and through Django's own SMTP backend."""

import time
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller

from campaigns.channels.backend import BackendChannel
from campaigns.contracts import EmailMessage
from campaigns.exceptions import AmbiguousOutcome, ChannelUnavailable, PermanentFailure, TransientFailure
from tests.campaigns.channels.provider import HANG_UP, SAY_NOTHING, provider

POSTMARK = "anymail.backends.postmark.EmailBackend"
DJANGO_SMTP = "django.core.mail.backends.smtp.EmailBackend"
MAIL = EmailMessage(
    7, "Attune démo <hello@attune.example>", "ada@shop.example", "Grüße", "Hi Ada", "<p>你好</p>",
    "https://attune.example/u/1",
)  # fmt: skip
INACTIVE = "You tried to send to recipient(s) that have been marked as inactive.\nFound inactive addresses: "
TAKEN = (
    200,
    {"To": MAIL.to, "SubmittedAt": "2026-11-25T04:00:00Z", "MessageID": "pm-1", "ErrorCode": 0, "Message": "OK"},
)


@pytest.fixture
def postmark(settings):
    with provider(usual=TAKEN) as server:
        settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token", "POSTMARK_API_URL": f"{server.url}/"}
        yield server


def test_a_provider_gets_the_whole_mail_with_its_one_click_way_out(postmark):
    with BackendChannel(POSTMARK, 1.0).open() as session:
        assert session.send(MAIL).provider_id == "pm-1"
    (posted,) = postmark.got
    assert posted.headers["x-postmark-server-token"] == "token"
    said = posted.json
    assert (said["To"], said["Subject"], said["TextBody"], said["HtmlBody"]) == (
        MAIL.to,
        "Grüße",
        "Hi Ada",
        "<p>你好</p>",
    )
    headers = {one["Name"]: one["Value"] for one in said["Headers"]}
    assert headers["List-Unsubscribe"] == "<https://attune.example/u/1>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["X-Attune-Message"] == "7"
    assert headers["Message-ID"] == "<attune.7@attune.example>"
    assert said["Metadata"] == {"attune_message": "7"}  # the bounce will say it again


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (
            (422, {"ErrorCode": 406, "Message": f"{INACTIVE}{MAIL.to}.\nInactive recipients are ones that bounced."}),
            PermanentFailure,
            "address_refused",
        ),
        ((422, {"ErrorCode": 406, "Message": "something else"}), AmbiguousOutcome, "no_answer"),
        ((422, {"ErrorCode": 300, "Message": "Invalid 'From' address"}), PermanentFailure, "message_refused"),
        ((401, {"ErrorCode": 10, "Message": "bad token"}), ChannelUnavailable, "no_login"),
        ((429, {"ErrorCode": 429, "Message": "slow down"}), TransientFailure, "try_later"),
        ((500, b""), AmbiguousOutcome, "no_answer"),
        (HANG_UP, AmbiguousOutcome, "no_answer"),
        (SAY_NOTHING, AmbiguousOutcome, "no_answer"),
    ],
)
def test_what_a_provider_refuses(postmark, answer, kind, reason):
    postmark.answers = [answer]
    with BackendChannel(POSTMARK, 0.4).open() as session, pytest.raises(kind) as failure:
        session.send(MAIL)
    assert type(failure.value) is kind
    assert failure.value.reason == reason
    assert MAIL.to not in str(failure.value)


def test_a_provider_that_says_when_to_come_again_is_heard(postmark):
    postmark.answers = [(429, {"ErrorCode": 429, "Message": "slow down"}, "Retry-After: 45")]
    with BackendChannel(POSTMARK, 1.0).open() as session, pytest.raises(ChannelUnavailable) as failure:
        session.send(MAIL)
    assert (failure.value.reason, failure.value.retry_after) == ("try_later", 45)


def test_no_provider_is_a_channel_that_is_away(settings):
    with provider() as server:
        url = server.url
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token", "POSTMARK_API_URL": f"{url}/"}
    with BackendChannel(POSTMARK, 1.0).open() as session, pytest.raises(ChannelUnavailable) as failure:
        session.send(MAIL)
    assert failure.value.reason == "no_connection"


def test_without_its_key_a_provider_is_not_opened(settings):
    settings.ANYMAIL = {}
    with pytest.raises(ChannelUnavailable) as failure, BackendChannel(POSTMARK).open():
        pass
    assert failure.value.reason == "no_login"


def test_past_its_fence_nothing_is_posted_even_when_the_connection_took_the_time(postmark):
    with BackendChannel(POSTMARK, 1.0).open() as session:
        with pytest.raises(TransientFailure):
            session.send(replace(MAIL, not_after=time.monotonic()))
        assert postmark.connections == 0
        # The fence falls between the first look at the clock and the moment at which the connection stands.
        session._fence.not_after = time.monotonic() - 1
        with pytest.raises(TransientFailure):
            session._connection.session.post(f"{postmark.url}/email", data=b"{}", timeout=1)
        assert postmark.got == []
        assert session.send(MAIL).provider_id == "pm-1"


def test_a_header_that_could_not_be_written_is_refused_for_every_backend(postmark):
    with BackendChannel(POSTMARK).open() as session, pytest.raises(PermanentFailure):
        session.send(replace(MAIL, subject="two\nlines"))
    assert postmark.got == []


def test_djangos_smtp_backend(settings):
    class Inbox:
        got: list = []

        async def handle_RCPT(self, server, session, envelope, address, options):
            if address.startswith("nobody"):
                return "550 5.1.1 no such mailbox"
            envelope.rcpt_tos.append(address)
            return "250 ok"

        async def handle_DATA(self, server, session, envelope):
            self.got.append(envelope)
            return "250 kept"

    controller = Controller(Inbox(), hostname="127.0.0.1", port=0, ready_timeout=5)
    controller.port = _free_port()
    controller.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    try:
        with BackendChannel(DJANGO_SMTP).open() as session:
            session.send(MAIL)
            with pytest.raises(PermanentFailure) as failure:
                session.send(replace(MAIL, to="nobody@shop.example"))
    finally:
        controller.stop()
    assert failure.value.reason == "address_refused"
    (envelope,) = Inbox.got
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in envelope.content
    assert b"multipart/alternative" in envelope.content


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
