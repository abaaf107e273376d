"""Everything that Attune knows of one person: each room's own part, put together by the only one that may ask them all."""

from collections.abc import Callable

from campaigns.models import AudienceMember, CouponCode, ListEntry, Message, SegmentMember, SegmentMove
from catalog.queries import by_ids
from customers.models import Customer
from customers.queries.people import records_of
from customers.queries.personal import personal as of_customers
from customers.services.seal import open_for
from recommendations.queries.people import personal as of_recommendations
from risk.queries import personal as of_risk


def everything(customer_id: int) -> dict:
    """By room, opened, with plain values: access (GDPR art. 15) and portability (art. 20), PIPL art. 45, CCPA 1798.110."""
    records = records_of(customer_id)
    return {
        "customers": of_customers(customer_id),
        "recommendations": _of_all(records, of_recommendations),
        "risk": _of_all(records, of_risk),
        "campaigns": _of_all(records, personal),
    }


def _of_all(records: list[int], ask: Callable[[int], dict[str, list]]) -> dict[str, list]:
    """A room's answer about the person's own record and every one that was merged into it."""
    answers = [ask(pk) for pk in records]
    return {part: [row for answer in answers for row in answer[part]] for part in answers[0]}


def personal(customer_id: int) -> dict:
    """What this room knows: each message with its arm, what came of it, clicks, and the answer to the survey; what was
    chosen for them and in which segment, the segments and lists they are in, which channels were closed to them and why,
    their codes.
    """
    person = Customer.objects.get(pk=customer_id)
    messages = Message.objects.filter(customer=person).select_related("campaign", "variant", "survey_answer")
    return {
        "messages": [
            {
                "campaign": message.campaign.name,
                "channel": message.channel,
                "subject": message.variant.subject,
                "state": message.state,
                "reason": message.reason,
                "queued_at": message.queued_at,
                "sent_at": message.sent_at,
                "clicks": [{"at": click.at, "origin": click.origin} for click in message.clicks.all()],
                "survey": _answer(person, message),
            }
            for message in messages.order_by("pk").prefetch_related("clicks")
        ],
        "assignments": list(person.assignments.order_by("pk").values("campaign__name", "arm", "reason", "assigned_at")),
        "chosen": _chosen(customer_id),
        "segments": list(
            SegmentMember.objects.filter(customer=person).order_by("segment").values("segment__name", "entered_at")
        ),
        "segment_moves": list(
            SegmentMove.objects.filter(customer=person).order_by("pk").values("segment__name", "is_entry", "at")
        ),
        "lists": list(
            ListEntry.objects.filter(customer=person).order_by("people_list").values("people_list__name", "likeness")
        ),
        "channels_closed": list(person.exclusions.order_by("pk").values("campaign__name", "channel", "reason")),
        "codes": list(
            CouponCode.objects.filter(customer=person).order_by("pk").values("campaign__name", "code", "origin")
        ),
        "listed": list(
            person.listed.order_by("pk").values(
                "campaign__name", "target", "is_held_out", "listed_in__at", "ended_at", "reason", "taken_off_in__at"
            )
        ),
        "redemptions": list(person.redemptions.order_by("pk").values("code__code", "redeemed_at", "origin")),
    }


def _chosen(customer_id: int) -> list[dict]:
    rows = list(
        AudienceMember.objects.filter(customer=customer_id).select_related("campaign", "segment").order_by("pk")
    )
    products = by_ids({pk for row in rows for pk in row.items})
    return [
        {
            "campaign": row.campaign.name,
            "segment": row.segment.name,
            "products": [products[pk].title for pk in row.items if pk in products],
        }
        for row in rows
    ]


def _answer(person: Customer, message: Message) -> dict | None:
    answer = getattr(message, "survey_answer", None)
    if answer is None:
        return None
    comment = open_for(person, answer.sealed_comment, "survey") if answer.sealed_comment is not None else ""
    return {"score": answer.score, "comment": comment, "at": answer.at}
