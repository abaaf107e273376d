"""Everybody as lines of a table, for whoever may take that along: read in blocks, so that no export is ever held whole."""

import json
from collections import defaultdict
from collections.abc import Iterator

from django.db.models import Count, Max

from customers import crypto
from customers.exceptions import Unsealable
from customers.models import ConsentState, ContactPoint, Customer, Order, SubjectKey, Suppression
from customers.queries.keys import keyring, subject_id
from customers.queries.people import open_contact

BLOCK = 1000  # people a round: six queries, and a few MB while their lines are made
COLUMNS = (
    "customer", "first_seen_at", "language", "timezone", "jurisdiction", "personalise", "under_fraud_flag", "origin",
    "attributes", "orders", "last_order_at", "marketing_allowed_on",
)  # fmt: skip
# What a person is written to or known by elsewhere; sessions, devices and push keys say nothing to anybody else.
KINDS = (ContactPoint.Kind.EMAIL, ContactPoint.Kind.PHONE, ContactPoint.Kind.SOCIAL, ContactPoint.Kind.LOYALTY)
CONTACT_COLUMNS = (*map(str, KINDS), "stopped")


def columns(*, with_contacts: bool) -> tuple[str, ...]:
    return COLUMNS + CONTACT_COLUMNS if with_contacts else COLUMNS


def rows(*, with_contacts: bool) -> Iterator[tuple]:
    """Everyone who is there, under `columns`, by number; who is erased while it is read is left out from then on.

    With contacts: addresses and numbers opened, several of a kind joined by "; ", and the channels on which one of them
    must not be written to. What does not open is left out, as it is for a message.
    """
    last = 0
    while people := list(Customer.objects.present().filter(pk__gt=last).order_by("pk")[:BLOCK]):
        last = people[-1].pk
        orders = {
            pk: (count, newest)
            for pk, count, newest in Order.objects.filter(customer__in=people, cancelled_at=None)
            .values("customer")
            .annotate(Count("pk"), Max("ordered_at"))
            .values_list("customer", "pk__count", "ordered_at__max")
        }
        allowed = defaultdict(list)
        states = ConsentState.objects.filter(customer__in=people, purpose="marketing", is_given=True)
        for pk, channel in states.order_by("channel").values_list("customer", "channel"):
            allowed[pk].append(channel)
        contacts = _contacts(people) if with_contacts else {}
        for one in people:
            count, newest = orders.get(one.pk, (0, None))
            yield (
                one.external_id, one.first_seen_at and one.first_seen_at.isoformat(), one.language, one.timezone,
                one.jurisdiction, one.personalise, one.excluded_at is not None, one.origin,
                json.dumps(one.attributes, ensure_ascii=False, sort_keys=True) if one.attributes else "",
                count, newest and newest.isoformat(), " ".join(allowed[one.pk]), *contacts.get(one.pk, ()),
            )  # fmt: skip


def _contacts(people: list[Customer]) -> dict[int, tuple[str, ...]]:
    """CONTACT_COLUMNS of each."""
    ring, names = keyring(), {one.pk: one.external_id for one in people}
    wrapped = dict(SubjectKey.objects.filter(customer__in=people).values_list("customer_id", "sealed"))
    points = list(ContactPoint.objects.filter(customer__in=people, kind__in=KINDS).order_by("pk"))
    stopped = defaultdict(set)
    suppressions = Suppression.objects.filter(lookup__in=[one.lookup for one in points], lifted_at=None)
    for channel, lookup in suppressions.values_list("channel", "lookup"):
        stopped[bytes(lookup)].add(channel)
    opened: dict[int, dict[str, list[str]]] = {pk: defaultdict(list) for pk in names}
    channels: dict[int, set[str]] = defaultdict(set)
    keys: dict[int, bytes] = {}
    for point in points:
        pk = point.customer_id
        try:
            if pk not in keys:
                keys[pk] = crypto.unwrap(ring, wrapped[pk], subject_id(names[pk]))
            opened[pk][point.kind].append(open_contact(keys[pk], point))
        except (KeyError, Unsealable):
            continue
        channels[pk] |= stopped[bytes(point.lookup)]
    return {
        pk: (*("; ".join(found[kind]) for kind in KINDS), " ".join(sorted(channels[pk])))
        for pk, found in opened.items()
    }
