"""What was written, with everything that is needed to write it again, and what people approved of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from accounts.services import audit
from copywriting.contracts import ERROR, PERSON, CopyBrief, DraftCopy, Fact
from copywriting.contracts import Finding as Found
from copywriting.exceptions import SourceMissing, WriterUnavailable
from copywriting.llm import slots
from copywriting.models import Draft, Example, Finding, Generation, StatedFact
from copywriting.services.briefs import lint, places, unbacked

SENTENCE = 300  # the width of a finding in the table


def learn(generation_id: int, *, subject: str, body: str) -> Example | None:
    """Keeps an approved text for the next tuning; None when it holds more template code than our slots.

    `subject` and `body` are the message template as it was approved. Called twice for one text, it keeps it once.
    """
    slotted = tuple(slots.from_liquid(text) for text in (subject, body))
    if None in slotted:
        return None
    same = {"generation_id": generation_id, "subject": slotted[0], "body": slotted[1]}
    written = Draft.objects.filter(generation_id=generation_id).values_list("subject", "body")
    kept = Example.objects.filter(**same).first()
    return kept or Example.objects.create(**same, is_edited=slotted not in set(written))


PAST = 40  # texts that a new one should be unlike: a quarter's campaigns of a middling shop


def past() -> list[DraftCopy]:
    """The newest chosen texts, newest first: what readers may still remember."""
    rows = Draft.objects.filter(is_chosen=True).order_by("-pk").values_list("subject", "body", "writer")[:PAST]
    return [DraftCopy(subject=subject, body=body, writer=writer) for subject, body, writer in rows]


@dataclass(frozen=True)
class Kept:
    """A generation as it was kept: the brief, its best draft, and the conditions under which it was written."""

    brief: CopyBrief
    writer: str
    subject: str
    body: str
    recorded: Mapping[str, Any]


def generation(generation_id: int) -> Kept:
    """Raises Generation.DoesNotExist for an unknown id, WriterUnavailable where a person wrote and nothing else did.

    The conditions are those of the draft that the writer ranked first, whichever somebody edited or accepted since.
    """
    row = Generation.objects.get(pk=generation_id)
    draft = row.drafts.exclude(writer=PERSON).order_by("pk").first()
    if draft is None:
        raise WriterUnavailable(f"Generation {generation_id} was written by hand: no writer could write it again.")
    return Kept(CopyBrief.of(row.brief), row.writer, draft.subject, draft.body, row.environment)


def keep(
    brief: CopyBrief, drafts: Sequence[DraftCopy], *, drafted: int, passed: int, seconds: float, error: str = ""
) -> Draft:
    """One generation with its distinct drafts, their findings and provenance, in one transaction. The first is chosen."""
    best = drafts[0]
    provenance = dict(best.provenance)
    with transaction.atomic():
        generation = Generation.objects.create(
            state=Generation.State.DONE,
            brief=plain(asdict(brief)),
            writer=best.writer,
            model_digest=str(provenance.get("digest", "")),
            prompt=str(provenance.get("prompt", "")),
            seed=int(provenance.get("seed", brief.seed)),
            drafted=drafted,
            passed=passed,
            tries=best.tries,
            seconds=seconds,
            environment=plain(provenance),
            error=error,
        )
        kept = [_kept(generation, draft, is_chosen=place == 0 and draft.usable) for place, draft in enumerate(drafts)]
    return kept[0]


def edit(draft: Draft, *, subject: str, body: str, stated: Sequence[Fact], actor) -> Draft:
    """A text by hand, kept beside the one that it came from, with its findings and the facts stated in it.

    Raises SourceMissing for a number, a date or an amount that nobody says the source of.
    """
    brief = CopyBrief.of(draft.generation.brief)
    return by_hand(brief, draft.generation, subject=subject, body=body, stated=stated, actor=actor, parent=draft)


def by_hand(
    brief: CopyBrief,
    generation: Generation | None,
    *,
    subject: str,
    body: str,
    stated: Sequence[Fact],
    actor,
    parent: Draft | None = None,
) -> Draft:
    """As `edit`, for a text that may have come from no generation: then the brief is kept with it."""
    waiting = unbacked(brief, subject, body, stated)
    if waiting:
        raise SourceMissing(waiting)
    findings = lint(brief, subject, body, stated)
    said = f"{subject}\n{body}"
    with transaction.atomic():
        generation = generation or Generation.objects.create(
            state=Generation.State.DONE, brief=plain(asdict(brief)), writer=PERSON, seed=brief.seed
        )
        kept = Draft.objects.create(
            generation=generation,
            subject=subject,
            body=body,
            writer=PERSON,
            is_usable=not any(one.severity == ERROR for one in findings),
            parent=parent,
            edited_by=actor,
        )
        _keep_findings(kept, findings)
        StatedFact.objects.bulk_create(
            StatedFact(draft=kept, value=fact.value, source=fact.source, stated_by=actor)
            for fact in {fact.value.lower(): fact for fact in stated}.values()
            if places(said, fact.value)
        )
        audit(actor, "copy.edited", kept, after={"subject": subject, "body": body})
    return kept


def stated_in(draft: Draft) -> tuple[Fact, ...]:
    """The facts that people stated in a text by hand; an edit of it states those again that it still says."""
    return tuple(Fact("stated", fact.value, fact.source) for fact in draft.stated_facts.all())


def _kept(generation: Generation, draft: DraftCopy, *, is_chosen: bool) -> Draft:
    kept = Draft.objects.create(
        generation=generation,
        subject=draft.subject,
        body=draft.body,
        writer=draft.writer,
        is_usable=draft.usable,
        is_chosen=is_chosen,
    )
    _keep_findings(kept, draft.findings)
    return kept


def _keep_findings(kept: Draft, findings: Sequence[Found]) -> None:
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
        for finding in findings
    )


def plain(value: Any) -> Any:
    """JSON's own types alone: dates and unknown objects as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
