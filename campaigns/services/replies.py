"""What a provider of text messages reports: somebody's answer, and what became of a text. Signed, or it is not heard."""

import base64
import hmac
import re
from collections.abc import Mapping
from contextlib import suppress

from django.conf import settings

from campaigns.channels.signing import verify
from campaigns.channels.sms import OPTED_OUT, TWILIO
from campaigns.models import Message
from campaigns.services.withdrawal import acknowledge
from campaigns.state import MessageState
from customers.exceptions import InvalidContact
from customers.queries.people import by_contact

# What people answer to stop: the words of the operators' own rules (CTIA) and what the Chinese line asks for.
STOPS = frozenset(
    ["stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke", "r", "t", "td", "退订", "拒收"]
)
DELIVERED, LOST = frozenset(["delivered"]), frozenset(["undelivered", "failed"])


def is_from_twilio(address: str, fields: Mapping[str, str], signature: str) -> bool:
    """Twilio's signature (twilio.com/docs/usage/security): HMAC-SHA1 by the account's secret over address and sorted fields."""
    if settings.SMS_STYLE != TWILIO or not settings.SMS_SECRET:
        return False
    said = address + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.digest(settings.SMS_SECRET.encode(), said.encode(), "sha1")
    return hmac.compare_digest(base64.b64encode(digest), signature.encode())


def is_signed(headers: Mapping[str, str], body: bytes) -> bool:
    """Standard Webhooks by ATTUNE_SMS_HOOK_SECRET."""
    secret = settings.SMS_HOOK_SECRET
    return bool(secret) and verify([secret], headers, body)


def reply(number: str, text: str) -> int:
    """Somebody answered a text. A word to stop withdraws text messages for everybody with this number; returns how many."""
    words = re.findall(r"\w+", text.lower())
    is_stop = "".join(words) in STOPS or (words[:1] and len(words[0]) > 1 and words[0] in STOPS)
    if not is_stop:
        return 0
    people: list[int] = []
    with suppress(InvalidContact):  # a short code or a name: nobody's number
        people = list(by_contact("phone", number).values_list("pk", flat=True))
    for customer_id in people:
        acknowledge(
            customer_id=customer_id, channel="sms", purpose="marketing", method="sms_reply", actor="subject", patience=0
        )
    return len(people)


def opted_out(message: Message) -> None:
    """The provider passes nothing on, for it was told to stop: what it heard is a withdrawal here too."""
    acknowledge(
        customer_id=message.customer_id, channel="sms", purpose="marketing", method="sms_provider", actor="subject",
        patience=0,
    )  # fmt: skip


def report(message_id: int, status: str, code: str = "") -> bool:
    """What became of a text that was handed over; False when that changes nothing. `code`: why it was not delivered."""
    status = status.lower()
    if status not in DELIVERED | LOST:
        return False
    state = MessageState.DELIVERED if status in DELIVERED else MessageState.BOUNCED
    # The word may come late, and also for a text whose answer was lost.
    before = [
        MessageState.SENT,
        MessageState.UNKNOWN,
        *([MessageState.DELIVERED] if state == MessageState.BOUNCED else []),
    ]
    rows = Message.objects.filter(pk=message_id, channel="sms", state__in=before)
    is_stop = state == MessageState.BOUNCED and code in (str(OPTED_OUT), "opted_out")
    changed = rows.update(state=state, reason="opted_out" if is_stop else "") == 1
    if changed and is_stop:
        opted_out(Message.objects.get(pk=message_id))
    return changed
