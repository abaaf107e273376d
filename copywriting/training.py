"""Tunes the local model on the shop's own products and approved texts: a run under a lease, a candidate with its card.

The base model stays as it is; what is kept is an adapter of some megabytes. Held-out products never enter the tuning. It may
go live only when both hold on them: the loss is lower, and at least as many drafts pass the gate as before.
"""

import hashlib
import logging
from dataclasses import asdict
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from django.conf import settings
from django.utils import timezone

from copywriting import dataset
from copywriting.contracts import COPYWRITER, CopyBrief
from copywriting.exceptions import ModelUnsuitable
from copywriting.llm import adapters, classes, corpus, finetune, model, private, prompts
from copywriting.llm.decode import TUNED, Generator
from copywriting.llm.facts import readable_name
from copywriting.llm.writer import Stats, judged
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained
from registry.exceptions import PromotionRefused

log = logging.getLogger(__name__)

PAIRS = 1900  # one epoch of 120 steps; the bank has no more to say to a small model
HELD_OUT = 0.1
SPLIT_SEED = 1
JUDGED_BRIEFS, JUDGED_CANDIDATES = 12, 6
REPEAT_APPROVED = 4  # a text that a person approved weighs as much as four of the bank's


def train(run_id: int) -> list:
    """Does the run if it is free; returns the new version in a list, [] when somebody else holds it or data are too few."""
    lease = runs.claim(run_id)
    if lease is None:
        return []
    try:
        version = _train(lease)
        runs.finish(lease)
    except (ValueError, ModelUnsuitable) as error:
        runs.fail(lease, str(error))
        return []
    except Exception as error:
        runs.fail(lease, f"{type(error).__name__}: {error}")
        raise
    _checkpoint(lease).unlink(missing_ok=True)
    if lease.params.get("promote"):
        promote_if_better(version)
    return [version]


def is_due() -> bool:
    """Whether people approved texts since the newest adapter was tuned: without them the same corpus gives the same."""
    newest = registry.versions(COPYWRITER).first()
    return dataset.approved_since(newest.created_at if newest else None)


def promote_if_better(version) -> bool:
    """The nightly run's own hand: only when loss and gate both hold against what wrote before."""
    if not version.metrics["held-out loss"]["holds"] or not version.metrics["gate pass rate"]["holds"]:
        log.info("copywriter %s is kept as a candidate: it does not hold on the held-out products", version.pk)
        return False
    try:
        runs.promote(version.pk, actor=None, reason="Held-out loss fell and at least as many drafts pass the gate.")
    except PromotionRefused as refusal:
        log.info("%s", refusal)
        return False
    return True


def pairs_of(params: dict[str, Any]) -> tuple[list[corpus.Pair], dict[str, int]]:
    """The corpus of a run, and how many pairs came from where."""
    pairs = corpus.from_grammar(dataset.items(), params.get("pairs", PAIRS), params.get("corpus_seed", 1))
    approved = corpus.from_approved(dataset.approved())
    texts = corpus.from_texts(dataset.texts()) if params.get("texts") else []
    counts = {corpus.GRAMMAR: len(pairs), corpus.APPROVED: len(approved), corpus.TEXT: len(texts)}
    return [*pairs, *approved * REPEAT_APPROVED, *texts], counts


def _train(lease: Lease):
    recipe = finetune.recipe_of(lease.params)
    runs.beat(lease, "drawing pairs", 0.01)
    pairs, counts = pairs_of(lease.params)
    train_part, held_out = corpus.split(pairs, HELD_OUT, SPLIT_SEED)
    if not held_out:
        raise ValueError("No product is left to judge by; a tuning needs some dozens of products on sale.")
    runs.beat(lease, "loading the model", 0.03)
    language = model.load(_folder())
    before = _before(language)
    briefs = _briefs(held_out)
    runs.beat(lease, "judging what writes now", 0.05)
    loss_before, gate_before = finetune.held_out_loss(before.language, held_out), _gate(before, briefs)
    if before.language.adapter:  # merged into the weights: the base comes from its folder again
        language = model.load(_folder())

    place = _checkpoint(lease)
    resume = place.read_bytes() if place.is_file() else None
    tuned = finetune.tune(
        language,
        train_part,
        recipe,
        progress=lambda done, loss: runs.beat(
            lease, f"step {done} of {recipe.steps}, loss {loss:.2f}", 0.1 + 0.75 * done / recipe.steps
        ),
        keep=lambda payload: _keep(place, payload),
        resume=resume,
    )
    payload = finetune.dump(tuned.adapter)
    digest = hashlib.sha256(payload).hexdigest()
    base = language.digest
    language = finetune.attach(language, finetune.load(payload), recipe, digest)
    runs.beat(lease, "judging the new adapter", 0.88)
    after = Generator(language, prompts.TUNED, TUNED)
    loss_after, gate_after = finetune.held_out_loss(language, held_out), _gate(after, briefs)
    trained = Trained(
        params={
            "base": base,
            "model": language.name,
            "recipe": asdict(recipe),
            "prompt": prompts.TUNED,
            "corpus": corpus.digest(pairs),
            "pairs": counts,
            "held_out_pairs": len(held_out),
            "before": before.language.adapter or "no adapter",
            "losses": list(tuned.losses),
            "card": _card(counts) + _privacy(recipe, len(train_part)),
        },
        data_since=None,
        data_until=timezone.now(),
        rows=len(train_part),
        metrics={
            "held-out loss": _metric(loss_after, loss_before, loss_after < loss_before),
            "gate pass rate": _metric(gate_after, gate_before, gate_after >= gate_before),
        },
        baseline=before.language.adapter[:12] or "no adapter",
    )
    return runs.save_payload(lease, COPYWRITER, payload, trained, "safetensors")


def _metric(value: float, before: float, holds: bool) -> dict:
    """In the registry's form. One run gives no interval: the verdict is that of the same held-out products."""
    return {"value": value, "baseline": before, "live": before, "holds": holds, "beats_live": holds}


def _card(counts: dict[str, int]) -> str:
    """What the corpus was, in one sentence that the Models page can show."""
    card = (
        f"Tuned on {counts[corpus.GRAMMAR]} pairs drawn from Attune's own phrase bank over real product names,"
        f" {counts[corpus.APPROVED]} texts that people approved, and {counts[corpus.TEXT]} sentences of catalogue texts."
    )
    if not counts[corpus.TEXT]:
        card += " No product description and no review was read."
    return card + " No generated review is in it. English only."


def _privacy(recipe: finetune.Recipe, pairs: int) -> str:
    """What a private tuning promises, by its own accountant; "" for another."""
    if not recipe.noise:
        return ""
    delta = 0.1 / pairs
    spent = private.epsilon(noise=recipe.noise, expected=recipe.batch, rows=pairs, steps=recipe.steps, delta=delta)
    return f" Differentially private for each sentence of a text: epsilon {spent:.2f} at delta {delta:.1e}."


def _folder() -> Path:
    return Path(settings.COPY_MODEL) if settings.COPY_MODEL else model.default_folder(settings.MODELS_DIR)


def _before(language: model.LanguageModel) -> Generator:
    """What writes now, as generation would: with the live adapter, else the packaged one, else the model alone."""
    live = registry.live(COPYWRITER)
    if live is not None and live.params.get("base") == language.digest:
        found = adapters.Adapter(
            live.artifact_digest, live.params["base"], live.params["recipe"], runs.load_payload(live)
        )
    else:
        found = adapters.packaged()
    if found is None or found.base != language.digest:
        return Generator(language)
    recipe = finetune.recipe_of(found.recipe)
    return Generator(
        finetune.attach(language, finetune.load(found.payload), recipe, found.digest), prompts.TUNED, TUNED
    )


def _briefs(held_out: list[corpus.Pair]) -> list[CopyBrief]:
    """Briefs on products that no tuning pair names, over segments and channels in turn."""
    known = {item.key: item for item in dataset.items()}
    items = [known[key] for key in dict.fromkeys(pair.group for pair in held_out) if key in known]
    chance = Random(SPLIT_SEED)  # noqa: S311
    chance.shuffle(items)
    segments = sorted(corpus.AUDIENCES)
    return [
        CopyBrief(
            product=readable_name(item.name, item.category),
            product_class=classes.classify(item.category, item.department),
            store=settings.BRAND,
            segment=segments[place % len(segments)],
            audience=corpus.AUDIENCES[segments[place % len(segments)]][0],
            seed=place,
            offer="15% off",
            ends_on=date(2026, 12, 5),
            channel=("email", "push", "sms")[place % 3],
        )
        for place, item in enumerate(items[:JUDGED_BRIEFS])
    ]


def _gate(generate: Generator, briefs: list[CopyBrief]) -> float:
    """The share of drafts that pass every check, 0 to 1."""
    stats = Stats()
    for brief in briefs:
        drafts = [judged(text, brief) for text in generate(brief, JUDGED_CANDIDATES, brief.seed)]
        stats += Stats(drafted=len(drafts), passed=sum(draft.usable for draft in drafts))
    return stats.share


def _checkpoint(lease: Lease) -> Path:
    return Path(settings.MODELS_DIR) / "checkpoints" / f"{lease.kind}-{lease.run_id}.safetensors"


def _keep(place: Path, payload: bytes) -> None:
    """Written beside and renamed: a worker that dies while it writes leaves the older checkpoint."""
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_suffix(".half")
    half.write_bytes(payload)
    half.replace(place)
