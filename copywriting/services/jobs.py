"""Texts that somebody asks for together: a job with a piece for each text, written by a worker, accepted one by one."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.services import audit
from catalog.services.descriptions import describe
from copywriting.contracts import DESCRIPTION, ERROR, CopyBrief
from copywriting.exceptions import NotAcceptable
from copywriting.models import Draft, Generation, Job, Piece, Replay
from copywriting.services.briefs import judge, realise
from copywriting.services.drafts import plain, stated_in
from copywriting.services.provenance import changed_facts, moved
from registry import services as runs

JOB, REPLAY = "copy-job", "copy-replay"  # the kinds of run that a worker looks for
REASON = 300  # the width of a piece's error


def ask(
    kind: str,
    name: str,
    briefs: Iterable[tuple[CopyBrief, int | None]],
    *,
    actor,
    asked: dict | None = None,
    merchant_id: int | None = None,
) -> Job:
    """Leaves a job with a piece for each (brief, product id); the door then nudges the worker."""
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind, name=name[:120], asked=plain(asked or {}), merchant_id=merchant_id, asked_by=actor
        )
        Piece.objects.bulk_create(
            [
                Piece(job=job, place=place, brief=plain(asdict(brief)), product_id=product_id)
                for place, (brief, product_id) in enumerate(briefs)
            ],
            batch_size=500,
        )
        job.run = runs.ask(JOB, {"job": job.pk}, actor)
        job.save(update_fields=["run"])
        audit(actor, "copy.asked", job, after={"name": job.name, "kind": kind})
    return job


def ask_again(piece_brief: CopyBrief, changes: dict[str, Any], *, kind: str, name: str, actor, **of: Any) -> Job:
    """One text once more, with what is to be different, on a seed of its own."""
    brief = replace(piece_brief, **{"seed": piece_brief.seed + 1, **changes})
    return ask(kind, name, [(brief, of.pop("product_id", None))], actor=actor, asked=changes, **of)


def kept(piece: Piece, generation_id: int | None, error: str = "") -> None:
    Piece.objects.filter(pk=piece.pk).update(generation_id=generation_id, error=error[:REASON])


def ask_replay(generation: Generation, *, actor) -> Replay:
    with transaction.atomic():
        row = Replay.objects.create(generation=generation)
        row.run = runs.ask(REPLAY, {"replay": row.pk}, actor)
        row.save(update_fields=["run"])
        audit(actor, "copy.replayed", generation, after={"replay": row.pk})
    return row


def replayed(replay_id: int, **found: Any) -> None:
    Replay.objects.filter(pk=replay_id).update(**found)


def hindrances(draft: Draft, brief: CopyBrief) -> list[str]:
    """Why this draft cannot be accepted today: rules it breaks, and facts whose rows have changed since; [] when it can."""
    stated = stated_in(draft)
    found = [
        *judge(brief, draft.subject, draft.body, writer=draft.writer, stated=stated),
        *changed_facts(draft.subject, draft.body, stated),
    ]
    reasons = [f"{one.rule}: {one.message} {one.remedy}" for one in found if one.severity == ERROR]
    return list(dict.fromkeys(reasons))


def accept(piece_id: int, draft_id: int, *, actor) -> Piece:
    """Takes a draft of the piece; a description is written to its product with the facts in place.

    Raises NotAcceptable for a draft that breaks a rule, one of another piece, or one whose facts have changed since.
    """
    with transaction.atomic():
        piece = Piece.objects.select_for_update(of=("self",)).select_related("job").get(pk=piece_id)
        draft = Draft.objects.filter(pk=draft_id, generation_id=piece.generation_id).first()
        if draft is None or piece.generation_id is None:
            raise NotAcceptable("This draft was not written for this text.")
        brief = CopyBrief.of(piece.brief)
        reasons = hindrances(draft, brief)
        changed = moved(brief.facts)
        if changed:
            reasons.append("facts: the catalogue has changed since the brief; ask for the text again.")
        if reasons:
            raise NotAcceptable(" ".join(reasons))
        before = ""
        if brief.channel == DESCRIPTION and piece.product_id is not None:
            text = realise(brief, draft.subject, draft.body).body
            before = describe(piece.product_id, text, actor=actor)
        Piece.objects.filter(pk=piece.pk).update(accepted=draft, accepted_by=actor, accepted_at=timezone.now())
        Draft.objects.filter(generation=draft.generation_id).update(is_chosen=False)
        Draft.objects.filter(pk=draft.pk).update(is_chosen=True)
        audit(actor, "copy.accepted", piece, before={"description": before}, after={"draft": draft.pk})
    piece.refresh_from_db()
    return piece


def pieces_of(job: Job) -> Sequence[Piece]:
    """What is still to be written, in order: a second attempt goes on where the first was lost."""
    return list(job.pieces.filter(generation=None, error="").order_by("place"))
