"""What a customer's own pages show: of them alone, found through the signed link in a message."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from campaigns.contracts import ROUTES
from campaigns.models import Message
from campaigns.queries.audience import entry_of
from catalog.contracts import ProductFacts
from catalog.queries import by_ids
from customers.models import ConsentRecord, ContactPoint
from customers.queries.consent import consent_summary
from recommendations.queries.lists import items_for

RECOMMENDED = 50  # as many as are scored for a person: the reasons of what was shown are among them


@dataclass(frozen=True)
class Permission:
    """On what grounds we may write: the newest word of this person for e-mail marketing."""

    is_given: bool
    action: str
    since: datetime
    method: str
    notice_version: str
    origin: str


@dataclass(frozen=True)
class Shown:
    product: ProductFacts
    reason: str


def permission(customer_id: int, channel: str) -> Permission | None:
    """None: nothing was ever recorded."""
    lines = consent_summary(customer_id)
    line = next(
        (line for line in lines if line.purpose == "marketing" and line.channel == ROUTES[channel].consent), None
    )
    if line is None:
        return None
    record = ConsentRecord.objects.only("method", "notice_version").get(pk=line.record_id)
    return Permission(line.is_given, line.action, line.since, record.method, record.notice_version, line.origin)


def shown(message: Message) -> list[Shown]:
    """The products of the message, each with the reason why this person saw it."""
    member = entry_of(message)
    items = member.items if member else []
    products = by_ids(items)
    own = items_for([message.customer_id], k=RECOMMENDED, merchant_id=message.campaign.merchant_id)
    reasons = {item.product_id: item.reason_text for item in own.get(message.customer_id, ())}
    common = "Popular with all customers."
    return [Shown(products[pk], reasons.get(pk, common)) for pk in items if pk in products]


def places_of(customer_ids: list[int], channels: list[str]) -> list[int]:
    """The ids of every contact point, also other people's, with an address of these records on these channels."""
    kinds = {ROUTES[channel].contact for channel in channels} - {""}
    own = ContactPoint.objects.filter(customer__in=customer_ids, kind__in=kinds).values_list("kind", "lookup")
    same = Q()
    for kind, lookup in own:
        same |= Q(kind=kind, lookup=lookup)
    return list(ContactPoint.objects.filter(same).values_list("pk", flat=True)) if same else []
