"""The whole way through a browser: a marketer composes, an approver approves, it is sent, and the results are read."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns.models import Campaign, Message, Segment
from campaigns.services import delivery, generation, messages, segments, tallies
from campaigns.services.lifecycle import move
from copywriting import generation as copywriting
from copywriting.exceptions import WriterUnavailable
from customers.models import Order
from registry import queries as registry
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


class NoModel:
    """A language model that cannot answer: the written template steps in, and the page has to say so."""

    provenance: dict = {}

    def __call__(self, brief, n, seed):
        raise WriterUnavailable("no language model in this test")


@pytest.fixture
def shop():
    """People, products and a segment. The shop's own campaign is out of the way."""
    shop = open_shop(people=90)
    move(shop.campaign.pk, "cancel")
    segments.count(Segment.objects.get())
    return shop


def test_a_campaign_goes_from_the_first_click_to_its_results(shop, sink, visitor, monkeypatch):
    outbox = sink()
    monkeypatch.setattr(copywriting, "_generator", lambda folder: NoModel())

    # The marketer composes.
    marketer = visitor()
    page = marketer.log_in(shop.marketer)
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name", exact=True).fill("Bread on Friday")
    page.get_by_label("Goal").fill("More bread")
    page.get_by_label("First segment").select_option(label="Regular (90)")
    page.get_by_label("Offer").select_option(index=1)
    page.get_by_label("Hold-out, in %").fill("40")
    page.get_by_label("Hold-out, in %").blur()
    expect(page.locator("#power")).to_contain_text(
        "is estimated once"
    )  # everybody's profile is the same: no share to see
    marketer.shoot("1-compose")
    page.get_by_role("button", name="Save the plan").click()
    expect(page.get_by_role("status")).to_contain_text("The plan is saved.")
    campaign = Campaign.objects.get(name="Bread on Friday")

    # A worker writes; the page looks by itself and shows the review when it is done.
    page.get_by_role("button", name="Make the drafts").click()
    expect(page.get_by_text("A worker chooses products and writes the words")).to_be_visible()
    marketer.shoot("2-writing")
    for run_id in generation.waiting():
        generation.generate(run_id)
    expect(page.get_by_role("link", name="Read and decide")).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="Read and decide").click()
    expect(page.get_by_text("You worked on this campaign, so you cannot approve it")).to_be_visible()
    expect(page.get_by_text("a written template stepped in")).to_be_visible()
    expect(page.get_by_role("button", name="Approve exactly this")).to_have_count(0)

    # An approver reads what a customer would get, and approves exactly that.
    approver = visitor()
    page = approver.log_in(shop.approver)
    expect(page.get_by_role("heading", name="1 thing to do")).to_be_visible()
    approver.shoot("3-home-of-an-approver")
    page.get_by_role("link", name="Bread on Friday").first.click()
    frame = page.frame_locator("iframe").first
    expect(frame.get_by_role("link", name="Rye rolls")).to_be_visible()
    expect(frame.get_by_text("15% off until")).not_to_have_count(0)
    page.get_by_label("Comment").fill("Read it; the facts hold.")
    for tally_id in tallies.waiting():  # as a worker would
        tallies.answer(tally_id)
    expect(page.get_by_role("button", name="Approve exactly this")).to_be_visible(timeout=15_000)
    expect(page.get_by_label("Comment")).to_have_value("Read it; the facts hold.")
    approver.shoot("4-review")
    page.get_by_role("button", name="Approve exactly this").click()
    expect(page.get_by_role("status")).to_contain_text("Approved, exactly as you saw it.")

    # Released, started, sent to a real mail server, while the monitor looks on.
    page.get_by_role("button", name="Send now").click()
    expect(page.get_by_text("Waiting for its time")).to_be_visible()
    assert delivery.due() == [campaign.pk]
    delivery.start(campaign.pk)
    delivery.send_batch(campaign.pk, size=10)
    expect(page.get_by_text(re.compile(r"10 of \d\d settled"))).to_be_visible(timeout=15_000)
    approver.shoot("5-monitor")
    while delivery.send_batch(campaign.pk):
        pass
    expect(page.locator(".page-title").get_by_text("Sent")).to_be_visible(timeout=15_000)
    treated = Message.objects.filter(campaign=campaign, state="sent").count()
    mails = [path.read_text() for path in outbox.rglob("*") if path.is_file()]
    assert len([mail for mail in mails if mail.startswith("X-") or "Subject:" in mail]) == treated > 20

    # A customer follows a link, without login; another unsubscribes from the page.
    message = Message.objects.filter(campaign=campaign).first()
    customer = visitor(user_agent="Mozilla/5.0 (a customer)")
    page = customer.open(customer_path("click", message, 0))
    expect(page.get_by_role("heading", name=re.compile("Rye rolls|Oat biscuits"))).to_be_visible()
    page = customer.open(customer_path("why", message))
    expect(page.get_by_text("written for our regulars")).to_be_visible()
    customer.shoot("6-why")
    page = customer.open(customer_path("unsubscribe", message))
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    assert customer.context.cookies() == []

    # Orders come in; the marketer reads what they say against the hold-out.
    campaign.refresh_from_db()
    for number, assignment in enumerate(campaign.assignments.exclude(arm="excluded")):
        if number % 2:
            Order.objects.create(
                external_id=f"o-{number}", customer_id=assignment.customer_id, total="12.00", channel="web", source="api",
                ordered_at=campaign.started_at,
            )  # fmt: skip
    page = marketer.open(f"/campaigns/{campaign.pk}/results/")
    expect(page.get_by_role("region", name="Treated against hold-out")).to_contain_text(str(treated))
    expect(page.get_by_text("1 person")).to_be_visible()
    expect(page.get_by_text("Cannot tell").first).to_be_visible()
    marketer.shoot("7-results")
    page.get_by_role("link", name="Evidence").click()
    expect(page.get_by_text(f"Approved by {shop.approver.username}")).to_be_visible()
    marketer.shoot("8-evidence")
    assert registry.runs().get(params={"campaign": campaign.pk}).state == "succeeded"


def customer_path(name: str, message: Message, item: int | None = None) -> str:
    purpose = {"click": messages.CLICK, "why": messages.PREFERENCES, "unsubscribe": messages.UNSUBSCRIBE}[name]
    return reverse(f"campaigns:{name}", args=[messages.sign(message.pk, purpose, item)])


def test_a_segment_and_a_plan_are_composed_without_javascript(shop, visitor):
    marketer = visitor(java_script_enabled=False)
    page = marketer.log_in(shop.marketer)

    page.get_by_role("link", name="Segments").first.click()
    page.get_by_role("link", name="New segment").click()
    page.get_by_label("Name", exact=True).fill("Young or frequent")
    page.get_by_label("How a customer may be told about it").fill("our friends")
    page.get_by_label("Field").select_option(label="age band")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("19-24").check()
    page.get_by_role("button", name="Add a condition").click()
    page.locator("select[name='r-1:field']").select_option(label="number of orders")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Number").fill("many")
    page.locator("select[name='r:joint']").select_option("any")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.get_by_role("alert")).to_contain_text("Not a number to compare with.")
    page.get_by_label("Number").fill("5")
    marketer.shoot("9-segment-without-javascript")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.get_by_text("People with age band: 19-24 or with number of orders at least 5.")).to_be_visible()
    segments.refresh()  # as a worker would
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("definition").filter(has_text="0").first).to_be_visible()

    page.get_by_role("link", name="Campaigns").first.click()
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name", exact=True).fill("For friends")
    page.get_by_role("button", name="Add another segment").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("For friends")
    page.get_by_label("Segment 3").select_option(label="Young or frequent (0)")
    page.get_by_role("button", name="Save the plan").click()
    expect(page.get_by_role("heading", name="For friends")).to_be_visible()
    expect(page.get_by_text("our friends")).to_be_visible()


def test_choosing_a_field_shows_its_values_at_once_with_javascript(shop, visitor):
    marketer = visitor()
    page = marketer.log_in(shop.marketer)
    page = marketer.open("/segments/new/")
    page.get_by_label("Name", exact=True).fill("Kept while the rule changes")

    page.get_by_label("Field").select_option(label="income band")

    expect(page.get_by_label("250K+")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Kept while the rule changes")
