"""What other rooms receive: products for a person with the reason, and what a person is like."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

# The two kinds of live model of this room, and how far back both look: a year holds every season once; more makes old
# habits louder and the fit slower.
RECOMMENDER, CLUSTERS = "recommender", "clusters"
TWO_STAGE = "two_stage"  # the training of a recommender that ranks in two stages, and the `family` of its versions
EXCLUSIONS = "exclusions"  # a run that measures what leaving doubted orders out changes; it keeps no model
COMPARISON = "comparison"  # a run that judges every family on one split; it keeps a table and no model
SERVED = "served index"  # what alarms about the web process's own arrays are filed under
LIFETIME, PURCHASE, COUPON = "lifetime", "purchase_propensity", "coupon_propensity"
PROPENSITIES = "propensities"  # the training of the last two
SOCIAL_GROUPS = "social_groups"  # by what people follow, like, share and comment on
REDEMPTION = "redemption"  # who uses a coupon of a campaign, by the campaigns that went out before
# The families that can be trained on their own, as `ml.families` has them (this file loads no learning library).
NETWORKS = ("caser", "lstm", "sasrec")
FAMILIES = (
    "popularity", "recency", "repurchase", "tifu", "ease", "als", "user_cosine", "user_tfidf", "user_bm25", "item_cosine",
    "item_tfidf", "item_bm25", *NETWORKS,
)  # fmt: skip
HISTORY = timedelta(days=365)
CATEGORY, SEARCH = "category", "search"  # what a trend may be of


@dataclass(frozen=True, slots=True)
class RecommendedItem:
    """One product. `reason_text` is a true sentence; `reason_product_id` is the own product that explains it, if any."""

    product_id: int
    score: float
    is_novel: bool
    reason_code: str  # bought_again, because_you_bought or popular_now
    reason_product_id: int | None
    reason_value: float | None
    reason_text: str
    model_version_id: int | None


@dataclass(frozen=True, slots=True)
class SocialPlace:
    """Where somebody stands by their follows, likes, shares and comments (`deeds` of them): group and its name; leanings as
    (what, share of their deeds, times everybody's share); alike as (customer id, cosine).
    """

    group: int
    name: str
    deeds: int
    leanings: tuple[tuple[str, float, float], ...]
    alike: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class PersonProfile:
    """What a person is like, as of the last scoring. None: the model behind the figure is not live, or cannot tell.

    recency in days, orders, spend, their quintiles (5 is best, 0 without an order), cluster, shares of spend by
    department. lifetime_value: money expected in the next 52 weeks. next_order: (one in ten, half, nine in ten people like
    this have ordered by then). Chances and shares run 0 to 1. leanings: by window in days, (department, share of spend,
    times the shop's share). channels: orders by channel. visits: (all, with a search, a view, a product added, an order),
    None where no visit was recorded. factors: by kind of propensity, (figure, its value, what it adds in log-odds).
    lifetime: what its figures follow from, by name. redemption: for each kind of campaign, the chance that they would use a
    coupon of it if the newest one of that kind began now; its factors stand in `factors` under that kind. said: (department,
    aspect, from -1 to 1, opinions, id of the newest finding) of what they wrote of products.
    """

    recency_days: float | None
    frequency: int
    monetary: Decimal
    scores: tuple[int, int, int]
    cluster: int | None
    cluster_name: str
    affinities: dict[str, float]
    as_of: datetime
    lifetime_value: Decimal | None = None
    expected_orders: float | None = None
    alive: float | None = None
    next_order: tuple[datetime | None, datetime | None, datetime | None] = (None, None, None)
    purchase_propensity: float | None = None
    coupon_propensity: float | None = None
    discount_share: float | None = None
    shop_discount_share: float | None = None
    leanings: dict[int, tuple[tuple[str, float, float], ...]] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    visits: tuple[int, int, int, int, int] | None = None
    factors: dict[str, tuple[tuple[str, float, float], ...]] = field(default_factory=dict)
    lifetime: dict[str, float] = field(default_factory=dict)
    redemption: dict[str, float] = field(default_factory=dict)
    said: tuple[tuple[str, str, float, int, int], ...] = ()
    social: SocialPlace | None = None


@dataclass(frozen=True, slots=True)
class Wave:
    """Coupons of one campaign that went out together. kind: what campaigns of this sort have in common, in words.
    offers: ids of catalog offers.
    """

    external_id: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    offers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asked for, and whether they may be given a list of their own."""

    id: int
    personalise: bool
    refuses_profiling: bool
    cluster: int | None
    bands: tuple[int, int, int] = (-1, -1, -1)  # of age, income and household, as `ml.habits.coded`; -1 where not told


@dataclass(frozen=True, slots=True)
class Group:
    """People who are asked about together: a cluster of the model, by number, or a list that another room had made."""

    name: str
    cluster: int | None = None
    list_id: int | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that somebody just did with a product, in the words of the events."""

    product_id: int
    name: str
    seconds_ago: float


@dataclass(frozen=True, slots=True)
class ServedProduct:
    """What an answer needs to know of a product, as it is now."""

    id: int
    merchant_id: int | None
    external_id: str
    title: str
    department: str
    category: str
    product_type: str
    price: Decimal | None
    currency: str
    stock: int | None
    is_active: bool
    origin: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What an answer may hold. merchant_id: whose products alone, None for everybody's."""

    merchant_id: int | None = None
    category: str = ""
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    in_stock: bool = True
    bought_within_days: int = 0  # leave out what the person bought since; 0 for nothing
    repeat_cap: int = 0  # leave out what stood in so many answers of the last week; 0 for any number
    per_category: int = 0  # at most so many of one category; 0 for any number

    @property
    def is_narrow(self) -> bool:
        """Whether most of the catalogue may be left out, so that it is asked for before ranking."""
        return bool(self.category or self.price_min or self.price_max is not None or self.merchant_id is not None)


@dataclass(frozen=True, slots=True)
class ServedItem:
    """One product in an answer. `source` names the step of the chain that brought it."""

    product: ServedProduct
    score: float
    source: str
    is_novel: bool
    reason_code: str
    reason_text: str


@dataclass(frozen=True, slots=True)
class ServedAnswer:
    """chain: (step, items it brought) in the order asked. note: why the list is not personal, "" when it is.
    dropped: (product, rule, detail) of what would have stood here, when that was asked for.
    """

    request_id: UUID
    items: tuple[ServedItem, ...]
    propensities: tuple[float, ...]
    chain: tuple[tuple[str, int], ...]
    is_fallback: bool
    note: str
    model_version_id: int | None
    dropped: tuple[tuple[ServedProduct, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LiveOffer:
    """A reduction that runs now. covers_all: it names no product, so it holds for every one of its seller."""

    id: int
    external_id: str
    title: str
    kind: str
    value: Decimal | None
    currency: str
    ends_at: datetime
    origin: str
    product_ids: frozenset[int]
    covers_all: bool


@dataclass(frozen=True, slots=True)
class TrendFact:
    """Something that more people bought (a product type) or searched for than before, beyond chance: copy may say so.

    people: how many did in the window, people_before: in the window of the same length before it. change: how many times
    the share of the shoppers it was before. chance: that nothing changed, corrected for how many things were looked at.
    source: where the count comes from, in words.
    """

    kind: str
    name: str
    since: datetime
    until: datetime
    people: int
    people_before: int
    shoppers: int
    change: float
    chance: float
    weeks: tuple[int, ...]
    source: str

    @property
    def window_days(self) -> int:
        return (self.until - self.since).days


@dataclass(frozen=True, slots=True)
class ShopFigures:
    """The whole shop as of one scoring. clusters: (number, name, people, mean orders, mean spend, mean days since the last
    order). visits: as in PersonProfile, added up, None where none was recorded. social: (number, name, people) of the groups
    by social events; where there are none, `social_reason` says why. redeemers: (kind of campaign, people scored, how many of
    them are expected to use a coupon, how many more likely than not, ids of the likeliest).
    """

    as_of: datetime
    clusters: tuple[tuple[int, str, int, float, float, float], ...]
    visits: tuple[int, int, int, int, int] | None
    social: tuple[tuple[int, str, int], ...] = ()
    social_reason: str = ""
    redeemers: tuple[tuple[str, int, float, int, tuple[int, ...]], ...] = ()
