"""A person's export is of everything: each table that names a person has its part in it, or a reason why it has none."""

import json

import pytest
from django.apps import apps
from django.utils import timezone

from campaigns.models import CouponCode, Exclusion
from campaigns.queries.personal import everything
from campaigns.services import membership
from customers.models import Customer, OptIn
from customers.services import merge, optin, rights
from tests import factories
from tests.campaigns.pages import shop_sent

pytestmark = pytest.mark.django_db

# Model: the part of the export, as room.part; or why there is none. A new table fails until somebody decides.
PARTS = {
    "customers.ContactPoint": "customers.contact_points",
    "customers.Event": "customers.events",
    "customers.Order": "customers.orders",
    "customers.ConsentRecord": "customers.consent",
    "customers.OptIn": "customers.opt_ins",
    "customers.PrivacyRequest": "customers.requests",
    "customers.MergeTrail": "customers.merges",
    "recommendations.TextFinding": "recommendations.opinions",
    "recommendations.Profile": "recommendations.profile",
    "recommendations.Recommendation": "recommendations.recommendations",
    "recommendations.Exposure": "recommendations.exposures",
    "recommendations.WaveReceiver": "recommendations.coupons_received",
    "risk.Flag": "risk.flags",
    "campaigns.AudienceMember": "campaigns.chosen",
    "campaigns.Assignment": "campaigns.assignments",
    "campaigns.Exclusion": "campaigns.channels_closed",
    "campaigns.Message": "campaigns.messages",
    "campaigns.CouponCode": "campaigns.codes",
    "campaigns.Redemption": "campaigns.redemptions",
    "campaigns.SegmentMember": "campaigns.segments",
    "campaigns.SegmentMove": "campaigns.segment_moves",
    "campaigns.ListEntry": "campaigns.lists",
    "campaigns.Listed": "campaigns.listed",
}
NONE = {
    "customers.Customer": "the record of the person itself, whose fields are customers.profile",
    "customers.SubjectKey": "the key under which all of it rests",
    "customers.ConsentState": "a projection of customers.consent",
    "customers.MergeProposal": "a question about two people that nobody has answered: of both, and of neither alone",
    "customers.ImportedRow": "which line of which file a row came from: nothing of the person but the row itself",
    "campaigns.WebhookDelivery": "what a shop's own system was told of it, by id: campaigns.messages says the same",
    "risk.Case": "gathers risk.flags",
    "campaigns.ChangedPerson": "a note that somebody has to be asked again, gone within a minute",
}


def test_each_table_that_names_a_person_has_its_part_or_a_reason():
    named = {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.fields
        if field.related_model is Customer or field.name == "customer_id"
    }
    assert named == PARTS.keys() | NONE.keys()


def test_the_parts_are_there_and_filled():
    shop = shop_sent(people=2)
    ann, ben = shop.people
    Exclusion.objects.create(campaign=shop.campaign, customer=ann, channel="sms", reason="no_contact")
    CouponCode.objects.create(campaign=shop.campaign, offer=shop.campaign.offer, customer=ann, code="ANN-15")
    CouponCode.objects.create(campaign=shop.campaign, offer=shop.campaign.offer, customer=ben, code="BEN-15")
    optin.ask(ann, "profiling", ann.contact_points.get(), by_subject=True, method="preference_centre")
    rights.receive("access", ann, via="page")
    card = factories.customer(is_provisional=True, external_id="card-77")
    merge.merge(ann.pk, card.pk, rule="loyalty_card")

    membership.refresh()

    known = everything(ann.pk)

    for part in PARTS.values():
        room, name = part.split(".")
        assert name in known[room], part
    own = known["campaigns"]
    assert [row["segment__name"] for row in own["segments"]] == ["Regular"]
    assert own["channels_closed"] == [{"campaign__name": "Rolls again", "channel": "sms", "reason": "no_contact"}]
    assert [row["code"] for row in own["codes"]] == ["ANN-15"]
    assert own["chosen"] == [
        {"campaign": "Rolls again", "segment": "Regular", "products": ["Rye rolls", "Oat biscuits"]}
    ]
    assert [row["subject"] for row in known["customers"]["opt_ins"]] == ["profiling"]
    assert OptIn.objects.count() == 1
    assert [row["kind"] for row in known["customers"]["requests"]] == ["access"]
    assert [row["merged_external_id"] for row in known["customers"]["merges"]] == ["card-77"]
    assert known["customers"]["requests"][0]["received_at"] <= timezone.now()
    assert json.dumps(known, default=str)
