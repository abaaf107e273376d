"""What other rooms receive about risk."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an order was flagged: a stable code, a sentence for people, and the numbers in it."""

    code: str
    sentence: str
    value: float
    usual_low: float | None
    usual_high: float | None
    score: float  # 0 to 1: 0.5 at the rule's limit, nearer to 1 the further beyond


@dataclass(frozen=True, slots=True)
class NewFlag:
    """A doubt to be raised: the rule that fired, on which order of whom, and the numbers it saw."""

    customer_id: int
    order_id: int
    rule_id: int
    reason: Reason
    facts: Mapping[str, float]  # every feature of the order that was known


@dataclass(frozen=True, slots=True)
class Raised:
    """What became of a batch of doubts. What was known before is not counted."""

    flags: Mapping[str, int]  # how many by reason code
    orders: int  # left out of learning from now on
    customers_held: int  # left out of audiences from now on


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What one pass over new orders found."""

    orders: int  # judged: the new ones and their neighbours within a day
    flags: Mapping[str, int]
    orders_flagged: int
    customers_held: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FlagLine:
    """One flag in a list, for people to read."""

    id: int
    order_id: int | None
    code: str
    sentence: str
    score: float
    state: str  # open, confirmed, dismissed
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """One reason code of a case: its strongest sentence, and on how many orders it stands."""

    code: str
    sentence: str
    flag_id: int  # the strongest flag
    orders: int


@dataclass(frozen=True, slots=True)
class FlaggedOrder:
    """An order with the codes that stand against it; none for an ordinary neighbour."""

    id: int
    external_id: str
    ordered_at: datetime
    channel: str
    total: Decimal
    coupon_discount: Decimal
    currency: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueuedCase:
    """One customer in the queue, with everything in one state that stands against them."""

    id: int
    customer_id: int
    customer: str  # the platform's own id of the person, never a name
    is_held: bool  # out of audiences until somebody decides
    score: float  # of the strongest flag
    flags: int
    order_count: int
    newest_flag_id: int
    reasons: tuple[ReasonLine, ...]
    orders: tuple[FlaggedOrder, ...]  # the newest few


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A version of a rule, and what became of the flags that it raised."""

    code: str
    version: int
    description: str
    params: Mapping
    is_active: bool
    created_at: datetime
    open: int
    confirmed: int
    dismissed: int

    @property
    def false_alarm_share(self) -> float | None:
        """0 to 1 of what a person decided; None before the first decision."""
        decided = self.confirmed + self.dismissed
        return self.dismissed / decided if decided else None
