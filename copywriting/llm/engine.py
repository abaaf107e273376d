"""The tuned writer on a faster engine: the merged model exported for onnxruntime-genai, which is an optional package.

The same prompts, form, sampling and gate as the writer on torch; only the forward pass is the engine's. Weights of eight bits
round what torch multiplies in sixteen, so the same seed gives other words: what was written records the engine and its
precision, and a replay names them. An export is made once for an adapter and a precision, about half a minute.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch

from copywriting.exceptions import ModelMissing, ModelUnsuitable
from copywriting.llm import prompts
from copywriting.llm.decode import TUNED, Generator, choose
from copywriting.llm.form import Free, Held
from copywriting.llm.model import LanguageModel, locked

try:
    import onnxruntime_genai as runtime
except ImportError:  # optional: 25 MB that an install without this writer does not need
    runtime: ModuleType | None = None

PACKAGE = "onnxruntime-genai"
INSTALL = f"pip install --no-deps {PACKAGE} onnxruntime"
EXPORT = "onnx onnx-ir ml-dtypes protobuf flatbuffers"
PRECISIONS = ("int4", "int8", "fp32")
CARD = "attune.json"


@dataclass(frozen=True, slots=True)
class _Weights:
    """What the sampler asks of a model: how many tokens it knows, and in what its weights are kept."""

    config: Any
    dtype: str


class EngineGenerator(Generator):
    """As Generator, on the engine. Raises ModelMissing with what to install, ModelUnsuitable for a folder of something else."""

    def __init__(self, folder: Path, tokenizer: Any) -> None:
        _asked()
        told = _card(folder)
        weights = _Weights(SimpleNamespace(vocab_size=told["vocabulary"]), told["precision"])
        super().__init__(
            LanguageModel(told["name"], told["digest"], weights, tokenizer, told["adapter"]), prompts.TUNED, TUNED
        )
        self._engine = runtime.Model(str(folder))

    @property
    def provenance(self) -> Mapping[str, Any]:
        return {**super().provenance, "engine": f"{PACKAGE} {version(PACKAGE)}"}

    def _sample(
        self, shared: Any, ids: torch.Tensor, n: int, seed: int, form: Held | Free
    ) -> tuple[list[list[int]], list[float]]:
        """As on torch, with every row in the batch to its end: the engine's cache holds what it began with."""
        sampling = self.sampling
        asked = runtime.GeneratorParams(self._engine)
        asked.set_search_options(
            do_sample=False, batch_size=n, max_length=ids.shape[1] + sampling.max_tokens, min_length=0
        )
        engine = runtime.Generator(self._engine, asked)
        engine.append_tokens(np.repeat(ids.numpy().astype(np.int32), n, axis=0))
        luck = torch.rand((n, sampling.max_tokens), generator=torch.Generator().manual_seed(seed))
        texts: list[list[int]] = [[] for _ in range(n)]
        worst = [0.0] * n
        live = list(range(n))
        rows = np.arange(n)
        scores = np.full((n, 1, self.language.model.config.vocab_size), -np.inf, dtype=np.float32)
        for position in range(sampling.max_tokens):
            logits = torch.from_numpy(engine.get_logits())[:, -1][live]
            logits = form.masked(logits, live)
            chosen = choose(logits, luck[live, position], sampling)
            belief = torch.log_softmax(logits, dim=-1).gather(1, chosen[:, None])[:, 0].tolist()
            told = np.full(n, form.end)
            going = []
            for candidate, token, odds in zip(live, chosen.tolist(), belief, strict=True):
                worst[candidate] = min(worst[candidate], odds)
                if form.step(candidate, token):
                    texts[candidate].append(token)
                    told[candidate] = token
                    going.append(candidate)
            live = going
            if not live or position + 1 == sampling.max_tokens:
                break
            # A batch takes no tokens but its own, so the choice goes in as the only score that is not minus infinity.
            scores[rows, 0, told] = 0.0
            engine.set_logits(scores)
            engine.generate_next_token()
            scores[rows, 0, told] = -np.inf
        return texts, worst


def exported(language: LanguageModel, store: Path, precision: str) -> Path:
    """The folder of the merged model as the engine reads it, made when it is not there yet; one process makes it, others wait.

    Raises ModelMissing when the packages are not installed, ModelUnsuitable when the engine refuses the model.
    """
    if precision not in PRECISIONS:
        raise ModelUnsuitable(f"No precision {precision!r}; choose one of {', '.join(PRECISIONS)}.")
    _asked()
    folder = store / f"onnx-{precision}-{language.digest[:12]}-{language.adapter[:12] or 'bare'}"
    if folder.exists():
        return folder
    store.mkdir(parents=True, exist_ok=True)
    with locked(store / f"{folder.name}.lock"):
        if not folder.exists():
            _export(language, folder, precision)
    return folder


def _asked() -> None:
    if runtime is None:
        raise ModelMissing(f"The writer onnx needs the package {PACKAGE}: {INSTALL}; for the export also {EXPORT}.")


def _card(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelUnsuitable(f"{folder} is no export of a writer: it has no {CARD}.") from None


def _export(language: LanguageModel, folder: Path, precision: str) -> None:
    """Written beside and renamed, so the folder's existence says that it is whole."""
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        merged, made = half / "merged", half / "made"
        language.model.save_pretrained(merged)
        language.tokenizer.save_pretrained(merged)
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", merged, "-o", made, "-p", precision]
        command += ["-e", "cpu", "-c", half / "cache"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise ModelUnsuitable(f"The export for {PACKAGE} failed: {reason[0][:200]}. It needs {EXPORT}.")
        _settle(made, language, precision)
        made.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _settle(made: Path, language: LanguageModel, precision: str) -> None:
    """One thread, as all of a worker has, and a card of what this is."""
    config = made / "genai_config.json"
    told = json.loads(config.read_text(encoding="utf-8"))
    told["model"]["decoder"]["session_options"]["intra_op_num_threads"] = torch.get_num_threads()
    config.write_text(json.dumps(told, indent=1), encoding="utf-8")
    card = {
        "name": language.name,
        "base": language.digest,
        "adapter": language.adapter,
        "precision": precision,
        "digest": _digest([made / "model.onnx", made / "model.onnx.data"]),
        "vocabulary": language.model.config.vocab_size,
        "engine": version(PACKAGE),
    }
    (made / CARD).write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _digest(files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as weights:
            while block := weights.read(1 << 20):
                total.update(block)
    return total.hexdigest()
