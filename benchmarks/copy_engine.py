"""The served writer against other engines: `python -m benchmarks.copy_engine [--tokens 48]`, tokens per CPU second.

Three ways to write the same candidates with the same tuned weights: Attune's sampler, transformers' own generate, and
onnxruntime-genai where it is installed (it is no dependency: pip install --no-deps onnxruntime onnxruntime-genai onnx onnx-ir
ml-dtypes flatbuffers coloredlogs). For the last one the adapter is merged and exported once as int4, which changes what is
written: its speed is an upper bound for what a writer on it would gain, its texts were not judged. One thread each, same
prompt, same number of tokens, batches of 1, 8 and 32. About three CPU minutes, two of them for the export.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

import torch

from benchmarks.copy_drafts import briefs, read_types
from copywriting.llm import adapters, finetune, model, prompts
from copywriting.llm.decode import TUNED, Generator

BATCHES = (1, 8, 32)


def cpu() -> float:
    """Of this process and of those it waited for."""
    spent = os.times()
    return spent.user + spent.system


def measured(write: Callable[[int], int], batch: int) -> float:
    """Tokens a CPU second, after one call that warms up."""
    write(batch)
    began, tokens = cpu(), 0
    for _ in range(2 if batch > 1 else 6):
        tokens += write(batch)
    return tokens / (cpu() - began)


def ours(language: model.LanguageModel, brief) -> Callable[[int], int]:
    generate = Generator(language, prompts.TUNED, TUNED)

    def write(batch: int) -> int:
        before = generate.tokens_written
        generate(brief, max(batch - TUNED.spare, 1), 1)
        return generate.tokens_written - before

    return write


def transformers(language: model.LanguageModel, text: str, tokens: int) -> Callable[[int], int]:
    ids = language.tokenizer(text, return_tensors="pt", add_special_tokens=False)
    end = language.tokenizer.eos_token_id

    def write(batch: int) -> int:
        with torch.inference_mode():
            out = language.model.generate(
                **ids, do_sample=True, temperature=TUNED.temperature, top_k=TUNED.top_k, top_p=TUNED.top_p,
                num_return_sequences=batch, max_new_tokens=tokens, pad_token_id=end,
            )  # fmt: skip
        return int((out[:, ids.input_ids.shape[1] :] != end).sum())

    return write


def onnx(folder: Path, text: str, tokens: int, end: int) -> Callable[[int], int]:
    import onnxruntime_genai as engine  # noqa: PLC0415 - no dependency: see above

    loaded = engine.Model(str(folder))
    tokenizer = engine.Tokenizer(loaded)
    ids = list(tokenizer.encode(text))

    def write(batch: int) -> int:
        asked = engine.GeneratorParams(loaded)
        asked.set_search_options(
            do_sample=True, temperature=TUNED.temperature, top_k=TUNED.top_k, top_p=TUNED.top_p, batch_size=batch,
            max_length=len(ids) + tokens,
        )  # fmt: skip
        generator = engine.Generator(loaded, asked)
        generator.append_tokens([ids] * batch)
        while not generator.is_done():
            generator.generate_next_token()
        rows = [list(generator.get_sequence(row))[len(ids) :] for row in range(batch)]
        return sum(row.index(end) if end in row else len(row) for row in rows)

    return write


def exported(language: model.LanguageModel, store: Path, digest: str) -> Path:
    """The merged model as onnxruntime-genai reads it, made once for an adapter."""
    folder = store / f"onnx-int4-{digest[:12]}"
    if not (folder / "genai_config.json").is_file():
        merged = store / f"merged-{digest[:12]}"
        language.model.save_pretrained(merged)
        language.tokenizer.save_pretrained(merged)
        subprocess.run(
            [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", merged, "-o", folder, "-p", "int4", "-e", "cpu",
             "-c", store / "cache", "--extra_options", "int4_accuracy_level=4"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    config = folder / "genai_config.json"
    told = json.loads(config.read_text(encoding="utf-8"))
    told["model"]["decoder"]["session_options"]["intra_op_num_threads"] = 1
    config.write_text(json.dumps(told, indent=1), encoding="utf-8")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--store", type=Path, default=Path(gettempdir()) / "attune-models")
    chosen = parser.parse_args()
    adapter = adapters.packaged()
    if adapter is None:
        raise SystemExit("no adapter: python -m benchmarks.copy_tuning --out copywriting/llm/adapter")
    language = model.load(model.default_folder(chosen.store))
    language = finetune.attach(
        language, finetune.load(adapter.payload), finetune.recipe_of(adapter.recipe), adapter.digest
    )
    brief = next(briefs(read_types(1)))
    text = prompts.short_request(brief)
    writers = {
        "attune": ours(language, brief),
        "transformers": transformers(language, text, chosen.tokens),
    }
    if find_spec("onnxruntime_genai"):
        folder = exported(language, chosen.store, adapter.digest)
        writers["onnxruntime-genai int4"] = onnx(folder, text, chosen.tokens, language.tokenizer.eos_token_id)
    else:
        print("onnxruntime-genai is not installed: its column is missing")
    told = {(name, batch): measured(write, batch) for name, write in writers.items() for batch in BATCHES}
    print(f"{'tokens per CPU second':<26}" + "".join(f"{f'batch {batch}':>12}" for batch in BATCHES))
    for name in writers:
        print(f"{name:<26}" + "".join(f"{told[name, batch]:12.0f}" for batch in BATCHES))
    for name in writers:
        if name != "transformers":
            ratios = "".join(f"{told[name, batch] / told['transformers', batch]:12.2f}" for batch in BATCHES)
            print(f"{f'{name} / transformers':<26}{ratios}")


if __name__ == "__main__":
    main()
