"""What the review page of a large campaign costs, and where: in the request, or with a worker.

    python -m benchmarks.review [--customers 50000] [--events 500000] [--keep FOLDER]

Two segments, e-mail and text, words that were edited by hand. Prints the seconds of the page as an approver opens it first and
again, of the worker that reads everything once, and of the approval, which compares the digest exactly.
"""

import argparse
import re
import statistics
import time

from django.test import Client
from django.urls import reverse

from benchmarks import crowd
from benchmarks.million import RULES, a_campaign
from campaigns.models import Campaign, Tally
from campaigns.services import audience, membership, tallies
from campaigns.services.lifecycle import move
from campaigns.services.segments import save_segment
from registry.models import ModelVersion
from tests import factories


def timed(what: str, work, times: int = 1):
    seconds = []
    for _ in range(times):
        began = time.monotonic()
        answer = work()
        seconds.append(time.monotonic() - began)
    print(f"{what}: {statistics.median(seconds):.2f} s" + (f" (median of {times})" if times > 1 else ""), flush=True)
    return answer


def main(customers: int, events: int) -> None:
    crowd.fill(customers=customers, events=events)
    marketer, approver = (factories.staff(role, f"{role}-{time.time_ns()}") for role in ("marketer", "approver"))
    segments = [save_segment(slug=f"{slug}-{marketer.pk}", name=slug, rule=rule, audience_phrase="guests", actor=marketer)
                for slug, rule in RULES.items()]  # fmt: skip
    campaign = a_campaign("Read by a second person", segments, marketer, channels=("email", "sms"), holdout_share=0.1)
    move(campaign.pk, "generate", actor=marketer)
    Campaign.objects.filter(pk=campaign.pk).update(recommender=ModelVersion.objects.get(kind="recommender"))
    for segment in segments:
        membership.rebuild(segment.pk)
    campaign.refresh_from_db()
    print(f"{customers:,} customers; audience {audience.freeze(campaign):,}", flush=True)
    move(campaign.pk, "drafted")

    client, page = Client(), reverse("campaigns:review", args=[campaign.pk])
    client.force_login(approver)
    timed("the page, opened first", lambda: client.get(page))
    for row in Tally.objects.filter(pk__in=tallies.waiting()):
        timed(f"a worker: {row.get_kind_display()}", lambda: tallies.answer(row.pk))  # noqa: B023 - called at once
    shown = timed("the page, with the answer", lambda: client.get(page), times=5)
    given = {
        "digest": re.search(r'name="digest" value="([0-9a-f]{64})"', shown.content.decode())[1],
        "comment": "Read.",
    }
    timed("the approval", lambda: client.post(reverse("campaigns:approve", args=[campaign.pk]), given))
    campaign.refresh_from_db()
    assert campaign.state == "approved", campaign.state


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--keep", help="a folder where the store stays, and is found again")
    asked = parser.parse_args()
    with crowd.store():
        main(asked.customers, asked.events)
