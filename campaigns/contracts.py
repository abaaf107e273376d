"""What the rooms of campaigns hand to each other and to others. Frozen: nobody changes a result by holding it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Arm(StrEnum):
    """What the draw said. Who was excluded before the draw is in neither arm."""

    TREATED = "treated"
    HOLDOUT = "holdout"


class Verdict(StrEnum):
    """What may be said of a difference between the arms."""

    HIGHER = "higher"
    LOWER = "lower"
    CANNOT_TELL = "cannot tell"


class Metric(StrEnum):
    """What is compared, always per assigned customer."""

    CONVERSION = "conversion"  # share of customers with at least one order in the window
    REVENUE = "revenue"  # money per customer, buyers and others alike


class Choice(StrEnum):
    """How the products of a message are chosen."""

    PERSONAL = "personal"  # each person's own list of the live recommender
    SEGMENT = "segment"  # one list a segment: what stands highest in the lists of its people
    FIXED = "fixed"  # the pinned products, the same for everybody


class TriggerKind(StrEnum):
    """What makes a triggered campaign write to somebody."""

    ABANDONED_CART = "abandoned_cart"
    POST_PURCHASE = "post_purchase"
    WIN_BACK = "win_back"
    BACK_IN_STOCK = "back_in_stock"
    PRICE_DROP = "price_drop"
    BIRTHDAY = "birthday"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A kind, and its one number: hours after the cart was left, days after an order or without one, days that an interest
    in a product lasts, days before the birthday. `again` is after how many days it may take the same person in once more;
    None: each person once.
    """

    kind: TriggerKind
    wait: int
    again: int | None = None

    @classmethod
    def of(cls, kept: Mapping) -> "Trigger | None":
        """From the JSON of its row; None for a campaign that is sent once."""
        return cls(TriggerKind(kept["kind"]), kept["wait"], kept.get("again")) if kept else None

    def kept(self) -> dict:
        plain = {"kind": self.kind.value, "wait": self.wait}
        return plain if self.again is None else plain | {"again": self.again}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A recommendation block: what may stand in a message, and in which order.

    `pins` are product ids that come first, as long as they are on sale. The filters hold for what is chosen behind them.
    `falls_back` tops up with the common list whoever has fewer products than the message shows; without it who has none is
    left out. Who asked not to be personalised gets the common list in any case.
    """

    choice: Choice = Choice.PERSONAL
    pins: tuple[int, ...] = ()
    category: str = ""
    max_price: Decimal | None = None
    not_bought_days: int = 0  # nothing that the person bought within these days; 0: no such filter
    falls_back: bool = True

    @classmethod
    def of(cls, kept: Mapping) -> "Block":
        """From the JSON of its row; what an older row does not say is as by default."""
        price = kept.get("max_price")
        return cls(
            choice=Choice(kept.get("choice", Choice.PERSONAL)),
            pins=tuple(kept.get("pins", ())),
            category=kept.get("category", ""),
            max_price=None if price is None else Decimal(price),
            not_bought_days=kept.get("not_bought_days", 0),
            falls_back=kept.get("falls_back", True),
        )

    def kept(self) -> dict:
        """As JSON; only what differs from the default, so that a plain campaign keeps a plain row."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        defaults = Block()
        changed = {name: value for name, value in values.items() if value != getattr(defaults, name)}
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in changed.items()}


@dataclass(frozen=True, slots=True)
class EmailMessage:
    """One mail to one person. `message_id` is the id of its Message row: Message-ID and X-Attune-Message derive from it."""

    message_id: int
    sender: str  # "Name <address>" or an address
    to: str  # one address, no name: names in headers are one more place for personal data
    subject: str
    text: str
    html: str
    unsubscribe_url: str  # http or https; takes the POST of RFC 8058
    headers: Mapping[str, str] = field(default_factory=dict)  # further headers; none of ours can be replaced
    # Of a letter that somebody asked for and that is no advertisement: it has no row and no unsubscribe link, and this
    # makes its Message-ID.
    reference: str = ""
    # time.monotonic() after which its text must not be begun: the answer of the gate is too old by then. None: never.
    not_after: float | None = None


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """One text message to one phone. `text` is whole: it says who writes and holds the line that tells how to stop it."""

    message_id: int
    to: str  # E.164, as it rests in the contact point: +4915112345678
    text: str
    not_after: float | None = None


@dataclass(frozen=True, slots=True)
class PushMessage:
    """One notification to one browser. `subscription` is the contact point's JSON: endpoint, p256dh, auth."""

    message_id: int
    subscription: str
    title: str
    body: str
    url: str  # where a tap leads: a signed link of ours
    unsubscribe_url: str = ""
    keep_for: int = 86_400  # seconds that the push service keeps it for a browser that is off
    not_after: float | None = None


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One message for a merchant's own sender, which knows its people by `customer`: no address leaves us."""

    message_id: int
    customer: str  # Customer.external_id
    campaign: int
    subject: str
    text: str
    html: str = ""
    unsubscribe_url: str = ""
    not_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Why a row cannot become a message now: one of the gate's reasons, with what a person can read."""

    reason: str  # no_contact, stock or render
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took the message over. `provider_id` is what it answered, at most 200 characters, without addresses."""

    provider_id: str


# What an endpoint can be told, and who may hear it. A merchant hears of people only what its own sender did, and who said
# no to it: exact figures of what the platform sent would undo the noise of its results.
HOOK_KINDS: Mapping[str, str] = {
    "campaign.message": "a message for your own sender to write: makes the endpoint a channel of campaigns",
    "campaign.started": "a campaign began to send",
    "campaign.paused": "a campaign was paused, by a person or by itself",
    "campaign.finished": "a campaign has sent what it had",
    "campaign.cancelled": "a campaign was stopped for good",
    "message.sent": "a message was handed over",
    "message.delivered": "the provider says that it arrived",
    "message.bounced": "it came back",
    "message.complained": "it was marked as spam",
    "message.failed": "it was refused for good",
    "consent.withdrawn": "somebody took a consent back, or objected",
    "order.attributed": "an order fell into the window of a campaign's message",
}
PLATFORM_ONLY = frozenset({"order.attributed"})
SENDS = "campaign.message"


class Told(StrEnum):
    """What a provider says of a message that it took."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class MailReport:
    """One thing that a mail provider reported. `key` names it for good, so that it counts once."""

    told: Told
    message_id: int | None  # of the Message row; None when nothing names one
    recipient: str = field(repr=False)
    key: bytes = field(repr=False)  # 32 bytes, and nobody can be found by them
    is_for_good: bool = False  # of a bounce: nobody has this address


@dataclass(frozen=True, slots=True)
class Route:
    """What a channel asks of a person before anything is said there.

    `consent` names the channel of the consent ledger that counts, `contact` the kind of contact point that is written to;
    "" where none is: the person is its own unit, and `no_contact` never holds. `stops` is the channel on which a bounce, a
    complaint or an erasure stops this kind of contact point, wherever it is used. A batch channel sends no message by
    itself: its rows wait until a second person has let the whole file go (campaigns.services.handover).
    """

    consent: str
    contact: str
    stops: str = ""
    is_batch: bool = False


ROUTES: Mapping[str, Route] = {
    "email": Route("email", "email", "email"),
    "sms": Route("sms", "phone", "sms"),
    "push": Route("push", "push", "push"),
    # The merchant's sender writes mail on our word, so it is the consent to mail that counts.
    "webhook": Route("email", "email", "email"),
    # The wording of this consent says that a contact point is matched there as a hash: the e-mail address is that point.
    "social": Route("social", "email", "email", is_batch=True),
    "store": Route("store", "", is_batch=True),
}
BATCHES = frozenset(channel for channel, route in ROUTES.items() if route.is_batch)


@dataclass(frozen=True, slots=True)
class AudienceContact:
    """One person for an audience list of an advertising platform. What is not known stays empty; hashing is the channel's."""

    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)  # E.164
    country: str = ""  # ISO 3166, two letters


@dataclass(frozen=True, slots=True)
class Coupon:
    """One coupon of a sheet. `holder` is what stands on the paper: the last signs of a loyalty card, or a segment's name;
    never a name or an address.
    """

    code: str
    holder: str = ""
    title: str = ""
    offer: str = ""
    ends_on: str = ""
    lines: tuple[str, ...] = ()  # the products, each with its price


@dataclass(frozen=True, slots=True)
class KeptMail:
    """One mail as the local sink holds it. `copy` counts from 1: a 2 means that the same Message-ID arrived twice."""

    message_id: int | None  # of the Message row, None when the mail is not ours
    header_id: str
    copy: int
    to: tuple[str, ...]  # envelope recipients
    subject: str
    links: tuple[str, ...]  # every http(s) address of both parts, in order, each once
    unsubscribe_url: str


@dataclass(frozen=True, slots=True)
class KeptPost:
    """A message of any channel as the local sink shows it."""

    at: datetime
    channel: str
    to: str
    title: str
    text: str
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """How many the gate took out for one reason."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Waterfall:
    """From the audience to the arms: the steps in the order of the gate, then the draw, which is always the last."""

    steps: tuple[Step, ...]
    treated: int
    holdout: int
    channel: str = ""  # "": of people over all channels
    channels: tuple["Waterfall", ...] = ()  # of people: the same per channel

    @property
    def audience(self) -> int:
        return self.excluded + self.treated + self.holdout

    @property
    def excluded(self) -> int:
        return sum(step.count for step in self.steps)

    def as_plain(self) -> dict:
        """For a column of JSON: one gate, of people or of a channel."""
        steps = [[step.reason, step.count] for step in self.steps]
        return {"steps": steps, "treated": self.treated, "holdout": self.holdout}

    @classmethod
    def of_plain(cls, kept: dict) -> "Waterfall":
        return cls(tuple(Step(reason, count) for reason, count in kept["steps"]), kept["treated"], kept["holdout"])


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many messages within so many days up to now, on one channel or on `any` of them together."""

    channel: str
    messages: int
    days: int

    def __post_init__(self):
        if self.messages < 1 or not 1 <= self.days <= 365:
            raise ValueError(f"A cap is of at least one message in 1 to 365 days, not {self.messages} in {self.days}.")


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What one arm did, as sums: all that lift needs, so that the database adds and nobody loads a person.

    By intention to treat: `customers` are all who were assigned, also those whose message was skipped later.
    """

    arm: Arm
    customers: int
    converted: int  # customers with at least one order in the window
    revenue: Decimal  # over all orders of the window
    revenue_squared: Decimal  # the sum over customers of (money of the customer)^2
    revenue_cubed: Decimal  # and of its cube: a few large baskets lean the interval to one side
    orders: int = 0
    currency: str = "USD"

    def __post_init__(self):
        if not 0 <= self.converted <= self.customers:
            raise ValueError(f"{self.converted} of {self.customers} customers cannot have bought.")


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the interval that covers the truth in `level` of all such experiments."""

    estimate: float
    low: float
    high: float
    level: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Lift:
    """One metric of the treated over the hold-out. `relative` is None where a ratio has no finite interval."""

    metric: Metric
    treated: float | None  # share of customers, or money per customer; None in an empty arm
    holdout: float | None
    difference: Interval | None  # None when an arm is too small for any interval
    relative: Interval | None  # 0.05 reads five per cent more
    verdict: Verdict
    reason: str  # in words, why the verdict is what it is
    method: str
    is_always_valid: bool = (
        False  # True: holds however often one looks; False: holds for one look, at a time fixed before
    )
    adjusted_for: str = ""  # a covariate from before the start, such as past spend; empty: none


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether the arms have the sizes that the draw promised. A mismatch means that the numbers below it cannot be trusted."""

    treated: int
    holdout: int
    expected_share: float
    chi_square: float
    p_value: float
    is_mismatch: bool


@dataclass(frozen=True, slots=True)
class Power:
    """What an experiment of this size could see."""

    treated: int
    holdout: int
    baseline: float
    minimal_effect: float | None  # absolute, in the units of the baseline; None: it cannot see any
    power: float
    level: float

    @property
    def relative_effect(self) -> float | None:
        return None if self.minimal_effect is None or not self.baseline else self.minimal_effect / self.baseline


@dataclass(frozen=True, slots=True)
class NoisyArm:
    """One arm as a merchant reads it. None: too few to show. Money counts up to a public cap a person."""

    arm: Arm
    customers: int | None
    converted: int | None
    revenue: Decimal | None
    customers_error: float  # expected absolute error of both counts
    revenue_error: float
    currency: str = "USD"
    orders: None = None  # not told: a person who orders daily would need thirty times the noise


@dataclass(frozen=True, slots=True)
class NoisyFunnel:
    """People per step with noise; None: too few to show, or not told to merchants."""

    treated: int | None
    sent: int | None
    failed: int | None
    skipped: int | None
    unknown: int | None
    clickers: int | None
    survey_answers: int | None
    ordered: int | None
    clicks_simulated: bool
    survey_mean: None = None
