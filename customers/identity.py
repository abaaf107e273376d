"""Contact points in one written form, and the rules by which two records that share one are found to be one person."""

import unicodedata
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from customers.contracts import Action
from customers.exceptions import InvalidContact

# The demo store's addresses: reserved by RFC 2606, so nothing ever reaches anybody. Other reserved names are refused.
DEMO_DOMAIN = "example.invalid"
# Ids that shops hand out and nobody types: taken as they are.
OPAQUE_KINDS = frozenset({"loyalty", "device", "anonymous", "push", "web", "app"})
OPAQUE_MAX = 1000  # push subscriptions are the longest: an address of up to 800 characters and two keys
KINDS = ("email", "phone", "social", *sorted(OPAQUE_KINDS))
NETWORK_MAX, HANDLE_MAX = 20, 100
# Reasons of phonenumbers' parser, in our words: its own repeat the number.
PHONE_FAULTS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "It names no country.",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "It is no phone number.",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "It is too short.",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "It is too short.",
    phonenumbers.NumberParseException.TOO_LONG: "It is too long.",
}


def normalise(kind: str, value: str, region: str = "") -> str:
    """The form in which a contact point is hashed, compared and written to. Raises InvalidContact; asks no network.

    `region`: the country (ISO 3166, as “CH” or “US-CA”) in which a phone number without a prefix was written.
    """
    value = value.strip()
    if not value:
        raise InvalidContact(kind, "It is empty.", "Leave it out when there is none.")
    if kind == "email":
        return _email(value)
    if kind == "phone":
        return _phone(value, region)
    if kind == "social":
        return _social(value)
    if kind in OPAQUE_KINDS:
        return _opaque(kind, value)
    raise InvalidContact("kind", "This is no kind of contact point.", f"Use one of {', '.join(KINDS)}.")


def _email(value: str) -> str:
    """Domain in its Unicode form, ASCII letters lower.

    RFC 5321 lets the part before the @ tell cases apart; no large provider does, and people type either. Other
    alphabets keep their case: lowering can turn one letter into two, which is another mailbox.
    """
    local, at, domain = value.rpartition("@")
    is_demo = domain.lower() == DEMO_DOMAIN
    try:
        # The validator refuses every .invalid name, so a demo address is judged at a domain that it lets pass.
        checked = validate_email(f"{local}@example.com" if is_demo else value, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidContact("email", _reason(str(error)), "Check the address with the person.") from None
    local = "".join(letter.lower() if letter.isascii() else letter for letter in checked.local_part)
    return f"{local}{at}{DEMO_DOMAIN if is_demo else checked.domain}"


def _reason(message: str) -> str:
    """The validator's message up to where it starts to quote the address: refusals are logged and shown."""
    for quote in (":", "(", '"'):
        message = message.partition(quote)[0]
    return message.strip().rstrip(".") + "."


def _opaque(kind: str, value: str) -> str:
    """NFC, otherwise as given: upper and lower case may be two ids."""
    value = unicodedata.normalize("NFC", value)
    if len(value) > OPAQUE_MAX:
        raise InvalidContact(kind, f"It is longer than {OPAQUE_MAX} characters.", "Send the id alone.")
    if not value.isprintable():
        raise InvalidContact(kind, "It holds control characters.", "Send the id as text.")
    return value


def region_of(*candidates: str) -> str:
    """The first of these that is a country with phone numbers, as two letters; "" when none is (“EU” is none)."""
    return next((name[:2].upper() for name in candidates if name[:2].upper() in phonenumbers.SUPPORTED_REGIONS), "")


def _phone(value: str, region: str) -> str:
    """E.164. A number that could be nobody's, by its country's plan, is refused: a message to it would cost and fail."""
    remedy = "Write it with its country, as +41 44 668 18 00."
    try:
        number = phonenumbers.parse(value, region_of(region) or None)
    except phonenumbers.NumberParseException as error:
        raise InvalidContact("phone", PHONE_FAULTS[error.error_type], remedy) from None
    if number.extension:
        raise InvalidContact("phone", "It has an extension, which no message reaches.", "Leave the extension out.")
    if not phonenumbers.is_valid_number(number):
        raise InvalidContact("phone", "No such number is given out in its country.", remedy)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _social(value: str) -> str:
    """“network:handle”, both in lower case and without the @: the networks take Ann and ann for one."""
    network, colon, handle = unicodedata.normalize("NFKC", value).casefold().partition(":")
    network, handle = network.strip(), handle.strip().removeprefix("@")
    if not colon or not network.isalnum() or not network.isascii() or len(network) > NETWORK_MAX:
        raise InvalidContact("social", "It does not name its network.", "Write it as instagram:handle.")
    if not handle or len(handle) > HANDLE_MAX or not handle.isprintable() or " " in handle or "/" in handle:
        raise InvalidContact("social", "This is no handle.", "Send the handle alone, not the address of its page.")
    return f"{network}:{handle}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Sharing this kind of contact point makes two records one person."""

    name: str
    kind: str
    is_verified: bool  # the point must be verified on both sides
    words: str


# In the order in which they are asked. A rule more is a line more; nothing here is a guess or a score.
RULES = (
    Rule("verified_email", "email", True, "the same verified e-mail address"),
    Rule("verified_phone", "phone", True, "the same verified phone number"),
    Rule("loyalty_card", "loyalty", False, "the same loyalty card"),
    Rule("social_handle", "social", True, "the same verified social handle"),
    Rule("known_device", "device", False, "a login on a device that was known before"),
)
RULE_WORDS = {rule.name: rule.words for rule in RULES} | {"staff": "staff, by hand"}
# A value that more records than this share says nothing about who they are: a till's own card, a shop's tablet.
MOST_SHARED = 4


@dataclass(frozen=True, slots=True)
class Record:
    """What the rules need to know of a customer record."""

    id: int
    has_account: bool  # the platform itself named them; else a card or a handle did
    verified_emails: frozenset[bytes]  # lookups


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which record stays, which goes into it, and what forbids to do so without a person's word ("" when nothing)."""

    kept: int
    merged: int
    conflict: str


def judge(one: Record, other: Record) -> Verdict:
    """Two records that a rule brought together. The platform's own account is kept, else the older record."""
    kept, merged = sorted((one, other), key=lambda record: (not record.has_account, record.id))
    conflict = ""
    if one.has_account and other.has_account:
        conflict = "The platform has an account for each of them."
    elif one.verified_emails and other.verified_emails and one.verified_emails.isdisjoint(other.verified_emails):
        conflict = "They have verified different e-mail addresses."
    return Verdict(kept.id, merged.id, conflict)


# From the strictest word to the one that allows: of two words about one person the stricter stands.
STRICTNESS = (
    Action.OBJECTED,
    Action.WITHDRAWN,
    Action.REFUSED,
    Action.EXPIRED,
    Action.REQUESTED,
    Action.IMPORTED,
    Action.GIVEN,
    Action.CONFIRMED,
)
