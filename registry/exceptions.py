"""What can be refused here."""


class DamagedArtifact(Exception):
    """The bytes of a model are not those that were registered, or cannot be read."""


class UnsafeArtifact(ValueError):
    """Something that only pickle could store: loading it would run code."""
