"""Tunes the packaged adapter again: `python -m benchmarks.copy_tuning [--out copywriting/llm/adapter] [--reviews FILE]`.

The corpus is drawn from the phrase bank over the product types of the demo store (Complete Journey), read from the files
of its package; types with a hash in the held-out tenth are never trained on. Printed: pairs, held-out loss before and after,
CPU seconds. On one machine the same bank and packages give the same bytes; the card says what they were.

With `--reviews`, a second tuning reads sentences of real reviews instead (the file amazonReviewSnippets_GroundTruth.txt of
vaderSentiment's source distribution), split by product, and its losses are printed apart; nothing of it is kept.
"""

import argparse
import hashlib
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import gettempdir

import torch

from benchmarks.copy_drafts import read_types
from copywriting.llm import corpus, finetune, model, prompts
from copywriting.llm.corpus import Item, Pair

TYPES, PAIRS, CORPUS_SEED, HELD_OUT, SPLIT_SEED = 1200, 3200, 1, 0.1, 1


def items() -> list[Item]:
    """The product types bought most often, without what a message must not push."""
    return [
        Item(f"{row['product_type']}|{row['product_category']}", row["product_type"], row["product_category"], row["department"])
        for row in read_types(TYPES).iter_rows(named=True)
    ]  # fmt: skip


def parts() -> tuple[list[Pair], list[Pair]]:
    return corpus.split(corpus.from_grammar(items(), PAIRS, CORPUS_SEED), HELD_OUT, SPLIT_SEED)


def tuned(folder: Path, train: list[Pair], held_out: list[Pair], recipe: finetune.Recipe) -> tuple[bytes, dict]:
    """The adapter's bytes and what its card says."""
    language = model.load(folder)
    base = language.digest
    began = time.process_time()
    before = finetune.held_out_loss(language, held_out)
    print(f"{len(train)} pairs, {len(held_out)} held out; held-out loss before {before:.3f}", flush=True)

    def tell(step: int, loss: float) -> None:
        if step % 10 == 0:
            print(f"  step {step}: loss {loss:.3f}, {time.process_time() - began:.0f} CPU s", flush=True)

    done = finetune.tune(language, train, recipe, progress=tell)
    payload = finetune.dump(done.adapter)
    digest = hashlib.sha256(payload).hexdigest()
    language = finetune.attach(language, finetune.load(payload), recipe, digest)
    after = finetune.held_out_loss(language, held_out)
    seconds = time.process_time() - began
    print(f"held-out loss after {after:.3f}; {len(payload):,} bytes, {seconds:.0f} CPU s", flush=True)
    card = {
        "name": "SmolLM2-135M-Instruct, slotted shop messages in English",
        "digest": digest,
        "base": base,
        "recipe": asdict(recipe),
        "prompt": prompts.TUNED,
        "corpus": corpus.digest([*train, *held_out]),
        "pairs": {"train": len(train), "held_out": len(held_out)},
        "held_out_loss": {"before": round(before, 3), "after": round(after, 3)},
        "losses": list(done.losses),
        "made_by": "python -m benchmarks.copy_tuning --out copywriting/llm/adapter",
        "machine": {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability(), "cpu_seconds": round(seconds)},
        "data": "Pairs drawn from Attune's own phrase bank over product types of the Complete Journey data. No description,"
        " no review, no customer's word and no generated text is in it. English only.",
        "limits": "A model of 135M parameters writes odd lines; what it writes passes the gate and a person before it is sent.",
        "licence": "Apache-2.0, as the base model",
    }  # fmt: skip
    return payload, card


def reviews(folder: Path, file: Path, recipe: finetune.Recipe) -> None:
    """Lines of id, score and text, parted by tabs; ids begin with the product's number."""
    texts = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split("\t")
        if len(fields) == 3:
            texts.append((fields[0].partition("_")[0], fields[2]))
    pairs = corpus.from_texts(texts)
    train, held_out = corpus.split(pairs, 0.2, SPLIT_SEED)
    print(
        f"\nreviews: {len(texts)} snippets of {len({group for group, _ in texts})} products, {len(pairs)} sentences kept"
    )
    tuned(folder, train, held_out, recipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the adapter and its card are written; nowhere unless told")
    parser.add_argument("--steps", type=int, default=finetune.Recipe().steps)
    parser.add_argument("--reviews", type=Path, help="the review snippets; tuned on instead of the bank")
    parser.add_argument("--store", type=Path, default=Path(gettempdir()) / "attune-models")
    chosen = parser.parse_args()
    recipe = replace(finetune.Recipe(), steps=chosen.steps)
    folder = model.default_folder(chosen.store)
    if chosen.reviews:
        reviews(folder, chosen.reviews, recipe)
        return
    payload, card = tuned(folder, *parts(), recipe)
    if chosen.out:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "adapter.safetensors").write_bytes(payload)
        (chosen.out / "card.json").write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
