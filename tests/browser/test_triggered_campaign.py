"""A campaign that answers events, through a browser: composed, read in plain words, approved, started, and sent twice."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from campaigns.models import Assignment, AudienceMember, Campaign, Message, Segment
from campaigns.services import delivery, generation, segments, tallies, triggers
from campaigns.services.lifecycle import move
from catalog.models import Product
from copywriting import generation as copywriting
from tests.browser.test_first_campaign import NoModel
from tests.flows.shop import open_shop
from tests.flows.test_triggers import happened

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def shop():
    """People, products and a counted segment. The shop's own campaign is out of the way."""
    shop = open_shop(people=4)
    move(shop.campaign.pk, "cancel")
    segments.count(Segment.objects.get())
    return shop


def a_cart_is_left(campaign: Campaign, person, product, hours: float) -> None:
    """And the worker looks, five minutes after it looked the last time, and sends what that made."""
    happened(person, "Product Added", product, hours=hours)
    Campaign.objects.filter(pk=campaign.pk).update(swept_at=timezone.now() - timedelta(hours=2))
    assert triggers.sweep(campaign.pk) == 1
    while delivery.send_batch(campaign.pk):
        pass


def a_worker_counts() -> None:
    for tally_id in tallies.waiting():
        tallies.answer(tally_id)


def test_a_left_cart_is_answered_and_a_second_one_after_the_days(shop, sink, visitor, monkeypatch):
    outbox = sink()
    monkeypatch.setattr(copywriting, "_generator", lambda folder: NoModel())

    # The marketer composes, and reads what will happen while typing.
    marketer = visitor()
    page = marketer.log_in(shop.marketer)
    page.goto(f"{marketer.address}/campaigns/new/")
    page.get_by_label("Name", exact=True).fill("You left something")
    page.get_by_label("First segment").select_option(label="Regular (4)")
    page.get_by_label("Whenever an event names somebody").check()
    page.get_by_label("Event", exact=True).select_option("abandoned_cart")
    page.get_by_label("Its number").fill("2")
    page.get_by_label("The same person again after, in days").fill("7")
    page.get_by_label("Hold-out, in %").fill("0")
    page.get_by_label("Hold-out, in %").blur()
    reading = page.locator("#reading")
    expect(reading).to_contain_text("writes to whoever left a cart alone for 2 hours and ordered nothing.")
    expect(reading).to_contain_text("It may write to the same person again when that happens once more, 7 days later")
    expect(page.get_by_text("A worker counts whom caps and nights would hold up.")).to_be_visible()
    a_worker_counts()
    expect(page.locator("#foreseen").get_by_role("row", name="on time 4")).to_be_visible()
    marketer.shoot("t1-compose")
    page.get_by_role("button", name="Save the plan").click()
    expect(page.get_by_text("the same person again after 7 days")).to_be_visible()
    campaign = Campaign.objects.get(name="You left something")

    page.get_by_role("button", name="Make the drafts").click()
    for run_id in generation.waiting():
        generation.generate(run_id)
    expect(page.get_by_role("link", name="Read and decide")).to_be_visible()

    # Somebody else approves rule, words and caps; the marketer starts it.
    approver = visitor()
    page = approver.log_in(shop.approver)
    page.goto(f"{approver.address}/campaigns/{campaign.pk}/review/")
    expect(page.locator("#reading")).to_contain_text("whoever left a cart alone for 2 hours")
    a_worker_counts()
    page.get_by_role("button", name="Approve exactly this").click()
    expect(page.get_by_role("status")).to_contain_text("Approved, exactly as you saw it.")
    page = marketer.open(f"/campaigns/{campaign.pk}/")
    page.get_by_role("button", name="Start it").click()
    expect(page.get_by_role("status")).to_contain_text("It runs: from now on it answers events")

    # A cart is left, and answered; a second one a week later as well, to the same person in the same arm.
    rolls, oats = Product.objects.order_by("pk")
    person = shop.people[0]
    a_cart_is_left(campaign, person, rolls, hours=3)
    Assignment.objects.update(assigned_at=timezone.now() - timedelta(days=8))
    AudienceMember.objects.update(entered_at=timezone.now() - timedelta(days=8))
    Message.objects.update(sent_at=timezone.now() - timedelta(days=8))
    a_cart_is_left(campaign, person, oats, hours=2.5)

    sent = Message.objects.filter(campaign=campaign).order_by("entry")
    assert [(one.customer, one.entry, one.state) for one in sent] == [(person, 1, "sent"), (person, 2, "sent")]
    assert Assignment.objects.get(campaign=campaign).arm == "treated"
    mails = [path.read_text() for path in outbox.rglob("*") if path.is_file() and "Subject:" in path.read_text()]
    assert len(mails) == 2
    assert all(person.external_id in mail for mail in mails)
    page = marketer.open(f"/campaigns/{campaign.pk}/monitor/")
    expect(page.locator(".page-title").get_by_text("Running")).to_be_visible()
    expect(page.get_by_text("2 of 2 settled")).to_be_visible()
    marketer.shoot("t2-monitor")
    page = approver.open(f"/campaigns/{campaign.pk}/why/?customer={person.external_id}")
    expect(page.get_by_text("entry 2")).to_be_visible()
