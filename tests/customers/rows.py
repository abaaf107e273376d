"""What the tests of this room hand in, with the parts that a test does not care about filled in."""

from datetime import timedelta
from itertools import count

from django.utils import timezone

from customers.contracts import NewConsent, NewContact
from customers.models import Customer
from customers.services import consent, people
from tests import factories

_numbers = count(1)


def act(
    customer_id: int, action: str = "given", purpose: str = "marketing", channel: str = "email", **more
) -> NewConsent:
    consent.publish_notice("words-1", "en", "We may write to you.")
    more = {"lawful_basis": "consent", "method": "sign_up_form", "actor": "subject", "notice_version": "words-1"} | more
    return NewConsent(customer_id, purpose, channel, action, **more)


def reachable(address: str = "ann@example.invalid", **fields) -> Customer:
    """Somebody with an e-mail address who said yes to marketing."""
    customer = factories.customer(**fields)
    people.add_contact_points([NewContact(customer.pk, "email", address)])
    consent.record(act(customer.pk))
    return customer


def event(name: str = "Product Viewed", *, user: str = "ann", ago: timedelta = timedelta(hours=1), **more) -> dict:
    """An event as a shop posts it; `properties` and other parts as keywords."""
    filled = {
        "messageId": f"m-{next(_numbers)}",
        "event": name,
        "userId": user,
        "timestamp": (timezone.now() - ago).isoformat(),
        "properties": {"product_id": "oats"},
    }
    return filled | more


def order(order_id: str, *products: tuple[str, int, str], user: str = "ann", **more) -> dict:
    """An Order Completed; products as (id, quantity, price)."""
    rows = [{"product_id": name, "quantity": quantity, "price": price} for name, quantity, price in products]
    properties = {"order_id": order_id, "products": rows} | more.pop("properties", {})
    return event("Order Completed", user=user, properties=properties, **more)
