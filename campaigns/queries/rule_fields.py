"""Everything that a segment's rule may ask of a person: an allow-list of fields, each with the condition it stands for.

Conditions are subqueries on customer ids, so that a whole rule is one statement. Orders count as in every figure:
observed, not cancelled, not under a fraud flag. Events and clicks that were simulated count for nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db.models import Aggregate, Count, F, Max, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from campaigns.models import Click, Message, Origin, PeopleList, Redemption
from catalog.models import Product
from customers.models import ConsentState, Event, ImportBatch, ImportedRow, Order, OrderLine
from recommendations.models import Profile
from risk.models import Flag

# Rows of people, by the moment from which they count.
Rows = Callable[[datetime], QuerySet]


@dataclass(frozen=True)
class Field:
    """One thing a rule may ask: what may be said of it, how it reads, and where it is found.

    number, choice, text and days look at `path` from the customer; an `inverse` number is 1 less what stands there, and
    ahead asks in how many days a moment comes. share asks for a key of the shares at `path`. count compares `total` over
    `rows` of the last days, where `of` is asked for only rows that have this value there; bought asks for an order of the
    last days with a product whose `path` is the text. consent looks at the newest word for a purpose and channel, flag at
    doubts of the fraud room. segment means whoever is in another segment, list whoever is on a list of people.
    """

    kind: str
    label: str
    path: str = ""
    choices: tuple[str, ...] = ()
    rows: Rows | None = None
    total: Aggregate | None = None
    customer: str = "customer_id"  # where the rows say whose they are
    time: str = ""  # and when it was: by this a window lets go of them
    of: str = ""  # where a row says of what it is: a rule names the value under "of"
    of_label: str = ""
    inverse: bool = False
    group: str = ""  # the heading under which it is offered

    @property
    def has_days(self) -> bool:
        return self.kind in ("count", "bought")

    @property
    def has_of(self) -> bool:
        return bool(self.of) or self.kind == "share"


AGES = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
INCOMES = (
    "Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100-124K", "125-149K", "150-174K", "175-199K",
    "200-249K", "250K+",
)  # fmt: skip
KIDS = ("0", "1", "2", "3+")
GIVEN, NOT_GIVEN = "given", "not given"
FLAGGED, CONFIRMED, UNFLAGGED = "open", "confirmed", "none"
COUNTED = {"origin": Origin.OBSERVED, "cancelled_at": None, "excluded_at": None}


def _orders(since: datetime) -> QuerySet:
    return Order.objects.filter(**COUNTED, ordered_at__gte=since, customer__isnull=False)


def _coupons(since: datetime) -> QuerySet:
    return _orders(since).filter(coupon_discount__gt=0)


def _lines(since: datetime) -> QuerySet:
    counted = {f"order__{name}": wanted for name, wanted in COUNTED.items()}
    lines = OrderLine.objects.filter(**counted, order__ordered_at__gte=since, order__customer__isnull=False)
    return lines.filter(quantity__gt=0)


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


def flagged(state: str) -> QuerySet:
    """Ids of people with a doubt that is open or confirmed; of whom `none` asks are those without either."""
    states = (FLAGGED, CONFIRMED) if state == UNFLAGGED else (state,)
    return Flag.objects.filter(state__in=states).values("customer_id")


def listed(found: PeopleList) -> QuerySet:
    """Ids of people on a list: of the file as long as its import stands, or the nearest to a seed as last worked out."""
    if found.batch_id is None:
        return found.entries.values("customer_id")
    rows = ImportedRow.objects.filter(batch=found.batch_id, what=ImportedRow.What.LISTED)
    return rows.filter(batch__state=ImportBatch.State.LOADED).values("customer_id")


def _did(name: str, label: str) -> Field:
    return Field("count", label, rows=_events(name), total=Count("id"), time="occurred_at", group=_("What they did"))


def _sold(label: str, of: str, of_label: str, total: Aggregate) -> Field:
    return Field(
        "count", label, rows=_lines, total=total, customer="order__customer_id", time="order__ordered_at",
        of=f"product__{of}", of_label=of_label, group=_("Products"),
    )  # fmt: skip


def _bought(label: str, path: str) -> Field:
    return Field(
        "bought", label, path, rows=_lines, customer="order__customer_id", time="order__ordered_at", group=_("Products")
    )


def _profile(label: str, path: str, **more) -> Field:
    return Field(more.pop("kind", "number"), label, f"profile__{path}", group=more.pop("group", _("Profile")), **more)


EXPECTED = _("What is expected of them")
BASKETS, MONEY = Count("order_id", distinct=True), Sum("amount")
FIELDS: dict[str, Field] = {
    "r_score": _profile(_("recency score (5 is most recent)"), "r_score"),
    "f_score": _profile(_("frequency score (5 is most frequent)"), "f_score"),
    "m_score": _profile(_("spend score (5 is highest)"), "m_score"),
    "recency_days": _profile(_("days since the last order"), "recency_days"),
    "frequency": _profile(_("number of orders"), "frequency"),
    "monetary": _profile(_("total spend"), "monetary"),
    "cluster": _profile(_("cluster number"), "cluster"),
    "cluster_name": _profile(_("cluster"), "cluster_name", kind="text"),
    "top_category": _profile(_("department of most spend"), "top_category", kind="text"),
    "affinity": _profile(_("share of spend (0 to 1)"), "affinities", kind="share", of_label=_("In department")),
    "discount_share": _profile(_("price sensitivity: share of the full price taken off (0 to 1)"), "discount_share"),
    "age": Field("choice", _("age band"), "attributes__age", AGES, group=_("Profile")),
    "income": Field("choice", _("income band"), "attributes__income", INCOMES, group=_("Profile")),
    "kids_count": Field("choice", _("children"), "attributes__kids_count", KIDS, group=_("Profile")),
    "known_for_days": Field("days", _("days since the first order"), "first_seen_at", group=_("Profile")),
    "churn": _profile(_("churn risk (0 to 1)"), "alive", inverse=True, group=EXPECTED),
    "purchase_propensity": _profile(
        _("chance of an order in 4 weeks (0 to 1)"), "purchase_propensity", group=EXPECTED
    ),
    "coupon_propensity": _profile(
        _("chance of an order with a coupon in 4 weeks (0 to 1)"), "coupon_propensity", group=EXPECTED
    ),
    "expected_orders": _profile(_("expected orders in 4 weeks"), "expected_orders", group=EXPECTED),
    "lifetime_value": _profile(_("expected value of the next 52 weeks"), "lifetime_value", group=EXPECTED),
    "next_order_in": _profile(_("days until the next order is expected"), "next_order_at", kind="ahead", group=EXPECTED),
    "orders_in": Field(
        "count", _("orders"), rows=_orders, total=Count("pk"), time="ordered_at", group=_("Orders")
    ),
    "spend_in": Field(
        "count", _("spend"), rows=_orders, total=Sum(F("total") - F("refunded")), time="ordered_at", group=_("Orders")
    ),
    "largest_order_in": Field(
        "count", _("spent in one order"), rows=_orders, total=Max(F("total") - F("refunded")), time="ordered_at",
        group=_("Orders"),
    ),
    "coupon_orders_in": Field(
        "count", _("orders with a coupon"), rows=_coupons, total=Count("pk"), time="ordered_at", group=_("Orders")
    ),
    "bought_department": _bought(_("bought from department"), "department"),
    "bought_category": _bought(_("bought from category"), "category"),
    "bought_type": _bought(_("bought product type"), "product_type"),
    "bought_brand": _bought(_("bought brand"), "brand"),
    "bought_product": _bought(_("bought product (id)"), "external_id"),
    "category_orders": _sold(_("orders from a category"), "category", _("Category"), BASKETS),
    "category_spend": _sold(_("spend in a category"), "category", _("Category"), MONEY),
    "brand_orders": _sold(_("orders of a brand"), "brand", _("Brand"), BASKETS),
    "brand_spend": _sold(_("spend on a brand"), "brand", _("Brand"), MONEY),
    "product_orders": _sold(_("orders of a product"), "external_id", _("Product (id)"), BASKETS),
    "product_views": Field(
        "count", _("views of a product"), rows=_events("Product Viewed"), total=Count("id"), time="occurred_at",
        of="properties__product_id", of_label=_("Product (id)"), group=_("Products"),
    ),
    "searched": _did("Products Searched", _("searches")),
    "viewed": _did("Product Viewed", _("products viewed")),
    "added": _did("Product Added", _("products added to the cart")),
    "wished": _did("Product Added to Wishlist", _("products wished for")),
    "checkout": _did("Checkout Started", _("checkouts started")),
    "reviewed": _did("Product Reviewed", _("reviews written")),
    "messages_in": Field(
        "count", _("messages received"), rows=_messages, total=Count("pk"), time="sent_at", group=_("Campaigns")
    ),
    "clicks_in": Field(
        "count", _("clicks in messages"), rows=_clicks, total=Count("pk"), customer="message__customer_id", time="at",
        group=_("Campaigns"),
    ),
    "redeemed_in": Field(
        "count", _("coupons redeemed"), rows=_redemptions, total=Count("pk"), time="redeemed_at", group=_("Campaigns")
    ),
    "consent_email": Field("consent", _("consent to e-mail"), "marketing/email", (GIVEN, NOT_GIVEN), group=_("Consent")),
    "consent_sms": Field("consent", _("consent to SMS"), "marketing/sms", (GIVEN, NOT_GIVEN), group=_("Consent")),
    "consent_push": Field("consent", _("consent to push"), "marketing/push", (GIVEN, NOT_GIVEN), group=_("Consent")),
    "consent_social": Field(
        "consent", _("consent to social networks"), "marketing/social", (GIVEN, NOT_GIVEN), group=_("Consent")
    ),
    "consent_store": Field(
        "consent", _("consent to coupons at the store"), "marketing/store", (GIVEN, NOT_GIVEN), group=_("Consent")
    ),
    "risk_flag": Field("flag", _("fraud flag"), choices=(FLAGGED, CONFIRMED, UNFLAGGED), group=_("Risk")),
    "segment": Field("segment", _("are in segment"), group=_("Segments and lists")),
    "list": Field("list", _("are on the list"), group=_("Segments and lists")),
}  # fmt: skip


def within(rows: QuerySet, customer: str, among) -> QuerySet:
    """Those rows that are of these people; all of them where nobody is named.

    A condition is a subquery, and Postgres does not carry a restriction of the whole into one that groups: what asks about
    ten thousand people would read the events of all.
    """
    return rows if among is None else rows.filter(**{f"{customer}__in": among})


def counted(rows: QuerySet, field: Field, op: str, value: float) -> Q:
    """Whose total over these rows compares so with the value; who has no rows has a total of 0."""
    per_person = rows.order_by().values(field.customer).annotate(summed=field.total)

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


NAMES_SHOWN = 1000  # suggestions of one kind; a shop with more types them without help
# A feed brings new names once a day; to find all of them reads every product.
NAMES_KEPT = 600


def known_names(kind: str) -> list[str]:
    """The departments, categories, product types, brands or clusters that are there, by name, to be suggested."""
    rows = Profile.objects if kind == "cluster" else Product.objects
    path = "cluster_name" if kind == "cluster" else kind

    def read() -> list[str]:
        return list(rows.exclude(**{path: ""}).order_by(path).values_list(path, flat=True).distinct()[:NAMES_SHOWN])

    return cache.get_or_set(f"campaigns:names:{kind}", read, NAMES_KEPT)
