"""Texts that compete: who is ahead and who goes to the readers to come, by one Thompson sampling for any app."""

from collections.abc import Sequence

from copywriting.llm import bandit
from copywriting.llm.bandit import FLOOR, Arm, Prior, Standing

__all__ = ["FLOOR", "Prior", "Standing", "shares", "standings"]


def standings(arms: Sequence[tuple[str, int, int]], prior: Prior, *, seed: int) -> dict[str, Standing]:
    """By key of (key, sends whose time to respond is over, responses): its chance to be the best, its share of the readers to
    come, and whether it is the winner.
    """
    floor = min(FLOOR, 1 / max(len(arms), 1))  # a campaign whose words were edited often shows more than twenty
    told = bandit.standings([Arm(*arm) for arm in arms], prior, floor=floor, seed=seed)
    return {key: one for (key, *_), one in zip(arms, told, strict=True)}


def shares(arms: Sequence[tuple[str, int, int]], prior: Prior, *, seed: int) -> dict[str, float]:
    """By key, as above: the probability of each to be drawn next, above the floor; they add up to 1."""
    return {key: one.share for key, one in standings(arms, prior, seed=seed).items()}
