"""Why somebody got a campaign, or why not: what the gate said per channel, the arm, and what became of each message."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Assignment, AudienceMember, Campaign, Exclusion, Message
from customers.queries.people import records_of

SHOWN = 50  # campaigns of one person, the newest first


@dataclass(frozen=True)
class Heard:
    """One channel for one person. `reason` is a code of the gate or of the send; "" where nothing stood in the way."""

    channel: str
    state: str  # of the message; "" when none was built
    reason: str
    at: datetime | None = None
    not_before: datetime | None = None  # of a message that still waits
    error: str = ""
    entry: int = 1


@dataclass(frozen=True)
class Answer:
    campaign: Campaign
    segment: str  # "": not in the audience when it was frozen
    arm: str  # treated, holdout, excluded; "": the gate was not asked yet
    reason: str  # why they were excluded on all channels
    unit: str  # what the arm was drawn for
    at: datetime | None
    channels: tuple[Heard, ...]


def of_campaign(campaign: Campaign, customer_id: int) -> Answer:
    """Four queries, whoever it is; also about records that were merged into this person."""
    records = records_of(customer_id)
    row = Assignment.objects.filter(campaign=campaign, customer__in=records).select_related("segment").first()
    if row is None:
        member = (
            AudienceMember.objects.filter(campaign=campaign, customer__in=records)
            .select_related("segment")
            .order_by("-entry")
            .first()
        )
        return Answer(campaign, member.segment.name if member else "", "", "", "", None, ())
    closed = Exclusion.objects.filter(campaign=campaign, customer=row.customer_id)
    built = Message.objects.filter(campaign=campaign, customer=row.customer_id)
    return _answer(campaign, row, list(closed), list(built))


def of_person(customer_id: int) -> list[Answer]:
    """The newest campaigns whose gate was asked for this person: as many queries for fifty as for one."""
    rows = Assignment.objects.filter(customer__in=records_of(customer_id)).select_related("campaign", "segment")
    rows = list(rows.order_by("-assigned_at", "-pk")[:SHOWN])
    campaigns, people = {row.campaign_id for row in rows}, {row.customer_id for row in rows}
    closed: dict[tuple[int, int], list[Exclusion]] = {}
    built: dict[tuple[int, int], list[Message]] = {}
    for found, model in ((closed, Exclusion), (built, Message)):
        for one in model.objects.filter(campaign__in=campaigns, customer__in=people).order_by("pk"):
            found.setdefault((one.campaign_id, one.customer_id), []).append(one)
    keys = [(row.campaign_id, row.customer_id) for row in rows]
    return [
        _answer(row.campaign, row, closed.get(key, []), built.get(key, [])) for row, key in zip(rows, keys, strict=True)
    ]


def _answer(campaign: Campaign, row: Assignment, closed: list[Exclusion], built: list[Message]) -> Answer:
    shut = {(one.entry, one.channel): one.reason for one in closed}
    sent = {(one.entry, one.channel): one for one in built}
    entries = sorted({row.entry, *(entry for entry, _ in (*shut, *sent))})
    heard = [
        _heard(sent[entry, channel])
        if (entry, channel) in sent
        else Heard(channel, "", shut.get((entry, channel), ""), entry=entry)
        for entry in entries
        for channel in campaign.channels
    ]
    segment = row.segment.name if row.segment else ""
    return Answer(campaign, segment, row.arm, row.reason, row.unit, row.assigned_at, tuple(heard))


def _heard(message: Message) -> Heard:
    at = message.sent_at or message.attempted_at
    waits = message.not_before if message.state == "queued" else None
    return Heard(message.channel, message.state, message.reason, at, waits, message.error, message.entry)
