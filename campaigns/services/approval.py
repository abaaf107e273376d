"""Four eyes on exactly this: the digest binds content, audience, offer, schedule, model version and each person's items."""

import hashlib
import json
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.contracts import Capability
from accounts.services import audit
from campaigns.exceptions import ApprovalRefused
from campaigns.models import Approval, Campaign, Comment, Settlement
from campaigns.queries.audience import audience_lines, audience_size
from campaigns.queries.handover import ads
from campaigns.queries.readings import reading_of, rehearsal_of
from campaigns.queries.segments import foundations
from campaigns.queries.wording import current
from campaigns.services.lifecycle import move
from campaigns.services.words import faults, unwritten
from campaigns.state import Action, CampaignState, Kind
from copywriting.services.drafts import learn

# A day: the words were tried on the prices, the stock and the people of then.
READ_FOR = timedelta(days=1)
# Who was in it, beside the approval: the audience itself is frozen anew one day, and the next reviewer asks who came and went.
KEEP = """
INSERT INTO campaigns_approvedpeople (approval_id, segment_id, customers, choices)
SELECT %(approval)s, segment_id, array_agg(customer_id ORDER BY customer_id),
       array_agg(hashtextextended(items::text, 0) ORDER BY customer_id)
FROM campaigns_audiencemember WHERE campaign_id = %(campaign)s GROUP BY segment_id
"""


def content_of(campaign: Campaign) -> dict:
    """Everything that the digest is made of but the audience rows, as plain data that an auditor can read."""
    offer = campaign.offer
    return _advertised(campaign) | {
        "campaign": {
            "id": campaign.pk,
            "name": campaign.name,
            "goal": campaign.goal,
            "merchant": campaign.merchant_id,
            "tone": campaign.tone,
            "kind": campaign.kind,
            "trigger": campaign.trigger,
            "channels": campaign.channels,
            "holdout_share": campaign.holdout_share,
            "items_per_message": campaign.items_per_message,
            "block": campaign.block,
            "festival": campaign.festival,
            "codes": campaign.codes,
            "shared_code": campaign.shared_code,
            "utm_campaign": campaign.utm_campaign,
            "split": campaign.split,
            "cap_days": campaign.cap_days,
            "caps": campaign.caps,
            "attribution_days": campaign.attribution_days,
            "scheduled_at": campaign.scheduled_at and campaign.scheduled_at.isoformat(),
            "local_at": campaign.local_at,
            "places": campaign.places,
            "per_second": campaign.per_second,
            "waves": campaign.waves,
            "wave_wait": campaign.wave_wait.total_seconds(),
            "stop_limits": campaign.stop_limits,
            "keeps_email_quiet": campaign.keeps_email_quiet,
            "late_after": campaign.late_after and campaign.late_after.total_seconds(),
            "salt": campaign.salt,
        },
        "offer": offer
        and {
            "id": offer.pk,
            "version": offer.version,
            "kind": offer.kind,
            "value": offer.value and str(offer.value),
            "currency": offer.currency,
            "ends_at": offer.ends_at.isoformat(),
        },
        "segments": [
            {
                "id": part.segment_id,
                "version": part.segment.version,
                "rule": part.segment.rule,
                "priority": part.priority,
                **_beneath(part.segment.rule),
            }
            for part in campaign.campaign_segments.select_related("segment")
        ],
        "variants": _words(campaign),
        "model_version": campaign.recommender_id,
    }


def _words(campaign: Campaign) -> list[dict]:
    """The channel is named where there is more than one: what was approved before words had a channel holds."""
    rows = list(current(campaign))
    several = len({one.channel for one in rows}) > 1
    return [
        {"id": v.pk, "segment": v.segment_id, "label": v.label, "subject": v.subject, "body": v.body}
        | ({"channel": v.channel} if several else {})
        for v in rows
    ]


def _beneath(rule: dict) -> dict:
    beneath = [{"id": s.pk, "slug": s.slug, "version": s.version, "rule": s.rule} for s in foundations(rule)]
    return {"builds_on": beneath} if beneath else {}


def _advertised(campaign: Campaign) -> dict:
    """The words of its advertisements, where it makes audience lists."""
    if "social" not in campaign.channels:
        return {}
    rows = ads(campaign)
    return {
        "ads": [
            {"segment": one.segment_id, "target": one.target, "subject": one.subject, "body": one.body} for one in rows
        ]
    }


def digest_of(campaign: Campaign) -> tuple[str, dict, int]:
    """(digest, content, audience size). The digest is SHA-256 over the canonical JSON of the content and every row of the
    frozen audience; a triggered campaign's audience are examples, which it does not bind.
    """
    content = content_of(campaign)
    hasher = hashlib.sha256(_canonical(content))
    size = 0
    if campaign.kind == Kind.TRIGGERED:
        return hasher.hexdigest(), content, audience_size(campaign.pk)
    for lines, people in audience_lines(campaign.pk):
        hasher.update(lines.encode())
        size += people
    return hasher.hexdigest(), content, size


def content_digest(campaign: Campaign) -> str:
    """Of the content alone, without the audience: which version of plan and words something was said of."""
    return hashlib.sha256(_canonical(content_of(campaign))).hexdigest()


def _canonical(content: dict) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def approve(campaign_id: int, *, approver, seen_digest: str, comment: str = "") -> Approval:
    """Approves exactly what the approver saw. Raises ApprovalRefused for an author, without the right, for an empty
    audience, or when the campaign changed since the page was shown; TransitionRefused in another state.
    """
    with transaction.atomic():
        campaign = (
            Campaign.objects.select_for_update(of=("self",)).select_related("offer", "merchant").get(pk=campaign_id)
        )
        if not approver.can(Capability.CAMPAIGN_APPROVE):
            raise ApprovalRefused("no_right", "Your roles do not allow you to approve campaigns.")
        if campaign.authors.filter(pk=approver.pk).exists():
            raise ApprovalRefused("own_work", "You worked on this campaign; somebody else has to approve it.")
        digest, content, size = digest_of(campaign)
        if digest != seen_digest:
            raise ApprovalRefused("moved", "The campaign changed since you opened this page; read it again.")
        if not size:
            raise ApprovalRefused("empty", "Nobody is in the audience; widen a segment first.")
        wrong = [*unwritten(campaign), *faults(campaign)]
        if wrong:
            raise ApprovalRefused("words", f"The words do not pass: {' '.join(wrong[:3])}")
        approval = Approval.objects.create(
            campaign=campaign,
            approver=approver,
            digest=digest,
            content=content,
            audience_size=size,
            checks=_checks(campaign, digest),
            comment=comment,
        )
        if campaign.kind != Kind.TRIGGERED:
            with connection.cursor() as cursor:
                cursor.execute(KEEP, {"approval": approval.pk, "campaign": campaign.pk})
        for variant in current(campaign).exclude(generation=None):
            learn(variant.generation_id, subject=variant.subject, body=variant.body)
        move(campaign_id, Action.APPROVE, actor=approver, reason=comment)
        return approval


def _checks(campaign: Campaign, digest: str) -> dict:
    """What was worked out about exactly this, to stand with the approval. Raises ApprovalRefused while its words were not tried
    on everybody, and where they cannot be filled for somebody.
    """
    read = reading_of(campaign.pk, digest, since=timezone.now() - READ_FOR)
    if read is None:
        raise ApprovalRefused("unread", "A worker has yet to try these words on everybody: wait for it, then approve.")
    if read.answer["failures"]:
        first = read.answer["failures"][0]
        words = f"{first['cause']} {first['remedy']}"
        raise ApprovalRefused("unfilled", f"{read.answer['failing']:,} messages cannot be filled: {words}")
    found = {
        "reading": {"at": read.answered_at.isoformat(), "tried": read.answer["tried"], "gate": read.answer["gate"]}
    }
    rehearsed = rehearsal_of(campaign.pk, campaign.frozen_at, content_digest(campaign))
    if rehearsed is not None:
        kept = {name: rehearsed.answer[name] for name in ("begins", "gate", "channels", "waves", "unrenderable")}
        found["rehearsal"] = {"digest": rehearsed.digest, "at": rehearsed.answered_at.isoformat(), **kept}
    return found


def valid_until(approval: Approval) -> datetime:
    """The end of an approval by its age: what was agreed to long ago is read again before it is sent."""
    return approval.at + timedelta(days=settings.APPROVAL_DAYS)


def newest_of(campaign: Campaign) -> Approval | None:
    """The approval that counts, with who gave it."""
    return campaign.approvals.select_related("approver").order_by("-pk").first()


def is_too_old(campaign: Campaign) -> bool:
    """Whether what the newest approval agreed to has waited for longer than an approval holds."""
    newest = newest_of(campaign)
    return newest is not None and valid_until(newest) <= timezone.now()


def comment(campaign_id: int, *, author, text: str, reply_to: int | None = None) -> Comment:
    """Adds to the conversation about a campaign, with the digest of the content that it was said of. Raises ApprovalRefused
    for an empty text and for a reply to what was not said here.
    """
    if not text.strip():
        raise ApprovalRefused("no_text", "Write what you want to say.")
    with transaction.atomic():
        campaign = Campaign.objects.select_related("offer").get(pk=campaign_id)
        if reply_to is not None and not Comment.objects.filter(pk=reply_to, campaign=campaign).exists():
            raise ApprovalRefused("no_comment", "What you reply to does not belong to this campaign: reload the page.")
        row = Comment.objects.create(
            campaign=campaign, author=author, text=text.strip(), reply_to_id=reply_to, digest=content_digest(campaign)
        )
        audit(author, "campaign.commented", campaign, after={"comment": row.pk})
        return row


def settle(campaign_id: int, comment_id: int, *, actor, is_resolved: bool) -> Settlement:
    """Resolves a remark, or opens it again. Raises ApprovalRefused for what is no remark of this campaign, and where somebody
    else was faster.
    """
    with transaction.atomic():
        # Of two who press at once one is second.
        campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign_id)
        if not Comment.objects.filter(pk=comment_id, campaign=campaign, reply_to=None).exists():
            raise ApprovalRefused("no_comment", "This remark does not belong to this campaign: reload the page.")
        newest = Settlement.objects.filter(comment=comment_id).order_by("-pk").first()
        if (newest is not None and newest.is_resolved) == is_resolved:
            state = "resolved" if is_resolved else "open"
            raise ApprovalRefused("settled", f"This remark is {state} already: somebody else was faster.")
        row = Settlement.objects.create(comment_id=comment_id, is_resolved=is_resolved, actor=actor)
        action = "campaign.remark_resolved" if is_resolved else "campaign.remark_reopened"
        audit(actor, action, campaign, after={"comment": comment_id})
        return row


def send_back(campaign_id: int, *, actor, reason: str) -> None:
    """Back to draft with what has to change. Raises ApprovalRefused without a reason."""
    if not reason.strip():
        raise ApprovalRefused("no_reason", "Say what has to change.")
    move(campaign_id, Action.SEND_BACK, actor=actor, reason=reason)


def still_approved(campaign: Campaign) -> bool:
    """Whether the newest approval is of exactly what the campaign is now."""
    if campaign.state not in (CampaignState.APPROVED, CampaignState.SCHEDULED):
        return False
    return holds(campaign)


def holds(campaign: Campaign) -> bool:
    """Whether the newest approval is of exactly what the campaign is now, whatever state it is in."""
    newest = newest_of(campaign)
    return newest is not None and newest.digest == digest_of(campaign)[0]
