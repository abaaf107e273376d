"""Withdrawal: as easy as giving, recorded and effective in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import connection, transaction

from customers.contracts import Action, LawfulBasis, NewConsent, Purpose
from customers.models import Customer, Suppression
from customers.queries.people import standing
from customers.services.consent import record_many
from customers.services.suppression import suppress_people

# A merge that is under way takes these rows for itself: it sees the withdrawal, or the withdrawal sees it.
HOLD = "SELECT id FROM customers_customer WHERE id = ANY(%s) ORDER BY id FOR SHARE"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One person takes consent back for one purpose on one channel (`any`: on all)."""

    customer_id: int
    channel: str
    purpose: str
    method: str  # one_click, preference_centre, staff ...
    actor: str
    origin: str = "observed"
    reason: str = Suppression.Reason.UNSUBSCRIBED  # that the suppression shows


def withdraw(*, customer_id: int, channel: str, purpose: str, method: str, actor, origin: str = "observed") -> bool:
    """Records the withdrawal and, for marketing, stops the person's addresses of the channel, in one transaction.

    When it returns, no gate that is asked from then on lets a message pass. Every act is recorded, also a repeated one.
    `actor` is a member of staff or a word. False for an erased person: nothing is known that could be written to.
    """
    word = actor if isinstance(actor, str) else f"staff:{actor.pk}"
    return bool(withdraw_many([Withdrawal(customer_id, channel, purpose, method, word, str(origin))]))


def withdraw_many(withdrawals: Iterable[Withdrawal]) -> int:
    """All of them in one transaction; returns how many were recorded. Who was erased is passed over.

    What a merged record says, by a link in an old message, counts for the person whom it was merged into.
    """
    withdrawals = list(withdrawals)
    with transaction.atomic():
        now = _held({one.customer_id for one in withdrawals})
        withdrawals = [replace(one, customer_id=now.get(one.customer_id, one.customer_id)) for one in withdrawals]
        named = Customer.objects.present().filter(pk__in={one.customer_id for one in withdrawals})
        present = set(named.values_list("pk", flat=True))
        acts = [one for one in withdrawals if one.customer_id in present]
        recorded = record_many(_act(one) for one in acts)
        for reason in sorted({one.reason for one in acts}):
            addressed = [one for one in acts if one.purpose == Purpose.MARKETING and one.reason == reason]
            suppress_people([(one.customer_id, one.channel) for one in addressed], reason)
    return recorded


def _held(customer_ids: set[int]) -> dict[int, int]:
    """Where each of these stands, with all rows held until the end of the transaction."""
    held = set(customer_ids)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(HOLD, [sorted(held)])
        now = standing(held)
        if held.issuperset(now.values()):
            return now
        held.update(now.values())


def _act(one: Withdrawal) -> NewConsent:
    return NewConsent(
        customer_id=one.customer_id,
        purpose=one.purpose,
        channel=one.channel,
        action=Action.WITHDRAWN,
        lawful_basis=LawfulBasis.CONSENT,
        method=one.method,
        actor=one.actor,
        origin=one.origin,
    )
