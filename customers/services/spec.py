"""Segment's Spec, e-commerce v2, as we take it: which names, which properties of each, and what is wrong with the rest.

Reads one posted event and touches no database. Properties outside the allow-list are left behind, so that nothing
personal rests in them unseen; free text that a person wrote comes out apart, to be sealed.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID

AHEAD = timedelta(minutes=5)  # clocks of shops and phones differ by that much
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before it, a date is a broken clock's
CHANNELS = ("web", "app", "store", "social", "email", "sms", "push")
MAX_ITEMS = 500  # products in one event: the largest real basket of the demo store holds a fifth of that
MAX_ID = 100
MAX_USER_ID = 64
MAX_TEXT = 10_000
MAX_MONEY = Decimal(10**9)  # below what numeric(12, 2) holds
MAX_QUANTITY = 10**6
CENT = Decimal("0.01")

PRODUCT = {"product_id": "id", "sku": "id", "variant": "id", "quantity": "count", "price": "money", "coupon": "id",
           "currency": "currency", "position": "count", "cart_id": "id", "list_id": "id", "category": "id"}  # fmt: skip
MONEY = {"total": "money", "subtotal": "money", "revenue": "money", "shipping": "money", "tax": "money",
         "discount": "money", "currency": "currency"}  # fmt: skip
ORDER = {**MONEY, "order_id": "id", "checkout_id": "id", "coupon": "id"}
COUPON = {"order_id": "id", "cart_id": "id", "coupon_id": "id", "coupon": "id", "discount": "money"}
PROMOTION = {"promotion_id": "id", "creative": "id", "name": "id", "position": "id"}
EMAIL = {"email_id": "id", "campaign_id": "id", "list_id": "id"}
SOCIAL = {"network": "id", "post_id": "id", "campaign_id": "id", "product_id": "id"}
# By exact name: the properties that are kept and how each is read. `products` stands where the spec has them.
PROPERTIES: dict[str, dict[str, str]] = {
    "Products Searched": {"query": "text"},
    "Product List Viewed": {"list_id": "id", "category": "id", "products": "items"},
    "Product Viewed": PRODUCT,
    "Product Clicked": PRODUCT,
    "Product Added": PRODUCT,
    "Product Removed": PRODUCT,
    "Cart Viewed": {"cart_id": "id", "products": "items"},
    "Checkout Started": {**ORDER, "value": "money", "products": "items"},
    # `coupon_discount`, `store`, and `amount` in an item are ours: a shop at the till knows them, the spec does not.
    "Order Completed": {**ORDER, "coupon_discount": "money", "store": "id", "products": "items"},
    "Order Refunded": {**ORDER, "products": "items"},
    "Order Cancelled": {**ORDER, "products": "items"},
    "Coupon Entered": COUPON,
    "Coupon Applied": COUPON,
    "Coupon Denied": {**COUPON, "reason": "id"},
    "Product Added to Wishlist": {**PRODUCT, "wishlist_id": "id"},
    "Product Reviewed": {"product_id": "id", "sku": "id", "review_id": "id", "rating": "number", "review_body": "text"},
    "Promotion Viewed": PROMOTION,
    "Promotion Clicked": PROMOTION,
    "Email Delivered": EMAIL,
    "Email Opened": EMAIL,
    "Email Link Clicked": {**EMAIL, "link_id": "id"},
    "Email Bounced": EMAIL,
    "Email Marked as Spam": EMAIL,
    "Unsubscribed": EMAIL,
    # Ours: the spec has no words for what happens on a social network. `comment` is what the person wrote.
    "Social Account Followed": SOCIAL,
    "Social Post Liked": SOCIAL,
    "Social Post Shared": SOCIAL,
    "Social Post Commented": {**SOCIAL, "comment": "text"},
}
# At least one of each group must be there.
REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "Products Searched": (("query",),),
    **{name: (("product_id", "sku"),) for name in PROPERTIES if name.startswith("Product ") and "List" not in name},
    "Order Completed": (("order_id",), ("products",)),
    "Order Refunded": (("order_id",),),
    "Order Cancelled": (("order_id",),),
    **{name: (("coupon_id", "coupon"),) for name in PROPERTIES if name.startswith("Coupon ")},
    "Promotion Viewed": (("promotion_id", "name"),),
    "Promotion Clicked": (("promotion_id", "name"),),
    **{name: (("network",),) for name in PROPERTIES if name.startswith("Social ")},
    "Social Post Commented": (("network",), ("comment",)),
}
BY_FOLDED = {name.casefold(): name for name in PROPERTIES}
CURRENCY = re.compile(r"[A-Z]{3}")


class Broken(ValueError):
    """An event that cannot be taken in: the field, and why with what to do about it."""

    def __init__(self, field: str, reason: str):
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Item:
    """One product of an event, by the merchant's own id."""

    product: str
    quantity: int
    amount: Decimal | None  # of all pieces together; None where the event names no price


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """An event whose every part was understood."""

    index: int
    message_id: str
    name: str
    occurred_at: datetime
    user_id: str
    anonymous_id: str
    device_id: str
    channel: str
    properties: dict  # JSON, allow-listed
    text: dict[str, str]  # what a person wrote, by property
    request_id: UUID | None
    items: tuple[Item, ...]

    def money(self, *keys: str) -> Decimal | None:
        """The first of these amounts that the event names."""
        return next((Decimal(self.properties[key]) for key in keys if key in self.properties), None)


def read(raw: object, index: int, *, now: datetime, may_be_future: bool, channel: str = "web") -> ReadEvent:
    """The event in our form. `channel` is taken when the event names none. Raises Broken for the first thing wrong."""
    if not isinstance(raw, dict):
        raise Broken("event", "It is not a JSON object. Send one object an event.")
    message_id = _identifier(raw, "messageId", MAX_ID, "Give every event an id of its own and keep it when you resend.")
    if raw.get("type", "track") != "track":
        raise Broken("type", "Only track calls are taken in. Send type “track”, or leave it out.")
    name = _name(raw)
    occurred_at = _timestamp(raw.get("timestamp"), now, may_be_future)
    user_id = _identifier(raw, "userId", MAX_USER_ID) if raw.get("userId") not in (None, "") else ""
    anonymous_id = _identifier(raw, "anonymousId", MAX_ID) if raw.get("anonymousId") not in (None, "") else ""
    if not user_id and not anonymous_id:
        raise Broken("userId", "Neither userId nor anonymousId is there. Send one of them.")
    given = raw.get("properties") or {}
    if not isinstance(given, dict):
        raise Broken("properties", "They are not a JSON object.")
    kept, text, items = _properties(name, given)
    return ReadEvent(
        index=index,
        message_id=message_id,
        name=name,
        occurred_at=occurred_at,
        user_id=user_id,
        anonymous_id=anonymous_id,
        device_id=_device(raw),
        channel=_channel(raw, name, channel),
        properties=kept,
        text=text,
        request_id=_request_id(given),
        items=items,
    )


def _properties(name: str, given: dict) -> tuple[dict, dict[str, str], tuple[Item, ...]]:
    """(what is kept, what a person wrote, the products) of an event with this name."""
    kept: dict = {}
    text: dict[str, str] = {}
    items: tuple[Item, ...] = ()
    for key, kind in PROPERTIES[name].items():
        value = given.get(key)
        if value is None or value in ("", []):
            continue
        if kind == "text":
            text[key] = _text(value, key)
        elif kind == "items":
            kept[key], items = _items(value, needs_price=name == "Order Completed")
        else:
            kept[key] = READERS[kind](value, f"properties.{key}")
    for group in REQUIRED.get(name, ()):
        if not any(key in kept or key in text for key in group):
            raise Broken(f"properties.{group[0]}", f"{name} needs {' or '.join(group)}.")
    if not items and ("product_id" in kept or "sku" in kept):
        items = (Item(kept.get("product_id") or kept["sku"], kept.get("quantity", 1), None),)
    return kept, text, items


def message_id_of(raw: object) -> str:
    """The id of an event that may be broken elsewhere; "" when it has none that can be kept."""
    try:
        return _identifier(raw, "messageId", MAX_ID) if isinstance(raw, dict) else ""
    except Broken:
        return ""


def _identifier(raw: dict, key: str, most: int, remedy: str = "") -> str:
    value = raw.get(key)
    if value is None or value == "":
        raise Broken(key, f"It is missing. {remedy}".strip())
    return _id(value, key, most)


def _id(value: object, where: str, most: int = MAX_ID) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        value = str(value)
    if not isinstance(value, str):
        raise Broken(where, "It is not text. Send it as a string.")
    if len(value) > most:
        raise Broken(where, f"It is longer than {most} characters.")
    if not value.isprintable():
        raise Broken(where, "It holds control characters or half a letter. Send it as plain UTF-8.")
    return value


def _name(raw: dict) -> str:
    name = raw.get("event")
    if isinstance(name, str) and name in PROPERTIES:
        return name
    meant = BY_FOLDED.get(name.casefold()) if isinstance(name, str) else None
    if meant:
        raise Broken("event", f"Names are exact. Write “{meant}”.")
    raise Broken(
        "event", "This is no event of the e-commerce spec v2 that we take in. The API's description lists them."
    )


def _timestamp(value: object, now: datetime, may_be_future: bool) -> datetime:
    if not isinstance(value, str):
        raise Broken("timestamp", "It is missing or not text. Send when it happened, as 2026-05-01T09:30:00Z.")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise Broken("timestamp", "It is not an ISO 8601 time. Write it as 2026-05-01T09:30:00Z.") from None
    if at.tzinfo is None:
        raise Broken("timestamp", "It has no time zone. End it with Z or +02:00.")
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise Broken("timestamp", "There is no such time. Check the clock that wrote it.") from None
    if at > now + AHEAD and not may_be_future:
        raise Broken("timestamp", "It lies more than 5 minutes ahead. Check the clock that wrote it.")
    if at < EARLIEST:
        raise Broken("timestamp", "It lies before the year 2000. Check the clock that wrote it.")
    return at


def _channel(raw: dict, name: str, otherwise: str) -> str:
    context = raw.get("context") or {}
    given = context.get("channel") if isinstance(context, dict) else None
    if given is None:
        if name.startswith("Social "):
            return "social"
        return "email" if name.startswith("Email ") or name == "Unsubscribed" else otherwise
    if given not in CHANNELS:
        raise Broken("context.channel", f"It is none of {', '.join(CHANNELS)}.")
    return given


def _device(raw: dict) -> str:
    """The id of the device that an app sends (`context.device.id`); "" without one."""
    context = raw.get("context") or {}
    device = context.get("device") if isinstance(context, dict) else None
    given = device.get("id") if isinstance(device, dict) else None
    return _id(given, "context.device.id") if given not in (None, "") else ""


def _request_id(given: dict) -> UUID | None:
    value = given.get("request_id")
    if value in (None, ""):
        return None
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise Broken("properties.request_id", "It is not the id that came with the recommendation.") from None


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise Broken(f"properties.{key}", "It is not text. Send it as a string.")
    if len(value) > MAX_TEXT:
        raise Broken(f"properties.{key}", f"It is longer than {MAX_TEXT} characters.")
    # Half a letter cannot be written in UTF-8; a question mark stands for it.
    return value.encode("utf-8", "replace").decode()


def _decimal(value: object, where: str) -> Decimal:
    is_number = isinstance(value, int | float | str | Decimal) and not isinstance(value, bool)
    try:
        number = Decimal(str(value)) if is_number else Decimal("NaN")
    except (InvalidOperation, ValueError):  # ValueError: an int of thousands of digits
        number = Decimal("NaN")
    if not number.is_finite():
        raise Broken(where, "It is not a number. Write it with a point, as 12.50.")
    return number


def _money(value: object, where: str) -> str:
    """As text: JSON numbers are floats, and money is not."""
    number = _decimal(value, where)
    if not 0 <= number < MAX_MONEY:
        raise Broken(where, "An amount is from 0 to below 1,000,000,000.")
    return str(number.quantize(CENT))


def _count(value: object, where: str) -> int:
    number = _decimal(value, where)
    if number != number.to_integral_value() or not 0 <= number <= MAX_QUANTITY:
        raise Broken(where, "It is not a whole number from 0 to 1,000,000.")
    return int(number)


def _number(value: object, where: str) -> float:
    number = float(_decimal(value, where))
    if not math.isfinite(number) or abs(number) > 10**9:
        raise Broken(where, "It is not a number that can be kept.")
    return number


def _currency(value: object, where: str) -> str:
    if not isinstance(value, str) or not CURRENCY.fullmatch(value):
        raise Broken(where, "It is not a code of ISO 4217, as USD.")
    return value


READERS = {"id": _id, "money": _money, "count": _count, "number": _number, "currency": _currency}


def _items(value: object, *, needs_price: bool) -> tuple[list[dict], tuple[Item, ...]]:
    """(what is kept in the event, the same as items)."""
    if not isinstance(value, list):
        raise Broken("properties.products", "They are not a list.")
    if len(value) > MAX_ITEMS:
        raise Broken("properties.products", f"More than {MAX_ITEMS}. Send the order in two.")
    kept, items = [], []
    for place, product in enumerate(value):
        where = f"properties.products[{place}]"
        if not isinstance(product, dict):
            raise Broken(where, "It is not a JSON object.")
        row, item = _item(product, where, needs_price)
        kept.append(row)
        items.append(item)
    return kept, tuple(items)


def _item(product: dict, where: str, needs_price: bool) -> tuple[dict, Item]:
    """A product of a list. `amount` is the line's total where it is not price × quantity: weighed or reduced goods."""
    key = next((key for key in ("product_id", "sku") if product.get(key) not in (None, "")), None)
    if key is None:
        raise Broken(f"{where}.product_id", "Every product needs product_id or sku.")
    row: dict = {key: _id(product[key], f"{where}.{key}")}
    row["quantity"] = _count(product.get("quantity", 1), f"{where}.quantity")
    amount = None
    if product.get("price") is not None:
        price = _decimal(product["price"], f"{where}.price")
        row["price"] = _money(price, f"{where}.price")
        amount = price * row["quantity"]  # of the unrounded price: a third of a dollar three times is a dollar
    if product.get("amount") is not None:
        amount = _decimal(product["amount"], f"{where}.amount")
    if amount is not None:
        row["amount"] = _money(amount, f"{where}.amount")
        amount = Decimal(row["amount"])
    elif needs_price:
        raise Broken(f"{where}.price", "An order needs the price of every product.")
    for extra in ("variant", "coupon", "category"):
        if product.get(extra) not in (None, ""):
            row[extra] = _id(product[extra], f"{where}.{extra}")
    if product.get("position") is not None:
        row["position"] = _count(product["position"], f"{where}.position")
    return row, Item(row[key], row["quantity"], amount)
