"""Withdrawal: as easy as giving, recorded and effective in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from customers.contracts import Action, LawfulBasis, NewConsent, Purpose
from customers.models import Customer, Suppression
from customers.services import shells
from customers.services.consent import record_many
from customers.services.suppression import suppress_people


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
    came_as: int | None = None  # the merged record that it was said for


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
        withdrawals = shells.addressed(withdrawals, shells.hold({one.customer_id for one in withdrawals}))
        named = Customer.objects.present().filter(pk__in={one.customer_id for one in withdrawals})
        present = set(named.values_list("pk", flat=True))
        acts = [one for one in withdrawals if one.customer_id in present]
        recorded = record_many(_act(one) for one in acts)
        for reason in sorted({one.reason for one in acts}):
            addressed = [one for one in acts if one.purpose == Purpose.MARKETING and one.reason == reason]
            suppress_people([(one.customer_id, one.channel) for one in addressed], reason)
    return recorded


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
        came_as=one.came_as,
    )
