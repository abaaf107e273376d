"""The adapter that comes with Attune for its default model, with its card: recipe, corpus, digests and figures.

`manage.py train_copywriter` makes another for the shop's own products; the registry's live version goes before this one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from copywriting.exceptions import ModelUnsuitable

_FOLDER = Path(__file__).parent / "adapter"


@dataclass(frozen=True, slots=True)
class Adapter:
    """`digest` names the bytes, `base` the weights that they were tuned on, `recipe` how."""

    digest: str
    base: str
    recipe: Mapping[str, Any]
    payload: bytes


@cache
def packaged() -> Adapter | None:
    """The adapter in this folder, or None when it was left out. Raises ModelUnsuitable when its bytes are not its card's."""
    card, weights = _FOLDER / "card.json", _FOLDER / "adapter.safetensors"
    if not card.is_file() or not weights.is_file():
        return None
    told = json.loads(card.read_text(encoding="utf-8"))
    payload = weights.read_bytes()
    digest = hashlib.sha256(payload).hexdigest()
    if digest != told["digest"]:
        raise ModelUnsuitable(f"{weights.name} has digest {digest[:12]}, its card says {told['digest'][:12]}.")
    return Adapter(digest, told["base"], told["recipe"], payload)
