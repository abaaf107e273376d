"""What people do with a message: each link is signed, its target is looked up, and a GET never changes what they allowed."""

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from campaigns.contracts import ROUTES
from campaigns.models import Click, Message, Origin, SurveyAnswer
from campaigns.queries.audience import entry_of
from campaigns.services.messages import CLICK, SURVEY, UNSUBSCRIBE, unsign
from campaigns.services.withdrawal import Acknowledgement, acknowledge
from customers.services.events import record_events
from customers.services.seal import seal_for

# What fetches links faster than anybody reads: a scanner that calls itself a browser, as those of mail gateways do. It
# follows several links of one message at once, or one within a second of the hand-over.
BURST, BURST_LINKS = timedelta(seconds=5), 3
AT_ONCE = timedelta(seconds=1)
SIMULATOR = "AttuneClickSimulator/1"
# Link scanners and prefetchers that say who they are; the others are counted as people.
MACHINES = re.compile(
    r"bot\b|crawler|spider|preview|scan|monitor|headless|python-requests|curl/|wget/|GoogleImageProxy", re.I
)


def origin_of(user_agent: str) -> Origin:
    return Origin.SIMULATED if user_agent == SIMULATOR else Origin.OBSERVED


def message_of(token: str, purpose: str) -> tuple[Message, int | None]:
    """The message that we signed this token for. Raises BadSignature, Message.DoesNotExist."""
    message_id, item = unsign(token, purpose)
    return Message.objects.select_related("campaign", "customer").get(pk=message_id), item


def _is_too_fast(message: Message, place: int | None) -> bool:
    """Whether this click comes faster than somebody reads. The clicks of a burst before it are called a machine's too; their
    events stand, for nothing takes back an event.
    """
    now = timezone.now()
    if message.sent_at and now - message.sent_at < AT_ONCE:
        return True
    recent = Click.objects.filter(message=message, at__gt=now - BURST)
    links = set(recent.values_list("place", flat=True)) | {place}
    if len(links) < BURST_LINKS:
        return False
    recent.update(is_machine=True)
    return True


@dataclass(frozen=True)
class Landing:
    """Where a click leads: a product (None when it is no longer there), with what the shop's own statistics are told."""

    product_id: int | None
    utm: dict[str, str]


def click(token: str, *, user_agent: str) -> Landing:
    """Records a click."""
    message, place = message_of(token, CLICK)
    member = entry_of(message)
    items = member.items if member else []
    product_id = items[place] if place is not None and place < len(items) else None
    origin = origin_of(user_agent)
    is_machine = bool(MACHINES.search(user_agent)) or not user_agent
    with transaction.atomic():
        if origin == Origin.OBSERVED and not is_machine:
            is_machine = _is_too_fast(message, place)
        Click.objects.create(message=message, product_id=product_id, place=place, is_machine=is_machine, origin=origin)
        if not is_machine:
            _record(message, "Email Link Clicked", origin, member, product_id)
    return Landing(product_id, _utm(message))


def _utm(message: Message) -> dict[str, str]:
    if not message.campaign.utm_campaign:
        return {}
    return {"utm_source": "attune", "utm_medium": message.channel, "utm_campaign": message.campaign.utm_campaign}


def _record(message: Message, name: str, origin: Origin, member, product_id: int | None = None) -> None:
    """The click as an event of the person: the next training reads it there (the simulated ones it leaves out)."""
    properties = {"campaign_id": str(message.campaign_id), "link_id": str(product_id or "")}
    if member is not None and member.request_id:
        properties["request_id"] = str(member.request_id)
    event = {
        "messageId": f"{name}:{message.pk}:{uuid4()}",
        "event": name,
        "userId": message.customer.external_id,
        "timestamp": timezone.now().isoformat(),
        "context": {"channel": message.channel},
        "properties": properties,
    }
    record_events(
        [event], merchant_id=None, source="simulator" if origin == Origin.SIMULATED else "tracking", origin=origin
    )


def unsubscribe(token: str, *, method: str, user_agent: str = "") -> tuple[Message, Acknowledgement]:
    """Withdraws consent for the message's channel, at once, also for what is queued. Safe to repeat."""
    message, _ = message_of(token, UNSUBSCRIBE)
    return message, _withdraw(message, method, user_agent)


def _withdraw(message: Message, method: str, user_agent: str) -> Acknowledgement:
    return acknowledge(
        customer_id=message.customer_id,
        channel=ROUTES[message.channel].consent,
        purpose="marketing",
        method=method,
        actor="subject",
        origin=origin_of(user_agent),
    )


def answer(token: str, *, score: int, comment: str, user_agent: str) -> SurveyAnswer:
    """Keeps the one answer of this message; a second one replaces the first. Raises ValueError for a score outside 1 to 5."""
    message, _ = message_of(token, SURVEY)
    if not 1 <= score <= 5:
        raise ValueError("Choose a number from 1 to 5.")
    sealed = seal_for(message.customer, comment[:2000], "survey") if comment else None
    found, _ = SurveyAnswer.objects.update_or_create(
        message=message,
        defaults={"score": score, "sealed_comment": sealed, "origin": origin_of(user_agent), "at": timezone.now()},
    )
    return found
