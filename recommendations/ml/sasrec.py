"""SASRec: self-attention over a person's last events.

W. Kang, J. McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018: embedded events with positions, blocks of
causal self-attention and a feed-forward layer, each with a residual connection; layer norm before, as in later practice.
The state of the last event is the person. Loss: cross-entropy over the whole catalogue, which was found better than the
paper's one negative (A. Klenitskiy, A. Vasilev, RecSys 2023, arXiv:2309.07602), or, with `gbce_negatives`, gSASRec's
corrected sampling for catalogues that are too large for it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from recommendations.ml.losses import cross_entropy, gbce
from recommendations.ml.neural import EventEmbedding, SequenceConfig, SequenceRecommender


@dataclass(frozen=True)
class SasrecConfig(SequenceConfig):
    blocks: int = 2
    heads: int = 2
    gbce_negatives: bool = False


class Block(nn.Module):
    def __init__(self, config: SasrecConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.before_attention, self.before_feed = nn.LayerNorm(config.dim), nn.LayerNorm(config.dim)
        self.qkv, self.out = nn.Linear(config.dim, 3 * config.dim), nn.Linear(config.dim, config.dim)
        self.feed = nn.Sequential(
            nn.Linear(config.dim, 2 * config.dim), nn.GELU(), nn.Linear(2 * config.dim, config.dim)
        )
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        b, length, dim = x.shape
        parts = self.qkv(self.before_attention(x)).view(b, length, 3, self.heads, dim // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (b, heads, length, dim / heads)
        rate = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=rate)
        x = x + self.drop(self.out(seen.transpose(1, 2).reshape(b, length, dim)))
        return x + self.drop(self.feed(self.before_feed(x)))


class SasrecEncoder(nn.Module):
    def __init__(self, n_items: int, config: SasrecConfig) -> None:
        super().__init__()
        self.embed = EventEmbedding(n_items, config.dim)
        self.place = nn.Embedding(config.length, config.dim)
        nn.init.normal_(self.place.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.dim)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, item: Tensor, kind: Tensor, gap: Tensor) -> Tensor:
        length = item.shape[1]
        x = self.drop(self.embed(item, kind, gap) + self.place.weight)
        causal = torch.ones((length, length), dtype=torch.bool).tril()
        # A padding sees itself, so that no row of the softmax is empty; nobody else sees it.
        visible = (causal & (item > 0)[:, None, None, :]) | torch.eye(length, dtype=torch.bool)
        for block in self.blocks:
            x = block(x, visible)
        return self.norm(x[:, -1])


class Sasrec(SequenceRecommender):
    kind = "sasrec"
    Config = SasrecConfig

    def encoder(self, n_items: int) -> nn.Module:
        return SasrecEncoder(n_items, self.config)

    def loss(self, logits: Tensor, positives: Tensor, generator: torch.Generator) -> Tensor:
        if self.config.gbce_negatives:
            return gbce(logits, positives, self.config.negatives, generator)
        return cross_entropy(logits, positives)
