"""Which of several wordings works best, by its responses alone: Thompson's own question, answered with what is known now.

Each wording's response rate has a Beta posterior. Its prior has the mean of all wordings together and the weight of a few
responses, so that a wording with three lucky readers does not win.

Sources
  Thompson (1933), "On the likelihood that one unknown probability exceeds another", Biometrika 25, 285-294.
  Chapelle and Li (2011), "An empirical evaluation of Thompson sampling", NeurIPS.
  Stucchio (2015), "Bayesian A/B testing at VWO": the expected loss of stopping with a wording.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 20_000  # the error of a chance is below 0.004
PRIOR_RESPONSES = 2.0  # the prior weighs as much as the readers that it takes for two responses
# No wording falls below this share of the readers to come, so that every one can still be judged.
FLOOR = 0.05
# A winner is named when to stop with it costs, by expectation, less than this part of its rate.
ACCEPTED_LOSS = 0.01


@dataclass(frozen=True, slots=True)
class Standing:
    """One wording: the chance that it is the best, the share of the readers to come that Thompson sampling would give it, and
    what stopping with it costs by expectation, in responses per reader.
    """

    best: float
    share: float
    loss: float
    is_winner: bool


def standings(responses: Sequence[int], readers: Sequence[int], *, seed: int) -> list[Standing]:
    """One for each wording, in the order given. At most one is the winner; none as long as too little is known.

    Raises ValueError for fewer than two wordings, or for more responses than readers.
    """
    won, asked = np.asarray(responses, dtype=float), np.asarray(readers, dtype=float)
    if len(won) < 2 or len(won) != len(asked):
        raise ValueError("A comparison takes two wordings at least.")
    if (won < 0).any() or (won > asked).any():
        raise ValueError("A wording cannot have more responses than readers.")
    mean = (won.sum() + 0.5) / (asked.sum() + 1)  # Jeffreys' guard against a mean of 0 or 1
    weight = PRIOR_RESPONSES / mean
    alpha, beta = mean * weight + won, (1 - mean) * weight + asked - won
    rates = np.random.default_rng(seed).beta(alpha, beta, size=(DRAWS, len(won)))
    best = np.bincount(rates.argmax(axis=1), minlength=len(won)) / DRAWS
    loss = (rates.max(axis=1, keepdims=True) - rates).mean(axis=0)
    floor = min(FLOOR, 1 / len(won))
    share = floor + (1 - floor * len(won)) * best
    leader = int(best.argmax())
    is_known = bool(loss[leader] < ACCEPTED_LOSS * rates[:, leader].mean() and best[leader] > 1 - FLOOR)
    return [
        Standing(float(best[place]), float(share[place]), float(loss[place]), is_known and place == leader)
        for place in range(len(won))
    ]
