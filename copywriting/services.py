"""Keeps what was written, with everything that is needed to write it again. No torch here."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction

from copywriting.contracts import CopyBrief, DraftCopy
from copywriting.models import Draft, Finding, Generation

SENTENCE = 300  # the width of a finding in the table


def keep(brief: CopyBrief, draft: DraftCopy, *, drafted: int, passed: int, seconds: float) -> Draft:
    """One generation with the draft that was chosen, its findings and its provenance, in one transaction."""
    provenance = dict(draft.provenance)
    with transaction.atomic():
        generation = Generation.objects.create(
            state=Generation.State.DONE,
            brief=_plain(asdict(brief)),
            writer=draft.writer,
            model_digest=str(provenance.get("digest", "")),
            prompt=str(provenance.get("prompt", "")),
            seed=int(provenance.get("seed", brief.seed)),
            drafted=drafted,
            passed=passed,
            tries=draft.tries,
            seconds=seconds,
            environment=_plain(provenance),
        )
        kept = Draft.objects.create(
            generation=generation,
            subject=draft.subject,
            body=draft.body,
            writer=draft.writer,
            is_usable=draft.usable,
            is_chosen=draft.usable,
        )
        Finding.objects.bulk_create(
            Finding(
                draft=kept,
                rule=finding.rule,
                severity=finding.severity,
                start=finding.span[0],
                end=finding.span[1],
                message=f"{finding.part}: {finding.message}"[:SENTENCE],
                remedy=finding.remedy[:SENTENCE],
            )
            for finding in draft.findings
        )
    return kept


def _plain(value: Any) -> Any:
    """JSON's own types alone: dates and unknown objects as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
