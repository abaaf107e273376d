"""An EmailMessage as the bytes of a mail, and the two addresses of its envelope."""

import email.message
import email.utils
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import HeaderRegistry
from email.policy import EmailPolicy

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
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x20\x7f]+@([^\s@<>,;:\"()\[\]\\\x00-\x20\x7f]+)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class _Verbatim:
    """A header that is one word: the standard library would fold a long address into encoded pieces nobody can follow."""

    max_count = 1

    @staticmethod
    def parse(value, kwds):
        kwds["parse_tree"], kwds["decoded"] = None, value

    def fold(self, *, policy):
        return f"{self.name}: {self}{policy.linesep}"


_registry = HeaderRegistry()
for _name in ("Message-ID", MESSAGE_HEADER, *_UNSUBSCRIBE):
    _registry.map_to_type(_name, _Verbatim)
_POLICY = EmailPolicy(linesep="\r\n", header_factory=_registry)


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
    if not re.fullmatch(r"https?://[!-;=?-~]+", message.unsubscribe_url):
        raise PermanentFailure("bad_header", "The unsubscribe link is not a web address; marketing mail needs one.")
    _, sender = email.utils.parseaddr(message.sender)
    sender, recipient = _address(sender, "sender"), _address(message.to, "recipient")
    needs_utf8 = not recipient.isascii()
    try:
        content = _build(message, sender, recipient).as_bytes(policy=_POLICY.clone(utf8=needs_utf8))
    except Exception as error:
        # Nothing was sent; and a text that the standard library cannot write must not stop everybody else's.
        raise PermanentFailure("bad_message", f"The mail cannot be written: {type(error).__name__}.") from None
    return Mail(sender, recipient, content, needs_utf8)


def header_id(message_id: int, sender: str) -> str:
    """The Message-ID of a row: the same at every try, so that a mail that was sent twice can be told."""
    return f"<attune.{message_id}@{sender.rpartition('@')[2]}>"


def _build(message: EmailMessage, sender: str, recipient: str) -> email.message.EmailMessage:
    mail = email.message.EmailMessage(policy=_POLICY)
    name, _ = email.utils.parseaddr(message.sender)
    mail["From"] = email.headerregistry.Address(name, addr_spec=sender)
    mail["To"] = recipient
    mail["Subject"] = message.subject
    mail["Date"] = datetime.now(UTC)
    mail["Message-ID"] = header_id(message.message_id, sender)
    mail[MESSAGE_HEADER] = str(message.message_id)
    # RFC 2369 names the place, RFC 8058 says that one POST to it is enough: both, on every mail, without a switch.
    mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for header, value in message.headers.items():
        mail[header] = value
    # Quoted-printable: any server takes it, and lines stay below the 998 octets of RFC 5322.
    mail.set_content(message.text, cte="quoted-printable")
    if message.html:
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return mail


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
