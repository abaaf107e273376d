"""Writes copy for briefs in a worker: whichever writer is configured, through the checks, kept with its provenance."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from copywriting import queries
from copywriting.contracts import COPYWRITER, TEMPLATE, CopyBrief, Finding
from copywriting.exceptions import BriefInvalid, CopywritingError, ModelMissing, ModelUnsuitable, WriterUnavailable
from copywriting.llm import (
    adapters,
    checks,
    engine,
    finetune,
    grammar,
    joining,
    meaning,
    model,
    prompts,
    sense,
    slots,
    writer,
)
from copywriting.llm.decode import TUNED, Generator
from copywriting.llm.endpoint import Endpoint, EndpointWriter
from copywriting.services import drafts, jobs
from registry import queries as registry
from registry import services as versions
from registry.exceptions import LeaseLost

log = logging.getLogger(__name__)

CANDIDATES = 6  # of an endpoint's drafts most pass; six leave a choice, and each is paid for
LOCAL_CANDIDATES = 16  # a batch of sixteen costs about five times one text; what makes sense in it is put together
TRIES, LOCAL_TRIES = 2, 3
ENGLISH = "en"
PACKAGED, BARE = 0, -1  # in the place of a version of the registry: the adapter that comes along, and none


@dataclass(frozen=True, slots=True)
class WrittenCopy:
    """What a campaign receives: Liquid with the facts still open, and where it came from."""

    draft_id: int
    generation_id: int
    subject: str
    body: str
    writer: str
    tries: int
    drafted: int
    passed: int
    findings: tuple[Finding, ...]


class Grammar:
    """The writer that leaves every brief to the phrases."""

    provenance = {"model": "grammar", "prompt": ""}

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __call__(self, brief: CopyBrief, n: int, seed: int) -> list[str]:
        raise WriterUnavailable(self.reason)


def _generator(folder: str) -> Generator:
    """The local model with the adapter that is live now, each loaded once a process: a worker writes for many campaigns."""
    return _loaded(folder, _live())


def _live() -> int:
    live = registry.live(COPYWRITER)
    return live.pk if live else PACKAGED


@lru_cache(maxsize=1)
def _loaded(folder: str, version_id: int) -> Generator:
    """The model with the registry's adapter; without one with the packaged adapter of the default model; else as it is."""
    language = model.load(Path(folder) if folder else model.default_folder(settings.MODELS_DIR))
    adapter = None
    if version_id > 0:
        version = registry.versions(COPYWRITER).get(pk=version_id)
        payload = versions.load_payload(version)
        adapter = adapters.Adapter(version.artifact_digest, version.params["base"], version.params["recipe"], payload)
    elif version_id == PACKAGED:
        adapter = adapters.packaged()
    if adapter is None:
        return Generator(language)
    if adapter.base != language.digest:
        log.warning(
            "The adapter %s was tuned on other weights than %s: it is left out.", adapter.digest[:12], language.name
        )
        return Generator(language)
    try:
        tuned = finetune.attach(
            language, finetune.load(adapter.payload), finetune.recipe_of(adapter.recipe), adapter.digest
        )
    except ModelUnsuitable as reason:
        log.warning("%s The model writes without it.", reason)
        return Generator(language)
    return Generator(tuned, prompts.TUNED, TUNED)


@lru_cache(maxsize=1)
def _on_engine(folder: str, version_id: int, precision: str) -> engine.EngineGenerator:
    """The same model and adapter on the faster engine, exported where they are not yet."""
    language = _loaded(folder, version_id).language
    if not language.adapter:
        raise ModelUnsuitable("The writer onnx takes a tuned model: tune one with manage.py train_copywriter.")
    return engine.EngineGenerator(engine.exported(language, settings.MODELS_DIR, precision), language.tokenizer)


@lru_cache(maxsize=1)
def _endpoint() -> EndpointWriter:
    return EndpointWriter(
        Endpoint(
            url=settings.COPY_ENDPOINT,
            model=settings.COPY_ENDPOINT_MODEL,
            key=settings.COPY_ENDPOINT_KEY,
            timeout=settings.COPY_ENDPOINT_TIMEOUT,
            price_in=settings.COPY_ENDPOINT_PRICE_IN,
            price_out=settings.COPY_ENDPOINT_PRICE_OUT,
            cap=settings.COPY_ENDPOINT_CAP,
        )
    )


def _writer(locale: str):
    """Who writes in this locale, by configuration. The packaged model knows English alone."""
    chosen = settings.COPY_WRITER or ("endpoint" if settings.COPY_ENDPOINT else "model")
    if chosen == "endpoint":
        return _endpoint()
    if chosen == "grammar":
        return Grammar("The install writes by phrases (ATTUNE_COPY_WRITER=grammar).")
    if locale != ENGLISH:
        return Grammar(f"The local model does not write {locale}; phrases do, or an endpoint.")
    if chosen == "onnx":
        return _on_engine(settings.COPY_MODEL, _live(), settings.COPY_PRECISION)
    return _generator(settings.COPY_MODEL)


def write_copy(briefs: Sequence[CopyBrief], *, progress: Callable[[float], None] | None = None) -> list[WrittenCopy]:
    """One text a brief, in their order. `progress` hears the share done after each, 0 to 1."""
    if not briefs:
        return []
    used = drafts.past()
    copies = []
    for place, brief in enumerate(briefs, start=1):
        generate = _writer(brief.locale)
        began = time.monotonic()
        local = isinstance(generate, Generator)
        written = writer.drafts(
            brief,
            generate,
            LOCAL_CANDIDATES if local else CANDIDATES,
            LOCAL_TRIES if local else TRIES,
            used=used,
            provenance=generate.provenance,
            similar=meaning.similarities if brief.locale == ENGLISH else None,
            sense=sense.findings if local and generate.tuned else None,  # made for what the tuned model writes
        )
        stats, draft = written.stats, written.best
        seconds = time.monotonic() - began
        kept = drafts.keep(
            brief,
            written.drafts,
            drafted=stats.drafted,
            passed=stats.passed,
            seconds=seconds,
            error=stats.unavailable,
        )
        used.append(draft)
        copies.append(
            WrittenCopy(
                draft_id=kept.pk,
                generation_id=kept.generation_id,
                subject=slots.to_liquid(draft.subject),
                body=slots.to_liquid(draft.body),
                writer=draft.writer,
                tries=draft.tries,
                drafted=stats.drafted,
                passed=stats.passed,
                findings=draft.findings,
            )
        )
        if progress:
            progress(place / len(briefs))
    return copies


def write_job(run_id: int) -> None:
    """Writes what is still open of a job. A text that cannot be written keeps its reason, and the others are written.

    Returns quietly when somebody else holds the run.
    """
    lease = versions.claim(run_id)
    if lease is None:
        return
    job = queries.job(lease.params["job"])
    pieces = jobs.pieces_of(job) if job else []
    try:
        for place, piece in enumerate(pieces):
            versions.beat(lease, f"text {place + 1} of {len(pieces)}", place / len(pieces))
            try:
                (written,) = write_copy([CopyBrief.of(piece.brief)])
            except (BriefInvalid, ModelMissing, ModelUnsuitable) as reason:
                jobs.kept(piece, None, str(reason))
            else:
                jobs.kept(piece, written.generation_id)
        versions.finish(lease)
    except LeaseLost:
        log.warning("run %s: another worker took it over", run_id)
    except Exception as error:
        versions.fail(lease, f"{type(error).__name__}: {error}")
        raise


def write_replay(run_id: int) -> None:
    """Writes a kept generation again and leaves what came of it."""
    lease = versions.claim(run_id)
    if lease is None:
        return
    row = queries.replay_row(lease.params["replay"])
    try:
        versions.beat(lease, "writing it again", 0.1)
        found = replay(row.generation_id)
        jobs.replayed(
            row.pk, is_same=found.same, differs=list(found.differs), subject=found.subject[:200], body=found.body
        )
        versions.finish(lease)
    except CopywritingError as reason:
        jobs.replayed(row.pk, error=str(reason)[:300])
        versions.finish(lease)
    except Exception as error:
        jobs.replayed(row.pk, error=f"{type(error).__name__}: {error}"[:300])
        versions.fail(lease, f"{type(error).__name__}: {error}")
        raise


@dataclass(frozen=True, slots=True)
class Replayed:
    """What writing a generation again gave. `differs` names what is not as it was then; `same` is of the words alone."""

    same: bool
    differs: tuple[str, ...]
    subject: str
    body: str


# What has to be as it was for the same seed to give the same text.
_CONDITIONS = (
    "model",
    "digest",
    "adapter",
    "dtype",
    "torch",
    "threads",
    "cpu",
    "engine",
    "prompt",
    "sampling",
    "phrases",
)


def replay(generation_id: int) -> Replayed:
    """Writes a kept generation again under its recorded seed, batch, adapter and prompt, and compares the words.

    Raises WriterUnavailable for what an endpoint wrote: only its maker could promise the same text.
    """
    kept = drafts.generation(generation_id)
    if kept.recorded.get("endpoint"):
        raise WriterUnavailable(f"Generation {generation_id} came from an endpoint, which promises no text again.")
    if kept.writer == TEMPLATE:
        found = {name: (subject, body) for name, subject, body in grammar.drafts(kept.brief)}
        subject, body = found.get(kept.recorded["template"], ("", ""))
        differs = () if subject or body else ("phrases: the bank has changed since",)
        return Replayed((subject, body) == (kept.subject, kept.body), differs, subject, body)
    generate = _recorded(kept.recorded)
    now = json.loads(json.dumps(dict(generate.provenance)))
    differs = [
        f"{name}: {kept.recorded.get(name)!r} then, {now.get(name)!r} now"
        for name in _CONDITIONS
        if kept.recorded.get(name) != now.get(name)
    ]
    if kept.recorded.get("checks") != checks.VERSION:  # the words do not depend on it, what passes does
        differs.append(f"checks: {kept.recorded.get('checks')} then, {checks.VERSION} now")
    batch = kept.recorded["batch"]
    if places := kept.recorded.get("joined"):  # places count on over the rounds, each on the next seed
        rounds = range(max(places) // batch + 1)
        texts = [text for turn in rounds for text in generate(kept.brief, batch, kept.brief.seed + turn)]
        subject, body = joining.put(texts, places, kept.brief)
    else:
        texts = generate(kept.brief, batch, kept.recorded["seed"])
        draft = writer.judged(texts[kept.recorded["candidate"]], kept.brief)
        subject, body = draft.subject, draft.body
    same = (subject, body) == (kept.subject, kept.body)
    return Replayed(same, tuple(differs), subject, body)


def _recorded(recorded: Mapping[str, Any]) -> Generator:
    """The model with the adapter of then, where it is still kept; else as it writes now, which `differs` then says."""
    digest = recorded.get("adapter", "")
    version = registry.versions(COPYWRITER).filter(artifact_digest=digest).first() if digest else None
    known = version.pk if version is not None else PACKAGED if digest else BARE
    if recorded.get("engine"):
        return _on_engine(settings.COPY_MODEL, known, recorded["dtype"])
    return _loaded(settings.COPY_MODEL, known)
