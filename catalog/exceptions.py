"""What can be refused here."""


class FeedUnreadable(Exception):
    """A feed of which no line can be read: `reason` says why, `remedy` what to do. Nothing was loaded."""

    def __init__(self, reason: str, remedy: str):
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy


class UnknownMerchant(Exception):
    """No merchant has this external id."""


class SourceMissing(Exception):
    """The package that carries the Complete Journey data is not installed."""


class DemoStoreRefused(Exception):
    """A part of the demo store that cannot be loaded yet, or not beside what is there; the message says what to do."""
