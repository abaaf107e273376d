"""A shop whose right answers a reader can see: people who buy breakfast, and people who buy supper, never both.

Breakfast: oats, milk, honey in one basket. Supper: pasta, sauce, cheese. Twelve of each, every week for four weeks.
"""

from datetime import timedelta

from django.utils import timezone

from catalog.models import Product
from customers.services.events import record_events
from recommendations.dataset import purchases
from recommendations.scoring.index import publish_index
from tests import factories
from tests.customers.rows import event, order

BREAKFAST, SUPPER = ("oats", "milk", "honey"), ("pasta", "sauce", "cheese")
WORDS = {
    "oats": ("Rolled oats", "Cereals", "OATS"),
    "milk": ("Whole milk", "Dairy", "MILK"),
    "honey": ("Clover honey", "Spreads", "HONEY"),
    "pasta": ("Penne pasta", "Dry goods", "PASTA"),
    "sauce": ("Tomato sauce", "Dry goods", "PASTA SAUCE"),
    "cheese": ("Hard cheese", "Dairy", "CHEESE"),
}
PEOPLE = 12


def open_shop(merchant=None) -> dict[str, Product]:
    """The six products, on sale."""
    return {
        name: factories.product(
            title, external_id=name, merchant=merchant, category=category, product_type=kind, department="GROCERY",
            price=f"{place}.50",
        )
        for place, (name, (title, category, kind)) in enumerate(WORDS.items(), start=1)
    }  # fmt: skip


def trade(merchant=None, people: int = PEOPLE, weeks: int = 4) -> None:
    """Weekly orders, the last one yesterday, by a-0.. (breakfast) and b-0.. (supper).

    Over more than four weeks person n once tries a product of the others, n weeks ago: there is something new to learn.
    """
    posted = []
    for number in range(people):
        for kind, basket in (("a", BREAKFAST), ("b", SUPPER)):
            others = SUPPER if kind == "a" else BREAKFAST
            for week in range(weeks):
                tried = (others[number % 3],) if weeks > 4 and week == number % weeks else ()
                posted.append(
                    order(
                        f"{kind}{number}-{week}",
                        *((name, 1, "2.00") for name in (*basket, *tried)),
                        user=f"{kind}-{number}",
                        ago=timedelta(days=1 + 7 * week, minutes=number),
                    )
                )
    receipt = record_events(posted, merchant_id=merchant and merchant.pk, source="api")
    assert receipt.accepted == len(posted), receipt.quarantined[:3]


def publish() -> str:
    """The index of all orders so far, as the nightly scoring publishes it."""
    now = timezone.now()
    return publish_index(purchases(since=now - timedelta(days=365), until=now), None)


def look(name: str, *, merchant=None, act: str = "Product Viewed", ago: timedelta = timedelta(0), **who) -> None:
    """Somebody looks at a product now; who: user="..." or anonymousId="..."."""
    posted = event(act, ago=ago, properties={"product_id": name}, **who)
    if "anonymousId" in who:
        del posted["userId"]
    receipt = record_events([posted], merchant_id=merchant and merchant.pk, source="api")
    assert receipt.accepted == 1, receipt.quarantined
