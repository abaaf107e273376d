"""A private tuning: no pair moves the weights by more than the clip, the noise is there, and what it spends is told."""

from dataclasses import replace

import pytest
import torch

from copywriting.llm import finetune, private
from tests.copywriting.llm.test_finetune import PAIRS, RECIPE, folder, load

__all__ = ["folder"]  # the fixture


def gradient(rows: list[float], *, noise: float) -> torch.Tensor:
    """Of the sum of w * row over two weights."""
    weights = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))]
    private.set_gradients(
        weights, rows, lambda row: row * (weights[0].sum() + weights[1].sum()), clip=1.0, noise=noise, expected=4
    )
    return torch.cat([one.grad for one in weights])


def test_one_row_moves_the_gradient_by_no_more_than_the_clip():
    without, loud = gradient([0.1, 0.2], noise=0.0), gradient([0.1, 0.2, 1e6], noise=0.0)

    assert without.tolist() == pytest.approx([0.3 / 4] * 3)  # small gradients are left as they are
    assert (loud - without).norm().item() == pytest.approx(1.0 / 4, rel=1e-4)


def test_the_noise_has_the_deviation_that_is_accounted_for():
    drawn = torch.stack([gradient([], noise=2.0) for _ in range(2000)])

    assert drawn.std().item() == pytest.approx(2.0 * 1.0 / 4, rel=0.05)
    assert not torch.equal(drawn[0], drawn[1])


def test_rows_are_drawn_each_by_itself():
    sizes = [len(private.drawn(range(100), 10)) for _ in range(400)]

    assert sum(sizes) / len(sizes) == pytest.approx(10, abs=0.8)
    assert len(set(sizes)) > 5


def test_what_is_spent_falls_with_the_noise_and_grows_with_the_steps():
    asked = {"expected": 16, "rows": 1600, "delta": 1e-5}

    little = private.epsilon(noise=2.0, steps=100, **asked)

    assert 0 < little < private.epsilon(noise=1.0, steps=100, **asked) < private.epsilon(noise=1.0, steps=400, **asked)
    with pytest.raises(ValueError, match="Without noise"):
        private.epsilon(noise=0.0, steps=100, **asked)


def test_a_tuning_with_noise_learns_and_never_twice_the_same(folder):
    language = load(folder)
    before = finetune.held_out_loss(language, PAIRS)
    recipe = replace(RECIPE, steps=60, learning_rate=3e-2, noise=0.3)

    one, two = (finetune.tune(load(folder), PAIRS, recipe) for _ in range(2))

    attached = finetune.attach(load(folder), one.adapter, recipe, "d" * 64)
    assert finetune.held_out_loss(attached, PAIRS) < before - 0.1
    assert finetune.dump(one.adapter) != finetune.dump(two.adapter)
