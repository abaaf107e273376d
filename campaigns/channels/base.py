"""What every channel offers: open it once, hand over many messages, and say of each what became of it.

A message goes to one person. `send` either returns, and then the provider has taken the message over, or raises exactly
one of PermanentFailure, TransientFailure (with its kind ChannelUnavailable) and AmbiguousOutcome. The last one is the
reason for this protocol: whoever cannot tell whether a message went out must say so, or somebody gets it twice.

Every message carries `not_after`, a time of time.monotonic(): the gate's answer is too old from then on, and no channel
begins to hand over its content any more but raises TransientFailure("slow"). None: never.

A channel whose messages leave together as a file (a list for an advertising platform, a sheet of coupons) has no session:
campaigns.services.handover streams it, and what `audience` and `sheet` know are its lines and its pages.
"""

import math
import time
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from campaigns.contracts import Sent
from campaigns.exceptions import TransientFailure

Message_contra = TypeVar("Message_contra", contravariant=True)


class Session(Protocol[Message_contra]):
    """One connection or one file, used by one thread."""

    def send(self, message: Message_contra) -> Sent:
        """Hands the message over. Raises SendFailure in one of its kinds."""


class Channel(Protocol[Message_contra]):
    def open(self) -> AbstractContextManager[Session[Message_contra]]:
        """Connects. Raises ChannelUnavailable."""


def time_left(not_after: float | None) -> float:
    """Seconds until the content may no longer be begun. Raises TransientFailure once that is past."""
    left = (math.inf if not_after is None else not_after) - time.monotonic()
    if left <= 0:
        raise TransientFailure("slow", "The offer took too long; consent has to be asked for again.")
    return left
