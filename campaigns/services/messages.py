"""From a claimed row to a message that can be sent: facts from the catalogue, words from the variant, links signed."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.core import signing
from django.urls import reverse

from campaigns.contracts import EmailMessage, Unsendable
from campaigns.exceptions import RenderRefused
from campaigns.models import AudienceMember, Campaign, Message, MessageVariant
from campaigns.queries.audience import newest_entries, route, sold_out
from campaigns.queries.recipients import Person, people_of
from campaigns.queries.wording import carried, current
from campaigns.render import Template, check, compile_template, render
from campaigns.services.codes import codes_of
from campaigns.services.layout import html_of
from catalog import queries as catalog
from catalog.contracts import ProductFacts
from customers.services.seal import open_contacts

# One salt a purpose: a click link cannot be turned into an unsubscribe link.
CLICK, UNSUBSCRIBE, SURVEY, PREFERENCES = (
    f"campaigns.{name}" for name in ("click", "unsubscribe", "survey", "preferences")
)
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥"}


def money(amount, currency: str) -> str:
    sign = SIGNS.get(currency)
    return f"{sign}{amount:,.2f}" if sign else f"{amount:,.2f} {currency}"


def offer_words(offer) -> str:
    """The offer as code states it, never a model: “20% off”, “$5.00 off”; "" for a coupon whose value is not recorded."""
    if offer is None or offer.value is None:
        return ""
    if offer.kind == "percent":
        return f"{offer.value.normalize():f}% off"
    return f"{money(offer.value, offer.currency)} off"


def offer_end(offer) -> str:
    return f"{offer.ends_at:%B} {offer.ends_at.day}" if offer is not None else ""


# Made once a purpose and key: making one takes longer than signing.
@lru_cache(maxsize=32)
def _signer(purpose: str, key: str) -> signing.Signer:
    return signing.Signer(salt=purpose, key=key)


def sign(message_id: int, purpose: str, item: int | None = None) -> str:
    return _signer(purpose, settings.SECRET_KEY).sign(str(message_id) if item is None else f"{message_id}.{item}")


def unsign(token: str, purpose: str) -> tuple[int, int | None]:
    """(message id, item). Raises signing.BadSignature for anything that we did not sign for this purpose."""
    message_id, _, item = signing.Signer(salt=purpose).unsign(token).partition(".")
    if not message_id.isdecimal() or (item and not item.isdecimal()):
        raise signing.BadSignature("not one of our tokens")
    return int(message_id), int(item) if item else None


def link(name: str, message_id: int, purpose: str, item: int | None = None) -> str:
    before, _, after = _path(name).partition(_PLACE)
    return f"{settings.PUBLIC_URL}{before}{sign(message_id, purpose, item)}{after}"


_PLACE = "token"  # a token's letters all stand in a path as they are


@lru_cache(maxsize=32)
def _path(name: str) -> str:
    return reverse(f"campaigns:{name}", args=[_PLACE])


@dataclass(frozen=True)
class Words:
    """The compiled words of one variant; compiled once a batch."""

    subject: Template
    body: Template


def compile_words(variant: MessageVariant) -> Words:
    return Words(compile_template(variant.subject), compile_template(variant.body))


# What every message has: only priced products are chosen. A size or a first name may be missing.
FACTS = frozenset({"product.title", "product.price", "store"})
OFFER_FACTS = frozenset({"offer", "ends_on"})
PERHAPS = frozenset({"product.size", "customer.first_name"})
# Stands for everybody's own code until codes are issued, which is when the campaign starts.
SAMPLE_CODE = "ABCDE-FGHJK"


def check_words(campaign: Campaign, source: str) -> None:
    """That this text can be filled for everybody. Raises TemplateRefused with the line, the reason and a remedy."""
    required = FACTS | OFFER_FACTS if offer_words(campaign.offer) else FACTS
    if campaign.codes:
        required |= {"code"}
    check(compile_template(source), required=required, optional=(PERHAPS | OFFER_FACTS | {"code"}) - required)


def sample_code(campaign: Campaign) -> str:
    return campaign.shared_code or (SAMPLE_CODE if campaign.codes else "")


def context_for(campaign: Campaign, product, code: str, first_name: str = "") -> dict:
    """The facts that a template may name. Values are data: they are never rendered again."""
    return {
        "product": {
            "title": product.title,
            "price": money(product.price, product.currency) if product.price is not None else "",
            "size": product.size,
        },
        "offer": offer_words(campaign.offer),
        "ends_on": offer_end(campaign.offer),
        "code": code,
        "store": campaign.merchant.name if campaign.merchant else settings.BRAND,
        # The demo store knows no names; where the platform sends them they are sealed and arrive here by the unseal.
        "customer": {"first_name": first_name},
    }


def render_words(
    campaign: Campaign, words: Words, product, code: str | None = None, first_name: str = ""
) -> tuple[str, str]:
    """(subject, body) with every fact in its place, a sample of a code where none is given. Raises RenderRefused when a
    fact is missing.
    """
    context = context_for(campaign, product, sample_code(campaign) if code is None else code, first_name)
    # A subject is one line: a title with a line break in it must not fail at the mail server.
    return " ".join(render(words.subject, context).split()), render(words.body, context).strip()


def unrenderable(campaign: Campaign, only: list[int] | None = None) -> list[tuple[int, str]]:
    """(customer, channel), of all or of these customers, whose message cannot be filled, tried with everybody's own first
    product and the words of every label, in batches: nobody knows yet which one a person draws.
    """
    variants = list(current(campaign))
    compiled = {one.pk: compile_words(one) for one in variants}
    words: dict[int, dict[str, list[Words]]] = {}
    for (segment_id, channel), by_label in carried(campaign, variants).items():
        own = {one.pk for one in by_label.values()}
        words.setdefault(segment_id, {})[channel] = [compiled[pk] for pk in own]
    gone = frozenset(sold_out(campaign.pk))
    failed: list[tuple[int, str]] = []
    tried: dict[tuple[int, int], list[str]] = {}  # closed channels: the words depend on segment and first product alone
    members = AudienceMember.objects.filter(campaign=campaign)
    members = members if only is None else newest_entries(campaign, only)
    rows = members.values_list("customer_id", "segment_id", "items")
    batch: list[tuple[int, int, list[int]]] = []
    for row in rows.iterator(chunk_size=5000):
        batch.append(row)
        if len(batch) == 5000:
            failed += _unrenderable(campaign, words, tried, batch, gone)
            batch = []
    return failed + _unrenderable(campaign, words, tried, batch, gone)


def _unrenderable(campaign, words, tried, batch, gone) -> list[tuple[int, str]]:
    firsts = [next((product for product in items if product not in gone), None) for _, _, items in batch]
    products = catalog.by_ids(
        {first for (_, segment, _), first in zip(batch, firsts, strict=True) if first and (segment, first) not in tried}
    )
    failed = []
    for (customer_id, segment_id, _), first in zip(batch, firsts, strict=True):
        if first is None:
            continue  # the gate says so before
        key = (segment_id, first)
        if key not in tried:
            by_channel, product = words.get(segment_id, {}), products.get(first)
            tried[key] = [
                channel
                for channel in campaign.channels
                if channel not in by_channel or not all(_renders(campaign, one, product) for one in by_channel[channel])
            ]
        failed += [(customer_id, channel) for channel in tried[key]]
    return failed


def _renders(campaign, words, product) -> bool:
    if product is None:
        return False
    try:
        render_words(campaign, words, product)
    except RenderRefused:
        return False
    return True


@dataclass(frozen=True)
class Filled:
    """The words of one message with every fact in its place, and what a channel needs around them."""

    message: Message
    to: str  # the address of the channel; "" for a channel that writes to none
    subject: str
    body: str
    products: list[tuple[int, ProductFacts]]  # (place in the approved list, product)
    code: str
    customer: Person

    @property
    def label(self) -> str:
        """What the law of the person's place wants an advertisement to be called."""
        return self.customer.pack.label[self.customer.language]


def fill(campaign: Campaign, messages: Iterable[Message]) -> dict[int, Filled | Unsendable]:
    """By message id: its words, or why there are none. A constant number of queries for the batch."""
    messages = list(messages)
    customers = [m.customer_id for m in messages]
    chosen = AudienceMember.objects.filter(campaign=campaign, customer_id__in=customers)
    items = {(row.customer_id, row.entry): row.items for row in chosen}
    products = on_sale({product for row in items.values() for product in row})
    variants = {v.pk: v for v in MessageVariant.objects.filter(pk__in={m.variant_id for m in messages})}
    words = {pk: compile_words(variant) for pk, variant in variants.items()}
    codes, people = codes_of(campaign, customers), people_of(customers)
    addresses = open_contacts([m.contact_point_id for m in messages if m.contact_point_id])
    filled: dict[int, Filled | Unsendable] = {}
    for message in messages:
        address = addresses.get(message.contact_point_id) if route(message.channel).contact else ""
        own = shown_of(items.get((message.customer_id, message.entry), []), products)
        if address is None or not own:
            filled[message.pk] = Unsendable("no_contact" if address is None else "stock")
            continue
        code = codes.get(message.customer_id, "")
        try:
            subject, body = render_words(campaign, words[message.variant_id], own[0][1], code)
        except RenderRefused as refusal:
            filled[message.pk] = Unsendable("render", str(refusal))
            continue
        filled[message.pk] = Filled(message, address, subject, body, own, code, people[message.customer_id])
    return filled


def build_emails(campaign: Campaign, messages: Iterable[Message]) -> dict[int, EmailMessage | Unsendable]:
    """By message id: the mail, or why there is none."""
    return {
        pk: one if isinstance(one, Unsendable) else email_of(campaign, one)
        for pk, one in fill(campaign, messages).items()
    }


def email_of(campaign: Campaign, one: Filled) -> EmailMessage:
    subject = f"[{one.label}] {one.subject}" if one.customer.pack.is_label_in_subject else one.subject
    return compose_email(
        campaign, one.message.pk, to=one.to, subject=subject, body=one.body, products=one.products, code=one.code,
        label=one.label,
    )  # fmt: skip


def on_sale(product_ids: set[int]) -> dict[int, ProductFacts]:
    """Facts of those that can be bought now: what sold out since the approval is not advertised."""
    sellable = catalog.on_sale(product_ids)
    return {pk: product for pk, product in catalog.by_ids(product_ids).items() if pk in sellable}


def shown_of(items: list[int], products: dict[int, ProductFacts]) -> list[tuple[int, ProductFacts]]:
    """(place in the approved list, product): links are signed for the place, whatever fell out before it."""
    return [(place, products[pk]) for place, pk in enumerate(items) if pk in products]


def compose_email(
    campaign: Campaign,
    message_id: int,
    *,
    to: str,
    subject: str,
    body: str,
    products: list[tuple[int, ProductFacts]],
    code: str = "",
    label: str = "Advertisement",
) -> EmailMessage:
    """The mail around the words: products with prices and links, the offer, and the lines that the law asks for."""
    unsubscribe = link("unsubscribe", message_id, UNSUBSCRIBE)
    shown = [
        (p.title, money(p.price, p.currency) if p.price is not None else "", link("click", message_id, CLICK, place))
        for place, p in products
    ]
    offer = offer_words(campaign.offer)
    with_code = f" with the code {code}" if code else ""
    offer_line = f"{offer} until {offer_end(campaign.offer)}{with_code}." if offer else ""
    why = link("why", message_id, PREFERENCES)
    survey = link("survey", message_id, SURVEY)
    foot = [
        ("Unsubscribe", unsubscribe),
        ("Choose what you get", link("preferences", message_id, PREFERENCES)),
        ("Why did I get this?", why),
        ("Was this useful?", survey),
    ]
    text = "\n".join(
        [
            body,
            "",
            *([offer_line, ""] if offer_line else []),
            *[f"- {title}{', ' + price if price else ''}\n  {url}" for title, price, url in shown],
            "",
            f"{label} from {settings.BRAND}, {settings.POSTAL_ADDRESS}",
            *[f"{name}: {url}" for name, url in foot],
        ]
    )
    html = html_of(
        {
            "store": campaign.merchant.name if campaign.merchant else settings.BRAND,
            "body": body,
            "offer": offer_line,
            "products": [{"title": title, "price": price, "url": url} for title, price, url in shown],
            "first": shown[0][2],
            "call": "See it in the shop",
            "sender": f"{label} from {settings.BRAND}, {settings.POSTAL_ADDRESS}",
            "foot": [{"name": name, "url": url} for name, url in foot],
        }
    )
    return EmailMessage(
        message_id=message_id,
        sender=settings.MAIL_FROM,
        to=to,
        subject=subject,
        text=text,
        html=html,
        unsubscribe_url=unsubscribe,
    )
