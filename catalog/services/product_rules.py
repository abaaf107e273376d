"""What a product in a feed must look like. Every fault names its field, why it is refused and what to do."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

# Longest texts, as the columns of the product table have them. The first two must not be empty.
TEXTS = {"external_id": 64, "title": 300, "department": 80, "category": 120, "product_type": 120, "brand": 120,
         "size": 60, "description": 20_000}  # fmt: skip
REQUIRED = ("external_id", "title")
MOST_MONEY = Decimal("9999999999.99")
MOST_STOCK = 2**31 - 1
CURRENCY = re.compile(r"[A-Z]{3}")
YES, NO = {"true", "yes", "1"}, {"false", "no", "0"}
# PostgreSQL keeps no NUL, UTF-8 no half of a surrogate pair; the other control characters only hide what is there.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Fault:
    field: str
    reason: str
    remedy: str


class _Refused(Exception):
    def __init__(self, reason: str, remedy: str):
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def check(item: Any) -> tuple[dict[str, Any], list[Fault]]:
    """A product as posted or read from a feed; returns (every fact by column name, faults). With faults, do not load it.

    Absent, null and empty mean the same: the product has no such fact.
    """
    if not isinstance(item, Mapping):
        return {}, [Fault("product", "This is not an object.", 'Send {"external_id": ..., "title": ...}.')]
    faults = [
        Fault(str(name)[:40], "This field is not known.", f"Leave it out, or use one of: {', '.join(FIELDS)}.")
        for name in item
        if name not in FIELDS
    ]
    facts: dict[str, Any] = {}
    for name, rule in FIELDS.items():
        try:
            facts[name] = rule(name, item.get(name))
        except _Refused as refused:
            faults.append(Fault(name, refused.reason, refused.remedy))
    return facts, faults


def _text(name: str, value: Any) -> str:
    if value is None:
        value = ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # ids are often numbers in the shop's own system
    if not isinstance(value, str):
        raise _Refused("This is not a text.", "Send it in quotation marks.")
    # One line, except where paragraphs are meant: a title becomes the subject of a mail.
    value = value.strip() if name == "description" else " ".join(value.split())
    if name in REQUIRED and not value:
        raise _Refused("It is missing or empty.", "Every product needs one.")
    if UNPRINTABLE.search(value):
        raise _Refused("It holds control characters.", "Send the text alone, as UTF-8.")
    if len(value) > TEXTS.get(name, 500):
        raise _Refused(f"It is longer than {TEXTS.get(name, 500)} characters.", "Shorten it.")
    return value


def _url(name: str, value: Any) -> str:
    value = _text(name, value)
    if value:
        try:
            URLValidator(schemes=["http", "https"])(value)
        except ValidationError:
            raise _Refused("This is not a web address.", "Send it whole, beginning with https://.") from None
    return value


def _price(name: str, value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        price = Decimal(str(value).strip())
    except InvalidOperation:
        raise _Refused("This is not a number.", "Send the amount alone, such as 2.49.") from None
    if not price.is_finite() or not 0 <= price <= MOST_MONEY:
        raise _Refused(f"It is not between 0 and {MOST_MONEY}.", "Leave the price out when there is none.")
    if price != round(price, 2):
        raise _Refused("It has more than two decimals.", "Round it to what the customer pays.")
    return round(price, 2)


def _currency(name: str, value: Any) -> str:
    value = _text(name, value) or "USD"
    if not CURRENCY.fullmatch(value):
        raise _Refused("This is not a currency code.", "Send three capital letters (ISO 4217), such as EUR.")
    return value


def _stock(name: str, value: Any) -> int | None:
    if value is None or value == "":
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,10}", text) or abs(int(text)) > MOST_STOCK:
        raise _Refused("This is not a whole number.", "Send the number of pieces, or leave it out.")
    return int(text)


def _flag(name: str, value: Any) -> bool:
    if value is None or value == "":
        return True
    word = str(value).strip().lower()
    if word not in YES | NO:
        raise _Refused("This is neither true nor false.", "Send true or false.")
    return word in YES


FIELDS: Mapping[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(TEXTS, _text),
    "url": _url,
    "image_url": _url,
    "price": _price,
    "currency": _currency,
    "stock": _stock,
    "is_active": _flag,
}
