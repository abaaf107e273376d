"""What another policy would have earned, from the log of the one that ran.

n rounds; in round i the log holds the action taken, the probability p_i with which it was taken, and its reward r_i. The
policy to be judged would have taken that action with probability q_i; w_i = q_i / p_i.

    IPS     mean(w r)                                  Horvitz and Thompson, JASA 1952
    SNIPS   sum(w r) / sum(w)                          Swaminathan and Joachims, NeurIPS 2015
    DR      mean(v + w (r - m))                        Dudik, Langford and Li, ICML 2011

m_i is what a reward model expects of the action taken, v_i what it expects of the judged policy, the sum over all actions
of q(a) m(a). The model must not have seen round i (`cross_fitted`), else DR's errors hide in it.

Intervals are 95 %: normal ones by the rounds' own variance, for SNIPS by the delta method. They hold when many rounds
speak; how many do is the effective sample size (Kish) (sum w)^2 / sum w^2. Below `FEWEST` nothing is said.
"""

from dataclasses import dataclass

import numpy as np

Z = 1.959964  # the normal distribution's 97.5 % point
FEWEST = 200.0  # effective rounds: with fewer, one lucky reward moves the interval past its width
EXPECTED_REWARDS = (
    5.0  # effective rounds times the mean reward: below it a normal interval of a rare reward is a fiction
)


class TooLittle(ValueError):
    """The log says too little about that policy; the message says how much it says and how much would be needed."""


@dataclass(frozen=True, eq=False)
class Log:
    """All (n,) float64. p in (0, 1], q in [0, 1]; reward finite; expected_taken (m) and expected_policy (v) may be None.

    Raises ValueError naming the first field that breaks this.
    """

    reward: np.ndarray
    p: np.ndarray
    q: np.ndarray
    expected_taken: np.ndarray | None = None
    expected_policy: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.reward)
        for name in ("reward", "p", "q", "expected_taken", "expected_policy"):
            values = getattr(self, name)
            if values is None and name.startswith("expected"):
                continue
            if values.shape != (n,) or not np.isfinite(values).all():
                raise ValueError(f"{name} must be {n} finite numbers, one a round")
        if n and not (self.p.min() > 0 and self.p.max() <= 1):
            raise ValueError("p must be above 0 and at most 1: an action that was taken had a chance")
        if n and not (self.q.min() >= 0 and self.q.max() <= 1):
            raise ValueError("q must lie in [0, 1]")

    @property
    def weights(self) -> np.ndarray:
        return self.q / self.p


@dataclass(frozen=True)
class Estimate:
    """The mean reward a round of the judged policy with its 95 % interval, from so many effective rounds."""

    name: str
    value: float
    low: float
    high: float
    rounds: int
    effective: float

    def __str__(self) -> str:
        return (
            f"{self.name:<5} {self.value:.4f} [{self.low:.4f}, {self.high:.4f}], {self.effective:.0f} effective rounds"
        )


def effective_rounds(log: Log) -> float:
    """Kish's effective sample size, between 0 and n."""
    squares = float((log.weights**2).sum())
    return float(log.weights.sum()) ** 2 / squares if squares else 0.0


def check(log: Log) -> None:
    """Raises TooLittle where an interval would promise more than the log can keep."""
    effective = effective_rounds(log)
    if effective < FEWEST:
        raise TooLittle(
            f"{len(log.reward)} rounds speak like {effective:.0f} about this policy; {FEWEST:.0f} are needed. "
            "Log longer, explore more, or judge a policy that is closer to the one that ran."
        )
    rewarded = effective * abs(snips(log).value)
    if rewarded < EXPECTED_REWARDS:
        raise TooLittle(
            f"{effective:.0f} effective rounds hold about {rewarded:.1f} rewards; {EXPECTED_REWARDS:.0f} are needed."
        )


def ips(log: Log) -> Estimate:
    return _mean("IPS", log.weights * log.reward, log)


def snips(log: Log) -> Estimate:
    """Biased by less than its interval, and steadier than IPS where weights vary: they divide themselves out."""
    weights = log.weights
    total = weights.sum()
    if not total:
        return _around("SNIPS", float("nan"), float("nan"), log)
    value = float((weights * log.reward).sum() / total)
    # Delta method for a ratio of means.
    error = float(np.sqrt(((weights * (log.reward - value)) ** 2).sum()) / total)
    return _around("SNIPS", value, error, log)


def doubly_robust(log: Log) -> Estimate:
    """Right when either the probabilities or the reward model is; narrower than IPS when the model explains something."""
    if log.expected_taken is None or log.expected_policy is None:
        raise ValueError("expected_taken and expected_policy are needed for the doubly robust estimate")
    return _mean("DR", log.expected_policy + log.weights * (log.reward - log.expected_taken), log)


def estimates(log: Log) -> tuple[Estimate, ...]:
    """IPS, SNIPS and, where a reward model's expectations are there, DR. Raises TooLittle."""
    check(log)
    found = (ips(log), snips(log))
    return found if log.expected_taken is None else (*found, doubly_robust(log))


def cross_fitted(
    action: np.ndarray, reward: np.ndarray, n_actions: int, *, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """A reward model that has not seen the round it speaks of: (n, n_actions) mean reward per action, from the other folds.

    Shrunk to the overall mean by 20 rounds: an action that was hardly taken says what all say.
    """
    fold = np.random.default_rng(seed).permutation(len(action)) % folds
    expected = np.empty((folds, n_actions))
    for part in range(folds):
        others = fold != part
        overall = reward[others].mean() if others.any() else 0.0
        taken = np.bincount(action[others], minlength=n_actions)
        earned = np.bincount(action[others], reward[others], minlength=n_actions)
        expected[part] = (earned + 20.0 * overall) / (taken + 20.0)
    return expected[fold]


def _mean(name: str, terms: np.ndarray, log: Log) -> Estimate:
    n = len(terms)
    error = float(terms.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return _around(name, float(terms.mean()) if n else float("nan"), error, log)


def _around(name: str, value: float, error: float, log: Log) -> Estimate:
    return Estimate(name, value, value - Z * error, value + Z * error, len(log.reward), effective_rounds(log))
