"""Embedding + LSTM with sigmoid outputs: the chance that each product is ordered in the horizon.

S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 1997, over embedded events; B. Hidasi et al.,
"Session-based Recommendations with Recurrent Neural Networks", ICLR 2016, for the use. The last hidden state gives one
sigmoid a product; the loss is binary cross-entropy over all that was ordered and sampled negatives (see `losses`).
Sampling shifts the logits' level: they rank, and are no calibrated chance until calibrated.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recommendations.ml.losses import sampled_sigmoid
from recommendations.ml.neural import EventEmbedding, SequenceConfig, SequenceRecommender


@dataclass(frozen=True)
class LstmConfig(SequenceConfig):
    layers: int = 1


class LstmEncoder(nn.Module):
    def __init__(self, n_items: int, config: LstmConfig) -> None:
        super().__init__()
        self.embed = EventEmbedding(n_items, config.dim)
        self.lstm = nn.LSTM(config.dim, config.dim, config.layers, batch_first=True)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, item: Tensor, kind: Tensor, gap: Tensor) -> Tensor:
        states, _ = self.lstm(self.drop(self.embed(item, kind, gap)))  # (b, length, dim)
        return self.drop(states[:, -1])


class Lstm(SequenceRecommender):
    kind = "lstm"
    Config = LstmConfig

    def encoder(self, n_items: int) -> nn.Module:
        return LstmEncoder(n_items, self.config)

    def loss(self, logits: Tensor, positives: Tensor, generator: torch.Generator) -> Tensor:
        return sampled_sigmoid(logits, positives, self.config.negatives, generator)
