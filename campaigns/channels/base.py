"""What every channel offers: open it once, hand over many messages, and say of each what became of it.

A message goes to one person. `send` either returns, and then the provider has taken the message over, or raises exactly
one of PermanentFailure, TransientFailure (with its kind ChannelUnavailable) and AmbiguousOutcome. The last one is the
reason for this protocol: whoever cannot tell whether a message went out must say so, or somebody gets it twice.
"""

from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from campaigns.contracts import Sent

Message_contra = TypeVar("Message_contra", contravariant=True)


class Session(Protocol[Message_contra]):
    """One connection, used by one thread."""

    def send(self, message: Message_contra) -> Sent:
        """Hands the message over. Raises SendFailure in one of its kinds."""


class Channel(Protocol[Message_contra]):
    def open(self) -> AbstractContextManager[Session[Message_contra]]:
        """Connects. Raises ChannelUnavailable."""
