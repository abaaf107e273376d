"""One training loop for the sequence models: batches, early stopping, checkpoint and resume, data-parallel.

Order of the examples and dropout depend on (seed, epoch) alone, so a training that was interrupted and resumed ends in
the same bits as one that was not. Under `torchrun` each process takes every world-th example of a batch and the
gradients are averaged (DistributedDataParallel over gloo): the same steps as one process with the same batch.

    torchrun --nproc-per-node 2 manage.py train_recommenders --kind caser --here

Checkpoints are safetensors (weights, optimiser, best weights) with the counters in the header: no pickle.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch import distributed as dist

from recommendations.ml.sequences import Examples, Sequences


class Diverged(ValueError):
    """The loss is not a number, or grew out of bounds: the training stops and whatever is live stays."""


@dataclass(frozen=True)
class TrainerConfig:
    epochs: int = 12
    patience: int = 2  # epochs without a better validation before it stops
    batch: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    clip: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Report:
    """What a training did: epochs run, the best one, its validation figure, the losses of all, seconds are the run's."""

    epochs: int
    best_epoch: int
    best: float
    losses: tuple[float, ...]


Loss = Callable[[Tensor, Tensor, torch.Generator], Tensor]


def world() -> tuple[int, int]:
    """(rank, processes) of this training: (0, 1) unless torchrun started several. Joins their group on first use."""
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return 0, 1
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return dist.get_rank(), dist.get_world_size()


def tensors(inputs: Sequences) -> tuple[Tensor, ...]:
    """What every network's `forward` takes: item, kind, gap, until as int64; where the own history is looked at, row and
    item of its cells (int64), their facts, and the trend (b, windows, n_items).
    """
    events = (inputs.item, inputs.kind, inputs.gap, inputs.until)
    found = tuple(torch.from_numpy(np.ascontiguousarray(part)).long() for part in events)
    if inputs.own is None:
        return found
    own = inputs.own
    cells = (torch.from_numpy(own.rows()), torch.from_numpy(own.item).long(), torch.from_numpy(own.facts))
    return (*found, *cells, torch.from_numpy(own.trend[own.place]))


def positives(examples: Examples, rows: np.ndarray, n_items: int) -> Tensor:
    """(len(rows), n_items) float32, 1 where an item is ordered in the horizon."""
    found = torch.zeros((len(rows), n_items))
    for place, row in enumerate(rows):
        found[place, torch.from_numpy(examples.targets[examples.starts[row] : examples.starts[row + 1]])] = 1.0
    return found


class Trainer:
    """Fits `net` (inputs -> logits (b, n_items)) with `loss`, keeps the epoch with the best validation NDCG@10."""

    def __init__(self, net: nn.Module, loss: Loss, config: TrainerConfig, checkpoint: Path | None = None) -> None:
        self.net, self.loss, self.config, self.checkpoint = net, loss, config, checkpoint
        self.optimiser = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.epoch, self.best_epoch, self.best = 0, -1, -math.inf
        self.losses: list[float] = []
        self.best_weights = _copy(net)

    def fit(
        self,
        train: Examples,
        validation: Examples | None,
        n_items: int,
        progress: Callable[[int, float], None] | None = None,
    ) -> Report:
        """Trains until the patience or the epochs are used up, from the checkpoint where there is one. Without a
        validation every epoch counts as better than the one before: it takes them all and keeps the last.
        """
        rank, processes = world()
        if self.checkpoint is not None and self.checkpoint.exists():
            self._load()
        with torch.random.fork_rng(devices=[]):
            parallel = nn.parallel.DistributedDataParallel(self.net) if processes > 1 else self.net
            while self.epoch < self.config.epochs and self.epoch - self.best_epoch <= self.config.patience:
                torch.manual_seed(self.config.seed * 10_007 + self.epoch)
                self.losses.append(self._epoch(parallel, train, n_items, rank, processes))
                reached = float(self.epoch) if validation is None else self.validate(validation)
                if reached > self.best:
                    self.best, self.best_epoch, self.best_weights = reached, self.epoch, _copy(self.net)
                self.epoch += 1
                if progress is not None:
                    progress(self.epoch, reached)  # before it is kept: who may not go on leaves nothing
                if self.checkpoint is not None and rank == 0:
                    self._save()
        self.net.load_state_dict(self.best_weights)
        return Report(self.epoch, self.best_epoch, self.best, tuple(self.losses))

    def _epoch(self, net: nn.Module, train: Examples, n_items: int, rank: int, processes: int) -> float:
        net.train()
        seed = self.config.seed * 10_007 + self.epoch
        order = np.random.default_rng(seed).permutation(len(train))
        generator = torch.Generator().manual_seed(seed * processes + rank)
        total = steps = 0
        for start in range(0, len(order), self.config.batch):
            # Every process takes as many: the last ones of an uneven batch are seen twice.
            batch = order[start : start + self.config.batch]
            rows = np.resize(batch, -(-len(batch) // processes) * processes)[rank::processes]
            value = self.loss(net(*tensors(train.inputs[rows])), positives(train, rows, n_items), generator)
            if not torch.isfinite(value):
                raise Diverged(f"the loss is {value.item()} in epoch {self.epoch}; lower the learning rate")
            self.optimiser.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
            self.optimiser.step()
            total += value.item()
            steps += 1
        if self.losses and total / steps > 10 * self.losses[0]:
            raise Diverged(f"the loss grew from {self.losses[0]:.3f} to {total / steps:.3f}; lower the learning rate")
        return total / steps

    def validate(self, validation: Examples) -> float:
        """Mean NDCG@10 over the examples, on the whole catalogue."""
        self.net.eval()
        total = 0.0
        discount = 1.0 / np.log2(np.arange(2, 12))
        with torch.no_grad():
            for start in range(0, len(validation), 256):
                rows = np.arange(start, min(start + 256, len(validation)))
                logits = self.net(*tensors(validation.inputs[rows]))
                best = torch.topk(logits, min(10, logits.shape[1]), dim=1).indices.numpy()
                for place, row in enumerate(rows):
                    true = validation.targets[validation.starts[row] : validation.starts[row + 1]]
                    hits = np.isin(best[place], true)
                    total += (hits * discount[: len(hits)]).sum() / discount[: min(10, len(true))].sum()
        return float(total / max(1, len(validation)))

    def _save(self) -> None:
        state = {f"net/{name}": value for name, value in self.net.state_dict().items()}
        state |= {f"best/{name}": value for name, value in self.best_weights.items()}
        for index, values in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser/{index}/{name}": torch.as_tensor(value) for name, value in values.items()}
        header = {
            "epoch": str(self.epoch),
            "best_epoch": str(self.best_epoch),
            "best": repr(self.best),
            "losses": " ".join(map(repr, self.losses)),
        }
        part = self.checkpoint.with_suffix(".part")
        save_file({name: value.contiguous().clone() for name, value in state.items()}, part, header)
        part.replace(self.checkpoint)  # a crash while writing leaves the checkpoint before

    def _load(self) -> None:
        with safe_open(self.checkpoint, framework="pt") as stored:
            header = stored.metadata()
            state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
        self.net.load_state_dict(_below(state, "net/"))
        self.best_weights = _below(state, "best/")
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _below(state, "optimiser/").items():
            index, _, key = name.partition("/")
            moments.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        self.epoch, self.best_epoch = int(header["epoch"]), int(header["best_epoch"])
        self.best, self.losses = float(header["best"]), [float(value) for value in header["losses"].split()]


def _copy(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
