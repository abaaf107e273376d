"""Offers: made and changed by a marketer, with what is wrong said at its field."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.services.approval import still_approved
from catalog.models import Offer
from tests import factories
from tests.campaigns.pages import again, signed_in
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


def form(**fields) -> dict:
    now = timezone.now()
    return {
        "title": "A fifth off", "merchant": "", "kind": "percent", "value": "20",
        "starts_at": f"{now:%Y-%m-%dT%H:%M}", "ends_at": f"{now + timedelta(days=5):%Y-%m-%dT%H:%M}", **fields,
    }  # fmt: skip


def test_an_offer_is_made_and_stands_among_those_that_run():
    client = signed_in(factories.staff("marketer"))

    answer = client.post(reverse("campaigns:offer-new"), form())

    offer = Offer.objects.get()
    assert (answer.status_code, answer.url) == (303, reverse("campaigns:offers"))
    assert (offer.title, offer.kind, offer.value, offer.origin) == ("A fifth off", "percent", Decimal(20), "observed")
    page = client.get(reverse("campaigns:offers")).content.decode()
    assert "A fifth off" in page and "20 %" in page


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"value": "120"}, "value", "More than 100 % cannot be taken off"),
        ({"value": "0"}, "value", "greater than or equal to 0.01"),
        ({"ends_at": "2020-01-01T00:00"}, "ends_at", "It ends before it starts"),
        ({"kind": "gift"}, "kind", "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(fields, field, words):
    answer = signed_in(factories.staff("marketer")).post(reverse("campaigns:offer-new"), form(**fields))

    assert answer.status_code == 400
    assert any(words in error for error in answer.context["form"].errors[field])
    assert 'value="A fifth off"' in answer.content.decode()
    assert not Offer.objects.exists()


def test_a_change_makes_a_new_version_and_voids_the_approval_that_rests_on_it():
    shop = open_shop(people=2)
    client = signed_in(shop.marketer)
    offer = shop.campaign.offer
    page = client.get(reverse("campaigns:offer", args=[offer.pk])).content.decode()
    assert shop.campaign.name in page  # who is bound by it

    client.post(reverse("campaigns:offer", args=[offer.pk]), form(value="25"))

    offer.refresh_from_db()
    assert (offer.version, offer.value) == (2, Decimal(25))
    assert not still_approved(again(shop).campaign)


def test_a_coupon_of_a_feed_is_not_changed_here():
    now = timezone.now()
    coupon = Offer.objects.create(
        external_id="c1", title="Coupon", kind="coupon", starts_at=now, ends_at=now + timedelta(days=1)
    )

    answer = signed_in(factories.staff("marketer")).get(reverse("campaigns:offer", args=[coupon.pk]))

    assert (answer.status_code, answer.url) == (303, reverse("campaigns:offers"))
