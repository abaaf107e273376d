"""Contact points in one written form, so that the same address is found again however it was typed."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from customers.exceptions import InvalidContact

# The demo store's addresses: reserved by RFC 2606, so nothing ever reaches anybody. Other reserved names are refused.
DEMO_DOMAIN = "example.invalid"
# Ids that shops hand out and nobody types: taken as they are.
OPAQUE_KINDS = frozenset({"loyalty", "device", "anonymous", "push"})
OPAQUE_MAX = 500  # push tokens are the longest, below 300 characters today


def normalise(kind: str, value: str) -> str:
    """The form in which a contact point is hashed, compared and written to. Raises InvalidContact; asks no network."""
    value = value.strip()
    if not value:
        raise InvalidContact(kind, "It is empty.", "Leave it out when there is none.")
    if kind == "email":
        return _email(value)
    if kind in OPAQUE_KINDS:
        return _opaque(kind, value)
    raise InvalidContact(kind, "This kind of contact point cannot be taken in yet.", "Leave it out.")


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
