"""What a training worker holds while it works."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Lease:
    """The right to work on one run until `lease_until`; `beat` renews it, and whoever lost it must stop."""

    run_id: int
    kind: str
    params: dict
    token: UUID


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind, besides its arrays.

    metrics: by name, {"value": float, "low": float, "high": float, "baseline": float, "live": float | None,
    "beats_live": bool | None}; `beats_live` is the verdict of a paired comparison on the same split.
    """

    params: dict
    data_since: datetime | None
    data_until: datetime | None
    rows: int
    metrics: dict = field(default_factory=dict)
    baseline: str = ""


@dataclass(frozen=True)
class Measured:
    """One figure about a live version. Beyond `threshold` (the caller says in which direction) it is an alarm."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    is_alarm: bool = False
    detail: dict = field(default_factory=dict)
