"""Logistic regression under differential privacy, accounted per group: a household with all its rows, not one row.

DP-SGD (Abadi et al. 2016): each step draws every group with probability `sample_rate` (Poisson), sums each drawn group's
gradient over its rows, cuts it to the norm `clip`, adds Gaussian noise of `noise * clip` to the sum and descends. A group
is one sample to Opacus, a (rows, features) block with a mask, so clipping and accounting hold for it whole. What came
out is (epsilon, delta)-private by Opacus's PRV accountant (Gopi et al. 2021), which is what `epsilon_` says.

Features are scaled by public constants that the caller gives: a mean or a maximum of the rows would be one more answer
about people. Noise comes from torch's generator, seeded by the operating system unless a seed is asked for.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from opacus import GradSampleModule
from opacus.accountants import PRVAccountant
from opacus.accountants.utils import get_noise_multiplier
from opacus.optimizers import DPOptimizer
from torch import nn

from recommendations.ml.propensity import Propensity, PropensityConfig, signed_log
from recommendations.ml.recommender import State


@dataclass(frozen=True)
class DpConfig:
    epsilon: float = 1.0  # per group, for the whole training
    delta: float | None = None  # None: a tenth of one group's share
    steps: int = 60
    sample_rate: float = 1.0  # the few thousand groups of a shop are best seen whole; millions want a fraction
    clip: float = 0.5
    learning_rate: float = 1.0
    momentum: float = 0.9
    l2: float = 0.001
    seed: int | None = None  # for a test that must come out the same: whoever knows it can take the noise off


class DpLogistic:
    """Learned: `weights_` (n_features,), `bias_`, `epsilon_`, `delta_`, `noise_` (multiplier of `clip`), `groups_`."""

    kind = "dp logistic"
    Config = DpConfig

    def __init__(self, config: DpConfig | None = None) -> None:
        self.config = config or DpConfig()

    def fit(self, features: np.ndarray, label: np.ndarray, groups: np.ndarray) -> Self:
        """features: (n, d) scaled by public constants to about -1..1; label: (n,) 0 or 1; groups: (n,) whose row it is.

        Raises ValueError on a feature that is not finite or on fewer than two groups.
        """
        if not np.isfinite(features).all():
            raise ValueError("a feature is not a finite number")
        blocks, labels, mask = _blocks(features, label, groups)
        self.groups_, config = len(blocks), self.config
        if self.groups_ < 2:
            raise ValueError("a privacy of groups needs two of them")
        self.delta_ = config.delta or 0.1 / self.groups_
        with np.errstate(divide="ignore"):  # where everybody is drawn, Opacus takes the log of 0, and means it
            self.noise_ = get_noise_multiplier(
                target_epsilon=config.epsilon, target_delta=self.delta_, sample_rate=config.sample_rate,
                steps=config.steps, accountant="prv", epsilon_tolerance=0.01,
            )  # fmt: skip
        generator = torch.Generator().manual_seed(secrets.randbits(63) if config.seed is None else config.seed)
        accountant = PRVAccountant()
        self.weights_, self.bias_ = self._descend(blocks, labels, mask, generator, accountant)
        with np.errstate(divide="ignore"):
            self.epsilon_ = float(accountant.get_epsilon(self.delta_))
        return self

    def _descend(self, blocks, labels, mask, generator, accountant) -> tuple[np.ndarray, float]:
        config, n = self.config, len(blocks)
        linear = nn.Linear(blocks.shape[-1], 1)
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)
        model = GradSampleModule(linear, loss_reduction="sum")
        optimizer = DPOptimizer(
            torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=config.momentum),
            noise_multiplier=self.noise_, max_grad_norm=config.clip, expected_batch_size=config.sample_rate * n,
            loss_reduction="mean", generator=generator,
        )  # fmt: skip
        optimizer.attach_step_hook(accountant.get_optimizer_hook_fn(config.sample_rate))
        total, second_half = torch.zeros(blocks.shape[-1] + 1), 0
        for step in range(config.steps):
            drawn = torch.rand(n, generator=generator) < config.sample_rate
            optimizer.zero_grad()
            margin = model(blocks[drawn]).squeeze(-1)
            # An empty draw still takes its step of noise: whether anybody was drawn is no secret to keep by skipping.
            loss = (nn.functional.softplus(margin) - labels[drawn] * margin) * mask[drawn]
            loss.sum().backward()
            optimizer.step()
            with torch.no_grad():  # the pull to zero knows no data, so it costs nothing
                linear.weight *= 1 - config.learning_rate * config.l2
            if step >= config.steps // 2:  # the mean over the second half: less noise, and it is post-processing
                total += torch.cat([linear.weight[0], linear.bias]).detach()
                second_half += 1
        found = (total / second_half).double().numpy()
        return found[:-1], float(found[-1])

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(n,) probabilities."""
        return 1.0 / (1.0 + np.exp(-(self.bias_ + features @ self.weights_)))

    def state(self) -> State:
        learned = ("weights_", "bias_", "epsilon_", "delta_", "noise_", "groups_")
        return {name: np.asarray(getattr(self, name)) for name in learned}


# Public scales, by what a feature's name says that it counts: nothing here was read off anybody's rows.
LIMITS = ((("share", "rate", "is_", "age", "income", "size"), 12.0), (("days", "span"), 400.0),
          (("spend", "discount", "basket", "amount", "mean_order"), 10_000.0))  # fmt: skip
COUNT_LIMIT = 1_000.0


def public_limits(names: Sequence[str]) -> np.ndarray:
    """The largest value that each feature is expected to have, (n_features,)."""
    return np.array(
        [next((limit for words, limit in LIMITS if any(w in n for w in words)), COUNT_LIMIT) for n in names]
    )


def scaled(features: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Signed logs from -1 (at 0) to 1 (at the limit), cut off there."""
    return np.clip(2 * signed_log(features) / np.log1p(limits) - 1, -1, 1)


def as_propensity(model: DpLogistic, limits: np.ndarray) -> Propensity:
    """The same weights as a regression on unscaled features, which serving and explanations know; but for the cut at the
    limits, its answers are the private model's. What is made of a private model costs nothing more.
    """
    found = Propensity(PropensityConfig(loss="logistic"))
    found.weights_, found.bias_ = model.weights_, model.bias_
    found.mean_ = found.scale_ = np.log1p(limits) / 2
    return found


def _blocks(features, label, groups) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(groups, rows, d), (groups, rows), (groups, rows): rows of a group side by side, its mask adds up to 1."""
    _, group, count = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    place = np.arange(len(group)) - np.repeat(np.cumsum(count) - count, count)
    shape = (len(count), int(count.max()) if len(count) else 0)
    blocks = np.zeros((*shape, features.shape[1]), dtype=np.float32)
    labels, mask = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    blocks[group[order], place] = features[order]
    labels[group[order], place] = label[order]
    mask[group[order], place] = 1.0 / count[group[order]]
    return torch.from_numpy(blocks), torch.from_numpy(labels), torch.from_numpy(mask)
