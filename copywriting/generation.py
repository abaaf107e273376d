"""Writes copy for briefs in a worker: the language model through the checks, kept with its provenance."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from copywriting import services
from copywriting.contracts import CopyBrief, DraftCopy, Finding
from copywriting.llm import model, slots, writer
from copywriting.llm.decode import Generator

CANDIDATES = 12  # a batch of twelve costs about four times one text; a tenth of untuned drafts pass
TRIES = 2


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


@lru_cache(maxsize=1)
def _generator(folder: str) -> Generator:
    """The model, loaded once a process: a worker writes for many campaigns."""
    path = Path(folder) if folder else model.default_folder(settings.MODELS_DIR)
    return Generator(model.load(path))


def write_copy(briefs: Sequence[CopyBrief], *, progress: Callable[[float], None] | None = None) -> list[WrittenCopy]:
    """One text a brief, in their order. `progress` hears the share done after each, 0 to 1."""
    if not briefs:
        return []
    generate = _generator(settings.COPY_MODEL)
    used: list[DraftCopy] = []
    written = []
    for place, brief in enumerate(briefs, start=1):
        began = time.monotonic()
        draft, stats = writer.write(
            brief, generate, n=CANDIDATES, max_tries=TRIES, used=used, provenance=generate.provenance
        )
        seconds = time.monotonic() - began
        kept = services.keep(brief, draft, drafted=stats.drafted, passed=stats.passed, seconds=seconds)
        used.append(draft)
        written.append(
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
    return written
