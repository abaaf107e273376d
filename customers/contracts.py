"""The words of consent, and what other rooms receive about it. Frozen: nobody changes a fact by holding it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
