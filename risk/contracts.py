"""What other rooms receive about risk."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an order was flagged: a stable code, a sentence for people, and the numbers in it."""

    code: str
    sentence: str
    value: float
    usual_low: float | None
    usual_high: float | None
    score: float  # 0 to 1: 0.5 at the rule's limit, nearer to 1 the further beyond
