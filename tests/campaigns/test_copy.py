"""The words of a campaign: drafts that are accepted, several variants, edits with sources, and facts that change afterwards."""

import re

import pytest
from django.urls import reverse

from campaigns.exceptions import ApprovalRefused
from campaigns.models import AudienceMember, Campaign, Message, MessageVariant, Rewrite, Segment
from campaigns.services import approval, compose, delivery, words
from campaigns.services.briefs import briefs_of
from catalog.models import Product
from copywriting import generation
from copywriting.contracts import Fact
from copywriting.models import Draft, StatedFact
from copywriting.services.jobs import JOB
from registry import queries as registry
from tests import factories
from tests.campaigns.pages import again, shop_in_review, signed_in, words_of
from tests.copywriting.script import Script
from tests.flows.shop import EVERYBODY, open_shop, read

pytestmark = pytest.mark.django_db

FIRST = "Subject: A good start to the week\nBody: Your week is here. Enjoy {product} with {offer} until {end}."
OTHER = "Subject: Room on the table again\nBody: Supper is better with you. Pick up {product} with {offer} until {end}."


@pytest.fixture(autouse=True)
def writer(monkeypatch):
    monkeypatch.setattr(generation, "_generator", lambda folder: Script(FIRST, OTHER))


def worked() -> None:
    for run_id in registry.waiting((JOB,)):
        generation.write_job(run_id)


def page_of(shop, name: str = "copy", *more) -> str:
    return reverse(f"campaigns:{name}", args=[shop.campaign.pk, *more])


def text_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def with_drafts(shop) -> tuple[int, list[Draft]]:
    """The segment, and two drafts that a worker wrote for it."""
    segment = Segment.objects.get().pk
    signed_in(shop.marketer).post(
        page_of(shop, "write-again", segment), {f"s{segment}-email-tone": "calm", "channel": "email", "label": "A"}
    )
    worked()
    return segment, list(Rewrite.objects.latest("pk").job.pieces.get().generation.drafts.order_by("pk"))


def test_drafts_asked_for_again_stand_beside_the_words_until_one_is_accepted():
    shop = shop_in_review(people=3)
    before = words_of(shop)
    segment, (draft, *_) = with_drafts(shop)
    client = signed_in(shop.marketer)

    page = client.get(page_of(shop))
    (part,) = page.context["segments"]
    assert words_of(shop) == before
    assert draft.pk in {one.draft.pk for one in part.channels[0].drafts}
    assert "campaign.compose" in shop.marketer.roles.get().capabilities

    answer = client.post(page_of(shop, "accept-draft", segment), {"draft": draft.pk, "label": "A"})

    assert (answer.status_code, words_of(shop).draft) == (303, draft)
    assert "{{ product.title }} with {{ offer }} until {{ ends_on }}." in words_of(shop).body
    assert shop.campaign.authors.filter(pk=shop.marketer.pk).exists()


def test_accepting_a_draft_voids_an_approval():
    shop = open_shop(people=3)
    segment, (draft, *_) = with_drafts(shop)

    signed_in(shop.marketer).post(page_of(shop, "accept-draft", segment), {"draft": draft.pk, "label": "A"})

    assert again(shop).campaign.state == "draft"


def test_a_draft_of_another_campaign_is_not_accepted():
    shop = shop_in_review(people=3)
    segment, (draft, *_) = with_drafts(shop)
    other = Campaign.objects.create(name="Other", state="in_review")
    other.segments.add(segment, through_defaults={"priority": 0})

    refused = signed_in(shop.marketer).post(
        reverse("campaigns:accept-draft", args=[other.pk, segment]), {"draft": draft.pk, "label": "A"}
    )

    assert refused.status_code == 409
    assert "not written for this segment" in text_of(refused)
    assert not MessageVariant.objects.filter(campaign=other).exists()


def test_a_second_variant_is_added_and_taken_away_but_never_the_last():
    shop = shop_in_review(people=3)
    segment, (draft, *_) = with_drafts(shop)
    client = signed_in(shop.marketer)
    client.post(page_of(shop, "accept-draft", segment), {"draft": draft.pk, "label": "B"})
    assert [v.label for v in words.current(shop.campaign)] == ["A", "B"]

    client.post(page_of(shop, "retire", words.current(shop.campaign)[0].pk))
    last = words_of(shop)
    refused = client.post(page_of(shop, "retire", last.pk))

    assert (refused.status_code, words_of(shop).label) == (409, "B")
    assert "the only words of the segment" in text_of(refused)


def test_the_copy_costs_the_same_for_one_segment_and_for_many(django_assert_max_num_queries):
    shop = shop_in_review(people=4)
    with_drafts(shop)
    client = signed_in(shop.approver)
    with django_assert_max_num_queries(40) as one:
        client.get(page_of(shop))
    for number in range(4):
        more = Segment.objects.create(slug=f"m{number}", name=f"M {number}", rule=EVERYBODY, audience_phrase="friends")
        shop.campaign.campaign_segments.create(segment=more, priority=number + 1)
        MessageVariant.objects.create(
            campaign=shop.campaign, segment=more, subject="Hello", body="Hello.", writer="person"
        )

    with django_assert_max_num_queries(len(one.captured_queries)):
        page = client.get(page_of(shop))
    assert len(page.context["segments"]) == 5


# --- by hand


def test_a_number_typed_into_the_words_asks_for_its_source_and_the_approver_can_read_it():
    shop = shop_in_review(people=3)
    client = signed_in(shop.marketer)
    typed = {"subject": "Rolls again", "body": "{product} again, from 12 ovens. {offer} until {end}."}
    old = words_of(shop)

    refused = client.post(page_of(shop, "words", old.pk), typed)
    assert (refused.status_code, words_of(shop)) == (400, old)
    assert "Say where “12” comes from" in text_of(refused)
    assert "Source of “12”" in text_of(refused)
    client.post(
        page_of(shop, "words", old.pk), {**typed, "fact_value": ["12"], "fact_source": ["Baker's letter, 3 November"]}
    )

    assert words_of(shop).body == "{{ product.title }} again, from 12 ovens. {{ offer }} until {{ ends_on }}."
    fact = StatedFact.objects.get()
    assert (fact.value, fact.source, fact.stated_by) == ("12", "Baker's letter, 3 November", shop.marketer)
    shown = signed_in(shop.approver).get(page_of(shop))
    assert "Baker&#x27;s letter, 3 November" in shown.content.decode()
    approve(shop)
    assert again(shop).campaign.state == "approved"


def test_the_editor_shows_findings_as_one_types_and_keeps_nothing():
    shop = shop_in_review(people=3)
    old = words_of(shop)
    client = signed_in(shop.marketer)

    checked = client.post(
        page_of(shop, "words-check", old.pk), {"subject": "The best rolls", "body": "{product}, hurry."}
    )

    assert {"absolute", "urgency"} <= {one.rule for one in checked.context["editor"].findings}
    assert "absolute" in text_of(checked)
    assert words_of(shop) == old


def approve(shop) -> None:
    campaign = Campaign.objects.select_related("offer", "merchant").get(pk=shop.campaign.pk)
    approval.approve(campaign.pk, approver=shop.approver, seen_digest=read(campaign))


def test_words_that_break_a_rule_are_not_approved_and_the_page_says_which():
    shop = shop_in_review(people=3)
    words.edit(words_of(shop).pk, subject="The best rolls", body="{{ product.title }} again.", actor=shop.marketer)

    with pytest.raises(ApprovalRefused, match="absolute"):
        approve(shop)

    assert again(shop).campaign.state == "in_review"
    page = text_of(signed_in(shop.approver).get(page_of(shop, "review")))
    assert "The words do not pass, so they cannot be approved" in page
    assert "Words for Regular on e-mail (A), absolute" in page


# --- facts that change afterwards


def stated_of(product: Product) -> Fact:
    return Fact("stated", "12", f"catalog.product:{product.pk}@{product.version}")


def scheduled_with_a_number(shop):
    """Approved and scheduled words that state a number of a row in the catalogue."""
    product = factories.product("Ovens")
    words.edit(
        words_of(shop).pk,
        subject="Rolls again",
        body="{{ product.title }} from 12 ovens.",
        stated=[stated_of(product)],
        actor=shop.marketer,
    )
    approve(shop)
    compose.schedule(shop.campaign.pk, actor=shop.marketer)
    return product


def test_a_fact_that_changes_later_blocks_what_is_scheduled_and_nothing_is_sent():
    shop = shop_in_review(people=3)
    product = scheduled_with_a_number(shop)
    assert delivery.recheck(shop.campaign.pk)
    Product.objects.filter(pk=product.pk).update(title="Other ovens", version=2)

    assert delivery.start(shop.campaign.pk) is None

    assert (again(shop).campaign.state, Message.objects.count()) == ("in_review", 0)
    assert "“12” was true of" in shop.campaign.note


def test_what_is_scheduled_is_read_again_before_its_time():
    shop = shop_in_review(people=3)
    product = scheduled_with_a_number(shop)
    Product.objects.filter(pk=product.pk).update(version=2)

    assert not delivery.recheck(shop.campaign.pk)
    assert again(shop).campaign.state == "in_review"
    assert delivery.recheck(shop.campaign.pk)  # and may run twice


def test_a_name_that_grows_too_long_for_the_channel_blocks_as_well():
    shop = shop_in_review(people=3)
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["sms"])
    shop.campaign.variants.update(channel="sms", subject="")
    approve(shop)
    compose.schedule(shop.campaign.pk, actor=shop.marketer)
    first = briefs_of(again(shop).campaign)[Segment.objects.get().pk, "sms"].facts[0].source
    assert first.startswith("catalog.product:")
    Product.objects.filter(pk=AudienceMember.objects.first().items[0]).update(title="Rye rolls " * 29, version=2)

    assert delivery.start(shop.campaign.pk) is None

    assert again(shop).campaign.state == "in_review"
    assert "length" in shop.campaign.note
