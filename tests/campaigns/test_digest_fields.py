"""What is approved is everything that can be edited: no field of a plan, an offer, a segment or the words is left out."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Campaign, MessageVariant, Segment
from campaigns.services.approval import content_digest, holds
from campaigns.services.compose import CAREFUL, Plan
from catalog.models import Merchant, Offer
from tests.campaigns.pages import again
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db
# A new value for every field that the composer can set. A field of the plan without a row here fails the test.
CHANGED = {
    "name": "Another name",
    "goal": "Another goal",
    "tone": "short and dry",
    "channels": ["email", "sms"],
    "items_per_message": 1,
    "holdout_share": 0.3,
    "cap_days": 9,
    "caps": [{"channel": "any", "messages": 2, "days": 7}],
    "attribution_days": 14,
    "scheduled_at": timezone.now() + timedelta(days=3),
    "local_at": "2030-11-11T09:00",
    "late_after": timedelta(hours=1),
    "per_second": 7,
    "waves": [0.5],
    "wave_wait": timedelta(hours=2),
    "stop_limits": {"bounced": 0.5},
    "keeps_email_quiet": True,
    "block": {"choice": "segment"},
    "festival": "black_friday",
    "codes": "unique",
    "shared_code": "SPRING15",
    "utm_campaign": "spring",
    "kind": "triggered",
    "trigger": {"kind": "birthday", "wait": 3},
    "offer_id": None,
    "merchant_id": None,  # filled in the test
}


def test_every_field_of_a_plan_is_part_of_what_is_approved():
    shop = open_shop(people=2)
    fields = {*Plan("n", ()).fields(), *CAREFUL}
    merchant = Merchant.objects.create(external_id="another", name="Another")
    left_out = []
    for name in sorted(fields):
        new = merchant.pk if name == "merchant_id" else CHANGED[name]
        before = getattr(again(shop).campaign, name)
        digest = content_digest(shop.campaign)
        changed = {name: new} | ({"trigger": CHANGED["trigger"]} if name == "kind" else {})
        Campaign.objects.filter(pk=shop.campaign.pk).update(**changed)
        assert before != new, name
        if content_digest(again(shop).campaign) == digest:
            left_out.append(name)
        back = {name: before} | ({"trigger": {}} if name == "kind" else {})
        Campaign.objects.filter(pk=shop.campaign.pk).update(**back)
    assert left_out == []
    assert holds(again(shop).campaign)  # as it was: the approval holds


def test_words_offer_and_segments_are_part_of_what_is_approved():
    shop = open_shop(people=2)
    edits = [
        (MessageVariant, {"subject": "Another subject"}),
        (MessageVariant, {"body": "Another body"}),
        (Offer, {"value": 20}),
        (Offer, {"ends_at": timezone.now() + timedelta(days=2)}),
        (Segment, {"rule": {"field": "f_score", "op": ">=", "value": 4}}),
    ]
    for model, fields in edits:
        (name,) = fields
        before = model.objects.values_list(name, flat=True).get()
        model.objects.update(**fields)
        assert not holds(again(shop).campaign), (model, name)
        model.objects.update(**{name: before})
    assert holds(again(shop).campaign)
