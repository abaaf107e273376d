"""What can go wrong with words for an offer. Each message says what to do about it."""


class CopywritingError(Exception):
    """Base of all errors of this app."""


class BriefInvalid(CopywritingError, ValueError):
    """A brief that no writer can answer: an unknown channel or locale, no product, no store."""


class ModelMissing(CopywritingError):
    """The language model is not where the configuration says, or its package is not installed."""


class ModelUnsuitable(CopywritingError):
    """The configured model cannot be used for slotted text, and why."""


class WriterUnavailable(CopywritingError):
    """A writer could not answer at all (an endpoint that hangs, no memory). The grammar steps in and says so."""


class UnknownSlot(CopywritingError, ValueError):
    """Slotted text holds a brace that is no slot of ours; it must never reach the template engine."""


class SourceMissing(CopywritingError, ValueError):
    """Numbers, dates or amounts of a text by hand that nobody says the source of: `values`, as they stand there."""

    def __init__(self, values: tuple[str, ...]) -> None:
        said = ", ".join(f"“{value}”" for value in values)
        super().__init__(f"Say where {said} comes from, or take it out: use a slot for what the catalogue knows.")
        self.values = values


class NotAcceptable(CopywritingError, ValueError):
    """A draft that cannot be accepted as it is, and why."""
