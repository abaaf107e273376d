"""Browsers that somebody allowed to be written to: the subscription and the consent that came with it, in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from customers.contracts import Action, Channel, LawfulBasis, NewConsent, NewContact, NewCustomer
from customers.exceptions import ConsentRefused
from customers.models import ContactPoint, Customer, Suppression
from customers.queries.packs import SUBJECTS, Wording, pack
from customers.queries.people import customer_id_of, person_of, standing
from customers.services import notices
from customers.services.consent import record
from customers.services.contacts import add_contact_points
from customers.services.people import import_customers
from customers.services.seal import open_contacts

SUBJECT, KIND = "push", "push"
METHOD = "browser"


@dataclass(frozen=True, slots=True)
class Registration:
    """What a browser handed over, and what its reader saw. `value` is the subscription as it rests."""

    customer_id: int
    value: str = field(repr=False)
    notice_version: str  # of the words that stood beside the button
    language: str = "en"
    ip: str = ""
    user_agent: str = field(default="", repr=False)


def whom(external_id: str) -> int | None:
    """The id of this person, made where nobody has this name yet, as an event would; None for somebody erased."""
    import_customers([NewCustomer(external_id)])
    return customer_id_of(external_id)


def wording_for(customer_id: int, language: str) -> Wording:
    """The words that this person has to be shown before the browser asks."""
    customer = person_of(Customer.objects.get(pk=customer_id))
    return pack(customer.jurisdiction).wording(SUBJECT, language)


def register(new: Registration) -> int:
    """Keeps the browser and records the consent; returns the contact point's id. Safe to repeat: each yes is an act.

    A browser belongs to whoever signed in there last, so that nobody reads what is meant for somebody else. Raises
    ConsentRefused when other words were shown than hold now, or the person was erased.
    """
    customer = Customer.objects.filter(pk=new.customer_id).first()
    customer = customer and person_of(customer)
    if customer is None or customer.erased_at is not None:
        raise ConsentRefused("customer", "Nobody has this id, or was erased.")
    wording = pack(customer.jurisdiction).wording(SUBJECT, new.language)
    if new.notice_version != wording.version:
        raise ConsentRefused("notice", f"Other words hold now. Show “{wording.version}” and ask again.")
    now = timezone.now()
    with transaction.atomic():
        receipt = add_contact_points([NewContact(customer.pk, KIND, new.value, verified_at=now)])
        if receipt.rejected:
            raise ConsentRefused("subscription", receipt.rejected[0].reason)
        point = _point(customer.pk, new.value)
        ContactPoint.objects.filter(kind=KIND, lookup=point.lookup).exclude(customer=customer).delete()
        purpose, channel = SUBJECTS[SUBJECT]
        rules = pack(customer.jurisdiction)
        record(
            NewConsent(
                customer.pk, purpose, channel, Action.GIVEN, LawfulBasis.CONSENT, METHOD, "subject",
                notice_version=notices.publish(wording), language=wording.language, jurisdiction=rules.code, ip=new.ip,
                user_agent=new.user_agent, valid_until=rules.valid_until(now),
            )
        )  # fmt: skip
        # Who switches it on again takes the no back that this browser had said.
        Suppression.objects.filter(
            channel=Channel.PUSH, lookup=point.lookup, lifted_at=None, reason=Suppression.Reason.UNSUBSCRIBED
        ).update(lifted_at=now)
    return point.pk


def _point(customer_id: int, value: str) -> ContactPoint:
    points = ContactPoint.objects.filter(customer=customer_id, kind=KIND)
    opened = open_contacts(points.values_list("pk", flat=True))
    return points.get(pk=next(pk for pk, kept in opened.items() if kept == value))


def forget(customer_id: int, is_it: Callable[[str], bool]) -> tuple[bool, int]:
    """Forgets the browsers of this person whose subscription is it; returns (one was there, how many are left)."""
    now = standing([customer_id])
    points = ContactPoint.objects.filter(customer=now.get(customer_id, customer_id), kind=KIND)
    opened = open_contacts(points.values_list("pk", flat=True))
    ours = [pk for pk, kept in opened.items() if is_it(kept)]
    ContactPoint.objects.filter(pk__in=ours).delete()
    return bool(ours), len(opened) - len(ours)


def ended(contact_point_id: int) -> None:
    """The push service says that this browser has given its subscription up. The consent stands for the next one."""
    ContactPoint.objects.filter(pk=contact_point_id, kind=KIND).delete()
