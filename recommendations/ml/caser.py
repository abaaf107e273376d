"""Caser: a convolutional network over the picture that a person's last events make.

J. Tang, K. Wang, "Personalized Top-N Sequential Recommendation via Convolutional Sequence Embedding", WSDM 2018. The
last L events are an L x d picture. Horizontal filters (h x d, for several heights h) find short patterns (this, then
that) anywhere and are max-pooled over time; vertical filters (L x 1) are weighted sums over the events. Both are joined
by a fully connected layer. No vector per person: who comes later is scored without a fit. The loss is cross-entropy
over the catalogue, for all that is ordered in the horizon.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from recommendations.ml.losses import cross_entropy
from recommendations.ml.neural import EventEmbedding, SequenceConfig, SequenceRecommender


@dataclass(frozen=True)
class CaserConfig(SequenceConfig):
    filters: int = 16  # of each height
    tallest: int = 4  # heights 1, 2, 4, .. up to this
    vertical: int = 4


class CaserEncoder(nn.Module):
    def __init__(self, n_items: int, config: CaserConfig) -> None:
        super().__init__()
        self.embed = EventEmbedding(n_items, config.dim)
        heights = [2**power for power in range(config.tallest.bit_length()) if 2**power <= config.tallest]
        self.horizontal = nn.ModuleList(nn.Conv1d(config.dim, config.filters, height) for height in heights)
        self.vertical = nn.Linear(config.length, config.vertical, bias=False)
        self.join = nn.Linear(len(heights) * config.filters + config.vertical * config.dim, config.dim)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, item: Tensor, kind: Tensor, gap: Tensor) -> Tensor:
        picture = self.embed(item, kind, gap).transpose(1, 2)  # (b, dim, length)
        across = [functional.relu(conv(picture)).amax(dim=2) for conv in self.horizontal]  # (b, filters) each
        down = self.vertical(picture).flatten(1)  # (b, dim * vertical)
        joined = self.drop(torch.cat([*across, down], dim=1))
        return functional.gelu(self.join(joined))


class Caser(SequenceRecommender):
    kind = "caser"
    Config = CaserConfig

    def encoder(self, n_items: int) -> nn.Module:
        return CaserEncoder(n_items, self.config)

    def loss(self, logits: Tensor, positives: Tensor, generator: torch.Generator) -> Tensor:
        return cross_entropy(logits, positives)
