"""What the three sequence models share: events in, one vector a person, the catalogue's scores out.

A subclass gives its `Config`, its encoder (a module that maps item, kind, gap to a person's vector) and its loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.own_history import FACTS, TREND_DAYS, OwnHistory
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
    """length: events looked at. anchors: how many cut-offs in the past each person is trained on, `step_days` apart. own:
    whether counts of the own history and the trend go past the network. refit: whether the weeks that stopped the training
    are trained on too.

    Chosen on the demo store's product types, weeks 46 to 49. The same few thousand people come back at every anchor, so the
    network is small and shrunk hard: at 64 dimensions with the usual decay it is best after one pass and then gets worse.
    """

    length: int = 100
    own: bool = True
    refit: bool = True
    dim: int = 16
    dropout: float = 0.5
    horizon_days: float = 28.0
    anchors: int = 8
    step_days: float = 28.0
    negatives: int = 256
    epochs: int = 12
    patience: int = 2
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1.0
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


class SequenceNet(nn.Module):
    """An encoder (item, kind, gap -> a person's vector) under the catalogue head, with the own history beside it.

    logits = head(vector + bag, until) + trend above the usual + what each own product's facts say; bag is the mean of the
    own products' vectors, each weighed by its facts. Without cells (events alone) only the head speaks.
    """

    def __init__(self, encoder: nn.Module, n_items: int, dim: int, share: Tensor) -> None:
        super().__init__()
        self.encoder, self.head = encoder, CatalogueHead(n_items, dim, share)
        self.of_cell = nn.Sequential(nn.Linear(FACTS, 32), nn.GELU(), nn.Linear(32, 2))
        self.of_item = nn.Embedding(n_items, FACTS)
        self.bag = nn.Embedding(n_items, dim)
        self.drop = nn.Dropout(0.5)
        self.trend = nn.Parameter(torch.full((len(TREND_DAYS),), 1.0 / len(TREND_DAYS)))
        nn.init.zeros_(self.of_item.weight)
        nn.init.zeros_(self.bag.weight)
        self.register_buffer("usual", torch.log(share))

    def forward(self, item: Tensor, kind: Tensor, gap: Tensor, until: Tensor, *history: Tensor) -> Tensor:
        person = self.encoder(item, kind, gap)  # (b, dim)
        if not history:
            return self.head(person, until)
        row, own, facts, trend = history  # (cells,), (cells,), (cells, FACTS), (b, windows, n_items)
        weight, bonus = self.of_cell(facts).unbind(dim=1)  # (cells,) each
        # Whole products are left out of the bag while training, as in denoising autoencoders: or it learns people by heart.
        weight = self.drop(functional.softplus(weight))
        bag = torch.zeros_like(person).index_add(0, row, self.bag(own) * weight.unsqueeze(1))
        total = torch.zeros(len(person)).index_add(0, row, weight)
        logits = self.head(person + bag / (total + 1e-6).sqrt().unsqueeze(1), until)
        logits = logits + torch.einsum("bwn,w->bn", trend - self.usual, self.trend)
        return logits.index_put((row, own), bonus + (self.of_item(own) * facts).sum(dim=1), accumulate=True)


class SequenceRecommender(Recommender):
    """Learned: the network's weights, everybody's last events (`events_item_` ...) and own history (`own_0_` ...,
    `trend_`), `known_` who has any.
    """

    Config = SequenceConfig
    report: Report | None = None
    progress: Callable[[int, float], None] | None = None  # told of each pass: its number and what it reached
    checkpoints: Path | None = None  # a folder in which `fit` leaves each pass, and from which it goes on

    def encoder(self, n_items: int) -> nn.Module:
        """(item, kind, gap), each (b, length) -> (b, dim)."""
        raise NotImplementedError

    def loss(self, logits: Tensor, positives: Tensor, generator: torch.Generator) -> Tensor:
        raise NotImplementedError

    def network(self, n_items: int, share: Tensor) -> nn.Module:
        return SequenceNet(self.encoder(n_items), n_items, self.config.dim, share)

    def fit(self, interactions: Interactions) -> Self:
        """From orders alone; `fit_events` takes views, searches, clicks and carts too."""
        self._begin(interactions)
        at = None
        if self.checkpoints is not None:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            # Other rows are another training: it does not go on from this one's weights.
            of = f"{interactions.n_users}-{interactions.n_items}-{len(interactions)}"
            at = self.checkpoints / f"{of}.safetensors"
        return self.fit_events(EventLog.of_orders(interactions), interactions, at, self.progress)

    def fit_events(
        self,
        log: EventLog,
        interactions: Interactions,
        checkpoint: Path | None = None,
        progress: Callable[[int, float], None] | None = None,
    ) -> Self:
        """log: every event before the cut, orders included; interactions: the orders, for popularity.

        The four weeks that end at the cut are the validation that stops the training. With `refit`, a fresh network then
        takes as many passes over all anchors, those weeks included. Raises TooFewData, Diverged.
        """
        self._begin(interactions)
        config = self.config
        first = log.days_before_cut[log.kind == ORDER].max()
        anchors = config.horizon_days + config.step_days * np.arange(1, config.anchors + 1)
        anchors = anchors[anchors < first]
        held = self._examples(log, np.array([config.horizon_days]))
        # What overlaps the held-out weeks would tell the training what they hold.
        apart = anchors[anchors >= 2 * config.horizon_days]
        train = self._examples(log, apart if len(apart) else anchors)
        if len(train) < 2 or not len(held):
            raise TooFewData(f"{self.kind}: fewer than two people with an order in two horizons of the past")
        self.report = self._train(train, held, config.epochs, checkpoint, progress)
        if config.refit:
            whole = self._examples(log, np.concatenate([[config.horizon_days], anchors]))
            again = None if checkpoint is None else checkpoint.with_suffix(".refit" + checkpoint.suffix)
            self._train(whole, None, self.report.best_epoch + 1, again, progress)
        self.remember(encode(log, 0.0, config.length, config.seed, config.own))
        self.popular_ = popular_share(interactions, config.popularity_window_days)
        return self

    def _examples(self, log: EventLog, anchors: np.ndarray) -> Examples:
        config = self.config
        return examples(log, anchors, config.horizon_days, config.length, config.seed, with_own=config.own)

    def _train(self, train, held, epochs, checkpoint, progress) -> Report:
        config = self.config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.net = self.network(self.n_items_, _share(train, self.n_items_))
        loop = TrainerConfig(
            epochs, config.patience, config.batch, config.learning_rate, config.weight_decay, seed=config.seed
        )
        return Trainer(self.net, self.loss, loop, checkpoint).fit(train, held, self.n_items_, progress)

    def remember(self, events: Sequences) -> None:
        self.events_item_, self.events_kind_ = events.item, events.kind
        self.events_gap_, self.events_until_ = events.gap, events.until
        self.known_ = (events.item > 0).any(axis=1)
        if events.own is not None:
            self.trend_ = events.own.trend
            for place, matrix in enumerate(events.own.matrices(self.n_items_)):
                setattr(self, f"own_{place}_", matrix)

    def remembered(self) -> Sequences:
        own = None
        if self.config.own:
            own = OwnHistory.of_matrices([getattr(self, f"own_{place}_") for place in range(FACTS)], self.trend_)
        return Sequences(self.events_item_, self.events_kind_, self.events_gap_, self.events_until_, own)

    def score_events(self, events: Sequences) -> np.ndarray:
        """Logits for any sequences, (m, n_items) float32: a session that is going on, a person who came later."""
        self.net.eval()
        with torch.no_grad():
            return self.net(*tensors(events)).numpy()

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = self.score_events(self.remembered()[users])
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
    """Each item's share of the targets, (n_items,) float32, one target added to each so that none is zero. Where the own
    history is known, of targets outside it: what is popular among repeats is for the own history to say.
    """
    targets = train.targets
    if train.inputs.own is not None:
        keys = np.repeat(np.arange(len(train)), np.diff(train.starts)) * n_items + targets
        own = train.inputs.own
        targets = targets[~np.isin(keys, own.rows() * n_items + own.item)]
    found = np.bincount(targets, minlength=n_items) + 1.0
    return torch.from_numpy(found / found.sum()).float()
