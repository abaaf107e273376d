"""Evidence packs: of a campaign, that it was approved, gated and sent as approved; of a person, that all was allowed."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from accounts.services import audit, csv_lines
from campaigns.contracts import Waterfall
from campaigns.models import Campaign
from campaigns.queries import evidence as queries
from campaigns.queries import overview
from campaigns.queries.audience import REASONS, audience_rows, message_states
from campaigns.queries.handover import all_taken
from campaigns.queries.review import approvals, settlements
from customers.services.evidence.pack import Contents, write
from customers.services.evidence.pdf import Section
from customers.services.evidence.person import Consent, note_export

CAMPAIGN_FIELDS = (
    "id", "name", "goal", "kind", "state", "channels", "holdout_share", "salt", "cap_days", "attribution_days",
    "scheduled_at", "local_at", "frozen_at", "started_at", "finished_at", "origin",
)  # fmt: skip
MODEL_FIELDS = (
    "id", "kind", "status", "data_since", "data_until", "rows", "code_revision", "artifact_format", "artifact_digest",
    "promoted_at", "promotion_reason",
)  # fmt: skip


def of_campaign(campaign: Campaign, *, actor, reason: str) -> BinaryIO:
    """The campaign's pack as an open ZIP file; that it was taken is in the audit trail."""
    facts = _campaign_facts(campaign)
    with transaction.atomic():
        audit(actor, "evidence.exported", campaign, after={"messages": facts["messages"]}, reason=reason)
    rows = {
        "audience.csv": csv_lines(("customer_id", "segment_id", "items"), _audience(campaign.pk)),
        "assignments.csv": csv_lines(
            ("customer_id", "arm", "reason", "unit", "assigned_at"), _texts(queries.assignments(campaign.pk))
        ),
        "messages.csv": csv_lines(
            (
                "message_id",
                "customer_id",
                "entry",
                "channel",
                "variant_id",
                "state",
                "reason",
                "queued_at",
                "attempted_at",
                "sent_at",
            ),
            _texts(queries.log(campaign.pk)),
        ),
    }
    made = _made(actor, reason)
    return write(
        Contents(f"Evidence of campaign {campaign.pk}: {campaign.name}", made | facts, rows, _sections(facts, made))
    )


def _campaign_facts(campaign: Campaign) -> dict:
    return {
        "kind": "campaign",
        "campaign": {name: getattr(campaign, name) for name in CAMPAIGN_FIELDS}
        | {"merchant": campaign.merchant and campaign.merchant.external_id},
        "authors": [user.get_username() for user in campaign.authors.order_by("pk")],
        "approvals": [
            {"approver": row.approver.get_username(), "at": row.at, "digest": row.digest,
             "audience_size": row.audience_size, "comment": row.comment, "content": row.content, "checks": row.checks}
            for row in approvals(campaign.pk)
        ],
        "conversation": [
            {"author": row.author.get_username(), "at": row.at, "text": row.text, "reply_to": row.reply_to_id, "id": row.pk,
             "digest": row.digest}
            for row in campaign.comments.select_related("author").order_by("pk")
        ],
        "settlements": [
            {"remark": row.comment_id, "is_resolved": row.is_resolved, "actor": row.actor.get_username(), "at": row.at}
            for row in settlements(campaign.pk)
        ],
        "steps": [
            {"action": step.action, "from": step.from_state, "to": step.to_state,
             "actor": step.actor and step.actor.get_username(), "at": step.at, "reason": step.reason}
            for step in overview.transitions(campaign.pk)
        ],
        "gate": queries.gate(campaign.pk),
        "messages": message_states(campaign.pk),
        "files": [
            {"hand_over": one.pk, "for": one.target, "asked_for": one.request.reason,
             "taken_by": one.taken_by.get_username(), "allowed_by": one.request.decided_by.get_username(), "at": one.at,
             "finished_at": one.finished_at, "people": one.people, "held_out": one.held_out, "taken_off": one.taken_off,
             "bytes": one.size, "sha256": one.digest}
            for one in all_taken(campaign.pk)
        ],
        "models": [
            {name: getattr(version, name) for name in MODEL_FIELDS}
            | {"promoted_by": version.promoted_by and version.promoted_by.get_username()}
            for version in queries.models_of(campaign)
        ],
    }  # fmt: skip


def _audience(campaign_id: int) -> Iterator[tuple]:
    for customer_id, segment_id, items in audience_rows(campaign_id):
        yield customer_id, segment_id, " ".join(map(str, items))


def _texts(rows: Iterable[tuple]) -> Iterator[tuple]:
    """Times in ISO, nothing where there is nothing."""
    for row in rows:
        yield tuple("" if v is None else v.isoformat() if hasattr(v, "isoformat") else v for v in row)


def _made(actor, reason: str) -> dict:
    return {"made_at": timezone.now(), "made_by": actor.get_username(), "made_for": reason}


def _sections(facts: dict, made: dict) -> list[Section]:
    campaign = facts["campaign"]
    about = [
        ("State", campaign["state"]), ("Channels", ", ".join(campaign["channels"])), ("Authors", ", ".join(facts["authors"])),
        ("Audience frozen", _at(campaign["frozen_at"])), ("Started", _at(campaign["started_at"])),
        ("Ended", _at(campaign["finished_at"])),
        ("Hold-out", f"{campaign['holdout_share']:g}, drawn with “{campaign['salt']}”"),
        ("Pack made", f"{_at(made['made_at'])} by {made['made_by']}, for: {made['made_for']}"),
    ]  # fmt: skip
    approved = [
        (a["approver"], _at(a["at"]), a["audience_size"], a["digest"], a["comment"]) for a in facts["approvals"]
    ]
    became: dict[int, str] = {}  # the newest of each remark
    for one in facts["settlements"]:
        word = "resolved" if one["is_resolved"] else "opened again"
        became[one["remark"]] = f"{word} by {one['actor']}, {_at(one['at'])}"
    said = [(c["author"], _at(c["at"]), c["text"], became.get(c["id"], "")) for c in facts["conversation"]]
    steps = [(s["action"], s["to"], s["actor"] or "Attune", _at(s["at"]), s["reason"]) for s in facts["steps"]]
    gate = [(REASONS.get(g["reason"], g["reason"]) if g["reason"] else g["arm"], g["people"]) for g in facts["gate"]]
    models = [
        (f"{m['kind']} {m['id']}", m["artifact_digest"], _span(m["data_since"], m["data_until"]),
         m["promoted_by"], m["promotion_reason"])
        for m in facts["models"]
    ]  # fmt: skip
    words = [(v["segment"], v["subject"], v["body"]) for a in facts["approvals"][:1] for v in a["content"]["variants"]]
    return [
        Section("The campaign", "All times are UTC.", (), about, (0.25, 0.75)),
        Section(
            "Approved by", "", ("Who", "At", "People", "Digest", "Comment"), approved, (0.14, 0.18, 0.1, 0.36, 0.22)
        ),
        Section(
            "What was worked out before it was approved",
            "By a worker, of exactly what was approved; a rehearsal by its digest.",
            ("What", "At", "Found"),
            [row for a in facts["approvals"] for row in _checked(a["checks"])],
            (0.3, 0.2, 0.5),
        ),
        Section("The words that were approved", "", ("Segment", "Subject", "Body"), words, (0.12, 0.28, 0.6)),
        Section("What the gate said", "Asked once, at the start.", ("Step", "People"), gate, (0.75, 0.25)),
        Section("Messages by state", "", ("State", "Messages"), sorted(facts["messages"].items()), (0.75, 0.25)),
        Section(
            "Files that were taken",
            "Made while they were taken, and kept nowhere.",
            ("For", "Taken by", "Let go by", "At", "In it", "SHA-256"),
            [
                (f["for"], f["taken_by"], f["allowed_by"], _at(f["at"]), f["people"], f["sha256"] or "broke off")
                for f in facts["files"]
            ],
            (0.1, 0.12, 0.12, 0.18, 0.08, 0.4),
        ),
        Section(
            "Models",
            "",
            ("Version", "Artifact", "Learnt from", "Promoted by", "Why"),
            models,
            (0.16, 0.3, 0.24, 0.12, 0.18),
        ),
        Section("Steps", "", ("Step", "To", "Who", "At", "Why"), steps, (0.14, 0.14, 0.14, 0.2, 0.38)),
        Section("What was said of it", "", ("Who", "At", "Words", "Then"), said, (0.14, 0.2, 0.42, 0.24)),
    ]


def _checked(checks: dict) -> Iterator[tuple]:
    """Of one approval: words that were tried on everybody, and the rehearsal that lay before the approver."""
    if "reading" in checks:
        one = checks["reading"]
        yield ("Words tried on everybody", _when(one["at"]), f"{one['tried']:,} messages filled, none failed")
    if "rehearsal" in checks:
        one = checks["rehearsal"]
        gate = Waterfall.of_plain(one["gate"])
        found = f"{gate.audience:,} people: {gate.treated:,} to be written to, {gate.holdout:,} held out, "
        yield (f"Rehearsal {one['digest'][:16]}", _when(one["at"]), f"{found}{gate.excluded:,} left out")


def _when(text: str) -> str:
    return _at(datetime.fromisoformat(text))


def _span(since, until) -> str:
    return f"{_at(since)} to {_at(until)}" if until else "not recorded"


def _at(moment) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def of_person(customer, *, actor, reason: str, chain: bool) -> BinaryIO:
    """The person's pack as an open ZIP file. No contact data is in it; that it was taken is in the audit trail."""
    note_export(actor, customer, chain=chain, reason=reason)
    consent = Consent(customer.pk, chain=chain)
    made = _made(actor, reason)
    messages = [
        {"message": m.pk, "campaign": m.campaign_id, "name": m.campaign.name, "channel": m.channel, "state": m.state,
         "reason": m.reason, "sent_at": m.sent_at}
        for m in queries.sent_to(customer.pk)
    ]  # fmt: skip
    arms = [
        {"campaign": a.campaign_id, "name": a.campaign.name, "arm": a.arm, "reason": a.reason, "at": a.assigned_at}
        for a in queries.assigned(customer.pk)
    ]
    evidence = {
        **made,
        "kind": "person",
        "person": {
            "id": customer.pk,
            "external_id": customer.external_id,
            "jurisdiction": customer.jurisdiction,
            "personalise": customer.personalise,
            "erased_at": customer.erased_at,
        },
        **consent.facts(),
        "messages": messages,
        "assignments": arms,
    }
    sections = [
        Section(
            "The person",
            "No contact data is in this pack. All times are UTC.",
            (),
            [
                ("Id of the platform", customer.external_id),
                ("Law of", customer.jurisdiction),
                ("Erased", _at(customer.erased_at)),
                ("Pack made", f"{_at(made['made_at'])} by {made['made_by']}, for: {reason}"),
            ],
            (0.25, 0.75),
        ),
        *consent.sections(),
        Section(
            "Messages",
            "What was sent, and what was held back and why.",
            ("Campaign", "Channel", "State", "Why", "Sent"),
            [(m["name"], m["channel"], m["state"], m["reason"], _at(m["sent_at"])) for m in messages],
            (0.3, 0.12, 0.16, 0.22, 0.2),
        ),
        Section(
            "Arms",
            "What the gate said of this person in each campaign.",
            ("Campaign", "Arm", "Why", "At"),
            [(a["name"], a["arm"], a["reason"], _at(a["at"])) for a in arms],
            (0.4, 0.2, 0.2, 0.2),
        ),
    ]
    return write(Contents(f"Evidence of {customer.external_id}", evidence, consent.files(), sections))
