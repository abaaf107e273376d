"""Text messages through both interfaces, against a real server; and what a text must say and may cost."""

import base64
import time
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from campaigns.channels.sms import TWILIO, SmsChannel, SmsProvider, compose_text
from campaigns.contracts import SmsMessage
from campaigns.exceptions import AmbiguousOutcome, ChannelUnavailable, PermanentFailure, TransientFailure
from copywriting.services.texts import sms_size
from tests.campaigns.channels.provider import HANG_UP, provider

TEXT = SmsMessage(7, "+41446681800", "Mill: Oat biscuits, $2.50. Reply STOP to end")


def plain(server, **changes):
    return SmsChannel(
        SmsProvider(**{"url": f"{server.url}/send", "sender": "Mill", "secret": "tok", "timeout": 1.0,
                       "is_local_allowed": True, **changes})
    )  # fmt: skip


def twilio(server, **changes):
    return plain(
        server,
        **{"url": server.url, "style": TWILIO, "user": "AC1", "sender": "+15005550006", "secret": "auth", **changes},
    )


def test_the_plain_interface_gets_a_text_with_an_id_that_it_knows_again():
    with provider((202, {"id": "sm-1"})) as server, plain(server).open() as session:
        assert session.send(TEXT).provider_id == "sm-1"
    (posted,) = server.got
    assert posted.target == "/send"
    assert posted.json == {"to": TEXT.to, "from": "Mill", "text": TEXT.text, "reference": "attune-7"}
    assert posted.headers["idempotency-key"] == "attune-7"
    assert posted.headers["authorization"] == "Bearer tok"


def test_twilio_gets_its_form():
    with (
        provider((201, {"sid": "SM1", "status": "queued"})) as server,
        twilio(server, status_url="https://attune.example/hooks/sms/status/").open() as session,
    ):
        assert session.send(TEXT).provider_id == "SM1"
    (posted,) = server.got
    assert posted.target == "/2010-04-01/Accounts/AC1/Messages.json"
    assert parse_qs(posted.body.decode()) == {
        "To": [TEXT.to], "From": ["+15005550006"], "Body": [TEXT.text],
        "StatusCallback": ["https://attune.example/hooks/sms/status/?message=7"],
    }  # fmt: skip
    assert base64.b64decode(posted.headers["authorization"].removeprefix("Basic ")) == b"AC1:auth"


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason"),
    [
        (400, 21211, PermanentFailure, "address_refused"),
        (400, 21610, PermanentFailure, "opted_out"),
        (400, 21606, ChannelUnavailable, "sender_refused"),
        (429, 20429, TransientFailure, "try_later"),
        (401, 20003, ChannelUnavailable, "sender_refused"),
        (400, 21617, PermanentFailure, "message_refused"),
        (503, None, TransientFailure, "try_later"),
        (500, None, AmbiguousOutcome, "no_answer"),
    ],
)
def test_what_twilio_refuses(status, code, kind, reason):
    refusal = (status, {"code": code, "message": f"number {TEXT.to}"})
    with provider(refusal) as server, twilio(server).open() as session, pytest.raises(kind) as failure:
        session.send(TEXT)
    assert type(failure.value) is kind
    assert failure.value.reason == reason
    assert TEXT.to not in str(failure.value)  # it is logged and shown


def test_a_fault_of_a_provider_that_knows_repeats_is_tried_again_and_a_lost_answer_is_not():
    with provider((500, {}), HANG_UP) as server, plain(server).open() as session:
        with pytest.raises(TransientFailure):
            session.send(TEXT)
        with pytest.raises(AmbiguousOutcome):
            session.send(TEXT)


def test_a_number_that_the_provider_does_not_know_or_that_said_stop():
    with (
        provider((422, {"code": "invalid_number"}), (400, {"code": "opted_out"})) as server,
        plain(server).open() as session,
    ):
        for reason in ("address_refused", "opted_out"):
            with pytest.raises(PermanentFailure) as failure:
                session.send(TEXT)
            assert failure.value.reason == reason


@pytest.mark.parametrize("bad", [replace(TEXT, to="0446681800"), replace(TEXT, text=""), replace(TEXT, text="x" * 480)])
def test_what_cannot_be_sent_is_not_offered(bad):
    with provider() as server, plain(server).open() as session, pytest.raises(PermanentFailure):
        session.send(bad)
    assert server.got == []


def test_past_its_fence_a_text_is_not_begun():
    with provider() as server, plain(server).open() as session, pytest.raises(TransientFailure) as failure:
        session.send(replace(TEXT, not_after=time.monotonic()))
    assert failure.value.reason == "slow"
    assert server.got == []


def test_segments_are_counted_as_operators_bill_them():
    assert [sms_size(text).parts for text in ("a" * 160, "a" * 161, "a" * 306, "a" * 307)] == [1, 2, 2, 3]
    assert [sms_size(text).parts for text in ("€" * 80, "€" * 81)] == [1, 2]  # two septets each
    assert [sms_size(text).parts for text in ("你" * 70, "你" * 71, "你" * 134, "你" * 135)] == [1, 2, 2, 3]
    # 152 and an extended sign do not fit one joined part: the escape is never torn from its sign.
    assert sms_size("a" * 152 + "€" + "a" * 152).parts == 3


def test_a_text_says_who_writes_and_how_to_stop_and_stays_in_the_small_alphabet_where_it_can():
    assert compose_text("It’s here – 20% off biscuits…", brand="Mill", link="https://a.example/c/1") == (
        "Mill: It's here - 20% off biscuits... https://a.example/c/1 Reply STOP to end"
    )
    assert compose_text("新品上架", brand="磨坊", language="zh-Hans") == "【磨坊】新品上架 拒收请回复R"
    # One sign of another alphabet is left: nothing is won by plain quotes, so the words stay as they were approved.
    assert compose_text("“你好”", brand="Mill") == "Mill: “你好” Reply STOP to end"
