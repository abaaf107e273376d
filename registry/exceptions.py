"""What can be refused here."""


class DamagedArtifact(Exception):
    """The bytes of a model are not those that were registered, or cannot be read."""


class UnsafeArtifact(ValueError):
    """Something that only pickle could store: loading it would run code."""


class Diverged(ValueError):
    """A training ended in numbers that are none: NaN or infinite. The live model stays."""


class LeaseLost(Exception):
    """The run is somebody else's by now: whoever gets this stops and writes nothing more."""

    def __init__(self, run_id: int):
        super().__init__(f"The lease of run {run_id} is gone.")
        self.run_id = run_id


class PromotionRefused(Exception):
    """The version may not go live; the text says why and what would help."""
