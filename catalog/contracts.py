"""What other rooms receive about merchants and products. Frozen: nobody changes a fact by holding it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class MerchantRef:
    """Whose products: `None` in its place stands for the platform itself."""

    id: int
    external_id: str
    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """All that may be said of a product. Texts are empty and `price` is None when the catalogue does not know."""

    id: int
    merchant_id: int | None
    external_id: str
    title: str
    department: str
    category: str
    product_type: str
    brand: str
    size: str
    description: str
    url: str
    image_url: str
    price: Decimal | None
    currency: str
    is_active: bool
    origin: str
    version: int  # copy names the version that its facts came from
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProductClass:
    """One pair of category and product type, with the number of products on sale in it."""

    category: str
    product_type: str
    products: int


@dataclass(frozen=True, slots=True)
class Reject:
    """One thing that is wrong with one line of a feed (counted from 1) or one item of a request (from 0)."""

    place: int
    field: str
    reason: str
    remedy: str
    raw: str


@dataclass(frozen=True, slots=True)
class FeedReport:
    """How a feed went in. `rejects` holds the first thousand; all of them rest in FeedReject under `feed_id`."""

    feed_id: int
    accepted: int  # lines that are in the catalogue now
    rejected: int  # lines that are not; one line may have several rejects
    changed: int  # products that are new or differ from before
    rejects: tuple[Reject, ...]
