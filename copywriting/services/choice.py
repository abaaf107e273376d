"""Shares of the readers to come for texts that compete: Thompson sampling with a prior and a floor, for any app."""

from collections.abc import Sequence

from copywriting.llm.bandit import Arm, Prior, propensities


def shares(
    arms: Sequence[tuple[str, int, int]], *, mean: float, weight: float, floor: float, seed: int
) -> dict[str, float]:
    """By key of (key, sends whose time to respond is over, responses): the probability of each to be drawn next, above
    `floor`; they add up to 1. `mean` and `weight` are the prior: a rate, and as firmly as so many sends would say it.
    """
    return propensities([Arm(*arm) for arm in arms], Prior(mean, weight), floor=floor, seed=seed)
