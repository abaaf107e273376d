"""Low-rank adaptation of a causal language model (Hu et al. 2021, arXiv:2106.09685) on short pairs of prompt and answer.

A rank-r pair of matrices is learned beside every linear layer while the model itself stays as it is: a few per cent of the
parameters, a file of some megabytes. The loss is taken on the answer alone. Rows of one batch have about the same length,
so that no time goes into padding. The same pairs, recipe and machine give the same adapter, also over a break: what a
checkpoint holds is all there is. A private tuning is the exception: its noise is the machine's.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from copywriting.exceptions import ModelUnsuitable
from copywriting.llm import private
from copywriting.llm.corpus import Pair
from copywriting.llm.model import LanguageModel

IGNORED = -100  # what torch's cross entropy leaves out


@dataclass(frozen=True, slots=True)
class Recipe:
    """`alpha` scales the adapter by alpha / rank. A step of 16 short pairs takes about 4 CPU seconds on a 135M model.

    With `noise` above 0 the tuning is differentially private (see private): `clip` holds for each pair then, and `batch` is
    the number of pairs that a step has in the mean.
    """

    rank: int = 8
    alpha: int = 16
    steps: int = 120
    batch: int = 16
    learning_rate: float = 1e-3
    warm_up: int = 6
    clip: float = 1.0
    seed: int = 1
    save_every: int = 10
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Tuned:
    """The adapter as float tensors by name, and the loss of every step (nats a token of the answer)."""

    adapter: Mapping[str, torch.Tensor]
    losses: tuple[float, ...]
    recipe: Recipe


Progress = Callable[[int, float], None]  # (steps done, loss of the last)
Keep = Callable[[bytes], None]  # a checkpoint, as safetensors


def tune(
    language: LanguageModel,
    pairs: Sequence[Pair],
    recipe: Recipe,
    *,
    progress: Progress | None = None,
    keep: Keep | None = None,
    resume: bytes | None = None,
) -> Tuned:
    """Learns an adapter; the model of `language` is the same afterwards. `keep` gets a checkpoint every few steps, and with
    `resume` such a checkpoint is gone on from. Raises ValueError for fewer pairs than a batch.
    """
    if len(pairs) < recipe.batch:
        raise ValueError(f"{len(pairs)} pairs are fewer than one batch of {recipe.batch}; bring more texts.")
    torch.manual_seed(recipe.seed)
    tuned = get_peft_model(language.model, _config(recipe))
    try:
        tuned.train()
        weights = [one for one in tuned.parameters() if one.requires_grad]
        optimiser = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
        losses: list[float] = []
        if resume is not None:
            losses = _restore(tuned, optimiser, weights, resume)
        rows = [_encode(language, pair) for pair in pairs]
        for step, batch in enumerate(_batches(rows, recipe)):
            if step < len(losses):
                continue  # done before the break; the order of batches is the seed's, so it is the same again
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * _share(step, recipe)
            loss = _set_gradients(tuned, weights, batch, recipe, language.tokenizer.eos_token_id)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            losses.append(round(loss, 4))
            if not math.isfinite(losses[-1]):
                raise ValueError(f"The loss of step {step + 1} is {losses[-1]}; try a smaller learning rate.")
            if keep and (step + 1) % recipe.save_every == 0 and step + 1 < recipe.steps:
                keep(_checkpoint(tuned, optimiser, weights, losses))
            if progress:
                progress(step + 1, losses[-1])
        adapter = {name: one.detach().clone() for name, one in get_peft_model_state_dict(tuned).items()}
    finally:
        tuned.unload()
        language.model.eval()
    return Tuned(adapter, tuple(losses), recipe)


@torch.inference_mode()
def held_out_loss(language: LanguageModel, pairs: Sequence[Pair], batch: int = 16) -> float:
    """Mean loss in nats a token of the answers, over all tokens of the pairs."""
    rows = sorted((_encode(language, pair) for pair in pairs), key=lambda row: len(row[0]))
    total, tokens = 0.0, 0
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        count = sum(len(ids) - max(answer, 1) for ids, answer in part)
        total += float(_loss(language.model, part, language.tokenizer.eos_token_id)) * count
        tokens += count
    return total / max(tokens, 1)


def attach(language: LanguageModel, adapter: Mapping[str, torch.Tensor], recipe: Recipe, digest: str) -> LanguageModel:
    """The model with the adapter merged into its weights, so that serving costs what it did before. The given model is
    changed. Raises ModelUnsuitable when the adapter was made for another model.
    """
    expected = get_peft_model(language.model, _config(recipe))
    names = set(get_peft_model_state_dict(expected))
    if names != set(adapter):
        expected.unload()
        raise ModelUnsuitable(
            f"The adapter {digest[:12]} was tuned on another model than {language.name}; tune it again."
        )
    shapes = {name: one.shape for name, one in get_peft_model_state_dict(expected).items()}
    if any(shapes[name] != one.shape for name, one in adapter.items()):
        expected.unload()
        raise ModelUnsuitable(f"The adapter {digest[:12]} has other sizes than {language.name}; tune it again.")
    set_peft_model_state_dict(expected, {name: one.float() for name, one in adapter.items()})
    merged = expected.merge_and_unload()
    return replace(language, model=merged.eval(), adapter=digest)


def dump(adapter: Mapping[str, torch.Tensor]) -> bytes:
    """The adapter as safetensors in bf16, the same bytes for the same numbers: names are sorted, nothing else is kept."""
    return save_tensors({name: adapter[name].to(torch.bfloat16).contiguous() for name in sorted(adapter)})


def load(payload: bytes) -> dict[str, torch.Tensor]:
    """What `dump` wrote. The caller has checked the digest."""
    return load_tensors(payload)


def recipe_of(params: Mapping[str, Any]) -> Recipe:
    """A recipe from a version's parameters or a form's; unknown names are left out."""
    return Recipe(**{name: params[name] for name in asdict(Recipe()) if name in params})


def _config(recipe: Recipe) -> LoraConfig:
    return LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )


Row = tuple[list[int], int]  # token ids, and where the answer begins


def _encode(language: LanguageModel, pair: Pair) -> Row:
    asked = language.tokenizer(pair.prompt, add_special_tokens=False).input_ids
    said = language.tokenizer(pair.answer, add_special_tokens=False).input_ids
    return [*asked, *said, language.tokenizer.eos_token_id], len(asked)


def _set_gradients(model: Any, weights: list[torch.nn.Parameter], batch: list[Row], recipe: Recipe, pad: int) -> float:
    """Leaves the gradient of a step in `weights` and returns the mean loss of its rows."""
    if recipe.noise:
        return private.set_gradients(
            weights, batch, lambda row: _loss(model, [row], pad),
            clip=recipe.clip, noise=recipe.noise, expected=recipe.batch,
        )  # fmt: skip
    loss = _loss(model, batch, pad)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, recipe.clip)
    return loss.item()


def _batches(rows: Sequence[Row], recipe: Recipe) -> Iterator[list[Row]]:
    """`steps` batches of rows of like length, epoch after epoch in a new order; of rows drawn by chance when private."""
    if recipe.noise:
        for _ in range(recipe.steps):
            yield private.drawn(rows, recipe.batch)
        return
    chance = Random(recipe.seed)  # noqa: S311
    done = 0
    while True:
        mixed = list(rows)
        chance.shuffle(mixed)  # rows of one length do not stay neighbours over the epochs
        mixed.sort(key=lambda row: len(row[0]))
        starts = list(range(0, len(mixed) - recipe.batch + 1, recipe.batch))
        chance.shuffle(starts)
        for start in starts:
            if done == recipe.steps:
                return
            done += 1
            yield mixed[start : start + recipe.batch]


def _loss(model: Any, rows: Sequence[Row], pad: int) -> torch.Tensor:
    """Cross entropy over the answers of a batch. Padding stands on the right, where no answer looks."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row, _ in rows])
    labels = torch.tensor(
        [[IGNORED] * answer + row[answer:] + [IGNORED] * (longest - len(row)) for row, answer in rows]
    )
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row, _ in rows])
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)


def _share(step: int, recipe: Recipe) -> float:
    """Up in a line over the warm-up, then down along a cosine to a tenth."""
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    way = (step - recipe.warm_up) / max(recipe.steps - recipe.warm_up, 1)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * way))


def _checkpoint(
    tuned: Any, optimiser: torch.optim.Optimizer, weights: list[torch.Tensor], losses: list[float]
) -> bytes:
    """Adapter, moments and losses: with the seed's order of batches, all that a training is made of."""
    kept = {f"adapter.{name}": one for name, one in get_peft_model_state_dict(tuned).items()}
    for place, one in enumerate(weights):
        state = optimiser.state[one]
        kept |= {f"moment.{place}.{name}": state[name] for name in ("exp_avg", "exp_avg_sq", "step")}
    kept["losses"] = torch.tensor(losses, dtype=torch.float64)
    return save_tensors({name: one.detach().clone().contiguous() for name, one in kept.items()})


def _restore(tuned: Any, optimiser: torch.optim.Optimizer, weights: list[torch.Tensor], payload: bytes) -> list[float]:
    kept = load_tensors(payload)
    adapter = {name.removeprefix("adapter."): one for name, one in kept.items() if name.startswith("adapter.")}
    if set(adapter) != set(get_peft_model_state_dict(tuned)):
        raise ModelUnsuitable("The checkpoint is of another model or recipe; delete it and begin anew.")
    set_peft_model_state_dict(tuned, adapter)
    for place, one in enumerate(weights):
        names = ("exp_avg", "exp_avg_sq", "step")
        optimiser.state[one] = {name: kept[f"moment.{place}.{name}"] for name in names}
    return [round(float(loss), 4) for loss in kept["losses"]]
