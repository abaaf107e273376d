"""What an advertising platform may match of people: opened for one moment, hashed by whoever asked, and kept nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import connection

from customers.identity import region_of
from customers.models import Customer
from customers.services.seal import open_contacts

# The newest phone of each that nobody stopped: not on social networks, and for no reason of the number's own.
PHONES = """
SELECT DISTINCT ON (c.customer_id) c.customer_id, c.id FROM customers_contactpoint c
WHERE c.customer_id = ANY(%s) AND c.kind = 'phone' AND NOT EXISTS (
    SELECT FROM customers_suppression s WHERE s.lookup = c.lookup AND s.lifted_at IS NULL
      AND (s.channel = 'social' OR s.channel = 'sms' AND s.reason <> 'unsubscribed'))
ORDER BY c.customer_id, c.id DESC
"""
# The last signs of each person's newest loyalty card are enough to hand a paper to whoever shows the card.
CARDS = """
SELECT DISTINCT ON (c.customer_id) c.customer_id, c.id FROM customers_contactpoint c
WHERE c.customer_id = ANY(%s) AND c.kind = 'loyalty' ORDER BY c.customer_id, c.id DESC
"""
SHOWN, LEAST = 4, 6  # signs of a card that are shown, of at least so many: of a shorter one they would be most of it


@dataclass(frozen=True, slots=True)
class Matchable:
    email: str = field(repr=False)
    phone: str = field(repr=False)  # E.164, "" where there is none
    country: str  # two letters, "" where it is not known


def matchable(emails: Mapping[int, int]) -> dict[int, Matchable]:
    """By customer: from customer id to the id of the address that was decided on. Who does not open any more is left out."""
    phones = dict(_rows(PHONES, emails))
    opened = open_contacts([*emails.values(), *phones.values()])
    countries = dict(Customer.objects.filter(pk__in=emails).values_list("pk", "jurisdiction"))
    return {
        customer_id: Matchable(
            opened[point], opened.get(phones.get(customer_id), ""), region_of(countries.get(customer_id, ""))
        )
        for customer_id, point in emails.items()
        if point in opened
    }


def card_ends(customer_ids: list[int]) -> dict[int, str]:
    """By customer: the last signs of their newest loyalty card; who has none, or a short one, is left out."""
    cards = dict(_rows(CARDS, customer_ids))
    opened = open_contacts(cards.values())
    return {
        customer_id: opened[point][-SHOWN:]
        for customer_id, point in cards.items()
        if len(opened.get(point, "")) >= LEAST
    }


def _rows(sql: str, customer_ids) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(customer_ids)])
        return cursor.fetchall()
