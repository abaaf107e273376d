"""The campaigns of the Complete Journey as history, on a cut of forty households."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from campaigns.models import Approval, Assignment, Campaign, CouponCode, Message, Redemption, Transition
from campaigns.services.history import load_history
from customers.models import DemoStore, Order
from tests.demo_cut import loaded

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
CUTOFF = datetime(2026, 11, 23, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(django_db_setup, django_db_blocker):
    with loaded(django_db_blocker) as store:
        yield store


def test_campaigns_that_began_before_the_cut_off_are_history(store):
    report = load_history()

    assert (report.campaigns, report.waiting_campaigns) == (24, 3)
    assert set(Campaign.objects.values_list("kind", "state", "channels__0", "holdout_share", "origin")) == {
        ("history", "sent", "post", 0.0, "observed")
    }
    assert not Campaign.objects.filter(started_at__gte=CUTOFF).exists()
    eighteenth = Campaign.objects.get(external_id="cj-18")
    # From 30 October to 24 December 2017 in New York, 468 weeks later.
    assert (eighteenth.name, eighteenth.started_at, eighteenth.finished_at) == (
        "Campaign 18 (Type A)", datetime(2026, 10, 19, 4, tzinfo=UTC), datetime(2026, 12, 14, 5, tzinfo=UTC),
    )  # fmt: skip
    assert eighteenth.attribution_days == 56


def test_nothing_of_it_was_sent_or_approved_here(store):
    load_history()

    assert not Message.objects.exists()
    assert not Approval.objects.exists()
    assert not Transition.objects.exists()


def test_every_receiver_is_treated_on_the_day_it_began(store):
    report = load_history()

    assert report.receivers == Assignment.objects.count() == 115
    assert set(Assignment.objects.values_list("arm", "reason")) == {("treated", "")}
    one = Assignment.objects.select_related("campaign").get(campaign__external_id="cj-27", customer__external_id="27")
    assert one.assigned_at == one.campaign.started_at == datetime(2026, 1, 28, 5, tzinfo=UTC)


def test_a_code_stands_for_each_coupon_and_belongs_to_nobody(store):
    report = load_history()

    assert report.codes == CouponCode.objects.count() == 1_142
    code = CouponCode.objects.select_related("offer", "campaign").get(code="51111030050", campaign__external_id="cj-1")
    assert (code.offer.external_id, code.customer) == ("cj-1-51111030050", None)


def test_redemptions_before_the_cut_off_know_their_basket_where_it_is_certain(store):
    report = load_history()

    assert (report.redemptions, report.waiting_redemptions) == (57, 16)
    assert Redemption.objects.count() == 57
    assert not Redemption.objects.filter(redeemed_at__gte=CUTOFF).exists()
    assert Redemption.objects.filter(order__isnull=False).count() == report.with_order == 50
    for redemption in Redemption.objects.filter(order__isnull=False).select_related("order"):
        assert redemption.order.customer_id == redemption.customer_id
        # Somewhere on that day of New York, which may be 25 hours long.
        assert 0 <= (redemption.order.ordered_at - redemption.redeemed_at).total_seconds() < 25 * 3600


def test_a_second_load_adds_nothing(store):
    load_history()
    before = list(Redemption.objects.order_by("id").values_list("id", flat=True))

    assert load_history().added == 0
    assert list(Redemption.objects.order_by("id").values_list("id", flat=True)) == before


def test_after_a_replay_only_the_new_part_goes_in(store):
    load_history()
    DemoStore.objects.update(replayed_until=datetime(2026, 11, 30, 5, tzinfo=UTC))

    report = load_history()

    assert (report.campaigns, report.waiting_campaigns) == (26, 1)
    assert (report.redemptions, Redemption.objects.count()) == (60, 60)
    DemoStore.objects.update(replayed_until=datetime(2026, 12, 21, 5, tzinfo=UTC))
    report = load_history()
    assert (report.campaigns, report.receivers, report.codes, report.redemptions) == (27, 128, 1_197, 73)
    assert (report.waiting_campaigns, report.waiting_redemptions) == (0, 0)


def test_a_basket_that_is_no_order_is_not_pointed_at(store):
    customers = Order.objects.filter(external_id="31932401996")
    customers.get().lines.all().delete()
    customers.delete()

    load_history()

    redemption = Redemption.objects.get(code__offer__external_id="cj-27-51600070033", customer__external_id="22")
    assert redemption.order is None


def test_the_command_says_what_waits(store, capsys):
    call_command("load_completejourney_campaigns")

    assert capsys.readouterr().out.splitlines()[0] == (
        "history: 24 campaigns, 115 receivers, 1,142 coupon codes, 57 redemptions (50 with a certain basket);"
        " 3 campaigns and 16 redemptions wait for the replay"
    )


def test_without_people_there_is_no_history(store):
    DemoStore.objects.all().delete()

    with pytest.raises(CommandError, match="run load_completejourney_people first"):
        call_command("load_completejourney_campaigns")
    assert not Campaign.objects.exists()
