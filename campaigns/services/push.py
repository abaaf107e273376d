"""Registers browsers for web push: who may, under which words, and what becomes of a no.

A token is made for the shop's own server, which knows who is signed in, and names one person for an hour: nobody can
register a browser for somebody else.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core import signing
from django.utils import timezone

from campaigns.channels import configured
from campaigns.exceptions import ChannelUnavailable
from campaigns.services.withdrawal import Acknowledgement, acknowledge
from customers.contracts import Channel, Purpose
from customers.queries.packs import Wording
from customers.services import push

SALT = "campaigns.push"
LIVES = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Token:
    text: str = field(repr=False)
    expires_at: datetime
    public_key: str
    wording: Wording


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of a browser that is to hear nothing more. `withdrawal`: where it was the person's last."""

    was_known: bool
    withdrawal: Acknowledgement | None


def public_key() -> str:
    """What pushManager.subscribe takes as applicationServerKey. Raises ChannelUnavailable where no key is set."""
    return configured.push_public_key()


def token_for(external_id: str, language: str) -> Token | None:
    """None for somebody who was erased. Raises ChannelUnavailable where push is not set up."""
    key = public_key()
    customer_id = push.whom(external_id)
    if customer_id is None:
        return None
    text = signing.dumps(customer_id, salt=SALT)
    return Token(text, timezone.now() + LIVES, key, push.wording_for(customer_id, language))


def customer_of(token: str) -> int | None:
    """Whom a token names; None when it is not ours or its hour is over."""
    try:
        return int(signing.loads(token, salt=SALT, max_age=LIVES))
    except (signing.BadSignature, TypeError, ValueError):
        return None


def register(customer_id: int, subscription: dict, *, notice: str, language: str, ip: str, user_agent: str) -> None:
    """Raises ValueError (field, reason) for what is no subscription, ConsentRefused for words that do not hold."""
    value = configured.subscription(subscription).kept()
    push.register(push.Registration(customer_id, value, notice, language, ip, user_agent))


def unregister(customer_id: int, endpoint: str) -> Forgotten:
    """Forgets one browser. The last one takes the consent along: what is said there is a no."""
    was_known, left = push.forget(customer_id, lambda kept: json.loads(kept).get("endpoint") == endpoint)
    if left or not was_known:
        return Forgotten(was_known, None)
    said = acknowledge(
        customer_id=customer_id, channel=Channel.PUSH, purpose=Purpose.MARKETING, method=push.METHOD, actor="subject"
    )
    return Forgotten(True, said)


def is_set_up() -> bool:
    try:
        public_key()
    except ChannelUnavailable:
        return False
    return True
