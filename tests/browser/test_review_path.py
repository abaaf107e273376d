"""The way of a review through a browser: handed in, remarked on, edited, read by what differs, rehearsed, approved, proven."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns.models import Campaign
from campaigns.services import generation, tallies
from campaigns.services.lifecycle import move
from copywriting import generation as copywriting
from tests import factories
from tests.browser.conftest import PHONE, WIDE, Visitor
from tests.browser.test_accessibility import RULES, violations
from tests.browser.test_first_campaign import NoModel
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def shop():
    """A campaign that was approved once and is a draft again."""
    shop = open_shop(people=6)
    move(shop.campaign.pk, "edit", actor=shop.marketer, reason="Other words.")
    return shop


def work() -> None:
    """What the workers would do by now."""
    for run_id in generation.waiting():
        generation.generate(run_id)
    for tally_id in tallies.waiting():
        tallies.answer(tally_id)


def looked_at(visitor: Visitor) -> None:
    """The page holds for everybody: by axe in the light, the dark and on a phone, where nothing sticks out."""
    page = visitor.page
    found = violations(page, runOnly=RULES)
    page.emulate_media(color_scheme="dark")
    found += violations(page, runOnly=["color-contrast"])
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    found += violations(page, runOnly=RULES)
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(WIDE)
    assert (found, width <= PHONE["width"]) == ([], True)
    visitor.complaints.clear()  # axe's own words on the console


def test_a_review_goes_from_the_drafts_to_the_officer(shop, visitor, monkeypatch):
    monkeypatch.setattr(copywriting, "_generator", lambda folder: NoModel())
    review = reverse("campaigns:review", args=[shop.campaign.pk])

    # The marketer hands it in.
    marketer = visitor()
    marketer.log_in(shop.marketer)
    page = marketer.open(reverse("campaigns:detail", args=[shop.campaign.pk]))
    page.get_by_role("button", name="Make the drafts").click()
    work()
    expect(page.get_by_role("link", name="Read and decide")).to_be_visible()

    # The approver waits for the worker without losing a word, and remarks on something.
    approver = visitor()
    approver.log_in(shop.approver)
    page = approver.open(review)
    expect(page.get_by_text("A worker reads what stands here now")).to_be_visible()
    page.get_by_label("Comment").fill("Half a thought")
    work()
    expect(page.get_by_role("button", name="Approve exactly this")).to_be_visible()
    expect(page.get_by_label("Comment")).to_have_value("Half a thought")
    page.get_by_label("Say something").fill("The subject could be shorter.")
    page.get_by_role("button", name="Say it").click()
    expect(page.get_by_text("1 remark is still open.")).to_be_visible()

    # The marketer edits the words, which stay in review, and resolves the remark.
    page = marketer.open(review)
    page.get_by_role("link", name="Edit these words").click()
    page.get_by_label("Subject").fill("{{ product.title }}: {{ offer }}")
    page.wait_for_load_state("networkidle")  # the words are checked while they are typed
    page.get_by_role("button", name="Save the words").click()
    page = marketer.open(review)
    page.get_by_role("button", name="Resolve the remark").click()
    expect(page.get_by_text(f"by {shop.marketer.username},")).to_be_visible()
    work()

    # The approver reads what differs, rehearses, and approves exactly that.
    page = approver.open(review)
    expect(page.get_by_role("heading", name="Since the last approval")).to_be_visible()
    expect(page.locator("#since ins").first).to_be_visible()
    expect(page.get_by_role("table", name="People since the last approval")).to_contain_text("stayed")
    looked_at(approver)
    approver.shoot("10-review-since")
    page.get_by_role("link", name="Rehearse the whole send").click()
    page.get_by_role("button", name="Rehearse it").click()
    expect(page.get_by_text("A worker rehearses it now.")).to_be_visible()
    work()
    expect(page.get_by_role("heading", name="As people would see it")).to_be_visible()
    looked_at(approver)
    approver.shoot("11-rehearsal")
    page = approver.open(review)
    page.get_by_label("Comment").fill("Read what differs, and rehearsed.")
    page.get_by_role("button", name="Approve exactly this").click()
    expect(page.get_by_role("status")).to_contain_text("Approved, exactly as you saw it.")
    newest = Campaign.objects.get(pk=shop.campaign.pk).approvals.order_by("-pk").first()
    assert set(newest.checks) == {"reading", "rehearsal"}

    # The officer finds all of it.
    officer = visitor()
    officer.log_in(factories.staff("officer"))
    page = officer.open(reverse("campaigns:evidence", args=[shop.campaign.pk]))
    expect(page.get_by_text(newest.digest)).to_be_visible()
    expect(page.get_by_text("Read what differs, and rehearsed.").first).to_be_visible()
    expect(page.get_by_text(newest.checks["rehearsal"]["digest"][:16])).to_be_visible()
    looked_at(officer)
