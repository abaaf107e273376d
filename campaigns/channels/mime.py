"""An EmailMessage as the bytes of a mail, and the two addresses of its envelope.

Written line by line: the standard library's message takes twenty times as long, which is most of what a send costs, and
folds a long List-Unsubscribe into encoded pieces that no mailbox provider follows.
"""

import re
from binascii import b2a_qp
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache

import idna

from campaigns.contracts import EmailMessage
from campaigns.exceptions import PermanentFailure

MESSAGE_HEADER = "X-Attune-Message"  # a bounce or complaint that quotes the mail names its row
_UNSUBSCRIBE = ("List-Unsubscribe", "List-Unsubscribe-Post")
_OURS = frozenset(
    name.lower()
    for name in (
        *("From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Return-Path", "Subject", "Date", "Message-ID"),
        *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", MESSAGE_HEADER, *_UNSUBSCRIBE),
    )
)
MAX_LINE = 76  # RFC 2047
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x20\x7f]+@([^\s@<>,;:\"()\[\]\\\x00-\x20\x7f]+)")
# ASCII's control characters but the tab, Latin-1's, and the two line ends of Unicode.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Mail:
    """What SMTP needs. `needs_utf8`: the recipient's name has letters that only servers with SMTPUTF8 take."""

    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)  # lines end in CRLF
    needs_utf8: bool


def compose(message: EmailMessage) -> Mail:
    """Raises PermanentFailure for an address or a header that cannot be written."""
    for name, value in (("subject", message.subject), ("sender", message.sender), *message.headers.items()):
        if _CONTROL.search(name) or _CONTROL.search(value):
            raise PermanentFailure("bad_header", "A header holds a line break or another control character.")
    for name in message.headers:
        if name.lower() in _OURS or not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise PermanentFailure("bad_header", "A further header may not replace one of ours.")
    # At most 900 letters: the header is one line, and RFC 5322 allows 998.
    if not message.reference and not re.fullmatch(r"https?://[!-;=?-~]{1,900}", message.unsubscribe_url):
        raise PermanentFailure("bad_header", "The unsubscribe link is not a web address; marketing mail needs one.")
    name, sender = _parsed(message.sender)
    sender, recipient = _address(sender, "sender"), _address(message.to, "recipient")
    try:
        content = _headers(message, name, sender, recipient) + _body(message)
    except (UnicodeError, MessageError) as error:
        raise PermanentFailure("bad_message", f"The mail cannot be written: {type(error).__name__}.") from None
    return Mail(sender, recipient, content, needs_utf8=not recipient.isascii())


_parsed = lru_cache(maxsize=16)(parseaddr)  # an install writes from a handful of addresses


def header_id(message_id: int | str, sender: str) -> str:
    """The Message-ID of a row: the same at every try, so that a mail that was sent twice can be told."""
    return f"<attune.{message_id}@{sender.rpartition('@')[2]}>"


def _headers(message: EmailMessage, name: str, sender: str, recipient: str) -> bytes:
    headers = {
        "From": formataddr((name, sender)),
        "To": recipient,
        "Subject": _words("Subject", message.subject),
        "Date": format_datetime(datetime.now(UTC)),
        **row_headers(message, sender),
        **{header: _words(header, value) for header, value in message.headers.items()},
        "MIME-Version": "1.0",
    }
    return "".join(f"{header}: {value}\r\n" for header, value in headers.items()).encode()


def row_headers(message: EmailMessage, sender: str) -> dict[str, str]:
    """What leads back to the row of an advertisement, and out of the list; a letter that was asked for has neither."""
    if message.reference:
        return {"Message-ID": header_id(message.reference, sender), "Auto-Submitted": "auto-generated"}
    return {
        "Message-ID": header_id(message.message_id, sender),
        MESSAGE_HEADER: str(message.message_id),
        # RFC 2369 names the place, RFC 8058 says that one POST to it is enough: both, on every mail, without a switch.
        "List-Unsubscribe": f"<{message.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _body(message: EmailMessage) -> bytes:
    if not message.html:
        return _part("plain", message.text)
    # "=_" never stands in quoted-printable text, so no text can look like the boundary.
    boundary = f"=_attune.{message.reference or message.message_id}"
    begin, end = f"\r\n--{boundary}\r\n".encode(), f"\r\n--{boundary}--\r\n".encode()
    head = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'.encode()
    return b"".join([head, begin, _part("plain", message.text), begin, _part("html", message.html), end])


def _words(name: str, value: str) -> str:
    """RFC 2047, folded; plain ASCII stays as it is, unless it would be read as an encoded word."""
    charset = "utf-8" if "=?" in value else None
    if value.isascii() and charset is None and len(f"{name}: {value}") <= MAX_LINE:
        return value  # as the next line would say, at a fiftieth of its cost
    return Header(value, charset, header_name=name).encode(linesep="\r\n")


def _part(kind: str, text: str) -> bytes:
    # Quoted-printable: any server takes it, and no line is longer than 76.
    text = re.sub(r"\r\n?|\n", "\r\n", text)
    body = b2a_qp((text if text.endswith("\r\n") else f"{text}\r\n").encode(), istext=True)
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode() + body


def _address(address: str, whose: str) -> str:
    """One address, its domain in the ASCII form that SMTP and DNS know."""
    match = _ADDRESS.fullmatch(address)
    if not match:
        raise PermanentFailure("bad_address", f"The {whose}'s address is not one plain address.")
    domain = match[1]
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            raise PermanentFailure("bad_address", f"The domain of the {whose}'s address does not exist.") from None
    return f"{address[: match.start(1)]}{domain}"
