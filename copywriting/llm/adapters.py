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
    """The adapter of this package, or None when it was left out."""
    return read(_FOLDER) if (_FOLDER / "card.json").is_file() else None


def read(folder: Path) -> Adapter:
    """adapter.safetensors of a folder with its card.json. Raises ModelUnsuitable when the bytes are not the card's."""
    told = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    payload = (folder / "adapter.safetensors").read_bytes()
    digest = hashlib.sha256(payload).hexdigest()
    if digest != told["digest"]:
        raise ModelUnsuitable(
            f"The adapter in {folder.name} has digest {digest[:12]}, its card says {told['digest'][:12]}."
        )
    return Adapter(digest, told["base"], told["recipe"], payload)
