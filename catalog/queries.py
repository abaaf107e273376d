"""Reads about merchants, products and offers."""

from collections.abc import Iterable, Iterator

from django.contrib.postgres.search import TrigramWordDistance
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from catalog.contracts import MerchantRef, ProductClass, ProductFacts
from catalog.models import FeedImport, FeedReject, Merchant, Offer, Product

_FACTS = tuple(ProductFacts.__dataclass_fields__)


def _ref(merchant: Merchant) -> MerchantRef:
    return MerchantRef(merchant.pk, merchant.external_id, merchant.name, merchant.origin)


def merchant_of(user) -> MerchantRef | None:
    """The merchant that this user or key works for: its whole reach. None is the platform, which may see all."""
    merchant = Merchant.objects.filter(memberships__user_id=user.pk).first() if user.pk else None
    return None if merchant is None else _ref(merchant)


def merchant(external_id: str) -> MerchantRef | None:
    found = Merchant.objects.filter(external_id=external_id).first()
    return None if found is None else _ref(found)


def merchants() -> list[MerchantRef]:
    return [_ref(merchant) for merchant in Merchant.objects.order_by("name", "id")]


def products(merchant_id: int | None = None) -> QuerySet[Product]:
    """All products that a caller may see: a merchant's own, or (None) everybody's."""
    return Product.objects.for_merchant(merchant_id)


def by_ids(product_ids: Iterable[int]) -> dict[int, ProductFacts]:
    """Facts by id. An unknown id is left out; one query for all."""
    rows = Product.objects.filter(pk__in=set(product_ids)).values_list(*_FACTS)
    return {row[0]: ProductFacts(*row) for row in rows}


def by_external_id(external_id: str, *, merchant_id: int | None = None, limit: int = 5) -> list[ProductFacts]:
    """The products with this id in somebody's feed: one of each merchant who has it."""
    rows = products(merchant_id).filter(external_id=external_id[:64]).order_by("pk")
    return [ProductFacts(*row) for row in rows.values_list(*_FACTS)[:limit]]


def own_products(external_ids: Iterable[str], *, merchant_id: int | None) -> dict[str, ProductFacts]:
    """By external id: the products of one merchant (None: of the platform itself); an unknown id is left out."""
    rows = Product.objects.filter(merchant=merchant_id, external_id__in=set(external_ids))
    return {facts.external_id: facts for facts in (ProductFacts(*row) for row in rows.values_list(*_FACTS))}


def on_sale(product_ids: Iterable[int], *, merchant_id: int | None = None) -> set[int]:
    """Which of these may be shown: on sale, priced, in stock and, for a merchant, theirs. One query."""
    rows = products(merchant_id).on_sale().filter(pk__in=set(product_ids), price__isnull=False)
    return set(rows.filter(Q(stock__isnull=True) | Q(stock__gt=0)).values_list("pk", flat=True))


def classes(*, merchant_id: int | None = None) -> list[ProductClass]:
    """Every category and product type with products on sale, largest first."""
    rows = products(merchant_id).on_sale().exclude(category="").values_list("category", "product_type")
    return [ProductClass(*row) for row in rows.annotate(n=Count("id")).order_by("-n", "category", "product_type")]


def search(text: str, *, merchant_id: int | None = None, limit: int = 20) -> list[ProductFacts]:
    """Products on sale whose title is like the text, nearest first; a typing error or two are forgiven."""
    # `%>` and its distance are what the trigram index answers; icontains would compare upper-case copies and read all.
    found = products(merchant_id).on_sale().filter(title__trigram_word_similar=text)
    nearest = found.annotate(distance=TrigramWordDistance(text, "title")).order_by("distance", "id")
    return [ProductFacts(*row) for row in nearest.values_list(*_FACTS)[:limit]]


def product_ids(merchants: Iterable[str]) -> dict[str, int]:
    """External id to id, over the platform's own products and those of the named merchants: for bulk loads."""
    rows = Product.objects.filter(merchant=None).values_list("external_id", "id").iterator(chunk_size=20_000)
    own = Product.objects.filter(merchant__external_id__in=list(merchants)).values_list("external_id", "id")
    return dict(rows) | dict(own.iterator(chunk_size=20_000))


def offer_ids(prefix: str) -> dict[str, int]:
    """External id to id of the platform's own offers whose external id starts with `prefix`."""
    return dict(Offer.objects.filter(merchant=None, external_id__startswith=prefix).values_list("external_id", "id"))


def feeds(merchant_id: int | None = None) -> QuerySet[FeedImport]:
    """Feeds as they came in, newest first: a merchant's own, or (None) everybody's."""
    rows = FeedImport.objects.order_by("-id")
    return rows if merchant_id is None else rows.filter(merchant=merchant_id)


def rejects(feed_id: int) -> Iterator[FeedReject]:
    """Everything that was wrong with a feed, in the order of its lines."""
    return FeedReject.objects.filter(feed=feed_id).order_by("line", "id").iterator(chunk_size=1_000)


def product_versions(product_ids: Iterable[int]) -> dict[int, int]:
    """The version of each product now; an unknown id is left out."""
    return dict(Product.objects.filter(pk__in=set(product_ids)).values_list("pk", "version"))


def offer_versions(offer_ids: Iterable[int]) -> dict[int, int]:
    return dict(Offer.objects.filter(pk__in=set(offer_ids)).values_list("pk", "version"))


def running_offers(merchant_id: int | None = None) -> QuerySet[Offer]:
    """Offers that have not ended, the next to end first: a merchant's own, or (None) everybody's."""
    rows = Offer.objects.filter(ends_at__gt=timezone.now()).order_by("ends_at", "pk")
    return rows if merchant_id is None else rows.filter(merchant=merchant_id)
