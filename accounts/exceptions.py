"""What can be refused here."""


class Refused(Exception):
    """Somebody asked for what their role, key or state does not allow. `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str):
        super().__init__(detail)
        self.code = code
        self.detail = detail


class IdempotencyConflict(Exception):
    """The Idempotency-Key came with another body or to another door (`reused`), or its first request still runs (`in_flight`)."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Unsealable(Exception):
    """A sealed secret that no key of this install opens."""
