"""Objection: to marketing on every channel and to profiling for it. Absolute, whatever the basis was (GDPR art. 21(3))."""

from customers.contracts import Action, Channel, LawfulBasis, NewConsent, Purpose
from customers.models import Suppression
from customers.services import shells
from customers.services.consent import record_many
from customers.services.suppression import suppress_people

OBJECTED = (Purpose.MARKETING, Purpose.PROFILING)


def record_objection(customer_id: int, *, method: str, jurisdiction: str) -> int:
    """Records it and stops every address of the person. Part of the caller's transaction; returns the records.

    What a merged record objects to holds for the person whom it was merged into.
    """
    person = shells.hold({customer_id}, to_change=True).get(customer_id, customer_id)
    recorded = record_many(
        NewConsent(
            customer_id, purpose, Channel.ANY, Action.OBJECTED, LawfulBasis.LEGITIMATE_INTEREST, method, "subject",
            jurisdiction=jurisdiction,
        )
        for purpose in OBJECTED
    )  # fmt: skip
    suppress_people([(person, Channel.ANY)], Suppression.Reason.UNSUBSCRIBED)
    return recorded
