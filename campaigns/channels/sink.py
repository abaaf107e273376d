"""Reads what the local mail sink (`manage.py mail_sink`) has kept. One file a mail, named by its Message-ID and a count."""

import email
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from html.parser import HTMLParser
from pathlib import Path

from campaigns.channels.mime import MESSAGE_HEADER
from campaigns.contracts import KeptMail, KeptPost

POST = ".post"  # what came by HTTP: one file a message, as JSON
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")


def kept(folder: Path) -> Iterator[KeptMail]:
    """Every mail, in an order that never changes. A mail that is being written is not seen yet."""
    for path in sorted(folder.glob("*.eml")):
        yield _read(path)


def newest(folder: Path, most: int) -> list[KeptPost]:
    """What came last, of every channel, the newest first. Reads no more files than it shows."""
    found = [(path.stat().st_mtime, path) for path in folder.glob("*") if path.suffix in (".eml", POST)]
    return [_shown(path, at) for at, path in sorted(found, key=lambda one: one[0], reverse=True)[:most]]


def _shown(path: Path, at: float) -> KeptPost:
    when = datetime.fromtimestamp(at, UTC)
    if path.suffix == POST:
        said = json.loads(path.read_text())
        return KeptPost(when, said["channel"], said["to"], said["title"], said["text"], tuple(said["links"]))
    mail = email.message_from_string(path.read_bytes().decode("utf-8", "replace"))
    kept = _read(path)
    plain = next((part for part in mail.walk() if part.get_content_type() == "text/plain"), None)
    text = plain.get_payload(decode=True).decode("utf-8", "replace") if plain else ""
    return KeptPost(when, "email", ", ".join(kept.to), kept.subject, text, kept.links)


def _read(path: Path) -> KeptMail:
    # The plain parser: the one that understands every header takes ten times as long.
    mail = email.message_from_string(path.read_bytes().decode("utf-8", "replace"))
    row = mail.get(MESSAGE_HEADER, "")
    return KeptMail(
        message_id=int(row) if row.isascii() and row.isdigit() else None,
        header_id=mail.get("Message-ID", ""),
        copy=int(path.name.split(".")[1]),
        to=tuple(_text(value) for value in mail.get_all("Delivered-To", [])),
        subject=_text(mail.get("Subject", "")),
        links=tuple(dict.fromkeys(_links(mail))),
        unsubscribe_url=mail.get("List-Unsubscribe", "").strip("<>"),
    )


def _text(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", str(make_header(decode_header(value))))


def _links(mail: Message) -> Iterator[str]:
    for part in mail.walk():
        kind = part.get_content_type()
        if kind not in ("text/plain", "text/html"):
            continue
        text = part.get_payload(decode=True).decode("utf-8", "replace")
        if kind == "text/plain":
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
