"""Who may be in a file at this moment, who has to be taken off one, and what was taken: for the files of batch channels."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from campaigns.contracts import BATCHES
from campaigns.models import AdCopy, Campaign, HandOver, Listed, Message, Target
from campaigns.queries.audience import route
from customers.queries.packs import pack

TARGETS = {"social": (Target.META, Target.GOOGLE), "store": (Target.SHEET, Target.TILL)}
PLATFORMS = TARGETS["social"]
TAKEN_SHOWN, ENDED_SHOWN = 20, 50

# The last question before somebody is written into a file: "" or the reason why not, as the gate would say it now. Consent
# and stops are joined by unique keys; `asked` names the person and the contact point that was drawn for them.
JUDGED = """
SELECT a.*, CASE
  WHEN cu.erased_at IS NOT NULL OR cu.merged_into_id IS NOT NULL THEN 'gone'
  WHEN s.id IS NULL OR n.id IS NOT NULL THEN 'no_consent'
  WHEN %(kind)s <> '' AND p.id IS NULL THEN 'no_contact'
  WHEN EXISTS (
      SELECT FROM customers_suppression x WHERE x.lookup = p.lookup AND x.lifted_at IS NULL
        AND (x.channel = %(consent)s OR x.channel = %(stops)s AND x.reason <> 'unsubscribed'))
    OR %(consent)s = 'social' AND EXISTS (
      SELECT FROM customers_contactpoint h JOIN customers_suppression x ON x.lookup = h.lookup
      WHERE h.customer_id = a.customer_id AND h.kind = 'social' AND x.channel = 'social' AND x.lifted_at IS NULL)
    THEN 'suppressed'
  WHEN cu.excluded_at IS NOT NULL THEN 'risk'
  ELSE '' END AS reason
FROM asked a
JOIN customers_customer cu ON cu.id = a.customer_id
LEFT JOIN customers_contactpoint p ON p.id = a.contact_id AND p.customer_id = a.customer_id
LEFT JOIN customers_consentstate s ON s.customer_id = a.customer_id AND s.purpose = 'marketing'
    AND s.channel = %(consent)s AND s.is_given AND (s.valid_until IS NULL OR s.valid_until > now())
LEFT JOIN customers_consentstate n ON n.customer_id = a.customer_id AND n.purpose = 'marketing' AND n.channel = 'any'
    AND NOT n.is_given
"""


def judged_by(channel: str) -> dict:
    """The parameters of JUDGED."""
    asks = route(channel)
    return {"kind": asks.contact, "consent": asks.consent, "stops": asks.stops}


@dataclass(frozen=True)
class Part:
    """What one batch channel of a campaign has for a file, and what became of it."""

    channel: str
    waiting: int  # nobody has taken them yet
    out: int
    skipped: int
    unknown: int  # the download broke off: in the next file again
    codes: int | None  # None: a channel without


def parts(campaign: Campaign) -> list[Part]:
    """One row a batch channel, in the campaign's order; reads index message_once_an_entry in one pass."""
    found = [channel for channel in campaign.channels if channel in BATCHES]
    if not found:
        return []
    rows = Message.objects.filter(campaign=campaign, channel__in=found).values_list("channel", "state")
    counts: dict[tuple[str, str], int] = {(c, s): n for c, s, n in rows.annotate(n=Count("pk")).order_by()}
    return [
        Part(
            channel,
            waiting=counts.get((channel, "queued"), 0),
            out=counts.get((channel, "sent"), 0),
            skipped=counts.get((channel, "skipped"), 0),
            unknown=counts.get((channel, "unknown"), 0) + counts.get((channel, "sending"), 0),
            codes=campaign.coupon_codes.count() if channel == "store" else None,
        )
        for channel in found
    ]


@dataclass(frozen=True)
class Due:
    """People who stand on a list at a platform and may not any more. `by`: the last moment that the strictest law leaves."""

    target: str
    label: str
    people: int
    since: datetime
    by: datetime
    shown: tuple[tuple[str, str, datetime], ...]  # (customer, reason, since), the oldest first


def due(campaign: Campaign) -> list[Due]:
    """One row a platform that needs a newer list; reads the partial index listed_ended."""
    ended = Listed.objects.filter(campaign=campaign, ended_at__isnull=False, taken_off_in=None)
    found = []
    for target, people, since in (
        ended.values_list("target").annotate(n=Count("pk"), first=Min("ended_at")).order_by("target")
    ):
        rows = ended.filter(target=target).select_related("customer").order_by("ended_at", "pk")[:ENDED_SHOWN]
        shown = tuple((row.customer.external_id, row.reason, row.ended_at) for row in rows)
        by = min(pack(row.customer.jurisdiction).due(row.ended_at) for row in rows)
        found.append(Due(target, Target(target).label, people, since, by, shown))
    return found


def is_standing(campaign_id: int, target: str) -> bool:
    return Listed.objects.filter(campaign=campaign_id, target=target, taken_off_in=None).exists()


def taken(campaign_id: int) -> list[HandOver]:
    """The newest files that were taken, with who took and who allowed them."""
    rows = HandOver.objects.filter(campaign=campaign_id).select_related("taken_by", "request__decided_by")
    return list(rows.order_by("-pk")[:TAKEN_SHOWN])


def all_taken(campaign_id: int) -> list[HandOver]:
    rows = HandOver.objects.filter(campaign=campaign_id).select_related("taken_by", "request__decided_by")
    return list(rows.order_by("pk"))


def ads(campaign: Campaign) -> list[AdCopy]:
    rows = AdCopy.objects.filter(campaign=campaign, is_current=True).select_related("segment", "generation")
    return list(rows.order_by("segment_id", "target"))
