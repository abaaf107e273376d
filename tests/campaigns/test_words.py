"""What a writer is told of a campaign, and what is learned when somebody approves its words."""

import pytest

from campaigns.models import AudienceMember, Campaign, MessageVariant
from campaigns.services import approval, generation
from copywriting.contracts import CopyBrief, DraftCopy
from copywriting.models import Example
from copywriting.services.briefs import lint
from copywriting.services.drafts import keep
from tests import factories
from tests.flows.shop import open_shop, read

pytestmark = pytest.mark.django_db

SUBJECT, BODY = "Keep your week simple", "Your week is here. Enjoy {product} with {offer} until {end}."


@pytest.fixture
def shop():
    shop = open_shop(people=3)
    MessageVariant.objects.filter(campaign=shop.campaign).update(writer="model")  # by hand, they would be left alone
    return shop


def test_a_brief_names_the_row_and_version_of_every_fact(shop):
    ((_, _, brief),) = generation._briefs(shop.campaign)

    offer = shop.campaign.offer
    assert (brief.offer, brief.audience, brief.product_class) == ("15% off", "our regulars", "BREAD")
    assert {fact.name for fact in brief.facts} >= {"product", "price", "offer", "end"}
    assert (
        next(fact.source for fact in brief.facts if fact.name == "offer") == f"catalog.offer:{offer.pk}@{offer.version}"
    )


def test_words_for_readers_of_several_shelves_name_none(shop):
    dog = factories.product("Dog food", category="DOG FOODS")
    member = AudienceMember.objects.filter(campaign=shop.campaign).first()
    AudienceMember.objects.filter(pk=member.pk).update(items=[dog.pk])

    ((_, _, brief),) = generation._briefs(shop.campaign)

    assert brief.sent_with == ("BREAD", "DOG FOODS")
    kept = {
        finding.rule for finding in lint(brief, SUBJECT, BODY.replace("Your week is here", "Cut a slice this week"))
    }
    assert "misfit" in kept


def test_an_approval_keeps_the_words_for_the_next_tuning(shop):
    ((_, _, brief),) = generation._briefs(shop.campaign)
    brief_kept = keep(brief, [DraftCopy(subject=SUBJECT, body=BODY, writer="model")], drafted=1, passed=1, seconds=0)
    edited = "Your list is here. Enjoy {{ product.title }} with {{ offer }} until {{ ends_on }}."
    MessageVariant.objects.filter(campaign=shop.campaign).update(
        subject=SUBJECT, body=edited, generation=brief_kept.generation, writer="person"
    )
    Campaign.objects.filter(pk=shop.campaign.pk).update(state="in_review")
    campaign = Campaign.objects.select_related("offer").get(pk=shop.campaign.pk)

    approval.approve(campaign.pk, approver=shop.approver, seen_digest=read(campaign))

    example = Example.objects.get()
    assert (example.is_edited, example.body) == (True, "Your list is here. Enjoy {product} with {offer} until {end}.")
    assert CopyBrief.of(example.generation.brief) == brief
