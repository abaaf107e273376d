"""Reads what the local mail sink (`manage.py mail_sink`) has kept. One file a mail, named by its Message-ID and a count."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage as Parsed
from html.parser import HTMLParser
from pathlib import Path

from campaigns.channels.mime import MESSAGE_HEADER
from campaigns.contracts import KeptMail

_ADDRESS = re.compile(r"https?://[^\s<>\"]+")


def kept(folder: Path) -> Iterator[KeptMail]:
    """Every mail, in an order that never changes. A mail that is being written is not seen yet."""
    for path in sorted(folder.glob("*.eml")):
        yield _read(path)


def _read(path: Path) -> KeptMail:
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.SMTPUTF8)
    row = str(mail.get(MESSAGE_HEADER, ""))
    return KeptMail(
        message_id=int(row) if row.isascii() and row.isdigit() else None,
        header_id=str(mail.get("Message-ID", "")).strip(),
        copy=int(path.name.split(".")[1]),
        to=tuple(str(value).strip() for value in mail.get_all("Delivered-To", [])),
        subject=str(mail.get("Subject", "")),
        links=tuple(dict.fromkeys(_links(mail))),
        unsubscribe_url=str(mail.get("List-Unsubscribe", "")).strip().strip("<>"),
    )


def _links(mail: Parsed) -> Iterator[str]:
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        if part is None:
            continue
        text = part.get_content()
        if kind == "plain":
            yield from (found.rstrip(".,;:!?)") for found in _ADDRESS.findall(text))
        else:
            reader = _Targets()
            reader.feed(text)
            yield from reader.found


class _Targets(HTMLParser):
    """The targets of links: pictures and styles are not what somebody follows."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        target = dict(attrs).get("href") or ""
        if tag == "a" and _ADDRESS.fullmatch(target):
            self.found.append(target)
