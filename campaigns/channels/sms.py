"""Text messages through a provider's HTTP interface: Twilio's, or one of plain JSON for whatever else.

A provider that answers with a fault of its own (500, 502, 504) may have passed the text on: unless it knows a repeated
one by its Idempotency-Key, as the plain interface has to, nobody can tell, and it is not sent again.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from campaigns.channels.egress import Answer, Line, judge, try_later, wait_of
from campaigns.contracts import Sent, SmsMessage
from campaigns.exceptions import ChannelUnavailable, PermanentFailure
from copywriting.services.texts import sms_size

JSON, TWILIO = "json", "twilio"
# Twilio's error codes (twilio.com/docs/api/errors). What is not listed is about the message.
NO_ADDRESS = frozenset({21211, 21214, 21217, 21614, 30003, 30005, 30006})  # not a number, no mobile, not reachable
OPTED_OUT = 21610
OUR_SENDER = frozenset({21212, 21603, 21606, 21608, 21659, 20003, 20005})  # the sender or the account: meets all alike
TOO_FAST = frozenset({14107, 20429, 30022, 63038})
# Typographers' signs, each of which would make the whole text UCS-2 and so more than twice as long.
PLAIN = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "‑": "-", "…": "...",
     "\u00a0": " ", "\u202f": " ", "\u2009": " ", "×": "x", "•": "-", "′": "'", "−": "-"}
)  # fmt: skip
# How to stop, in the words that the law of a language's market and its operators know.
WAYS_OUT = {"en": "Reply STOP to end", "zh": "拒收请回复R"}


@dataclass(frozen=True, slots=True)
class SmsProvider:
    """Where texts are handed over, and as whom. `user` is Twilio's account; the plain interface has a token alone."""

    url: str
    style: str = JSON
    sender: str = ""  # a number, a short code, a name of at most 11 letters, or Twilio's messaging service (MG...)
    user: str = ""
    secret: str = field(default="", repr=False)
    status_url: str = ""  # where Twilio reports what became of a text
    most_parts: int = 3  # each is billed; a template that fills up further is a mistake
    timeout: float = 10.0
    is_local_allowed: bool = False


@dataclass(frozen=True, slots=True)
class SmsChannel:
    provider: SmsProvider

    @contextmanager
    def open(self) -> Iterator["SmsSession"]:
        provider = self.provider
        line = Line(provider.url, timeout=provider.timeout, is_local_allowed=provider.is_local_allowed)
        try:
            line.connect()
            yield SmsSession(provider, line)
        finally:
            line.close()


class SmsSession:
    def __init__(self, provider: SmsProvider, line: Line):
        self.provider = provider
        self._line = line

    def send(self, message: SmsMessage) -> Sent:
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", message.to):
            raise PermanentFailure("bad_address", "The phone number is not in its international form.")
        parts = sms_size(message.text).parts
        if not parts:
            raise PermanentFailure("bad_message", "The text is empty.")
        if parts > self.provider.most_parts:
            words = f"The text takes {parts} parts, more than the {self.provider.most_parts} that are allowed."
            raise PermanentFailure("too_long", words)
        return (self._twilio if self.provider.style == TWILIO else self._json)(message)

    def _json(self, message: SmsMessage) -> Sent:
        provider = self.provider
        reference = f"attune-{message.message_id}"
        body = {"to": message.to, "from": provider.sender, "text": message.text, "reference": reference}
        headers = {"Content-Type": "application/json", "Idempotency-Key": reference}
        if provider.secret:
            headers["Authorization"] = f"Bearer {provider.secret}"
        raw = json.dumps(body, ensure_ascii=False).encode()
        answer = self._line.post(_path(provider.url), raw, headers, message.not_after)
        said = _said(answer)
        if answer.status in (400, 404, 422) and said.get("code") in ("invalid_number", "unreachable", "opted_out"):
            reason = "opted_out" if said["code"] == "opted_out" else "address_refused"
            raise PermanentFailure(reason, f"The provider answered {answer.status}, {said['code']}.")
        judge(answer, is_repeatable=True)
        return Sent(str(said.get("id", ""))[:200])

    def _twilio(self, message: SmsMessage) -> Sent:
        provider = self.provider
        sender = "MessagingServiceSid" if provider.sender.startswith("MG") else "From"
        fields = {"To": message.to, sender: provider.sender, "Body": message.text}
        if provider.status_url:
            fields["StatusCallback"] = f"{provider.status_url}?message={message.message_id}"
        login = base64.b64encode(f"{provider.user}:{provider.secret}".encode()).decode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {login}"}
        path = f"{_path(provider.url).rstrip('/')}/2010-04-01/Accounts/{provider.user}/Messages.json"
        answer = self._line.post(path, urlencode(fields).encode(), headers, message.not_after)
        said = _said(answer)
        code = said.get("code")
        words = f"Twilio answered {answer.status}, code {code}."
        if answer.status >= 300 and isinstance(code, int):
            if code == OPTED_OUT:
                raise PermanentFailure("opted_out", words)
            if code in NO_ADDRESS:
                raise PermanentFailure("address_refused", words)
            if code in OUR_SENDER:
                raise ChannelUnavailable("sender_refused", words)
            if code in TOO_FAST:
                raise try_later(words, wait_of(answer.headers))
        judge(answer, is_repeatable=False)
        return Sent(str(said.get("sid", ""))[:200])


def compose_text(body: str, *, brand: str, link: str = "", language: str = "en") -> str:
    """Who writes, the words, the link, and how to stop; signs that would double its length are made plain where that helps."""
    chinese = language.startswith("zh")
    words = f"【{brand}】{body}" if chinese else f"{brand}: {body}"
    text = " ".join(part for part in (words, link, WAYS_OUT["zh" if chinese else "en"]) if part)
    plain = text.translate(PLAIN)
    return plain if sms_size(plain).parts < sms_size(text).parts else text


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _said(answer: Answer) -> dict:
    """The JSON of an answer; {} when there is none."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
