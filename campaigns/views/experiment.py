"""What an experiment of a size could see, from what everybody bought lately."""

from dataclasses import dataclass

from django.core.cache import cache

from campaigns.queries import planning
from campaigns.stats.lift import minimal_effect

BASELINE_KEPT = 3600  # seconds: profiles change once a night


@dataclass(frozen=True)
class Power:
    """Context of campaigns/_power.html; `effect` is None when such an experiment could see nothing."""

    people: int
    holdout: int
    effect: float | None
    from_words: str = ""
    to_words: str = ""
    points_words: str = ""


def could_see(people: int | None, holdout_share: float, days: int) -> Power | None:
    """None when it cannot be said: nothing counted yet, nobody scored, or no hold-out."""
    if not people or not holdout_share or not 1 <= days <= 90:
        return None
    known = cache.get_or_set(f"baseline:{days}", lambda: planning.baseline(days), BASELINE_KEPT)
    if known is None or not 0 < known.share < 1:
        return None
    found = minimal_effect(people, holdout_share, known.share)
    effect = found.minimal_effect
    if effect is None:
        return Power(people, found.holdout, None)
    shares = (known.share, known.share + effect, effect)
    start, end, rise = (f"{100 * share:.1f}" for share in shares)
    return Power(people, found.holdout, effect, f"{start} %", f"{end} %", f"{rise} points")
