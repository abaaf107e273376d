"""Differentially private gradients for a tuning whose texts hold customers' words (Abadi et al. 2016, arXiv:1607.00133).

Every step takes each pair with the same small chance, clips the gradient of each one alone, and adds noise to the sum: what
is learned hardly depends on whether a given pair was there. The unit is one pair, so of a text of five sentences five times
as much may show. Noise and draws come from the machine's randomness and not from the recipe's seed, which the card tells:
noise that can be drawn again protects nobody. So a private tuning cannot be repeated to the byte.
"""

import secrets
from collections.abc import Callable, Sequence
from random import SystemRandom
from typing import TypeVar

import torch
from opacus.accountants import PRVAccountant

Row = TypeVar("Row")


def drawn(rows: Sequence[Row], expected: int) -> list[Row]:
    """Each of `rows` with the chance that gives `expected` of them in the mean (Poisson sampling, which accounting asks for)."""
    chance, rate = SystemRandom(), expected / len(rows)
    return [row for row in rows if chance.random() < rate]


def set_gradients(
    weights: Sequence[torch.nn.Parameter],
    rows: Sequence[Row],
    loss_of: Callable[[Row], torch.Tensor],
    *,
    clip: float,
    noise: float,
    expected: int,
) -> float:
    """Leaves the private gradient in `weights` and returns the mean loss of `rows`, 0 for none.

    Each row's gradient over all weights is held to length `clip`; the sum gets normal noise of deviation noise x clip, and
    is divided by the expected number of rows, not by that of this step, which would tell who was there.
    """
    total = [torch.zeros_like(one, dtype=torch.float32) for one in weights]
    losses = 0.0
    for row in rows:
        loss = loss_of(row)
        parts = torch.autograd.grad(loss, weights)
        length = torch.sqrt(sum((part.float().square().sum() for part in parts), torch.zeros(())))
        share = torch.clamp(clip / (length + 1e-6), max=1.0)
        for held, part in zip(total, parts, strict=True):
            held.add_(part.float() * share)
        losses += loss.item()
    luck = torch.Generator().manual_seed(secrets.randbits(63))
    for one, held in zip(weights, total, strict=True):
        held.add_(torch.normal(0.0, noise * clip, held.shape, generator=luck))
        one.grad = (held / expected).to(one.dtype)
    return losses / max(len(rows), 1)


def epsilon(*, noise: float, expected: int, rows: int, steps: int, delta: float) -> float:
    """What the whole tuning spends (Gopi et al. 2021, arXiv:2106.02848). Raises ValueError for no noise."""
    if noise <= 0:
        raise ValueError("Without noise nothing is private; ask for a noise of about 1.")
    accountant = PRVAccountant()
    accountant.history = [(noise, expected / rows, steps)]
    return float(accountant.get_epsilon(delta))
