"""What a recommendation block would show to single people, with the reason of each product and of each one left out.

`campaigns.services.choose` fills a whole audience by the same rules in three statements; a test holds both to one answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, FloatField, Sum, Value
from django.db.models.functions import Cast
from django.utils import timezone

from campaigns.contracts import Block, Choice
from campaigns.models import Segment
from campaigns.queries.segments import members
from catalog.models import Product
from catalog.queries import on_sale
from customers.models import Customer, OrderLine
from recommendations.contracts import RecommendedItem
from recommendations.models import Recommendation
from recommendations.queries.lists import on_offer, own_list, popular

# How many products of one list are looked at for a message: enough for people who bought most of them lately.
REACH = 60


@dataclass(frozen=True)
class Shown:
    """One product and why it stands here, or why it does not."""

    product_id: int
    title: str
    reason: str


@dataclass(frozen=True)
class Sample:
    """One person's products, and what was left out before the message was full."""

    customer_id: int
    personalise: bool
    items: tuple[Shown, ...]
    dropped: tuple[Shown, ...]


def pinned(block: Block, merchant_id: int | None, room: int) -> list[int]:
    """The pins that may be shown now, in their order."""
    shown = on_sale(block.pins, merchant_id=merchant_id)
    return [pk for pk in dict.fromkeys(block.pins) if pk in shown][:room]


def common_list(block: Block, merchant_id: int | None) -> tuple[RecommendedItem, ...]:
    return popular(k=REACH, merchant_id=merchant_id, category=block.category, max_price=block.max_price)


def bought_since(block: Block) -> datetime | None:
    return timezone.now() - timedelta(days=block.not_bought_days) if block.not_bought_days else None


def samples(
    block: Block, segments: list[Segment], merchant_id: int | None, room: int, *, people: int = 5
) -> list[Sample]:
    """For the first people of these segments, by id: who is in several belongs to the first, as when an audience is frozen."""
    found: dict[int, Segment] = {}
    for segment in segments:
        for pk in members(segment).order_by("pk").values_list("pk", flat=True)[:people]:
            found.setdefault(pk, segment)
    chosen = sorted(found)[:people]
    return [sample(block, pk, merchant_id, room, segment=found[pk]) for pk in chosen]


def sample(block: Block, customer_id: int, merchant_id: int | None, room: int, *, segment: Segment) -> Sample:
    """A dozen small queries: for a page that shows a handful of people."""
    personalise = Customer.objects.values_list("personalise", flat=True).get(pk=customer_id)
    pins = pinned(block, merchant_id, room)
    lists: list[tuple[int, str]] = []
    if personalise and block.choice == Choice.PERSONAL:
        lists += [(item.product_id, item.reason_text) for item in own_list(customer_id)]
    if personalise and block.choice == Choice.SEGMENT:
        lists += [(pk, f"High in the lists of “{segment.name}”.") for pk in _of_segment(block, segment, merchant_id)]
    if block.choice != Choice.FIXED and (block.falls_back or not personalise):
        lists += [(item.product_id, item.reason_text) for item in common_list(block, merchant_id)]
    facts = Product.objects.in_bulk({*pins, *(pk for pk, _ in lists), *block.pins})
    bought = _bought(customer_id, bought_since(block), facts)
    items = [Shown(pk, facts[pk].title, "Pinned.") for pk in pins]
    dropped = [
        Shown(pk, facts[pk].title, _unfit(facts[pk], merchant_id) or "There is no room for it.")
        for pk in block.pins
        if pk in facts and pk not in pins
    ]
    seen = set(pins)
    for pk, reason in lists:
        if len(items) == room:
            break
        if pk in seen or pk not in facts:
            continue
        seen.add(pk)
        why_not = _unfit(facts[pk], merchant_id) or _filtered(facts[pk], block) or bought.get(pk, "")
        (dropped if why_not else items).append(Shown(pk, facts[pk].title, why_not or reason))
    return Sample(customer_id, personalise, tuple(items), tuple(dropped))


def _of_segment(block: Block, segment: Segment, merchant_id: int | None) -> Iterable[int]:
    """What stands highest in the lists of a segment's people, by the sum of 1 / rank, as far as the filters let it pass."""
    rows = Recommendation.objects.filter(
        on_offer(merchant_id), customer__in=members(segment).order_by().values("pk"), customer__personalise=True
    )
    if block.category:
        rows = rows.filter(product__category=block.category)
    if block.max_price is not None:
        rows = rows.filter(product__price__lte=block.max_price)
    weight = Sum(Value(1.0) / Cast(F("rank"), FloatField()))
    return [pk for pk, _ in rows.values_list("product_id").annotate(w=weight).order_by("-w", "product_id")[:REACH]]


def _unfit(product: Product, merchant_id: int | None) -> str:
    if not product.is_active:
        return "It is no longer sold."
    if product.price is None:
        return "It has no price."
    if product.stock is not None and product.stock <= 0:
        return "It is out of stock."
    if merchant_id is not None and product.merchant_id != merchant_id:
        return "It belongs to another merchant."
    return ""


def _filtered(product: Product, block: Block) -> str:
    if block.category and product.category != block.category:
        return f"Its category is {product.category or 'unknown'}."
    if block.max_price is not None and product.price > block.max_price:
        return f"It costs {product.price} {product.currency}."
    return ""


def _bought(customer_id: int, since: datetime | None, products: Iterable[int]) -> dict[int, str]:
    if since is None:
        return {}
    lines = OrderLine.objects.filter(
        order__customer_id=customer_id, order__ordered_at__gt=since, order__cancelled_at=None, product__in=products
    )
    return {
        pk: f"Bought on {at.day} {at:%B}."
        for pk, at in lines.order_by("order__ordered_at").values_list("product_id", "order__ordered_at")
    }
