"""Reads about what to offer: each person's own list, and the common one."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q
from django.utils import timezone

from customers.models import Order, OrderLine
from recommendations.contracts import RecommendedItem
from recommendations.models import Recommendation

POPULAR_DAYS = 14  # the popularity model's window, which ranked best on held-out weeks


def on_offer(merchant_id: int | None) -> Q:
    """What may be shown, as a condition on Recommendation: on sale, priced, in stock and, for a merchant, theirs."""
    shown = Q(product__is_active=True, product__price__isnull=False) & (
        Q(product__stock__isnull=True) | Q(product__stock__gt=0)
    )
    return shown if merchant_id is None else shown & Q(product__merchant_id=merchant_id)


def items_for(
    customer_ids: Iterable[int], *, k: int, merchant_id: int | None = None
) -> dict[int, tuple[RecommendedItem, ...]]:
    """The best k products of each person, in one query. Who has none is not in the answer: fall back to `popular`."""
    rows = (
        Recommendation.objects.filter(
            on_offer(merchant_id), customer_id__in=list(customer_ids), customer__personalise=True
        )
        .select_related("reason_product")
        .order_by("customer_id", "rank")
    )
    found: dict[int, list[RecommendedItem]] = {}
    for row in rows:
        mine = found.setdefault(row.customer_id, [])
        if len(mine) < k:
            mine.append(_item(row))
    return {customer_id: tuple(items) for customer_id, items in found.items()}


def own_list(customer_id: int) -> tuple[RecommendedItem, ...]:
    """All that was scored for this person, best first, on sale or not: the live answer asks its own rules."""
    rows = Recommendation.objects.filter(customer_id=customer_id).select_related("reason_product").order_by("rank")
    return tuple(_item(row) for row in rows)


def _item(row: Recommendation) -> RecommendedItem:
    return RecommendedItem(
        product_id=row.product_id,
        score=row.score,
        is_novel=row.is_novel,
        reason_code=row.reason_code,
        reason_product_id=row.reason_product_id,
        reason_value=row.reason_value,
        reason_text=sentence(
            row.reason_code, row.reason_value, row.reason_days, row.reason_product and row.reason_product.title
        ),
        model_version_id=row.model_version_id,
    )


def sentence(code: str, figure: float | None, days: float | None, title: str | None) -> str:
    """The reason as a sentence. It says what is true of the data, never more. title: of the product that explains."""
    value = int(figure or 0)
    if code == "bought_again":
        times = "once" if value == 1 else f"{value} times"
        return f"Bought {times}, last {ago(days)}."
    if code == "because_you_bought" and title is not None:
        return f"Because you bought {title}, {ago(days)}."
    if days is not None:
        return f"Popular now: {value} customers bought it in the last {days / 7:.0f} weeks."
    return f"Bought by {value} customers so far."


def ago(days: float | None) -> str:
    if days is None:
        return "at some time"
    whole = int(days)
    return "today" if whole < 1 else "yesterday" if whole == 1 else f"{whole} days ago"


def popular(
    *, k: int, merchant_id: int | None = None, category: str = "", max_price: Decimal | None = None
) -> tuple[RecommendedItem, ...]:
    """What most people bought in the two weeks before the newest observed order: the common list, without a model.
    Of one category and up to a price, where they are given.
    """
    newest = Order.objects.counted().filter(ordered_at__lte=timezone.now()).order_by("-ordered_at").first()
    if newest is None:
        return ()
    since = newest.ordered_at - timedelta(days=POPULAR_DAYS)
    lines = OrderLine.objects.filter(
        order__origin="observed",
        order__cancelled_at=None,
        order__excluded_at=None,
        order__ordered_at__gt=since,
        order__ordered_at__lte=newest.ordered_at,
        product__is_active=True,
        product__price__isnull=False,
        quantity__gt=0,
    ).exclude(product__product_type="")
    lines = lines.filter(Q(product__stock__isnull=True) | Q(product__stock__gt=0))
    if merchant_id is not None:
        lines = lines.filter(product__merchant_id=merchant_id)
    if category:
        lines = lines.filter(product__category=category)
    if max_price is not None:
        lines = lines.filter(product__price__lte=max_price)
    top = lines.values("product_id").annotate(buyers=Count("order__customer_id", distinct=True))
    return tuple(
        RecommendedItem(
            product_id=row["product_id"],
            score=float(row["buyers"]),
            is_novel=False,
            reason_code="popular_now",
            reason_product_id=None,
            reason_value=float(row["buyers"]),
            reason_text=f"Popular now: {row['buyers']} customers bought it in two weeks.",
            model_version_id=None,
        )
        for row in top.order_by("-buyers", "product_id")[:k]
    )
