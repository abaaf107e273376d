"""What the three sequence models share: events in, one vector a person, the catalogue's scores out.

A subclass gives its `Config`, its network (a module that maps item, kind, gap, until to logits) and its loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.popularity import popular_share
from recommendations.ml.recommender import Recommender, State
from recommendations.ml.sequences import (
    EVENT_KINDS,
    GAP_BUCKETS,
    ORDER,
    EventLog,
    Examples,
    Sequences,
    encode,
    examples,
)
from recommendations.ml.trainer import Report, Trainer, TrainerConfig, tensors


@dataclass(frozen=True)
class SequenceConfig:
    """length: events looked at. anchors: how many cut-offs in the past each person is trained on, `step_days` apart."""

    length: int = 100
    dim: int = 64
    dropout: float = 0.2
    horizon_days: float = 28.0
    anchors: int = 8
    step_days: float = 14.0
    negatives: int = 256
    epochs: int = 12
    patience: int = 2
    batch: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    popularity_window_days: float = 14.0
    seed: int = 0


class EventEmbedding(nn.Module):
    """(item, kind, gap) of each event -> (b, length, dim): the sum of three embeddings; padding is zero."""

    def __init__(self, n_items: int, dim: int) -> None:
        super().__init__()
        self.item = nn.Embedding(n_items + 2, dim, padding_idx=0)
        self.kind = nn.Embedding(EVENT_KINDS, dim, padding_idx=0)
        self.gap = nn.Embedding(GAP_BUCKETS, dim)
        nn.init.normal_(self.item.weight, std=dim**-0.5)
        # A gap or a kind that training never showed adds nothing instead of noise.
        nn.init.zeros_(self.kind.weight)
        nn.init.zeros_(self.gap.weight)

    def forward(self, item: Tensor, kind: Tensor, gap: Tensor) -> Tensor:
        return (self.item(item) + self.kind(kind) + self.gap(gap)) * (item > 0).unsqueeze(-1)


class CatalogueHead(nn.Module):
    """A person's vector (b, dim) and the time since the last event -> logits (b, n_items): products' output vectors,
    and a bias that starts at the log of each product's share of the targets, so that the first step already knows what
    is popular.
    """

    def __init__(self, n_items: int, dim: int, share: Tensor) -> None:
        super().__init__()
        self.until = nn.Embedding(GAP_BUCKETS, dim)
        nn.init.zeros_(self.until.weight)
        self.out = nn.Linear(dim, n_items)
        nn.init.normal_(self.out.weight, std=dim**-0.5)
        with torch.no_grad():
            self.out.bias.copy_(torch.log(share))

    def forward(self, person: Tensor, until: Tensor) -> Tensor:
        return self.out(person + self.until(until))


class SequenceRecommender(Recommender):
    """Learned: the network's weights, everybody's last events (`events_item_` ...), `known_` who has any."""

    Config = SequenceConfig
    report: Report | None = None

    def network(self, n_items: int, share: Tensor) -> nn.Module:
        raise NotImplementedError

    def loss(self, logits: Tensor, positives: Tensor, generator: torch.Generator) -> Tensor:
        raise NotImplementedError

    def fit(self, interactions: Interactions) -> Self:
        """From orders alone; `fit_events` takes views, searches, clicks and carts too."""
        self._begin(interactions)
        return self.fit_events(EventLog.of_orders(interactions), interactions)

    def fit_events(
        self,
        log: EventLog,
        interactions: Interactions,
        checkpoint: Path | None = None,
        progress: Callable[[int, float], None] | None = None,
    ) -> Self:
        """log: every event before the cut, orders included; interactions: the orders, for popularity.

        The last anchor, whose horizon ends at the cut, is the validation that stops the training; the network that was
        best there is kept. Raises TooFewData, Diverged.
        """
        self._begin(interactions)
        config = self.config
        first = log.days_before_cut[log.kind == ORDER].max()
        anchors = config.horizon_days + config.step_days * np.arange(1, config.anchors + 1)
        train = examples(log, anchors[anchors < first], config.horizon_days, config.length, config.seed)
        validation = examples(log, np.array([config.horizon_days]), config.horizon_days, config.length, config.seed)
        if len(train) < 2 or not len(validation):
            raise TooFewData(f"{self.kind}: fewer than two people with an order in two horizons of the past")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.net = self.network(self.n_items_, _share(train, self.n_items_))
        loop = TrainerConfig(
            config.epochs, config.patience, config.batch, config.learning_rate, config.weight_decay, seed=config.seed
        )
        trainer = Trainer(self.net, self.loss, loop, checkpoint)
        self.report = trainer.fit(train, validation, self.n_items_, progress)
        self.remember(encode(log, 0.0, config.length, config.seed))
        self.popular_ = popular_share(interactions, config.popularity_window_days)
        return self

    def remember(self, events: Sequences) -> None:
        self.events_item_, self.events_kind_ = events.item, events.kind
        self.events_gap_, self.events_until_ = events.gap, events.until
        self.known_ = (events.item > 0).any(axis=1)

    def score_events(self, events: Sequences) -> np.ndarray:
        """Logits for any sequences, (m, n_items) float32: a session that is going on, a person who came later."""
        self.net.eval()
        with torch.no_grad():
            return self.net(*tensors(events)).numpy()

    def _score(self, users: np.ndarray) -> np.ndarray:
        events = Sequences(self.events_item_, self.events_kind_, self.events_gap_, self.events_until_)
        scores = self.score_events(events[users])
        scores[~self.known_[users]] = self.popular_
        return scores

    def state(self) -> State:
        weights = {f"net/{name}": value.numpy() for name, value in self.net.state_dict().items()}
        return super().state() | weights

    @classmethod
    def from_state(cls, state: State) -> Self:
        model = super().from_state({name: value for name, value in state.items() if not name.startswith("net/")})
        weights = {
            name.removeprefix("net/"): torch.from_numpy(np.array(value))
            for name, value in state.items()
            if name.startswith("net/")
        }
        model.net = model.network(model.n_items_, torch.full((model.n_items_,), 1.0 / model.n_items_))
        model.net.load_state_dict(weights)
        return model


def _share(train: Examples, n_items: int) -> Tensor:
    """Each item's share of the targets, (n_items,) float32, one target added to each so that none is zero."""
    found = np.bincount(train.targets, minlength=n_items) + 1.0
    return torch.from_numpy(found / found.sum()).float()
