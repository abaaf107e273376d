"""How fast does the served writer write? `python -m benchmarks.copy_speed [--precisions int4,int8]`, about two CPU minutes.

The same tuned weights and the same brief, one thread, batches of 1, 8 and 32, in one run: Attune's sampler on torch,
transformers' own `generate`, and, where onnxruntime-genai is installed, Attune's sampler on that engine by precision, held to
the same form. Tokens per CPU second, then each as a ratio to `generate`. Rows end where their text ends, so the tokens of a
text are counted and not the filling behind them.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

import torch

from benchmarks.copy_drafts import briefs, read_types
from copywriting.contracts import CopyBrief
from copywriting.exceptions import ModelMissing
from copywriting.llm import adapters, engine, finetune, model, prompts
from copywriting.llm.decode import TUNED, Generator

BATCHES = (1, 8, 32)
Writer = Callable[[int, int], int]  # (batch, seed) -> tokens written


def measured(write: Writer, batch: int) -> float:
    """Tokens a CPU second, after one call that warms up; the more texts, the fewer rounds."""
    write(batch, 1)
    began, tokens = time.process_time(), 0
    for seed in range(2, 6 if batch == 1 else 3):
        tokens += write(batch, seed)
    return tokens / (time.process_time() - began)


def ours(generate: Generator, brief: CopyBrief) -> Writer:
    def write(batch: int, seed: int) -> int:
        before = generate.tokens_written
        generate(brief, batch, seed)
        return generate.tokens_written - before

    return write


def plain(language: model.LanguageModel, brief: CopyBrief) -> Writer:
    ids = language.tokenizer(prompts.short_request(brief), return_tensors="pt", add_special_tokens=False)
    end = language.tokenizer.eos_token_id

    def write(batch: int, seed: int) -> int:
        torch.manual_seed(seed)
        with torch.inference_mode():
            out = language.model.generate(
                **ids, do_sample=True, temperature=TUNED.temperature, top_k=TUNED.top_k, top_p=TUNED.top_p,
                num_return_sequences=batch, max_new_tokens=TUNED.max_tokens, pad_token_id=end,
            )  # fmt: skip
        return int((out[:, ids.input_ids.shape[1] :] != end).sum())

    return write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precisions", default="int4,int8", help=f"of the engine: {', '.join(engine.PRECISIONS)}")
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
    writers = {"attune": ours(Generator(language, prompts.TUNED, TUNED), brief), "generate": plain(language, brief)}
    for precision in chosen.precisions.split(","):
        try:
            folder = engine.exported(language, chosen.store, precision)
        except ModelMissing as reason:
            print(f"without an engine: {reason}")
            break
        on_engine = engine.EngineGenerator(folder, language.tokenizer)
        print(f"{precision}: {on_engine(brief, 1, 1)[0]!r}")
        writers[f"engine {precision}"] = ours(on_engine, brief)
    print(f"{'tokens per CPU second':<24}" + "".join(f"{f'batch {batch}':>12}" for batch in BATCHES), flush=True)
    told = {}
    for name, write in writers.items():
        told[name] = [measured(write, batch) for batch in BATCHES]
        print(f"{name:<24}" + "".join(f"{rate:12.1f}" for rate in told[name]), flush=True)
    for name in writers:
        ratios = "".join(f"{mine / base:12.2f}" for mine, base in zip(told[name], told["generate"], strict=True))
        print(f"{f'{name} / generate':<24}{ratios}")


if __name__ == "__main__":
    main()
