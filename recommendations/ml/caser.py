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
from recommendations.ml.neural import CatalogueHead, EventEmbedding, SequenceConfig, SequenceRecommender


@dataclass(frozen=True)
class CaserConfig(SequenceConfig):
    filters: int = 16  # of each height
    tallest: int = 4  # heights 1, 2, 4, .. up to this
    vertical: int = 4


class CaserNet(nn.Module):
    def __init__(self, n_items: int, config: CaserConfig, share: Tensor) -> None:
        super().__init__()
        self.embed = EventEmbedding(n_items, config.dim)
        heights = [2**power for power in range(config.tallest.bit_length()) if 2**power <= config.tallest]
        self.horizontal = nn.ModuleList(nn.Conv1d(config.dim, config.filters, height) for height in heights)
        self.vertical = nn.Linear(config.length, config.vertical, bias=False)
        self.join = nn.Linear(len(heights) * config.filters + config.vertical * config.dim, config.dim)
        self.drop = nn.Dropout(config.dropout)
        self.head = CatalogueHead(n_items, config.dim, share)

    def forward(self, item: Tensor, kind: Tensor, gap: Tensor, until: Tensor) -> Tensor:
        picture = self.embed(item, kind, gap).transpose(1, 2)  # (b, dim, length)
        across = [functional.relu(conv(picture)).amax(dim=2) for conv in self.horizontal]  # (b, filters) each
        down = self.vertical(picture).flatten(1)  # (b, dim * vertical)
        joined = self.drop(torch.cat([*across, down], dim=1))
        return self.head(functional.gelu(self.join(joined)), until)


class Caser(SequenceRecommender):
    kind = "caser"
    Config = CaserConfig

    def network(self, n_items: int, share: Tensor) -> nn.Module:
        return CaserNet(n_items, self.config, share)

    def loss(self, logits: Tensor, positives: Tensor, generator: torch.Generator) -> Tensor:
        return cross_entropy(logits, positives)
