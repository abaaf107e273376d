"""Every page and API list at ten million messages, in milliseconds, with the number of statements that each one asks.

    python -m benchmarks.pages [--messages 10000000] [--customers 1000000] [--events 2000000] [--most 300] [--keep FOLDER]

The whole address book is visited as whoever of the staff may: pages without an argument, those of one campaign that sends and
of one that was sent, of a segment, a customer, an offer; lists also far behind their first page; and the API's lists with a
key. Through Django's test client, with a session in the database, middleware and templates. Pages whose middle visit takes
longer than `--most` are marked and make the exit code 1. A store that is kept is filled up to the number that is asked for.
"""

import argparse
import logging
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

from benchmarks import crowd  # first: it says where the store lies, and sets Django up

# isort: split
from django.db import connection, connections
from django.db.models import Exists, OuterRef
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import User
from accounts.services import issue_api_key
from campaigns.models import Campaign, Message, MessageVariant, Segment
from campaigns.services import compose, membership
from campaigns.services.segments import save_segment
from catalog.services.offers import save_offer
from customers.models import ContactPoint, Customer
from tests import factories
from tests.accounts.test_access import routes

VISITS = 5
ROLES = ("marketer", "approver", "officer", "analyst", "administrator")
SCOPES = ("campaigns.read", "products.read", "events.write", "recommendations.read", "webhooks.write")
# Files, not pages: they stream, or a worker makes them.
FILES = ("csv", "pdf", "pack", "export", "download", "rejects")
FAR = 5  # of a list, the page behind which one part in so many is left
# A campaign to everybody on one channel, with rows in each state that a send leaves.
SENT = """
INSERT INTO campaigns_message (campaign_id, customer_id, channel, variant_id, state, reason, tries, provider_id, error,
                               sent_at, attempted_at, queued_at, not_before, wave)
SELECT %(campaign)s, id, 'email', %(variant)s,
       (ARRAY['delivered', 'delivered', 'delivered', 'sent', 'bounced', 'failed', 'skipped', 'unknown'])[id %% 8 + 1],
       CASE id %% 8 WHEN 6 THEN 'suppressed' ELSE '' END, 1, '', '',
       now() - %(days)s * interval '1 day' + id * interval '2 milliseconds',
       now() - %(days)s * interval '1 day' + id * interval '2 milliseconds', now() - %(days)s * interval '1 day', now(), 1
FROM customers_customer ORDER BY id LIMIT %(people)s
"""
# Of the two that pages are asked about also whom they were frozen with and the arms.
FROZEN = """
INSERT INTO campaigns_audiencemember (campaign_id, customer_id, segment_id, items, request_id)
SELECT %(campaign)s, id, %(segment)s, ARRAY[1 + id %% 1000, 1 + (id + 7) %% 1000], gen_random_uuid()
FROM customers_customer ORDER BY id LIMIT %(people)s
"""
DRAWN = """
INSERT INTO campaigns_assignment (campaign_id, customer_id, segment_id, arm, reason, unit, assigned_at)
SELECT %(campaign)s, id, %(segment)s, CASE WHEN id %% 10 = 0 THEN 'holdout' ELSE 'treated' END, '', 'customer:' || id,
       now() - %(days)s * interval '1 day'
FROM customers_customer ORDER BY id LIMIT %(people)s
"""


def fill(messages: int) -> None:
    """Campaigns of everybody until there are so many messages; the newest sends, the others were sent."""
    left, began = messages - Message.objects.count(), time.monotonic()
    if left <= 0:
        return
    marketer = factories.staff("marketer", f"marketer-{time.time_ns()}")
    rule = {"field": "f_score", "op": ">=", "value": 3}
    segment = save_segment(slug="regular", name="Regular", rule=rule, audience_phrase="our regulars", actor=marketer)
    membership.rebuild(segment.pk)
    offer = save_offer(external_id="spring", title="15% off", kind="percent", value=15, starts_at=timezone.now(),
                       ends_at=timezone.now() + timedelta(days=10))  # fmt: skip
    people = Customer.objects.count()
    with ExitStack() as bared:
        bared.enter_context(crowd.bare("campaigns_message"))
        while left > 0:
            number = Campaign.objects.count() + 1
            plan = compose.Plan(name=f"Campaign {number}", segment_ids=(segment.pk,), offer_id=offer.pk)
            made = compose.create(plan, actor=marketer)
            variant = MessageVariant.objects.create(campaign=made, segment=segment, writer="person", subject="Again?",
                                                    body="{{ product.title }}")  # fmt: skip
            asked = {"campaign": made.pk, "variant": variant.pk, "segment": segment.pk, "people": min(left, people),
                     "days": 1 + max(left, 0) // people}  # fmt: skip
            with connections["owner"].cursor() as cursor:
                for statement in (SENT, FROZEN, DRAWN) if left <= 2 * people else (SENT,):
                    cursor.execute(statement, asked)
            state = "sending" if left <= people else "sent"
            started = timezone.now() - timedelta(days=asked["days"])
            Campaign.objects.filter(pk=made.pk).update(state=state, started_at=started, frozen_at=started)
            left -= people
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE campaigns_message, campaigns_audiencemember, campaigns_assignment")
    crowd.say(f"{Message.objects.count():,} messages", began)


def addresses() -> Iterator[tuple[str, str]]:
    """(name, address) of what can be visited."""
    sends, sent = Campaign.objects.order_by("-pk")[:2]
    # The made-up addresses are sealed with no key: somebody who has none.
    points = ContactPoint.objects.filter(customer=OuterRef("pk"))
    customer = Customer.objects.filter(~Exists(points)).latest("pk")
    known = {
        "segment_id": Segment.objects.latest("pk").pk, "customer_id": customer.pk,
        "offer_id": sends.offer_id,
    }  # fmt: skip
    for name, pattern in routes():
        wanted = set(pattern.pattern.converters)
        if any(word in name for word in FILES):
            continue
        for said, campaign in (("", sends), (", sent", sent)) if "campaign_id" in wanted else (("", sends),):
            own = known | {"campaign_id": campaign.pk, "variant_id": campaign.variants.latest("pk").pk}
            if wanted <= set(own):
                try:
                    yield name + said, reverse(name, kwargs={key: own[key] for key in wanted})
                except NoReverseMatch:  # of a space that is mounted nowhere
                    continue
    log, people = reverse("campaigns:recipients", args=[sends.pk]), reverse("customers:list")
    rows = Message.objects.filter(campaign=sends).order_by("pk")
    below = rows.values_list("pk", flat=True)[rows.count() // FAR]
    yield from (
        (f"campaigns:recipients, below {below:,}", f"{log}?below={below}"),
        ("campaigns:recipients, one state", f"{log}?state=bounced"),
        ("campaigns:recipients, one state, far", f"{log}?state=bounced&below={below}"),
        ("customers:list, far", f"{people}?before={known['customer_id'] // FAR}"),
        ("customers:list, by id", f"{people}?q=0000"),
        ("customers:events, one name", f"{reverse('customers:events')}?name=Product+Viewed"),
    )


def visit(client: Client, address: str) -> tuple[float, float, int] | None:
    """(middle, longest in milliseconds, statements), or None of what is no page for them."""
    status = client.get(address).status_code
    assert status < 500, f"{address} answers {status}"
    if status != 200:
        return None
    took = []
    for _ in range(VISITS):
        with CaptureQueriesContext(connection) as asked:
            began = time.perf_counter()
            answer = client.get(address)
            _ = answer.getvalue() if answer.streaming else answer.content
            took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took), max(took), len(asked)


def visitors() -> dict[str, Client]:
    service = User.objects.create_user(username=f"service-{time.time_ns()}", is_service=True)
    found = {
        "key": Client(headers={"authorization": f"Bearer {issue_api_key(service, 'pages', SCOPES, actor=None)[1]}"})
    }
    for role in ROLES:
        found[role] = Client()
        found[role].force_login(factories.staff(role, f"{role}-{time.time_ns()}"))
    return found


def main(messages: int, customers: int, events: int, most: float) -> bool:
    crowd.fill(customers=customers, events=events)
    fill(messages)
    print(f"{Message.objects.count():,} messages, {Customer.objects.count():,} customers, {crowd.used():.1f} GB; "
          f"{os.getloadavg()[0]:.0f} processes wait for {os.cpu_count()} cores")  # fmt: skip
    logging.disable(
        logging.CRITICAL
    )  # every refusal, with its traceback: most of these doors are closed to most of the staff
    clients, slow, visited = visitors(), 0, 0
    print(f"{'page':<48} {'as':<14} {'middle':>7} {'longest':>8} {'statements':>11}")
    for name, address in addresses():
        for who, client in clients.items():
            if (who == "key") != name.startswith("api:"):
                continue
            if (seen := visit(client, address)) is not None:
                visited, slow = visited + 1, slow + (seen[0] > most)
                print(f"{name:<48} {who:<14} {seen[0]:>7.0f} {seen[1]:>8.0f} {seen[2]:>11}"
                      + (" too slow" if seen[0] > most else ""), flush=True)  # fmt: skip
                break
    print(f"{visited} pages, over {most:.0f} ms: {slow}")
    return not slow


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--most", type=float, default=300, help="milliseconds")
    parser.add_argument("--keep", help="a folder where the store stays, and is found again")
    asked = parser.parse_args()
    with crowd.store():
        is_quick = main(asked.messages, asked.customers, asked.events, asked.most)
    sys.exit(0 if is_quick else 1)
