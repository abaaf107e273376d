"""What a merchant is told of a campaign: noisy, once a week, at a price, and never of a few."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.contracts import Arm, NoisyArm, Verdict
from campaigns.models import Assignment, Campaign, Click, Message, MessageVariant, Segment, SurveyAnswer
from campaigns.queries.disclosed import MONEY_CAP, PEOPLE_CAP, capped
from campaigns.queries.measurement import window_of
from campaigns.services.disclosure import told_until
from campaigns.stats.lift import noisy_conversion_lift, noisy_revenue_lift
from catalog.models import Membership
from customers.models import Customer, Order, PrivacyBudget
from customers.services import disclosure
from tests import factories
from tests.campaigns.pages import shop_sent
from tests.campaigns.test_api_results import results, with_key

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PEOPLE = 2100


@pytest.fixture
def mill():
    return factories.merchant("Mill & Co")


@pytest.fixture
def started(mill):
    """Eight days ago, to nobody yet."""
    return Campaign.objects.create(
        name="Rolls", merchant=mill, state="sent", holdout_share=0.3, started_at=timezone.now() - 8 * DAY
    )


@pytest.fixture
def campaign(started):
    """1,400 treated and 700 held out; every second bought for 150.00 a day after the start."""
    made = started
    people = Customer.objects.bulk_create(Customer(external_id=f"p-{n}") for n in range(PEOPLE))
    Assignment.objects.bulk_create(
        Assignment(campaign=made, customer=person, arm="treated" if n < 1400 else "holdout", unit=str(person.pk))
        for n, person in enumerate(people)
    )
    segment = Segment.objects.create(slug="all", name="All", rule={"field": "f_score", "op": ">=", "value": 1})
    words = MessageVariant.objects.create(
        campaign=made, segment=segment, subject="Rolls", body="Rolls", writer="person"
    )
    Message.objects.bulk_create(
        Message(campaign=made, customer=person, variant=words, channel="email", state="sent", sent_at=timezone.now())
        for person in people[:1400]
    )
    Order.objects.bulk_create(
        Order(
            external_id=f"o-{n}", customer=person, total="150.00", channel="web", source="api",
            ordered_at=made.started_at + DAY,
        )
        for n, person in enumerate(people) if n % 2
    )  # fmt: skip
    return made


def test_the_figures_are_near_the_truth_and_say_how_they_were_protected(campaign, mill):
    body = results(with_key(mill), campaign).json()
    found, privacy = body["results"], body["results"]["privacy"]

    assert found["treated"]["customers"] == pytest.approx(1400, abs=285)  # 20 scales: once in e^20
    assert found["holdout"]["customers"] == pytest.approx(700, abs=285)
    assert Decimal(found["treated"]["revenue"]) == pytest.approx(Decimal(105_000), abs=Decimal(27_000))
    assert found["conversion"]["verdict"] in ("cannot tell", "higher", "lower")
    assert found["conversion"]["difference"]["low"] < found["conversion"]["difference"]["high"]
    assert found["treated"]["orders"] is None
    assert (privacy["unit"], privacy["epsilon"], privacy["money_cap"]) == ("household", 0.5, "200.00")
    assert privacy["people_error"] == pytest.approx(5 / 0.35)
    assert found["window"]["until"] == (campaign.started_at + 7 * DAY).isoformat().replace("+00:00", "Z")


def test_a_figure_of_few_is_held_back_and_named(campaign, mill, monkeypatch):
    """Without the noise, which brings one empty figure in 300 above the line."""
    monkeypatch.setattr(disclosure, "with_noise", lambda values, **_: list(values))
    found = results(with_key(mill), campaign).json()["results"]
    assert (found["funnel"]["sent"], found["funnel"]["failed"], found["funnel"]["survey_answers"]) == (1400, None, None)
    assert found["privacy"]["too_few"] == ["clickers", "failed", "skipped", "survey_answers", "unknown"]


def test_the_same_again_costs_nothing_and_a_new_order_does_not_move_it(campaign, mill):
    first = results(with_key(mill), campaign).json()["results"]
    late = Customer.objects.first()
    Order.objects.create(
        external_id="late", customer=late, total="9.00", channel="web", source="api",
        ordered_at=campaign.started_at + 2 * DAY,
    )  # fmt: skip
    again = results(with_key(mill), campaign).json()["results"]

    assert again["treated"] == first["treated"]
    assert (first["privacy"]["is_repeated"], again["privacy"]["is_repeated"]) == (False, True)
    assert PrivacyBudget.objects.get().dataset == f"merchant {mill.external_id}"


def test_the_platform_reads_exact_figures_and_spends_nothing(campaign):
    found = results(with_key(None), campaign).json()
    assert found["results"]["treated"]["customers"] == 1400
    assert found["results"]["privacy"] is found["available_from"] is None
    assert not PrivacyBudget.objects.exists()


def test_before_the_first_week_is_over_nothing_is_told_and_nothing_spent(started, mill):
    Campaign.objects.filter(pk=started.pk).update(started_at=timezone.now() - 6 * DAY)
    body = results(with_key(mill), started).json()
    assert body["results"] is None
    assert body["available_from"] > timezone.now().isoformat()
    assert not PrivacyBudget.objects.exists()


def test_when_the_budget_is_spent_the_answer_says_until_when(started, mill):
    for number in range(6):
        PrivacyBudget.objects.create(
            dataset=f"merchant {mill.external_id}", window=_now_window(), unit="person", mechanism="x", epsilon=0.5,
            query_digest=bytes([number] * 32),
        )  # fmt: skip
    answer = results(with_key(mill), started)
    assert answer.status_code == 429
    assert answer.json()["code"] == "privacy_budget_spent"
    assert "new ones can be asked for from" in answer.json()["detail"]
    assert answer["Retry-After"].endswith("GMT")


def _now_window() -> str:
    now = timezone.now()
    return f"{now.year}-Q{(now.month + 2) // 3}"


def test_nobody_moves_a_figure_by_more_than_the_cap(campaign):
    rich = Customer.objects.get(external_id="p-1")
    before = capped(campaign, window_of(campaign))
    Order.objects.create(
        external_id="rich", customer=rich, total="90000.00", channel="web", source="api",
        ordered_at=campaign.started_at + DAY,
    )  # fmt: skip
    after = capped(campaign, window_of(campaign))
    assert after.people == before.people
    assert after.money["treated"] - before.money["treated"] == MONEY_CAP - 150_00


def test_people_who_share_an_address_are_one_in_every_figure(campaign):
    """Five who share it, over two channels: at the most one in each of five figures, and one cap of money."""
    window = window_of(campaign)
    before = capped(campaign, window)
    words = MessageVariant.objects.get()
    five = [Customer.objects.create(external_id=f"shares-{n}") for n in range(5)]
    Assignment.objects.bulk_create(
        Assignment(campaign=campaign, customer=one, arm="treated", unit=f"customer:{five[0].pk}") for one in five
    )
    states = ("sent", "failed", "skipped", "unknown", "sent")
    for one, state in zip(five, states, strict=True):
        for channel in ("email", "sms"):
            message = Message.objects.create(
                campaign=campaign, customer=one, variant=words, channel=channel,
                state=state if channel == "email" else "failed", reason="" if state == "sent" else "x",
                sent_at=timezone.now() if state == "sent" and channel == "email" else None,
            )  # fmt: skip
            Click.objects.create(message=message)
            SurveyAnswer.objects.create(message=message, score=3)
        Order.objects.create(
            external_id=f"s-{one.pk}", customer=one, total="150.00", channel="web", source="api",
            ordered_at=campaign.started_at + DAY,
        )  # fmt: skip
    after = capped(campaign, window)
    moved = {name: after.people[name] - before.people[name] for name in after.people}
    assert {name for name, change in moved.items() if change} == {
        "treated", "treated_converted", "sent", "clickers", "survey_answers",
    }  # fmt: skip
    assert sum(moved.values()) == PEOPLE_CAP
    assert after.money["treated"] - before.money["treated"] == MONEY_CAP


def test_of_a_campaign_that_answers_events_each_ones_orders_count_from_when_they_were_taken_in(started):
    """And who was taken in after the moment that is told of counts in no figure of it."""
    Campaign.objects.filter(pk=started.pk).update(
        kind="triggered", state="running", trigger={"kind": "birthday", "days": 0}
    )
    started.refresh_from_db()
    begins = started.started_at
    for number, taken_in, ordered in ((1, 0, 2), (2, 3, 2), (3, 3, 5), (4, 7.5, 7.6)):
        person = factories.customer(external_id=f"t-{number}")
        Assignment.objects.create(
            campaign=started, customer=person, arm="treated", unit=str(person.pk), assigned_at=begins + taken_in * DAY
        )
        Order.objects.create(
            external_id=f"t-{number}", customer=person, total="10.00", channel="web", source="api",
            ordered_at=begins + ordered * DAY,
        )  # fmt: skip
    window = window_of(started, told_until(window_of(started)))
    assert window.until == begins + 7 * DAY
    found = capped(started, window)
    assert (found.people["treated"], found.people["treated_converted"], found.money["treated"]) == (3, 2, 20_00)


def test_another_merchants_campaign_is_not_found(started):
    assert results(with_key(factories.merchant("Other")), started).status_code == 404


def arm(name: Arm, customers, converted, revenue, error=10.0) -> NoisyArm:
    return NoisyArm(name, customers, converted, revenue and Decimal(revenue), error, error * 10)


def test_intervals_widen_with_the_noise_and_hidden_figures_have_none():
    treated, holdout = arm(Arm.TREATED, 2000, 800, 40_000), arm(Arm.HOLDOUT, 1000, 300, 15_000)
    quiet = noisy_conversion_lift(arm(Arm.TREATED, 2000, 800, 0, 0.0), arm(Arm.HOLDOUT, 1000, 300, 0, 0.0)).difference
    noisy = noisy_conversion_lift(treated, holdout)
    assert noisy.difference.estimate == pytest.approx(0.1)
    assert (quiet.low, quiet.high) == (pytest.approx(0.0644, abs=0.0001), pytest.approx(0.1356, abs=0.0001))
    assert noisy.difference.low < quiet.low
    assert noisy.difference.high > quiet.high
    assert noisy.verdict == Verdict.HIGHER
    assert noisy_revenue_lift(treated, holdout, cap=200.0).difference.estimate == pytest.approx(5.0)
    hidden = noisy_conversion_lift(treated, arm(Arm.HOLDOUT, 1000, None, None))
    assert (hidden.difference, hidden.verdict) == (None, Verdict.CANNOT_TELL)


def test_a_merchants_member_reads_no_exact_figure_and_no_recipient_whatever_else_they_may():
    shop = shop_sent(people=2)
    mill = factories.merchant()
    Campaign.objects.filter(pk=shop.campaign.pk).update(merchant=mill)
    analyst = factories.staff("analyst")
    Membership.objects.create(user=analyst, merchant=mill)
    client = Client()
    client.force_login(analyst)

    for page in ("detail", "monitor", "sending", "recipients", "results", "review"):
        assert client.get(reverse(f"campaigns:{page}", args=[shop.campaign.pk])).status_code == 403, page
    segment = Segment.objects.get()
    assert client.get(reverse("campaigns:segment", args=[segment.pk])).status_code == 403
    home = client.get(reverse("campaigns:home"))
    assert (home.status_code, "last_results" in home.context) == (200, False)
