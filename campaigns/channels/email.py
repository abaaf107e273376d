"""E-mail over SMTP: one connection for many messages, and a plain word for what became of each.

Written on smtplib's single steps, because its `sendmail` does not tell a connection that broke before the message from
one that broke after it: before the first byte of the text nothing can have been sent, after it only an answer counts.
"""

import math
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache

from campaigns.channels.dkim_header import DkimKey, signed
from campaigns.channels.mime import Mail, compose
from campaigns.contracts import EmailMessage, Sent
from campaigns.exceptions import (
    AmbiguousOutcome,
    ChannelUnavailable,
    PermanentFailure,
    SendFailure,
    TransientFailure,
)

LOOPBACK = ("127.0.0.1", "::1", "localhost")
CLOSING = 421  # RFC 5321: the server is about to hang up, whatever it was asked


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and as whom. `security` is none, starttls or tls."""

    host: str
    port: int
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    # Seconds that the offer of one message may take in all, a new connection included, and again its text with the answer:
    # whoever lends a row to a worker has to lend it for twice as long.
    timeout: float = 10.0
    dkim: DkimKey | None = None  # None: nothing is signed here


@dataclass(frozen=True, slots=True)
class EmailChannel:
    server: SmtpServer

    @contextmanager
    def open(self) -> Iterator["SmtpSession"]:
        """Connects at once, so that a wrong password shows before the first message. Raises ChannelUnavailable."""
        session = SmtpSession(self.server)
        try:
            yield session
        finally:
            session.close()


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Made once a process: reading the system's certificates takes longer than handing over ten mails."""
    return ssl.create_default_context()


class _DroppedError(Exception):
    """The connection ended before any of the message was handed over."""


class SmtpSession:
    """One connection, used by one thread. An idle server may hang up between two messages: it is called again once."""

    def __init__(self, server: SmtpServer):
        self.server = server
        self._deadline = time.monotonic() + server.timeout
        self._smtp = self._connect()

    def send(self, message: EmailMessage) -> Sent:
        """Hands one mail over. Raises PermanentFailure, TransientFailure, ChannelUnavailable or AmbiguousOutcome."""
        mail = self._signed(compose(message))
        self._deadline = min(time.monotonic() + self.server.timeout, message.not_after or math.inf)
        try:
            self._offer(mail)
        except _DroppedError:
            self._smtp.close()
            if time.monotonic() >= self._deadline:
                raise TransientFailure("slow", "The server took too long over the offer.") from None
            self._smtp = self._connect()
            try:
                self._offer(mail)
            except _DroppedError as dropped:
                raise TransientFailure("dropped", str(dropped)) from None
        if time.monotonic() >= self._deadline:  # this process stood still after the server's 354: nothing has left yet
            self._smtp.close()
            raise TransientFailure("slow", "The offer took too long; consent has to be asked for again.")
        return self._hand_over(mail)

    def _signed(self, mail: Mail) -> Mail:
        if self.server.dkim is None:
            return mail
        try:
            return replace(mail, content=signed(mail.content, self.server.dkim))
        except ValueError as fault:
            raise ChannelUnavailable("no_login", str(fault)[:200]) from None

    def close(self) -> None:
        with suppress(smtplib.SMTPException, OSError):
            self._smtp.quit()
        self._smtp.close()

    def _connect(self) -> smtplib.SMTP:
        server = self.server
        if server.user and server.security == "none" and server.host not in LOOPBACK:
            raise ChannelUnavailable("no_login", "The password would travel unencrypted: use starttls or tls.")
        # smtplib would ask the network for this machine's full name, which can take longer than all the rest.
        options = {"timeout": self._left(), "local_hostname": socket.gethostname() or "localhost"}
        try:
            if server.security == "tls":
                smtp = smtplib.SMTP_SSL(server.host, server.port, context=_tls(), **options)
            else:
                smtp = smtplib.SMTP(server.host, server.port, **options)
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelUnavailable("no_connection", _words(error)) from None
        try:
            smtp.ehlo_or_helo_if_needed()
            smtp.sock.settimeout(self._left())
            if server.security == "starttls":
                smtp.starttls(context=_tls())
                smtp.ehlo_or_helo_if_needed()  # what was said in the clear no longer counts
            if server.user:
                smtp.login(server.user, server.password)
        except (smtplib.SMTPException, OSError) as error:
            smtp.close()
            reason = "no_login" if isinstance(error, smtplib.SMTPAuthenticationError) else "no_connection"
            raise ChannelUnavailable(reason, _words(error)) from None
        return smtp

    def _offer(self, mail: Mail) -> None:
        """Sender, recipient and the word DATA. Until the server says 354, nothing of the message has left."""
        smtp = self._smtp
        options = [f"SIZE={len(mail.content)}"] if smtp.has_extn("size") else []
        if mail.needs_utf8:
            if not smtp.has_extn("smtputf8"):
                raise PermanentFailure("bad_address", "The mail server takes no letters outside of ASCII in addresses.")
            options.append("SMTPUTF8")
            smtp.command_encoding = "utf-8"
        # `compose` let plain addresses through alone.
        words = (" ".join([f"MAIL FROM:<{mail.sender}>", *options]), f"RCPT TO:<{mail.recipient}>", "DATA")
        try:
            if smtp.has_extn("pipelining"):
                self._ask_at_once(words)
            else:
                for word, answer in zip(words, OFFERED, strict=True):
                    refusal = _judged(answer, *self._asked(word))
                    if refusal:
                        self._reset()
                        raise refusal
        finally:
            smtp.command_encoding = "ascii"

    def _ask_at_once(self, words: tuple[str, ...]) -> None:
        """RFC 2920: one write, one wait for the network, as many answers; the first that is a refusal counts."""
        first = self._asked("\r\n".join(words))
        answers = [first, *(self._asked() for _ in words[1:])]
        judged = (_judged(answer, *given) for answer, given in zip(OFFERED, answers, strict=True))
        refusal = next((one for one in judged if one), None)
        if refusal is None:
            return
        if answers[-1][0] == 354:  # it waits for the text of a mail to nobody: a lone dot ends it
            self._asked(".")
        self._reset()
        raise refusal

    def _asked(self, word: str = "") -> tuple[int, bytes]:
        """The next answer, after saying `word`. Raises _DroppedError."""
        try:
            if self._smtp.sock:
                self._smtp.sock.settimeout(self._left())
            if word:
                self._smtp.send(f"{word}\r\n")
            code, reply = self._smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise _DroppedError(_words(error)) from None
        if code == CLOSING:
            raise _DroppedError(_reply(code, reply))
        return code, reply

    def _reset(self) -> None:
        with suppress(smtplib.SMTPException, OSError):
            self._smtp.rset()  # the next message begins with nothing offered

    def _left(self) -> float:
        # Never zero, which means "do not wait" to a socket.
        return max(self._deadline - time.monotonic(), 0.01)

    def _hand_over(self, mail: Mail) -> Sent:
        self._smtp.sock.settimeout(self.server.timeout)
        lines = re.sub(rb"(?m)^\.", b"..", mail.content)
        try:
            self._smtp.send(lines + (b".\r\n" if lines.endswith(b"\r\n") else b"\r\n.\r\n"))
            code, reply = self._smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._smtp.close()
            raise AmbiguousOutcome("no_answer", _words(error)) from None
        if 200 <= code < 300:
            return Sent(_reply(code, reply)[:200])
        if 400 <= code < 600 and code != CLOSING:
            raise _refused(code, reply)
        self._smtp.close()
        raise AmbiguousOutcome("no_answer", _reply(code, reply))


def _judged(answer: tuple, code: int, reply: bytes) -> SendFailure | None:
    good, failure = answer
    return None if code in good else failure(code, reply)


def _sender_refused(code: int, reply: bytes) -> SendFailure:
    # 552 is about the size of this message; any other refusal of the sender meets all messages alike.
    if 500 <= code < 600 and code != 552:
        return ChannelUnavailable("sender_refused", _reply(code, reply))
    return _refused(code, reply)


def _refused(code: int, reply: bytes) -> SendFailure:
    words = _reply(code, reply)
    if not 500 <= code < 600:
        return TransientFailure("try_later", words)
    # RFC 3463: 5.1.x is about the address. Without such a code, 550, 551 and 553 mean the mailbox.
    enhanced = re.match(rb"5\.(\d+)\.\d+", reply)
    is_address = enhanced[1] == b"1" if enhanced else code in (550, 551, 553)
    return PermanentFailure("address_refused" if is_address else "message_refused", words)


# To MAIL, RCPT and DATA: the codes of a yes, and what another one means.
OFFERED = (((250,), _sender_refused), ((250, 251), _refused), ((354,), _refused))


def _reply(code: int, reply: bytes) -> str:
    """The server's words without the addresses that it likes to quote: they end up in logs and on pages."""
    words = f"{code} {reply.decode('utf-8', 'replace')}"
    return re.sub(r"\S+@\S+", "(address)", " ".join(words.split()))[:280]


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        return _reply(error.smtp_code, reply if isinstance(reply, bytes) else str(reply).encode())
    return re.sub(r"\S+@\S+", "(address)", f"{type(error).__name__}: {error}")[:280]
