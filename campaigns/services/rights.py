"""What a request for one's data leads to: the export, and the erasure with everything that has to go before its proof."""

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from accounts.exceptions import Refused
from campaigns.models import CouponCode, ListEntry, SegmentMember, SegmentMove, SurveyAnswer
from campaigns.queries.personal import everything
from campaigns.services import withdrawal
from customers.contracts import Channel
from customers.queries.people import records_of
from customers.services import erasure, objecting, rights
from customers.services.erasure import Erased
from customers.services.people import set_personalise
from recommendations.services import forgetting
from registry.queries import versions
from risk import services as risk

SHORTEST = 6  # letters of an address that is looked for in files: a shorter one, such as a card's “12”, stands in any


def export(request_id: int, *, actor=None) -> tuple[dict, bytes]:
    """(proof, file): everything known of the person as JSON, and the request closed. Raises Refused before `verified`."""
    with transaction.atomic():
        request = rights.verified(request_id)
        if request.kind not in (request.Kind.ACCESS, request.Kind.PORTABILITY):
            raise Refused("wrong_kind", f"This request asks for {request.get_kind_display()}; nothing is handed out.")
        known = everything(request.customer_id)
        done = rights.complete(
            request_id, actor=actor, what={"export": {room: len(part) for room, part in known.items()}}
        )
    content = {"proof": done.proof, "data": known}
    return done.proof, json.dumps(content, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False).encode()


def stop(request_id: int, *, actor=None) -> dict:
    """Carries out a verified objection (GDPR art. 21(2)-(3)): no marketing on any channel, no profiling, for good.

    Returns its signed proof, which names what was still under way. Raises Refused before `verified`.
    """
    request = rights.verified(request_id)
    if request.kind != request.Kind.OBJECTION:
        raise Refused("wrong_kind", "This request does not object to anything.")
    person = request.customer_id
    with transaction.atomic():
        rights.hold(request_id)
        objecting.record_objection(person, method="privacy_request", jurisdiction=request.jurisdiction)
        cancelled = withdrawal.fence(person, Channel.ANY)
        set_personalise(person, False, actor=actor or "subject")
    left = withdrawal.settle(lambda: withdrawal.under_way(person, Channel.ANY), settings.WITHDRAWAL_PATIENCE)
    what = {"messages_cancelled": cancelled, "messages_under_way": [one.message_id for one in left]}
    with transaction.atomic():
        return rights.complete(request_id, actor=actor, what={"objection": what}).proof


def erase(request_id: int, *, actor=None) -> dict:
    """Carries out a verified request for erasure and returns its signed proof. Raises Refused before `verified`.

    Every step may run twice: a run that was killed is carried on by the next one. The proof comes last.
    """
    request = rights.verified(request_id)
    if request.kind != request.Kind.ERASURE:
        raise Refused("wrong_kind", "This request does not ask for erasure.")
    with transaction.atomic():
        rights.hold(request_id)  # a refusal waits for this, or this raises
        erased = _erase_rows(request.customer_id)
    ids = records_of(request.customer_id)
    left = withdrawal.settle(
        lambda: withdrawal.under_way(request.customer_id, Channel.ANY), settings.WITHDRAWAL_PATIENCE
    )
    artifacts = [done for pk in ids for done in forgetting.forget_in_artifacts(pk)]
    now = timezone.now()
    files = _forget_sink(erased.addresses) if erased is not None else 0
    what = {
        "customer": request.customer_id,
        "pseudonym": erased.pseudonym if erased else "destroyed in an earlier run",
        "rows": erased.counts if erased else {},
        "messages_under_way": [one.message_id for one in left],
        "mail_files": files,
        "artifacts": {"rebuilt_or_dropped_at": now.isoformat(), "which": artifacts},
        "other_models": {"next_training_at": _next_training(now).isoformat(), "which": _other_models(artifacts)},
        "kept": "statistics, orders and events of nobody, suppressions as keyed hashes, the consent ledger",
    }
    with transaction.atomic():
        return rights.complete(request_id, actor=actor, what=what).proof


def _erase_rows(customer_id: int, method: str = "erasure") -> Erased | None:
    """All rows in one transaction, after which nothing in the database names the person."""
    with transaction.atomic():
        ids = records_of(customer_id)  # their own, and those that were found to be theirs
        cancelled = withdrawal.fence(customer_id, Channel.ANY, reason="gone")
        records = [one for pk in ids if (one := erasure.erase(pk, method=method)) is not None]
        erased = next((one for one in records if one.customer_id == customer_id), None)
        if erased is None:
            return None
        for one in records:
            erasure.register(one)
        forgotten = Counter()
        for pk in ids:
            forgotten.update(forgetting.forget(pk))
        erased.counts.update(
            forgotten,
            records=len(records),
            messages_cancelled=cancelled,
            survey_comments=SurveyAnswer.objects.filter(
                message__customer_id__in=ids, sealed_comment__isnull=False
            ).update(sealed_comment=None),
            segment_rows=sum(
                rows.objects.filter(customer_id__in=ids).delete()[0] for rows in (SegmentMember, SegmentMove, ListEntry)
            ),
            coupon_codes_unlinked=CouponCode.objects.filter(customer_id__in=ids).update(customer=None),
            risk_evidence=sum(map(risk.forget, ids)),
        )
        return erased


def repeat_erasures() -> int:
    """After a restore: erases again who was erased since that dump was written. Returns how many."""
    again = erasure.to_repeat()
    for customer_id in again:
        _erase_rows(customer_id, method="erasure_repeated")
        forgetting.forget_in_artifacts(customer_id)
    return len(again)


def _forget_sink(addresses: tuple[str, ...]) -> int:
    """What the sinks of this machine keep, which stand in for mailboxes and phones of a demo. Real ones are the person's."""
    if not settings.MAIL_SINK:
        return 0
    wanted = [address.encode() for address in addresses if len(address) >= SHORTEST]
    count = 0
    for path in Path(settings.MAIL_SINK_DIR).rglob("*") if wanted else ():
        if path.is_file() and any(address in path.read_bytes() for address in wanted):
            path.unlink(missing_ok=True)
            count += 1
    return count


def _next_training(now: datetime) -> datetime:
    hour, minute = settings.NIGHTLY_TRAINING
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def _other_models(artifacts: list[dict]) -> list[dict]:
    """Live models that learned from everybody's data and hold nobody's row: they forget at their next training."""
    touched = {one["version"] for one in artifacts if one["was"] == "dropped"}
    live = versions().filter(status="live")
    return [{"model": one.kind, "version": one.pk} for one in live if one.pk not in touched]
