"""The e-mail channel against a real SMTP server on loopback, also one that refuses, hangs up or never answers."""

import asyncio
import email
import email.policy
import re
import smtplib
import socket
import ssl
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from ipaddress import ip_address
from threading import Thread

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.channels.email import EmailChannel, SmtpServer
from campaigns.channels.mime import compose
from campaigns.contracts import EmailMessage
from campaigns.exceptions import AmbiguousOutcome, ChannelUnavailable, PermanentFailure, TransientFailure

UNSUBSCRIBE = "https://attune.example/u/" + "a1B2-_" * 60


def message(number=7, **changes):
    fields = {
        "message_id": number,
        "sender": "Attune démo <hello@attune.example>",
        "to": "ada@shop.example",
        "subject": "Grüße: 100% off {{ price }} 你好",
        "text": "Hi Ada — see https://attune.example/c/1\n.a line that begins with a dot\n..two\n",
        "html": "<p>Hi Ada — 你好</p>",
        "unsubscribe_url": UNSUBSCRIBE,
    }
    return EmailMessage(**{**fields, **changes})


class Inbox:
    """Keeps what it gets. A test overrides a step, or has the next answers of a step ready."""

    takes_many = False  # commands at once

    def __init__(self, **answers):
        self.got = []
        self.connections = 0
        self.answers = {step: list(lines) for step, lines in answers.items()}

    async def _answer(self, step, server):
        lines = self.answers.get(step) or ["pass"]
        line = lines.pop(0)
        if line == "hang up":
            server.transport.abort()
            return "451 too late"
        if line == "say nothing":
            await asyncio.sleep(30)
        if line == "slow":
            await asyncio.sleep(0.7)
            return None
        return None if line == "pass" else line

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.takes_many else responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if answer := await self._answer("mail", server):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if answer := await self._answer("rcpt", server):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.got.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return await self._answer("data", server) or "250 2.0.0 queued as 12AB for <ada@shop.example>"


@pytest.fixture(params=[False, True], ids=["one by one", "at once"])
def wire(request, monkeypatch):
    """The same to a server that takes one command at a time, and to one that takes them at once (RFC 2920)."""
    monkeypatch.setattr(Inbox, "takes_many", request.param)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(inbox, timeout=5, **options):
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), server_hostname="test", **options)
    controller.start()
    try:
        yield EmailChannel(SmtpServer("127.0.0.1", controller.port, security="none", timeout=timeout))
    finally:
        controller.stop()


def sent_over(inbox, *messages):
    with serving(inbox) as channel, channel.open() as session:
        return [session.send(each) for each in messages]


# --- what arrives


def test_a_mail_arrives_whole():
    inbox = Inbox()
    [sent] = sent_over(inbox, message())
    [(sender, recipients, content)] = inbox.got
    assert (sender, recipients) == ("hello@attune.example", ["ada@shop.example"])
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert mail["Subject"] == "Grüße: 100% off {{ price }} 你好"
    assert mail["From"].addresses[0].display_name == "Attune démo"
    assert mail["To"] == "ada@shop.example"
    assert mail["Message-ID"] == "<attune.7@attune.example>"
    assert mail["X-Attune-Message"] == "7"
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == message().text
    assert mail.get_body(("html",)).get_content().strip() == "<p>Hi Ada — 你好</p>"
    # The provider's words are kept without the address that it quotes.
    assert sent.provider_id == "250 2.0.0 queued as 12AB for (address)"


def test_unsubscribe_headers_stand_on_one_line_as_rfc_8058_wants_them():
    content = compose(message()).content
    assert f"\r\nList-Unsubscribe: <{UNSUBSCRIBE}>\r\n".encode() in content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) < 998
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_a_mail_without_html_is_plain_text():
    mail = email.message_from_bytes(compose(message(html="")).content, policy=email.policy.default)
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == message().text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
@example(".\n..\n. x")
@example("--=_attune.7\r\n--=_attune.7--\n")
@example("trailing \nspace\t\n")
@example("x" * 200 + "\n" + "é" * 200)
@example("a\rb\r\nc\u2028d")
def test_any_text_arrives_as_it_was_written(text):
    mail = email.message_from_bytes(
        compose(message(text=text, html=f"<p>{text}</p>")).content, policy=email.policy.SMTP
    )
    bodies = [part.get_payload(decode=True).decode() for part in mail.iter_parts()]
    lines = re.sub(r"\r\n?|\n", "\r\n", text)
    assert bodies == [lines if lines.endswith("\r\n") else f"{lines}\r\n", f"<p>{lines}</p>\r\n"]
    assert mail.defects == []


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=200))
@example("=?utf-8?q?evil?=")
@example("word " * 60)
@example("w" * 500)
@example("你" * 200)
def test_any_subject_arrives_as_it_was_written(subject):
    content = compose(message(subject=subject)).content
    assert max(map(len, content.split(b"\r\n"))) < 998
    found = email.message_from_bytes(content)["Subject"]
    assert str(make_header(decode_header(found))).replace("\r\n", "").strip() == subject.strip()


def test_further_headers_are_written_and_ours_stay():
    assert b"\r\nX-Campaign: 12\r\n" in compose(message(headers={"X-Campaign": "12"})).content
    for name in ("Subject", "bcc", "List-Unsubscribe", "Content-Type", "X Bad"):
        with pytest.raises(PermanentFailure, match="may not replace"):
            compose(message(headers={name: "x"}))


def test_the_message_id_is_the_same_at_every_try():
    first, second = (email.message_from_bytes(compose(message()).content)["Message-ID"] for _ in range(2))
    assert first == second == "<attune.7@attune.example>"


@pytest.mark.parametrize(
    ("address", "recipient"),
    [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada+tag@shop.example", "ada+tag@shop.example"),
        ("联系@例子.example", "联系@xn--fsqu00a.example"),
    ],
)
def test_addresses_of_other_alphabets_arrive(address, recipient):
    inbox = Inbox()
    with serving(inbox, enable_SMTPUTF8=True) as channel, channel.open() as session:
        session.send(message(to=address))
        session.send(message(8))  # and the session goes on in ASCII
    assert [recipients for _, recipients, _ in inbox.got] == [[recipient], ["ada@shop.example"]]


def test_a_server_without_utf8_addresses_refuses_that_one_only():
    inbox = Inbox()
    with serving(inbox, enable_SMTPUTF8=False) as channel, channel.open() as session:
        with pytest.raises(PermanentFailure) as failed:
            session.send(message(to="联系@shop.example"))
        session.send(message(8))
    assert failed.value.reason == "bad_address"
    assert len(inbox.got) == 1


# --- what is refused before it is offered


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: eve@evil.example", "x\nSubject: y", "x\ry", "x\x00y", "x\x0by", "x\u2028y", "x\x85y"]
)
@pytest.mark.parametrize("where", ["subject", "sender", "headers", "header name"])
def test_line_breaks_in_headers_are_refused(evil, where):
    changes = {
        "subject": {"subject": evil},
        "sender": {"sender": f"{evil} <hello@attune.example>"},
        "headers": {"headers": {"X-Campaign": evil}},
        "header name": {"headers": {evil: "12"}},
    }[where]
    with pytest.raises(PermanentFailure) as failed:
        compose(message(**changes))
    assert failed.value.reason == "bad_header"
    assert "evil" not in str(failed.value)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@shop.example",
        "ada@shop.example\r\nRCPT TO:<eve@evil.example>",
        "ada@shop.example, eve@evil.example",
        "Ada <ada@shop.example>",
        "ada@shop.example eve",
        "ada@@shop.example",
        "ada@-bücher-.example",
        "ada@" + "ü" * 70 + ".example",
    ],
)
def test_what_is_not_one_address_is_refused(address):
    with pytest.raises(PermanentFailure) as failed:
        compose(message(to=address))
    assert failed.value.reason == "bad_address"
    assert "shop.example" not in str(failed.value)


@pytest.mark.parametrize(
    "link", ["", "javascript:alert(1)", "https://x.example/a b", "https://x/>\r\nX: y", "mailto:x"]
)
def test_marketing_mail_without_an_unsubscribe_address_is_refused(link):
    with pytest.raises(PermanentFailure, match="unsubscribe"):
        compose(message(unsubscribe_url=link))


def test_text_that_cannot_be_written_fails_alone():
    inbox = Inbox()
    with serving(inbox) as channel, channel.open() as session:
        with pytest.raises(PermanentFailure) as failed:
            session.send(message(subject="lone \ud800 surrogate"))
        session.send(message(8))
    assert failed.value.reason == "bad_message"
    assert len(inbox.got) == 1


# --- many messages, one connection


@pytest.mark.usefixtures("wire")
def test_one_connection_carries_many_messages_and_survives_refusals():
    inbox = Inbox(rcpt=["pass", "550 5.1.1 <ada@shop.example> unknown", "pass", "451 4.2.1 mailbox busy", "pass"])
    outcomes = []
    with serving(inbox) as channel, channel.open() as session:
        for number in range(1, 6):
            try:
                session.send(message(number))
                outcomes.append("sent")
            except PermanentFailure as failed:
                outcomes.append(failed.reason)
                assert failed.detail == "550 5.1.1 (address) unknown"
            except TransientFailure as failed:
                outcomes.append(failed.reason)
    assert outcomes == ["sent", "address_refused", "sent", "try_later", "sent"]
    assert inbox.connections == 1
    assert [email.message_from_bytes(content)["X-Attune-Message"] for *_, content in inbox.got] == ["1", "3", "5"]


@pytest.mark.parametrize("ending", ["hang up", "421 4.4.2 idle too long"])
@pytest.mark.usefixtures("wire")
def test_a_dropped_connection_is_opened_again_and_the_message_sent_once(ending):
    inbox = Inbox(mail=["pass", ending, "pass"])
    sent_over(inbox, message(1), message(2))
    assert inbox.connections == 2
    assert [email.message_from_bytes(content)["X-Attune-Message"] for *_, content in inbox.got] == ["1", "2"]


@pytest.mark.usefixtures("wire")
def test_a_connection_that_drops_again_leaves_the_message_for_later():
    inbox = Inbox(mail=["hang up", "hang up", "pass"])
    with serving(inbox) as channel, channel.open() as session:
        with pytest.raises(TransientFailure) as failed:
            session.send(message(1))
        session.send(message(2))
    assert failed.value.reason == "dropped"
    assert len(inbox.got) == 1


# --- the three kinds of failure


@pytest.mark.parametrize(
    ("step", "answer", "failure", "reason"),
    [
        ("mail", "451 4.7.1 greylisted", TransientFailure, "try_later"),
        ("mail", "550 5.7.1 we do not know you", ChannelUnavailable, "sender_refused"),
        ("mail", "552 5.3.4 too large", PermanentFailure, "message_refused"),
        ("rcpt", "550 no such user", PermanentFailure, "address_refused"),
        ("rcpt", "550 5.1.1 no such user", PermanentFailure, "address_refused"),
        ("rcpt", "554 5.7.1 blocked by policy", PermanentFailure, "message_refused"),
        ("rcpt", "450 4.2.0 busy", TransientFailure, "try_later"),
        ("rcpt", "452 4.5.3 too many", TransientFailure, "try_later"),
        ("data", "554 5.6.0 looks like spam", PermanentFailure, "message_refused"),
        ("data", "451 4.3.0 disk is full", TransientFailure, "try_later"),
    ],
)
@pytest.mark.usefixtures("wire")
def test_an_answer_decides_between_never_and_later(step, answer, failure, reason):
    inbox = Inbox(**{step: [answer]})
    with serving(inbox) as channel, channel.open() as session:
        with pytest.raises(failure) as failed:
            session.send(message(1))
        assert type(failed.value) is failure
        assert (failed.value.reason, failed.value.detail) == (reason, answer)
        session.send(message(2))  # and the connection is good for the next one
    assert inbox.connections == 1


@pytest.mark.parametrize("ending", ["hang up", "say nothing", "421 4.3.2 shutting down", "299-odd\r\nnonsense"])
@pytest.mark.usefixtures("wire")
def test_no_answer_after_the_text_is_an_ambiguous_outcome(ending):
    inbox = Inbox(data=[ending])
    with serving(inbox, timeout=1 if ending == "say nothing" else 5) as channel, channel.open() as session:
        with pytest.raises(AmbiguousOutcome) as unknown:
            session.send(message(1))
        assert unknown.value.reason == "no_answer"
        session.send(message(2))  # over a new connection
    # The server had it, although the sender cannot know: exactly what must not be sent again.
    assert [email.message_from_bytes(content)["X-Attune-Message"] for *_, content in inbox.got] == ["1", "2"]


@pytest.mark.parametrize("step", ["mail", "rcpt"])
@pytest.mark.usefixtures("wire")
def test_silence_before_the_text_is_not_ambiguous(step):
    inbox = Inbox(**{step: ["say nothing", "say nothing"]})
    with serving(inbox, timeout=1) as channel, channel.open() as session, pytest.raises(TransientFailure):
        session.send(message(1))
    assert inbox.got == []


@pytest.mark.usefixtures("wire")
def test_a_slow_server_cannot_hold_a_message_longer_than_twice_the_time():
    # Each step is answered within the time, all of them together are not.
    inbox = Inbox(mail=["slow", "pass"], rcpt=["slow", "pass"])
    with serving(inbox, timeout=1) as channel, channel.open() as session:
        began = time.monotonic()
        with pytest.raises(TransientFailure) as failed:
            session.send(message(1))
        assert time.monotonic() - began < 2
        session.send(message(2))
    assert failed.value.reason == "slow"
    assert [email.message_from_bytes(content)["X-Attune-Message"] for *_, content in inbox.got] == ["2"]


def test_a_mail_to_nobody_that_a_server_would_take_is_ended_empty_and_the_connection_stays_good():
    # RFC 2920, 3.1: a server may say 354 although it refused the recipient that came before.
    said = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        line, _ = server.accept()
        with line, line.makefile("rb") as words:
            line.sendall(b"220 here\r\n")
            answers = iter([b"550 5.1.1 unknown", b"250 ok"])
            for word in words:
                said.append(word.strip().decode())
                verb = said[-1][:4].upper()
                if verb == "EHLO":
                    line.sendall(b"250-here\r\n250 PIPELINING\r\n")
                elif verb == "RCPT":
                    line.sendall(next(answers) + b"\r\n")
                elif verb == "DATA":
                    line.sendall(b"354 go on\r\n")
                    for text in iter(words.readline, b".\r\n"):
                        said.append(text.strip().decode())
                    line.sendall(b"250 taken\r\n")
                else:
                    line.sendall(b"250 ok\r\n")

    Thread(target=serve, daemon=True).start()
    channel = EmailChannel(SmtpServer("127.0.0.1", server.getsockname()[1], security="none", timeout=5))
    with server, channel.open() as session:
        with pytest.raises(PermanentFailure) as failed:
            session.send(message(1))
        assert failed.value.reason == "address_refused"
        assert [word[:4].upper() for word in said] == ["EHLO", "MAIL", "RCPT", "DATA", "RSET"]
        assert session.send(message(2)).provider_id == "250 taken"


def test_nobody_listens():
    with pytest.raises(ChannelUnavailable) as failed, EmailChannel(SmtpServer("127.0.0.1", free_port())).open():
        pass
    assert failed.value.reason == "no_connection"


def test_a_server_without_encryption_is_not_used_when_encryption_is_asked_for():
    with serving(Inbox()) as channel:
        asked = EmailChannel(SmtpServer("127.0.0.1", channel.server.port, security="starttls"))
        with pytest.raises(ChannelUnavailable, match="STARTTLS"), asked.open():
            pass


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    with serving(Inbox(), tls_context=context) as channel:
        asked = EmailChannel(SmtpServer("127.0.0.1", channel.server.port, security="starttls", timeout=2))
        with pytest.raises(ChannelUnavailable, match="CERTIFICATE_VERIFY_FAILED"), asked.open():
            pass


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_travels_encrypted_to_a_server_that_is_vouched_for(security, tmp_path, monkeypatch):
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr("campaigns.channels.email._tls", ssl.create_default_context)  # a process asks for it once
    offered = {"tls_context": context, "require_starttls": True} if security == "starttls" else {"ssl_context": context}
    inbox = Inbox()
    with serving(inbox, enable_SMTPUTF8=True, **offered) as channel:
        asked = EmailChannel(SmtpServer("127.0.0.1", channel.server.port, security=security))
        with asked.open() as session:
            session.send(message(to="联系@shop.example"))  # what the server can do is known again after STARTTLS
    assert len(inbox.got) == 1


def test_a_wrong_password_shows_at_once_and_is_not_told(tmp_path):
    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == b"right", handled=False)

    with serving(Inbox(), authenticator=check, auth_require_tls=False) as channel:
        port = channel.server.port
        right = EmailChannel(SmtpServer("127.0.0.1", port, "none", user="attune", password="right"))
        with right.open() as session:
            session.send(message())
        wrong = EmailChannel(SmtpServer("127.0.0.1", port, "none", user="attune", password="hunter2"))
        with pytest.raises(ChannelUnavailable) as failed, wrong.open():
            pass
    assert failed.value.reason == "no_login"
    assert "hunter2" not in str(failed.value) + repr(wrong)


def test_a_password_never_travels_unencrypted():
    away = EmailChannel(SmtpServer("mail.example", 25, "none", user="attune", password="x"))
    with pytest.raises(ChannelUnavailable, match="unencrypted"), away.open():
        pass


def test_other_mistakes_are_not_taken_for_an_outcome(monkeypatch):
    # A task's time limit, for one, is an exception of its own: the row then stays claimed and the sweep decides.
    class TimeLimitError(Exception):
        pass

    def stopped(self):
        raise TimeLimitError

    with serving(Inbox()) as channel, channel.open() as session:
        monkeypatch.setattr(smtplib.SMTP, "getreply", stopped)
        with pytest.raises(TimeLimitError):
            session._hand_over(compose(message()))
        monkeypatch.undo()


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
