"""The copy studio in a browser: a brief, its drafts, a number that names its source, words that are accepted."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns.models import MessageVariant
from copywriting import generation
from copywriting.models import Job, StatedFact
from copywriting.services.jobs import JOB, REPLAY
from registry import queries as registry
from tests.campaigns.pages import shop_in_review
from tests.copywriting.script import Script

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

FIRST = "Subject: A good start to the week\nBody: Your week is here. Enjoy {product} with {offer} until {end}."
OTHER = "Subject: Room on the table again\nBody: Supper is better with you. Pick up {product} with {offer} until {end}."


def worked() -> None:
    for run_id in registry.waiting((JOB,)):
        generation.write_job(run_id)
    for run_id in registry.waiting((REPLAY,)):
        generation.write_replay(run_id)


def test_from_a_brief_to_words_that_are_accepted(visitor, monkeypatch):
    monkeypatch.setattr(generation, "_generator", lambda folder: Script(FIRST, OTHER))
    shop = shop_in_review(people=4)
    marketer = visitor()
    page = marketer.log_in(shop.marketer)

    # A brief: the product is found by its words, and nothing that was typed is lost on the way.
    page.get_by_role("link", name="Copy", exact=True).first.click()
    page.get_by_role("link", name="New brief").click()
    page.get_by_label("Name").fill("Rolls for Friday")
    page.get_by_label("Find a product").fill("rye rolls")
    page.get_by_role("button", name="Find").click()
    page.get_by_label("Rye rolls").check()
    page.get_by_label("Offer").select_option(index=1)
    page.get_by_label("people who come in every week").check()
    marketer.shoot("studio-1-brief")
    page.get_by_role("button", name="Write the drafts").click()
    expect(page.get_by_text("Waiting for a worker.")).to_be_visible()
    worked()
    expect(page.get_by_role("button", name="Accept").first).to_be_visible(timeout=15_000)
    marketer.shoot("studio-2-drafts")

    # Every fact names its row; a number typed in asks for its source while one types.
    page.get_by_role("link", name="Edit and sources").first.click()
    page.locator(".fact").first.focus()
    expect(page.locator(".fact-note").first).to_contain_text("catalog.product:")
    text = page.locator("#id_body")
    text.press("End")
    text.press_sequentially(" See it on 24 shelves.")
    expect(page.get_by_label("Source of “24”")).to_be_visible()
    marketer.shoot("studio-3-source")
    page.get_by_label("Source of “24”").fill("Shelf plan of 3 November")
    page.get_by_role("button", name="Keep this text").click()
    expect(page.get_by_role("status")).to_contain_text("Kept beside the one that you edited.")
    assert StatedFact.objects.get().source == "Shelf plan of 3 November"
    expect(page.locator("ins")).to_contain_text("24 shelves.")

    # The words of a campaign: more drafts, one accepted as a second variant, in place of nothing.
    page.goto(marketer.address + reverse("campaigns:copy", args=[shop.campaign.pk]))
    page.get_by_text("Write more drafts, with what is to be different").click()
    page.get_by_role("button", name="Write more drafts").click()
    expect(page.get_by_text("A worker writes more drafts.")).to_be_visible()
    worked()
    expect(page.get_by_role("button", name="Add as B").first).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Add as B").first.click()
    expect(page.get_by_role("heading", name="Variant B")).to_be_visible()
    marketer.shoot("studio-4-variants")
    page.get_by_label("evenly").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")

    assert Job.objects.count() == 2
    assert MessageVariant.objects.filter(campaign=shop.campaign, is_current=True).count() == 2
    shop.campaign.refresh_from_db()
    assert shop.campaign.split == "even"
