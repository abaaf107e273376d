"""What an approval rests on: the rules beneath a rule as well, and not for ever."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Approval, Campaign, Segment
from campaigns.services import approval, delivery
from tests.campaigns.pages import again, signed_in
from tests.flows.shop import EVERYBODY, open_shop

pytestmark = pytest.mark.django_db


def aged(shop, days: int) -> None:
    """The same approval, given so long ago; the table takes no change from the application, so by the owner's right."""
    newest = Approval.objects.filter(campaign=shop.campaign).latest("pk")
    newest.pk, newest.at = None, timezone.now() - timedelta(days=days)
    Approval.objects.bulk_create([newest])
    Campaign.objects.filter(pk=shop.campaign.pk).update(scheduled_at=timezone.now())


def test_a_rule_beneath_the_rule_is_part_of_what_is_approved():
    shop = open_shop(3)
    low = Segment.objects.create(slug="low", name="Low", rule=EVERYBODY, audience_phrase="everybody")
    middle = Segment.objects.create(
        slug="middle", name="Middle", rule={"field": "segment", "op": "is", "value": "low"}, audience_phrase="everybody"
    )
    Segment.objects.filter(slug="regular").update(rule={"not": {"field": "segment", "op": "is", "value": "middle"}})
    before, content, _ = approval.digest_of(again(shop).campaign)
    assert [one["id"] for one in content["segments"][0]["builds_on"]] == [low.pk, middle.pk]

    Segment.objects.filter(pk=low.pk).update(rule={"field": "f_score", "op": ">=", "value": 5}, version=2)

    assert approval.digest_of(again(shop).campaign)[0] != before


@pytest.mark.parametrize("look", [delivery.recheck, delivery.start])
def test_an_approval_that_waited_too_long_is_asked_for_again(look, settings):
    settings.APPROVAL_DAYS = 7
    shop = open_shop(3)
    aged(shop, 8)

    look(shop.campaign.pk)

    campaign = again(shop).campaign
    assert (campaign.state, campaign.note) == ("in_review", "Its approval is older than 7 days: review it again.")


def test_a_young_approval_holds_and_the_page_says_until_when(settings):
    settings.APPROVAL_DAYS = 7
    shop = open_shop(3)
    Campaign.objects.filter(pk=shop.campaign.pk).update(scheduled_at=timezone.now() + timedelta(days=1))

    assert delivery.recheck(shop.campaign.pk)
    page = signed_in(shop.approver).get(f"/campaigns/{shop.campaign.pk}/review/")

    assert page.context["valid_until"] == approval.valid_until(Approval.objects.latest("pk"))
    assert "then it is read again" in page.content.decode()
