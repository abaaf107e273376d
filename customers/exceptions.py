"""What can be refused here. No message carries the value that was refused: it may be somebody's address or a key."""


class BadKeyring(ValueError):
    """A key from the environment is missing, doubled, or not 32 bytes in base64."""


class Unsealable(Exception):
    """Sealed bytes that do not open. `reason` is one of the three below, `detail` is for people."""

    WRONG_KEY = "wrong key"  # whole, as far as can be told, but sealed under another key
    TAMPERED = "tampered"  # changed, cut, or taken from another person or column
    DESTROYED = "destroyed"  # the person's key is gone, and with it what it sealed: erased

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class InvalidContact(ValueError):
    """A contact point that cannot be taken in: `field` names it, `reason` says why, `remedy` what to do."""

    def __init__(self, field: str, reason: str, remedy: str):
        super().__init__(f"{field}: {reason} {remedy}")
        self.field = field
        self.reason = reason
        self.remedy = remedy


class AnchorRefused(Exception):
    """An anchor of the ledger that is damaged or was not signed by our key."""


class ConsentRefused(ValueError):
    """An act that the ledger does not take: `field` names what is wrong. Nothing was recorded."""

    def __init__(self, field: str, reason: str):
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NoticeChanged(ValueError):
    """A published wording cannot be changed: somebody agreed to it. New words need a new version."""


class BatchRefused(ValueError):
    """A batch of events that is empty or too long. Nothing of it was taken in."""


class BudgetSpent(Exception):
    """A noisy answer that would carry a dataset over its cap. Nothing was spent; answers given before stay readable."""

    def __init__(self, dataset: str, window: str, opens_at):
        super().__init__(
            f"The privacy budget of {dataset} for {window} is spent: figures that were given before stay readable, new "
            f"ones can be asked for from {opens_at:%Y-%m-%d}."
        )
        self.dataset = dataset
        self.window = window
        self.opens_at = opens_at


class MergeRefused(Exception):
    """Two records that cannot be merged or taken apart now; the words say why, and what to do first."""


class UnknownEpoch(LookupError):
    """Pseudonyms of an epoch whose key this install does not hold: nobody can say any more who they are."""


class ImportRefused(Exception):
    """A file, a mapping or an undo that cannot be done now; the words say why, and what to do. Nothing changed."""


class RetentionRefused(ValueError):
    """A rule or a hold that cannot be kept: `table` and `field` name it, `remedy` says what to do."""

    def __init__(self, table: str, field: str, remedy: str):
        super().__init__(f"{table or 'Hold'}, {field}: {remedy}")
        self.table = table
        self.field = field
        self.remedy = remedy
