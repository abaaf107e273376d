"""Three ways to be wrong about what is ordered in the horizon. Logits (b, n_items), positives 0/1 of the same shape.

Negative sampling, written down: `uniform_negatives` draws for each example k items from the whole catalogue, each equally
likely, with replacement; an item that is a positive of that example is drawn in vain (masked out, not drawn again). With
k of n items, sampling makes a model overconfident; `gbce` corrects for it (see there). `cross_entropy` needs none.
"""

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, positives: Tensor) -> Tensor:
    """Softmax over the whole catalogue, the mass shared evenly by an example's positives: its mean -log p."""
    log_p = functional.log_softmax(logits, dim=1)
    return -((log_p * positives).sum(dim=1) / positives.sum(dim=1)).mean()


def uniform_negatives(positives: Tensor, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """ids (b, k) of the drawn items, and a mask (b, k) that is 0 where a positive was drawn."""
    rows, n_items = positives.shape
    drawn = torch.randint(n_items, (rows, k), generator=generator)
    return drawn, 1.0 - positives.gather(1, drawn)


def sampled_sigmoid(logits: Tensor, positives: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """Binary cross-entropy of sigmoid outputs: all positives, and k uniform negatives an example."""
    return gbce(logits, positives, k, generator, calibration=0.0)


def gbce(logits: Tensor, positives: Tensor, k: int, generator: torch.Generator, calibration: float = 0.75) -> Tensor:
    """Generalised binary cross-entropy of gSASRec (A. Petrov, C. Macdonald, RecSys 2023, arXiv:2308.07192).

    The positive's probability is raised to beta = a * (t * (1 - 1 / a) + 1 / a), where a = k / (n - 1) is the sampling
    rate and t the calibration: t = 0 is plain binary cross-entropy, t = 1 undoes the bias of sampling.
    """
    rate = k / max(1, logits.shape[1] - 1)
    beta = rate * (calibration * (1.0 - 1.0 / rate) + 1.0 / rate)
    drawn, counts = uniform_negatives(positives, k, generator)
    per_positive = (beta * functional.logsigmoid(logits) * positives).sum(dim=1) / positives.sum(dim=1)
    per_negative = (functional.logsigmoid(-logits.gather(1, drawn)) * counts).sum(dim=1)
    return -(per_positive + per_negative / counts.sum(dim=1).clamp(min=1.0)).mean()
