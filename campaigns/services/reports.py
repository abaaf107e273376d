"""What a mail provider reports becomes a message's state, a stopped address or a withdrawal, each report once.

Every report has a transaction of its own. A delivery says again what it says, so only what ends something is remembered
by its key. A report counts for the address that the message went to: one about somebody else, of another install with the
same provider, is not ours.
"""

import logging
from collections import Counter
from datetime import UTC, datetime

from django.db import connection, transaction
from django.http import HttpRequest

from campaigns.channels import reports
from campaigns.contracts import MailReport, Told
from campaigns.exceptions import ReportRefused
from campaigns.models import Message, ProviderReport, ProviderTally
from campaigns.services.withdrawal import fence
from campaigns.state import MessageState
from customers.contracts import Channel, Purpose
from customers.queries.people import is_point
from customers.services.suppression import suppress
from customers.services.withdraw import Withdrawal, withdraw_many

log = logging.getLogger(__name__)

MAIL_SERVER = "mail server"
# Which states a report moves on: the word may come late, in any order, and for a message whose answer was lost.
MOVES = {
    Told.DELIVERED: (MessageState.DELIVERED, ["sent", "unknown"]),
    Told.BOUNCED: (MessageState.BOUNCED, ["sent", "unknown", "delivered"]),
    Told.COMPLAINED: (MessageState.COMPLAINED, ["sent", "unknown", "delivered"]),
}
COUNT = """
INSERT INTO campaigns_providertally (provider, day, told, outcome, number) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (provider, day, told, outcome) DO UPDATE
SET number = campaigns_providertally.number + EXCLUDED.number
"""
Outcome = ProviderTally.Outcome


def hear(provider: str, request: HttpRequest) -> int:
    """Takes in a provider's post; returns how many of its entries could not be taken in and should come again.

    Raises ReportRefused for a post that is not heard at all.
    """
    size = request.headers.get("Content-Length") or "0"
    if not size.isdecimal() or int(size) > reports.MOST:
        raise ReportRefused(413, f"A post has at most {reports.MOST} bytes.")
    counts: Counter[tuple[str, str]] = Counter()
    failed = 0
    for report in reports.read(provider, request):
        if isinstance(report, Exception):
            counts["", Outcome.BROKEN] += 1
            # The fault's text may quote the entry, and so an address.
            log.warning("an entry of %s cannot be read: %s", provider, type(report).__name__)
            continue
        try:
            with transaction.atomic():
                outcome = _take(report)
        except Exception as fault:  # whatever it is, it loses no other; the provider sends the post again
            log.warning("a report of %s was not taken in: %s", provider, type(fault).__name__)
            failed += 1
            continue
        counts[report.told, outcome] += 1
    _count(provider, counts)
    return failed


def _take(report: MailReport) -> Outcome:
    message = Message.objects.filter(pk=report.message_id or 0, channel="email").first()
    if message is None or not message.contact_point_id or not is_point(message.contact_point_id, report.recipient):
        return Outcome.UNKNOWN
    if report.told == Told.DELIVERED:
        return Outcome.HEARD if _move(message, report) else Outcome.REPEATED
    _, is_new = ProviderReport.objects.get_or_create(key=report.key)
    if not is_new:
        return Outcome.REPEATED
    _move(message, report)
    if report.told == Told.BOUNCED:
        if report.is_for_good:
            point = message.contact_point_id
            suppress(channel=Channel.EMAIL, contact_point_id=point, reason="bounced", actor=MAIL_SERVER)
    else:
        _withdraw(message, report.told)
    return Outcome.HEARD


def _move(message: Message, report: MailReport) -> bool:
    if report.told not in MOVES:
        return False
    state, before = MOVES[report.told]
    reason = "hard_bounce" if report.is_for_good else "soft_bounce" if report.told == Told.BOUNCED else ""
    return Message.objects.filter(pk=message.pk, state__in=before).update(state=state, reason=reason) == 1


def _withdraw(message: Message, told: Told) -> None:
    """A complaint is a no as clear as any (the shops' events are read the same), and holds for what waits at once."""
    withdraw_many(
        [
            Withdrawal(
                customer_id=message.customer_id,
                channel=Channel.EMAIL,
                purpose=Purpose.MARKETING,
                method="complaint" if told == Told.COMPLAINED else "mailbox_provider",
                actor="subject",
                reason="complained" if told == Told.COMPLAINED else "unsubscribed",
            )
        ]
    )
    fence(message.customer_id, Channel.EMAIL)


def _count(provider: str, counts: Counter[tuple[str, str]]) -> None:
    today = datetime.now(UTC).date()
    with connection.cursor() as cursor:
        # In one order, so that two posts wait for each other instead of crossing.
        for (told, outcome), number in sorted(counts.items()):
            cursor.execute(COUNT, [provider, today, told, outcome, number])
