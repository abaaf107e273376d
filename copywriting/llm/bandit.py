"""Which approved variant is best, and which goes to the next readers: Thompson sampling with a prior of what is known, and
logged propensities. The results page and the draw of variants ask the same code.

Each arm's response rate has a Beta posterior (Thompson 1933; Chapelle & Li 2011). The prior says what earlier campaigns had:
without it the first hundred sends are noise. No arm falls below a floor, so that every arm can be estimated afterwards, and
the probability of each choice is computed, not guessed: it is what off-policy estimates divide by. A winner is named by what
stopping with it costs by expectation (Stucchio 2015, "Bayesian A/B testing at VWO").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 20_000  # for the probability that an arm is best: its error is below 0.004
# No arm falls below this share of the readers to come; four arms leave four fifths to learn with.
FLOOR = 0.05
# A winner is named when to stop with it costs, by expectation, less than this part of its rate.
ACCEPTED_LOSS = 0.01


@dataclass(frozen=True, slots=True)
class Prior:
    """A Beta prior by its mean and its weight in sends: "1.5 %, as firmly as 200 sends would say it"."""

    mean: float
    weight: float

    def __post_init__(self) -> None:
        if not 0 < self.mean < 1 or self.weight <= 0:
            raise ValueError("A prior's mean lies between 0 and 1, its weight is above 0.")


@dataclass(frozen=True, slots=True)
class Arm:
    """What is known of one variant. `sends` counts those whose time to respond is over: a reader of an hour ago is no no."""

    key: str
    sends: int = 0
    responses: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.responses <= self.sends:
            raise ValueError(f"{self.key}: {self.responses} responses of {self.sends} sends cannot be.")


@dataclass(frozen=True, slots=True)
class Standing:
    """One arm: the chance that it is the best, the share of the readers to come that it gets, and what stopping with it costs
    by expectation, in responses per reader.
    """

    best: float
    share: float
    loss: float
    is_winner: bool


def standings(arms: Sequence[Arm], prior: Prior, *, floor: float = FLOOR, seed: int) -> list[Standing]:
    """One for each arm, in the order given; shares lie above `floor` and add up to 1. At most one is the winner, and none as
    long as too little is known. Raises ValueError without arms, or when the floor leaves no room.
    """
    if not arms:
        raise ValueError("A choice needs one variant at least.")
    if not 0 <= floor * len(arms) <= 1:
        raise ValueError(f"A floor of {floor} for {len(arms)} variants is more than there is.")
    chance = np.random.default_rng(seed)
    alpha = np.array([prior.mean * prior.weight + arm.responses for arm in arms])
    beta = np.array([(1 - prior.mean) * prior.weight + arm.sends - arm.responses for arm in arms])
    rates = chance.beta(alpha, beta, size=(DRAWS, len(arms)))
    best = np.bincount(rates.argmax(axis=1), minlength=len(arms)) / DRAWS
    loss = (rates.max(axis=1, keepdims=True) - rates).mean(axis=0)
    held = floor + (1 - floor * len(arms)) * best
    leader = int(best.argmax())
    is_known = len(arms) > 1 and loss[leader] < ACCEPTED_LOSS * rates[:, leader].mean() and best[leader] > 1 - FLOOR
    return [
        Standing(float(best[place]), float(held[place]), float(loss[place]), bool(is_known) and place == leader)
        for place in range(len(arms))
    ]


def propensities(arms: Sequence[Arm], prior: Prior, *, floor: float = FLOOR, seed: int) -> dict[str, float]:
    """The probability with which each arm is to be sent next: see `standings`."""
    told = standings(arms, prior, floor=floor, seed=seed)
    return {arm.key: one.share for arm, one in zip(arms, told, strict=True)}


def choose(odds: Mapping[str, float], count: int, *, seed: int) -> list[str]:
    """An arm for each of `count` readers, drawn with these odds."""
    chance = np.random.default_rng(seed)
    keys = list(odds)
    return [keys[place] for place in chance.choice(len(keys), size=count, p=np.array([odds[key] for key in keys]))]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A policy's response rate from another policy's log. `effective` is Kish's effective sample size."""

    value: float
    low: float
    high: float
    effective: float


def snips(
    chosen: Sequence[str], responses: Sequence[int], logged: Sequence[float], target: Mapping[str, float]
) -> Estimate:
    """Self-normalised inverse propensity scoring (Swaminathan & Joachims 2015): what `target` would have had.

    The interval is the delta method's 95 %. Raises ValueError for a propensity of 0, and for an effective sample below 30:
    such an estimate says nothing.
    """
    odds = np.asarray(logged, dtype=float)
    if (odds <= 0).any():
        raise ValueError("A logged propensity of 0 cannot be divided by: the log is wrong.")
    weights: NDArray = np.array([target.get(key, 0.0) for key in chosen]) / odds
    answer = np.asarray(responses, dtype=float)
    effective = float(weights.sum() ** 2 / np.square(weights).sum()) if weights.any() else 0.0
    if effective < 30:
        raise ValueError(f"An effective sample of {effective:.0f} is too small for an estimate; collect more sends.")
    value = float((weights * answer).sum() / weights.sum())
    error = float(np.sqrt(np.square(weights * (answer - value)).sum()) / weights.sum())
    return Estimate(value, value - 1.96 * error, value + 1.96 * error, effective)
