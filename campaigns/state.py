"""The steps of a campaign and of a message, as data. A step that stands in no table is refused.

Who may take a step, and what has to hold for it (an approver who is not an author, a digest that has not moved), is
decided where the step is taken; `campaigns.services.lifecycle.move()` is the only writer of a campaign's state.
"""

from collections.abc import Mapping
from enum import StrEnum

from campaigns.exceptions import TransitionRefused


class Kind(StrEnum):
    SCHEDULED = "scheduled"  # once, at a time
    TRIGGERED = "triggered"  # runs on events until it is ended
    HISTORY = "history"  # imported: it was sent elsewhere and never moves


class CampaignState(StrEnum):
    DRAFT = "draft"
    GENERATING = "generating"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    RUNNING = "running"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class Action(StrEnum):
    GENERATE = "generate"
    DRAFTED = "drafted"
    FAIL = "fail"
    EDIT = "edit"
    SEND_BACK = "send_back"
    APPROVE = "approve"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    EXPIRE = "expire"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    CANCEL = "cancel"


class MessageState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class MessageAction(StrEnum):
    CLAIM = "claim"
    RELEASE = "release"  # nothing went out, for certain: back into the queue
    SEND = "send"
    FAIL = "fail"
    SKIP = "skip"
    LOSE = "lose"  # it may have gone out
    DELIVER = "deliver"
    BOUNCE = "bounce"
    COMPLAIN = "complain"


_C, _A = CampaignState, Action
_CANCELLABLE = tuple(state for state in CampaignState if state not in (_C.SENT, _C.CANCELLED))

# Both kinds share the way to an approval.
_COMPOSE: Mapping[tuple[str, str], CampaignState] = {
    (_C.DRAFT, _A.GENERATE): _C.GENERATING,
    (_C.GENERATING, _A.DRAFTED): _C.IN_REVIEW,
    (_C.GENERATING, _A.FAIL): _C.DRAFT,
    (_C.IN_REVIEW, _A.APPROVE): _C.APPROVED,
    (_C.IN_REVIEW, _A.SEND_BACK): _C.DRAFT,
    (_C.IN_REVIEW, _A.EDIT): _C.DRAFT,
    (_C.APPROVED, _A.EDIT): _C.DRAFT,
    (_C.APPROVED, _A.EXPIRE): _C.IN_REVIEW,
}

TRANSITIONS: Mapping[Kind, Mapping[tuple[str, str], CampaignState]] = {
    Kind.SCHEDULED: {
        **_COMPOSE,
        (_C.APPROVED, _A.SCHEDULE): _C.SCHEDULED,
        (_C.SCHEDULED, _A.UNSCHEDULE): _C.APPROVED,
        (_C.SCHEDULED, _A.EDIT): _C.DRAFT,
        (_C.SCHEDULED, _A.EXPIRE): _C.IN_REVIEW,
        (_C.SCHEDULED, _A.START): _C.SENDING,
        (_C.SENDING, _A.PAUSE): _C.PAUSED,
        (_C.PAUSED, _A.RESUME): _C.SENDING,
        (_C.SENDING, _A.FINISH): _C.SENT,
        **{(state, _A.CANCEL): _C.CANCELLED for state in _CANCELLABLE if state != _C.RUNNING},
    },
    Kind.TRIGGERED: {
        **_COMPOSE,
        (_C.APPROVED, _A.START): _C.RUNNING,
        (_C.RUNNING, _A.PAUSE): _C.PAUSED,
        (_C.PAUSED, _A.RESUME): _C.RUNNING,
        (_C.RUNNING, _A.FINISH): _C.SENT,  # ended
        **{(s, _A.CANCEL): _C.CANCELLED for s in _CANCELLABLE if s not in (_C.SCHEDULED, _C.SENDING)},
    },
    Kind.HISTORY: {},
}
CAMPAIGN_TERMINAL = frozenset({_C.SENT, _C.CANCELLED})

_M, _B = MessageState, MessageAction
MESSAGE_TRANSITIONS: Mapping[tuple[str, str], MessageState] = {
    (_M.QUEUED, _B.CLAIM): _M.SENDING,
    (_M.QUEUED, _B.SKIP): _M.SKIPPED,  # consent withdrawn, campaign cancelled
    (_M.SENDING, _B.RELEASE): _M.QUEUED,
    (_M.SENDING, _B.SEND): _M.SENT,
    (_M.SENDING, _B.FAIL): _M.FAILED,
    (_M.SENDING, _B.SKIP): _M.SKIPPED,  # the gate is asked again after the claim
    (_M.SENDING, _B.LOSE): _M.UNKNOWN,
    # The provider's word may come late, in any order, and also for a message whose answer was lost.
    (_M.SENT, _B.DELIVER): _M.DELIVERED,
    (_M.SENT, _B.BOUNCE): _M.BOUNCED,
    (_M.SENT, _B.COMPLAIN): _M.COMPLAINED,
    (_M.DELIVERED, _B.BOUNCE): _M.BOUNCED,
    (_M.DELIVERED, _B.COMPLAIN): _M.COMPLAINED,
    # A file whose download broke off is taken again as a whole: a list tells nobody anything twice.
    (_M.UNKNOWN, _B.SEND): _M.SENT,
    (_M.UNKNOWN, _B.DELIVER): _M.DELIVERED,
    (_M.UNKNOWN, _B.BOUNCE): _M.BOUNCED,
    (_M.UNKNOWN, _B.COMPLAIN): _M.COMPLAINED,
}
# A campaign is sent when none of its messages is open: never by a cursor or a count that was taken before.
MESSAGE_OPEN = frozenset({_M.QUEUED, _M.SENDING})
# Settled: delivery does nothing more about it by itself.
MESSAGE_TERMINAL = frozenset(MessageState) - MESSAGE_OPEN
# Handed over to the provider, for certain.
MESSAGE_HANDED_OVER = frozenset({_M.SENT, _M.DELIVERED, _M.BOUNCED, _M.COMPLAINED})


def next_state(current: str, action: str, kind: str) -> CampaignState:
    """The state that `action` leads to from `current` in a campaign of this kind. Raises TransitionRefused."""
    try:
        return TRANSITIONS[Kind(kind)][current, action]
    except KeyError:
        raise TransitionRefused(current, action, allowed_actions(current, kind)) from None


def allowed_actions(current: str, kind: str) -> tuple[Action, ...]:
    """What can be done from this state, in the order of the life of a campaign."""
    table = TRANSITIONS[Kind(kind)]
    return tuple(action for action in Action if (current, action) in table)


def next_message_state(current: str, action: str) -> MessageState:
    """The state that `action` leads to from `current` in a message. Raises TransitionRefused."""
    try:
        return MESSAGE_TRANSITIONS[current, action]
    except KeyError:
        allowed = tuple(step for step in MessageAction if (current, step) in MESSAGE_TRANSITIONS)
        raise TransitionRefused(current, action, allowed, subject="message") from None
