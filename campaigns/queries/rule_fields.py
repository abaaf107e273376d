"""Everything that a segment's rule may ask of a person: an allow-list of fields, each with the condition it stands for.

Conditions are subqueries on customer ids, so that a whole rule is one statement. Orders count as in every figure:
observed, not cancelled, not under a fraud flag. Events and clicks that were simulated count for nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Aggregate, Count, F, Q, QuerySet, Sum

from campaigns.models import Click, Message, Origin, Redemption
from customers.models import ConsentState, Event, Order, OrderLine

# Rows of people, by the moment from which they count.
Rows = Callable[[datetime], QuerySet]


@dataclass(frozen=True)
class Field:
    """One thing a rule may ask: what may be said of it, how it reads, and where it is found.

    number, choice, text and days look at `path` from the customer. `count` compares `total` over `rows` of the last days;
    `bought` asks for an order of the last days with a product whose `path` is the text; `consent` looks at the newest word
    for a purpose and channel; `segment` means whoever is in another segment.
    """

    kind: str
    label: str
    path: str = ""
    choices: tuple[str, ...] = ()
    rows: Rows | None = None
    total: Aggregate | None = None
    customer: str = "customer_id"  # where the rows say whose they are
    group: str = ""  # the heading under which it is offered

    @property
    def has_days(self) -> bool:
        return self.kind in ("count", "bought")


AGES = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
INCOMES = (
    "Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100-124K", "125-149K", "150-174K", "175-199K",
    "200-249K", "250K+",
)  # fmt: skip
KIDS = ("0", "1", "2", "3+")
GIVEN, NOT_GIVEN = "given", "not given"
COUNTED = {"origin": Origin.OBSERVED, "cancelled_at": None, "excluded_at": None}


def _orders(since: datetime) -> QuerySet:
    return Order.objects.filter(**COUNTED, ordered_at__gte=since, customer__isnull=False)


def _coupons(since: datetime) -> QuerySet:
    return _orders(since).filter(coupon_discount__gt=0)


def bought(path: str, value: str, since: datetime) -> QuerySet:
    """Ids of people with an order since then that holds a product whose `path` is this value."""
    counted = {f"order__{name}": wanted for name, wanted in COUNTED.items()}
    lines = OrderLine.objects.filter(**counted, order__ordered_at__gte=since, order__customer__isnull=False)
    return lines.filter(**{f"product__{path}": value}, quantity__gt=0).values("order__customer_id")


def _events(name: str) -> Rows:
    return lambda since: Event.objects.filter(
        name=name, origin=Origin.OBSERVED, occurred_at__gte=since, customer__isnull=False
    )


def _messages(since: datetime) -> QuerySet:
    return Message.objects.filter(sent_at__gte=since)


def _clicks(since: datetime) -> QuerySet:
    return Click.objects.filter(at__gte=since, is_machine=False, origin=Origin.OBSERVED)


def _redemptions(since: datetime) -> QuerySet:
    return Redemption.objects.filter(redeemed_at__gte=since, origin=Origin.OBSERVED, customer__isnull=False)


def consented(path: str) -> QuerySet:
    """Ids of people whose newest word for "purpose/channel" is a yes that holds."""
    purpose, channel = path.split("/")
    return ConsentState.objects.filter(purpose=purpose, channel=channel, is_given=True).values("customer_id")


def _did(name: str, label: str, group: str = "What they did") -> Field:
    return Field("count", label, rows=_events(name), total=Count("id"), group=group)


FIELDS: dict[str, Field] = {
    "r_score": Field("number", "recency score (5 is most recent)", "profile__r_score", group="Profile"),
    "f_score": Field("number", "frequency score (5 is most frequent)", "profile__f_score", group="Profile"),
    "m_score": Field("number", "spend score (5 is highest)", "profile__m_score", group="Profile"),
    "recency_days": Field("number", "days since the last order", "profile__recency_days", group="Profile"),
    "frequency": Field("number", "orders", "profile__frequency", group="Profile"),
    "monetary": Field("number", "total spend", "profile__monetary", group="Profile"),
    "cluster": Field("number", "cluster", "profile__cluster", group="Profile"),
    "top_category": Field("text", "department of most spend", "profile__top_category", group="Profile"),
    "age": Field("choice", "age band", "attributes__age", AGES, group="Profile"),
    "income": Field("choice", "income band", "attributes__income", INCOMES, group="Profile"),
    "kids_count": Field("choice", "children", "attributes__kids_count", KIDS, group="Profile"),
    "known_for_days": Field("days", "days since the first order", "first_seen_at", group="Profile"),
    "orders_in": Field("count", "orders", rows=_orders, total=Count("pk"), group="Orders"),
    "spend_in": Field("count", "spend", rows=_orders, total=Sum(F("total") - F("refunded")), group="Orders"),
    "coupon_orders_in": Field("count", "orders with a coupon", rows=_coupons, total=Count("pk"), group="Orders"),
    "bought_department": Field("bought", "bought from department", "department", group="Orders"),
    "bought_category": Field("bought", "bought from category", "category", group="Orders"),
    "bought_type": Field("bought", "bought product type", "product_type", group="Orders"),
    "bought_brand": Field("bought", "bought brand", "brand", group="Orders"),
    "bought_product": Field("bought", "bought product (id)", "external_id", group="Orders"),
    "searched": _did("Products Searched", "searches"),
    "viewed": _did("Product Viewed", "products viewed"),
    "added": _did("Product Added", "products added to the cart"),
    "wished": _did("Product Added to Wishlist", "products wished for"),
    "checkout": _did("Checkout Started", "checkouts started"),
    "reviewed": _did("Product Reviewed", "reviews written"),
    "messages_in": Field("count", "messages received", rows=_messages, total=Count("pk"), group="Campaigns"),
    "clicks_in": Field(
        "count", "clicks in messages", rows=_clicks, total=Count("pk"), customer="message__customer_id", group="Campaigns"
    ),
    "redeemed_in": Field("count", "coupons redeemed", rows=_redemptions, total=Count("pk"), group="Campaigns"),
    "consent_email": Field("consent", "consent to e-mail", "marketing/email", (GIVEN, NOT_GIVEN), group="Consent"),
    "consent_sms": Field("consent", "consent to SMS", "marketing/sms", (GIVEN, NOT_GIVEN), group="Consent"),
    "consent_push": Field("consent", "consent to push", "marketing/push", (GIVEN, NOT_GIVEN), group="Consent"),
    "segment": Field("segment", "is in segment", group="Segments"),
}  # fmt: skip


def counted(field: Field, op: str, value: float, since: datetime) -> Q:
    """Whose total over the rows since then compares so with the value; who has no rows has a total of 0."""
    per_person = field.rows(since).order_by().values(field.customer).annotate(summed=field.total)

    def those(**condition) -> Q:
        return Q(pk__in=per_person.filter(**condition).values(field.customer))

    # What 0 satisfies holds for people without a row as well: it is everybody but those of whom the opposite holds.
    if op == ">=":
        return those(summed__gte=value) if value > 0 else ~those(summed__lt=value)
    if op == ">":
        return those(summed__gt=value) if value >= 0 else ~those(summed__lte=value)
    if op == "<=":
        return ~those(summed__gt=value) if value >= 0 else those(summed__lte=value)
    if op == "<":
        return ~those(summed__gte=value) if value > 0 else those(summed__lt=value)
    return those(summed=value) if value else ~(those(summed__gt=0) | those(summed__lt=0))
