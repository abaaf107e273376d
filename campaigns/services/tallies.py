"""Questions about people that a page must not wait for: asked by a page, answered by a worker, read by the page again."""

import hashlib
import json
import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from campaigns.contracts import Cap
from campaigns.exceptions import NotReady, RuleRefused
from campaigns.models import Campaign, Segment, Tally
from campaigns.queries.audience import caps_of
from campaigns.queries.foresight import Asked, foresee
from campaigns.queries.membership import MOST_OVERLAPPING, numbers, overlap
from campaigns.queries.rehearsal import rehearsal
from campaigns.queries.segments import compile_rule, people
from campaigns.services import readthrough
from campaigns.services.approval import content_digest
from campaigns.services.audience import LEAST_WAVE
from campaigns.services.foretold import foretell
from campaigns.services.messages import unrenderable

log = logging.getLogger(__name__)

STALE = timedelta(minutes=10)  # asked again after this, an answer is worked out anew
LEASE = timedelta(minutes=10)  # longer than any rule may take
KEPT = timedelta(days=7)
State = Tally.State


def ask_count(rule: dict, *, merchant_id: int | None = None, slug: str = "") -> Tally:
    """How many people this rule holds for, whether it is saved or not. Raises RuleRefused."""
    compile_rule(rule, merchant_id=merchant_id, slug=slug)
    return _ask(Tally.Kind.COUNT, {"rule": rule, "merchant": merchant_id, "slug": slug})


def ask_overlap(segment_ids: list[int]) -> Tally:
    """How many people are in which of these segments together. Raises RuleRefused for fewer than two or too many."""
    wanted = sorted(set(segment_ids))
    if not 2 <= len(wanted) <= MOST_OVERLAPPING:
        raise RuleRefused("segments", "An overlap is of two segments or more.", f"Choose 2 to {MOST_OVERLAPPING}.")
    versions = dict(Segment.objects.filter(pk__in=wanted).values_list("pk", "version"))
    return _ask(Tally.Kind.OVERLAP, {"segments": wanted, "versions": [versions.get(pk, 0) for pk in wanted]})


def ask_rehearsal(campaign: Campaign) -> Tally:
    """What the send of this campaign, as it stands, would be. Raises NotReady before its audience is frozen."""
    if campaign.frozen_at is None:
        raise NotReady(("The audience is frozen when the drafts are made: ask for them first.",))
    return _ask(Tally.Kind.REHEARSAL, _rehearsed(campaign))


def rehearsal_of(campaign: Campaign) -> Tally | None:
    """The newest rehearsal of this campaign, which may be of an earlier version of it."""
    rows = Tally.objects.filter(kind=Tally.Kind.REHEARSAL, question__campaign=campaign.pk)
    return rows.order_by("-asked_at", "-pk").first()


def is_of(row: Tally, campaign: Campaign) -> bool:
    """Whether this rehearsal was of the campaign as it stands now."""
    return row.question == _rehearsed(campaign)


def ask_review(campaign: Campaign) -> Tally:
    """What a reviewer has to know of this campaign, as it stands. Raises NotReady before its audience is frozen."""
    if campaign.frozen_at is None:
        raise NotReady(("The audience is frozen when the drafts are made: ask for them first.",))
    return _ask(Tally.Kind.REVIEW, readthrough.state_of(campaign))


def review_of(campaign: Campaign) -> Tally | None:
    """The newest reading of exactly what the campaign is now."""
    return Tally.objects.filter(digest=_digest(Tally.Kind.REVIEW, readthrough.state_of(campaign))).first()


def read_through(campaign: Campaign) -> Tally:
    """The reading of this campaign, worked out here and now unless a worker has it: for commands, which no page is kept by."""
    row = ask_review(campaign)
    answer(row.pk)
    row.refresh_from_db()
    return row


def _rehearsed(campaign: Campaign) -> dict:
    frozen = campaign.frozen_at and campaign.frozen_at.isoformat()
    return {"campaign": campaign.pk, "frozen_at": frozen, "content": content_digest(campaign)}


def ask_plan(campaign: Campaign, segment_ids: list[int]) -> Tally:
    """Whom caps would hold back and nights delay, if this plan, saved or not, went to these segments as it stands."""
    versions = dict(Segment.objects.filter(pk__in=segment_ids).values_list("pk", "version"))
    is_timed = campaign.late_after is not None and campaign.scheduled_at
    question = {
        "segments": segment_ids,
        "versions": [versions.get(pk, 0) for pk in segment_ids],
        "channels": list(campaign.channels),
        "caps": [[cap.channel, cap.messages, cap.days] for cap in caps_of(campaign)],
        "at": campaign.scheduled_at.isoformat() if is_timed else "",
        "local_at": campaign.local_at,
        "keeps_email_quiet": campaign.keeps_email_quiet,
    }
    return _ask(Tally.Kind.PLAN, question)


def _ask(kind: str, question: dict) -> Tally:
    digest = _digest(kind, question)
    row, _ = Tally.objects.get_or_create(digest=digest, defaults={"kind": kind, "question": question})
    old = Q(state=State.FAILED) | Q(state=State.DONE, answered_at__lt=timezone.now() - STALE)
    # An old answer stays to be shown, with its age, until the new one is there.
    Tally.objects.filter(old, pk=row.pk).update(state=State.ASKED, asked_at=timezone.now(), message="", done=0.0)
    row.refresh_from_db()
    return row


def _digest(kind: str, question: dict) -> str:
    text = json.dumps([kind, question], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def waiting() -> list[int]:
    """Questions that a worker may take, the oldest first: also those whose worker was lost."""
    lost = Q(state=State.WORKING, claimed_until__lt=timezone.now())
    return list(Tally.objects.filter(lost | Q(state=State.ASKED)).order_by("pk").values_list("pk", flat=True))


def answer(tally_id: int) -> bool:
    """Works one out; False when somebody else has it."""
    now = timezone.now()
    free = Q(state=State.ASKED) | Q(state=State.WORKING, claimed_until__lt=now)
    if not Tally.objects.filter(free, pk=tally_id).update(state=State.WORKING, claimed_until=now + LEASE):
        return False
    row = Tally.objects.get(pk=tally_id)
    try:
        found = ANSWERS[row.kind](row)
    except (RuleRefused, NotReady, Campaign.DoesNotExist, DatabaseError) as fault:
        log.warning("tally %s failed: %s", tally_id, type(fault).__name__)
        words = str(fault) if isinstance(fault, RuleRefused | NotReady) else "The database could not work this out."
        _finish(tally_id, State.FAILED, message=words[:300])
        return True
    _finish(tally_id, State.DONE, answer=found, answered_at=now)
    return True


def _finish(tally_id: int, state: str, **fields) -> None:
    Tally.objects.filter(pk=tally_id, state=State.WORKING).update(state=state, claimed_until=None, **fields)


def _told(row: Tally, share: float) -> None:
    """How far it is, for whoever waits; and the claim holds on."""
    claimed_until = timezone.now() + LEASE
    Tally.objects.filter(pk=row.pk, state=State.WORKING).update(done=round(share, 3), claimed_until=claimed_until)


@transaction.atomic
def _count(row: Tally) -> dict:
    question = row.question
    found = numbers(people(question["rule"], merchant_id=question["merchant"], slug=question["slug"]))
    return {"size": found.size, "reach": found.reach, "sample": found.sample}


@transaction.atomic
def _overlap(row: Tally) -> dict:
    return {"parts": [[list(part.places), part.people] for part in overlap(row.question["segments"])]}


def _review(row: Tally) -> dict:
    return readthrough.read(row.question, partial(_told, row))


@transaction.atomic
def _rehearse(row: Tally) -> dict:
    """Times as ISO 8601, so that the row holds them; the gate as (reason, people) in its order."""
    campaign = Campaign.objects.select_related("offer", "merchant").get(pk=row.question["campaign"])
    left_out = unrenderable(campaign)
    found = rehearsal(campaign, now=timezone.now(), unrenderable=left_out, least_wave=LEAST_WAVE)
    foretold = foretell(campaign, left_out, found.gate.treated)
    return {
        "lengths": [asdict(one) for one in foretold.lengths],
        "samples": [asdict(one) for one in foretold.samples],
        "codes": foretold.codes,
        "begins": found.begins.isoformat(),
        "unrenderable": found.unrenderable,
        "gate": found.gate.as_plain(),
        "channels": {one.channel: one.as_plain() for one in found.gate.channels},
        "waves": [
            {"channel": w.channel, "number": w.number, "messages": w.messages, "begins": w.begins.isoformat(),
             "ends": w.ends.isoformat()}
            for w in found.waves
        ],
        "asleep": [{"channel": a.channel, "until": a.until.isoformat(), "people": a.people} for a in found.asleep],
    }  # fmt: skip


@transaction.atomic
def _foresee(row: Tally) -> dict:
    """By channel, with times as ISO 8601. What waits for a release or an event is asked about as of now."""
    now, question = timezone.now(), row.question
    found = Segment.objects.in_bulk(question["segments"])
    asked = Asked(
        channels=question["channels"],
        caps=[Cap(*cap) for cap in question["caps"]],
        at=max(now, datetime.fromisoformat(question["at"])) if question["at"] else now,
        local_at=question["local_at"],
        keeps_email_quiet=question["keeps_email_quiet"],
    )
    return {
        "channels": [
            {"channel": one.channel, "people": one.people, "capped": one.capped, "asleep": one.asleep,
             "until": one.until and one.until.isoformat()}
            for one in foresee([found[pk] for pk in question["segments"] if pk in found], asked)
        ]
    }  # fmt: skip


ANSWERS = {
    Tally.Kind.COUNT: _count,
    Tally.Kind.OVERLAP: _overlap,
    Tally.Kind.REHEARSAL: _rehearse,
    Tally.Kind.PLAN: _foresee,
    Tally.Kind.REVIEW: _review,
}


def forget() -> None:
    Tally.objects.filter(asked_at__lt=timezone.now() - KEPT).delete()
