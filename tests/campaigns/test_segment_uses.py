"""Who relies on a segment, and that nobody can delete one from under them."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from campaigns.exceptions import SegmentInUse
from campaigns.models import Campaign, PeopleList, Segment
from campaigns.queries.segment_uses import uses
from campaigns.services import lists, segments
from tests import factories
from tests.campaigns.pages import signed_in
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db

RULE = {"field": "r_score", "op": ">=", "value": 4}


def segment(slug: str, rule: dict = RULE, merchant=None) -> Segment:
    return segments.save_segment(
        slug=slug, name=slug.title(), rule=rule, audience_phrase="you", merchant_id=merchant and merchant.pk
    )


def on(slug: str) -> dict:
    return {"all": [RULE, {"not": {"field": "segment", "op": "=", "value": slug}}]}


def test_campaigns_segments_and_look_alikes_are_named_with_their_state():
    shop = open_shop(people=2)
    used = Segment.objects.get()
    builder = segment("builder", on(used.slug))
    made = lists.look_alike(used.pk, name="Like them", wanted=10, audience_phrase="you", actor=shop.marketer)

    found = uses(used)

    assert [(one.pk, one.state) for one in found.campaigns] == [(shop.campaign.pk, Campaign.objects.get().state)]
    assert list(found.segments) == [builder]
    assert [one.name for one in found.lists] == ["Like them"]
    assert not uses(builder) and not uses(made)
    page = signed_in(shop.marketer).get(reverse("campaigns:segment", args=[used.pk])).content.decode()
    assert reverse("campaigns:detail", args=[shop.campaign.pk]) in page
    assert reverse("campaigns:segment", args=[builder.pk]) in page
    assert "people like its people" in page


def test_words_that_were_replaced_and_a_frozen_audience_still_need_their_segment():
    shop = open_shop(people=2)
    used = Segment.objects.get()

    shop.campaign.campaign_segments.all().delete()

    assert [one.pk for one in uses(used).campaigns] == [shop.campaign.pk]


def test_what_is_used_stays_and_the_refusal_names_who_uses_it():
    shop = open_shop(people=2)
    used = Segment.objects.get()
    builder = segment("builder", on(used.slug))

    answer = signed_in(shop.marketer).post(reverse("campaigns:segment-delete", args=[used.pk]))

    assert answer.status_code == 409
    page = answer.content.decode()
    assert shop.campaign.name in page and builder.name in page and "Delete it" not in page
    assert Segment.objects.filter(pk__in=[used.pk, builder.pk]).count() == 2
    assert not AuditEntry.objects.filter(action="segment.deleted").exists()


def test_an_unused_one_goes_and_its_builder_frees_it():
    base, client = segment("base"), signed_in(factories.staff("marketer"))
    builder = segment("builder", on("base"))
    with pytest.raises(SegmentInUse) as refusal:
        segments.delete_segment(base.pk, actor=None)
    assert refusal.value.names == ("Builder",)

    for one in (builder, base):
        answer = client.post(reverse("campaigns:segment-delete", args=[one.pk]))
        assert (answer.status_code, answer.url) == (303, reverse("campaigns:segments"))

    assert not Segment.objects.exists()
    assert AuditEntry.objects.filter(action="segment.deleted").count() == 2


def test_a_list_goes_with_its_segment_unless_another_rule_asks_about_it():
    seed = segment("seed")
    made = lists.look_alike(seed.pk, name="Like them", wanted=10, audience_phrase="you", actor=None)
    reader = segment("reader", {"not": {"field": "list", "op": "=", "value": made.slug}})
    assert uses(made).names() == ("Reader",)

    segments.delete_segment(reader.pk, actor=None)
    segments.delete_segment(made.pk, actor=None)

    assert not PeopleList.objects.exists()
    assert not uses(seed)


def test_a_merchants_rule_means_the_merchants_own_segment_of_that_name():
    merchant, other = factories.merchant("own"), factories.merchant("other")
    platform, own = segment("vip"), segment("vip", merchant=merchant)
    reader, second = segment("reader", on("vip"), merchant), segment("reader", on("vip"), other)

    assert list(uses(platform).segments) == [second]
    assert list(uses(own).segments) == [reader]
