"""What other rooms hand in about people, and what they receive. Frozen: nobody changes a fact by holding it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np


class Purpose(StrEnum):
    """What the data may be used for. One purpose a record, never a bundle (GDPR art. 7(2))."""

    MARKETING = "marketing"
    PROFILING = "profiling"
    MODEL_TRAINING = "model_training"
    THIRD_PARTY = "third_party"


class Channel(StrEnum):
    """Over which channel. ANY stands for purposes that have none, and for an objection to all of them."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    SOCIAL = "social"
    STORE = "store"
    ANY = "any"


class Action(StrEnum):
    """What happened: the states of ISO/IEC TS 27560, with the acts that lead to them."""

    REQUESTED = "requested"  # asked for; a double opt-in waits for its confirmation
    GIVEN = "given"
    REFUSED = "refused"
    CONFIRMED = "confirmed"  # the second step of a double opt-in
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"  # GDPR art. 21: absolute for direct marketing
    EXPIRED = "expired"
    IMPORTED = "imported"  # given elsewhere; the proof is the import's


class LawfulBasis(StrEnum):
    """GDPR art. 6(1), and the soft opt-in of ePrivacy art. 13(2)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    SOFT_OPT_IN = "soft_opt_in"
    LEGITIMATE_INTEREST = "legitimate_interest"


ALLOWING = frozenset({Action.GIVEN, Action.CONFIRMED, Action.IMPORTED})
NOES = frozenset({Action.REFUSED, Action.WITHDRAWN, Action.OBJECTED})
# Which acts may follow which (None: nothing was ever recorded). A "no" follows anything: it is never turned away. No
# import and no confirmation of an old request revives what a person ended. A "no" lapses only where it was another record's,
# brought in by a merge that is taken back; nothing that allows may follow but what the person says themselves.
_A = Action
MAY_FOLLOW: Mapping[Action | None, frozenset[Action]] = {
    None: NOES | {_A.REQUESTED, _A.GIVEN, _A.IMPORTED},
    _A.REQUESTED: NOES | {_A.REQUESTED, _A.GIVEN, _A.CONFIRMED, _A.IMPORTED, _A.EXPIRED},
    _A.GIVEN: NOES | {_A.GIVEN, _A.IMPORTED, _A.EXPIRED},
    _A.CONFIRMED: NOES | {_A.GIVEN, _A.IMPORTED, _A.EXPIRED},
    _A.IMPORTED: NOES | {_A.REQUESTED, _A.GIVEN, _A.IMPORTED, _A.EXPIRED},
    _A.REFUSED: NOES | {_A.REQUESTED, _A.GIVEN, _A.EXPIRED},
    _A.WITHDRAWN: NOES | {_A.REQUESTED, _A.GIVEN, _A.EXPIRED},
    _A.OBJECTED: NOES
    | {_A.REQUESTED, _A.GIVEN, _A.EXPIRED},  # GDPR art. 21(3): whether anybody may ask again is the pack's to say
    _A.EXPIRED: NOES | {_A.REQUESTED, _A.GIVEN},
}
# Which kind of contact point a channel writes to. A channel that is not here writes to nobody.
CONTACT_KIND = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.PUSH: "push", Channel.SOCIAL: "social"}
# Every kind of contact point that a no on a channel stops there. An advertising platform matches the address and the phone
# as hashes: who says no to social networks stops these as well, for whoever shares them.
STOPPED_KINDS = {channel: (kind,) for channel, kind in CONTACT_KIND.items()} | {
    Channel.SOCIAL: ("social", "email", "phone")
}


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The newest word of one person for one purpose on one channel."""

    purpose: Purpose
    channel: Channel
    action: Action
    since: datetime  # aware
    valid_until: datetime | None  # aware; the first moment at which it no longer holds

    def allows(self, at: datetime) -> bool:
        """Whether this word, by itself, allows use at that moment. Suppression is asked apart."""
        return self.action in ALLOWING and self.since <= at and (self.valid_until is None or at < self.valid_until)


@dataclass(frozen=True, slots=True)
class NewConsent:
    """One act to be recorded. The ledger adds what nobody may choose: its place, its time, its hash."""

    customer_id: int
    purpose: Purpose | str
    channel: Channel | str
    action: Action | str
    lawful_basis: LawfulBasis | str
    method: str  # how: sign_up_form, import, one_click, preference_centre ...
    actor: str  # who: "subject", "staff:7", "import"
    origin: str = "observed"
    notice_version: str = ""  # of the words that were shown; needed to give consent
    language: str = ""
    jurisdiction: str = ""
    ip: str = ""  # kept as its network alone
    user_agent: str = ""  # kept sealed under the person's key
    valid_until: datetime | None = None  # aware
    form_sha256: bytes | None = None  # of the form as it was rendered: services.notices.keep_form
    came_as: int | None = None  # the merged record that it was said for, by an old link or a file


@dataclass(frozen=True, slots=True)
class StateFault:
    """A row of the projection that is not what the ledger says; `record_id` is the ledger's newest word, None if none."""

    customer_id: int
    purpose: str
    channel: str
    record_id: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A person as a platform, a feed or an event names them. What is not known stays empty."""

    external_id: str
    attributes: dict = field(default_factory=dict)
    language: str = "en"
    timezone: str = ""
    jurisdiction: str = ""
    first_seen_at: datetime | None = None  # aware
    origin: str = "observed"
    is_provisional: bool = False  # known by a card or a handle alone: the id is ours


@dataclass(frozen=True, slots=True)
class NewContact:
    """A way to reach or recognise a person, as it was typed."""

    customer_id: int
    kind: str  # customers.models.ContactPoint.Kind
    value: str
    verified_at: datetime | None = None  # aware
    origin: str = "observed"


@dataclass(frozen=True, slots=True)
class RejectedContact:
    """A contact point that was not taken in. Carries no value: it may be somebody's address."""

    index: int  # its place in what was handed in
    field: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ContactReceipt:
    added: int
    known: int  # the person had it already
    rejected: tuple[RejectedContact, ...] = ()
    added_ids: tuple[int, ...] = ()
    verified_ids: tuple[int, ...] = ()  # known ones that are verified from now on


@dataclass(frozen=True, slots=True)
class Recognised:
    """Whom cards or handles belong to, each as it was typed; `made` are records for those that nobody had."""

    ids: dict[str, int]
    made: tuple[int, ...] = ()
    rejected: dict[str, RejectedContact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matched:
    """What a round of matching did."""

    asked: int = 0  # contact points looked at
    merged: int = 0
    proposed: int = 0


@dataclass(frozen=True, slots=True)
class QuarantinedEvent:
    """One event of a batch that was kept aside, sealed, because of one field."""

    index: int  # its place in the batch
    message_id: str  # "" when it had none that could be read
    field: str
    reason: str  # what is wrong, and what to do


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch of events: accepted + duplicates + len(quarantined) is what was handed in."""

    accepted: int
    duplicates: int
    quarantined: tuple[QuarantinedEvent, ...] = ()


# (order, pseudonym, seconds since 1970, paid, taken off by coupons, lines of 12 bytes, whether it came in since).
RiskOrder = tuple[int, int, int, float, float, bytes, bool]


@dataclass(frozen=True, slots=True)
class InteractionColumns:
    """Order lines as six columns of one length, in order of time, then customer, then product."""

    customer_id: np.ndarray  # int64; of a training pseudonym where a model learns from it
    product_id: np.ndarray  # int64
    occurred_at: np.ndarray  # float64, seconds since 1970 in UTC: the day, and the basket's place in it
    quantity: np.ndarray  # float32, above 0
    amount: np.ndarray  # float32, in the currency of the order
    store: np.ndarray  # int32, a number for the store of the order; only whether two are equal says something

    def __len__(self) -> int:
        return len(self.customer_id)


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """What one person said last for one purpose on one channel, and where the proof stands."""

    purpose: str
    channel: str
    action: str
    is_given: bool  # and still valid at the moment of the question
    since: datetime
    valid_until: datetime | None
    record_id: int
    origin: str


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A contact point as staff see it: enough to tell two apart, not enough to write to."""

    id: int
    kind: str
    masked: str
    verified_at: datetime | None
    suppressed: str  # why nothing is sent there; "" when something may be
    origin: str


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that a person did, for people to read; free text that they wrote stays sealed."""

    at: datetime
    title: str
    detail: str
    channel: str
    source: str
    origin: str
    message_id: str
    id: int  # with the moment, the place in the timeline


@dataclass(frozen=True, slots=True)
class CustomerTotals:
    """How much there is; erased people and simulated orders are not counted."""

    customers: int
    orders: int
    lines: int


@dataclass(frozen=True, slots=True)
class ConsentTotals:
    """How many people said yes, and how many no, last."""

    given: int
    refused: int


@dataclass(frozen=True, slots=True)
class DemoStoreRef:
    """The real data set behind a demo store: all its dates were moved by `shift`, a whole number of weeks."""

    name: str
    shift: timedelta
    cutoff_at: datetime  # shifted; what comes from here on enters by replay
    replayed_until: datetime | None


@dataclass(frozen=True, slots=True)
class GroupPart:
    """Figures of a group that share one noise: `cap` is the most that one unit adds to all of them together."""

    name: str
    cap: int  # in the units of the figures: people, cents
    epsilon: float


@dataclass(frozen=True, slots=True)
class GroupQuestion:
    """What somebody asks about a group of people. Two questions are the same when all of this is the same."""

    dataset: str  # whose budget it takes from: "merchant 7"
    text: str  # in words and numbers, no person in it
    data_version: str  # public: moves by the clock, never by what the data say
    parts: tuple[GroupPart, ...]
    unit: str = "person"  # whom the noise hides: what `cap` of each part is of


@dataclass(frozen=True, slots=True)
class GroupFigure:
    """One noisy figure. `value` is None where the expected error is too large a share of it: too few to show."""

    value: int | None
    expected_error: float


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """The answer, the same each time until the data version moves; a repeated one cost nothing."""

    figures: dict[str, dict[str, GroupFigure]]  # by part, by figure
    answered_at: datetime
    epsilon: float
    delta: float
    mechanism: str
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """What a dataset's window has spent of its cap."""

    dataset: str
    window: str
    answers: int
    spent_epsilon: float  # composed, at `cap_delta`
    summed_epsilon: float
    cap_epsilon: float
    cap_delta: float
    last_at: datetime

    @property
    def left(self) -> float:
        return max(0.0, self.cap_epsilon - self.spent_epsilon)

    @property
    def is_full(self) -> bool:
        """Less is left than a twentieth of the cap: no answer costs so little."""
        return self.left < self.cap_epsilon / 20


@dataclass(frozen=True, slots=True)
class MonthOfDeeds:
    """How much a person did in a month, at the till and elsewhere."""

    month: datetime
    online: int
    store: int
