"""What each kind of import can take from a file: our fields, which of them a line must have, and how a value is read."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from customers.exceptions import InvalidContact

PEOPLE, PURCHASES, SOCIAL, MEMBERS = "people", "purchases", "social", "members"
ATTRIBUTE = "attribute."  # mapping key: `attribute.age` keeps a column as the attribute “age”
MAX_ATTRIBUTES = 40
MAX_VALUE = 200


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    words: str
    is_required: bool = False
    group: str = ""  # one field of a group must be there


PEOPLE_FIELDS = (
    Field("customer", "Customer id of the platform", is_required=True),
    Field("email", "E-mail address"),
    Field("email_verified_at", "E-mail verified at"),
    Field("phone", "Phone number"),
    Field("phone_verified_at", "Phone verified at"),
    Field("loyalty", "Loyalty card"),
    Field("social", "Social handle, as instagram:handle"),
    Field("web", "Web account"),
    Field("app", "App account"),
    Field("push", "Push subscription"),
    Field("device", "Device"),
    Field("language", "Language"),
    Field("timezone", "Time zone, as Europe/Zurich"),
    Field("jurisdiction", "Country or law, as CH"),
    Field("first_seen_at", "First seen at"),
    Field("consent", "Consent: yes or no"),
    Field("consent_purpose", "Consent: purpose"),
    Field("consent_channel", "Consent: channel"),
    Field("consent_basis", "Consent: lawful basis"),
    Field("consent_source", "Consent: where it was given"),
    Field("consent_notice", "Consent: version of the wording"),
    Field("consent_until", "Consent: valid until"),
)
PURCHASE_FIELDS = (
    Field("card", "Loyalty card", is_required=True),
    Field("order", "Receipt or order id", is_required=True),
    Field("ordered_at", "Bought at", is_required=True),
    Field("product", "Product id", is_required=True),
    Field("quantity", "Quantity"),
    Field("amount", "Amount of the line, after reductions", is_required=True),
    Field("store", "Store"),
    Field("currency", "Currency"),
    Field("discount", "Reduction of the whole order"),
)
SOCIAL_FIELDS = (
    Field("handle", "Handle on the network", group="person"),
    Field("customer", "Customer id of the platform", group="person"),
    Field("network", "Network", group="network"),
    Field("action", "Follow, like, share or comment", is_required=True),
    Field("at", "Happened at", is_required=True),
    Field("id", "Id of the interaction"),
    Field("post", "Post"),
    Field("product", "Product id"),
    Field("comment", "Comment"),
)
MEMBER_FIELDS = (
    Field("customer", "Customer id of the platform", group="person"),
    Field("email", "E-mail address", group="person"),
    Field("phone", "Phone number", group="person"),
    Field("loyalty", "Loyalty card", group="person"),
)
FIELDS = {PEOPLE: PEOPLE_FIELDS, PURCHASES: PURCHASE_FIELDS, SOCIAL: SOCIAL_FIELDS, MEMBERS: MEMBER_FIELDS}
# Other names that files use for the same.
ALSO = {
    "customer": ("customer_id", "external_id", "user_id", "household_id"), "card": ("loyalty_card", "loyalty", "card_id"),
    "order": ("order_id", "basket_id", "receipt", "receipt_id"), "product": ("product_id", "sku"),
    "ordered_at": ("transaction_timestamp", "timestamp", "date", "sold_at"), "amount": ("sales_value", "total", "line_total"),
    "store": ("store_id",), "at": ("timestamp", "occurred_at", "date"), "post": ("post_id",), "handle": ("username",),
    "id": ("interaction_id",), "loyalty": ("loyalty_card",), "jurisdiction": ("country",),
}  # fmt: skip


class BadLine(ValueError):
    """A line that cannot be taken in: the field, why, what to do. Carries nothing of what stands there."""

    def __init__(self, field: str, reason: str, remedy: str = ""):
        super().__init__(f"{field}: {reason} {remedy}")
        self.field = field
        self.reason = reason
        self.remedy = remedy


def guess(kind: str, columns: list[str]) -> dict[str, str]:
    """A mapping by name, for a person to correct: our own names and the usual others, upper or lower case."""
    by_name = {column.strip().casefold().replace(" ", "_").replace("-", "_"): column for column in columns}
    found: dict[str, str] = {}
    for field in FIELDS[kind]:
        for name in (field.name, *ALSO.get(field.name, ())):
            if name in by_name and by_name[name] not in found.values():
                found[field.name] = by_name[name]
                break
    return found


def missing(kind: str, mapping: dict[str, str], options: dict) -> list[Field]:
    """The fields that a file of this kind needs and this mapping does not name."""
    given = {name for name, column in mapping.items() if column} | {name for name, value in options.items() if value}
    groups = {field.group for field in FIELDS[kind] if field.group and field.name in given}
    return [
        field
        for field in FIELDS[kind]
        if (field.is_required and field.name not in given) or (field.group and field.group not in groups)
    ]


def moment(value: str, field: str, zone: str) -> datetime:
    """An aware moment; one without a zone of its own is in `zone`."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise BadLine(
            field, "It is not a date or time.", "Write it as 2026-05-01 or 2026-05-01T09:30:00+02:00."
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def text(values: dict[str, str], field: str, most: int, *, required: bool = False) -> str:
    value = values.get(field, "").strip()
    if not value and required:
        raise BadLine(field, "It is empty.", "Every line needs it.")
    if len(value) > most:
        raise BadLine(field, f"It is longer than {most} characters.")
    if not value.isprintable():
        raise BadLine(field, "It holds control characters.")
    return value


def bad_contact(field: str, refusal: InvalidContact) -> BadLine:
    return BadLine(field, refusal.reason, refusal.remedy)
