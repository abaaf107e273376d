"""Results: the numbers of a page against orders that a reader can add up, at an explicit moment."""

import csv
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.contracts import Arm, ArmResult
from campaigns.models import Assignment, Campaign, Click, CouponCode, Message, Redemption, SurveyAnswer
from campaigns.queries import measurement
from campaigns.queries.arms import covariance, outcomes, sums
from campaigns.stats.covariate import Past
from campaigns.stats.lift import revenue_lift
from campaigns.views import figures
from customers.models import DemoStore, Order
from customers.services.withdraw import withdraw
from tests import factories
from tests.campaigns.pages import again, shop_sent, signed_in
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


def results_page(shop, **query):
    return signed_in(shop.marketer).get(reverse("campaigns:results", args=[shop.campaign.pk]), query)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def order(customer, total, days: float = 0.0, **fields) -> Order:
    fields.setdefault("external_id", f"o-{Order.objects.count()}")
    at = timezone.now() + timedelta(days=days)
    return Order.objects.create(customer=customer, total=total, ordered_at=at, channel="store", source="api", **fields)


def arm(shop, name: str) -> list:
    return list(Assignment.objects.filter(campaign=shop.campaign, arm=name).order_by("pk"))


@pytest.fixture
def shop():
    shop = shop_sent(people=40, holdout_share=0.5)
    Campaign.objects.filter(pk=shop.campaign.pk).update(started_at=timezone.now() - timedelta(days=2))
    return again(shop)


def test_the_arms_are_added_up_by_intention_to_treat(shop):
    treated, holdout = arm(shop, "treated"), arm(shop, "holdout")
    order(treated[0].customer, "10.00", -1)
    order(treated[0].customer, "5.00", -1)
    order(treated[1].customer, "20.00", -1, refunded=Decimal("4.00"))
    order(holdout[0].customer, "8.00", -1)
    # None of these counts: before the start, cancelled, doubted, invented.
    order(treated[2].customer, "99.00", -3)
    order(treated[2].customer, "99.00", -1, cancelled_at=timezone.now())
    order(treated[2].customer, "99.00", -1, excluded_at=timezone.now())
    order(treated[2].customer, "99.00", -1, origin="simulated")
    Message.objects.filter(customer=treated[1].customer).update(state="skipped", reason="suppressed", sent_at=None)

    rows = results_page(shop).context["arms"]

    assert [(row["customers"], row["ordered"], row["orders"], row["revenue"]) for row in rows] == [
        (len(treated), 2, 3, "$31.00"),
        (len(holdout), 1, 1, "$8.00"),
    ]
    assert len(treated) + len(holdout) == 40


def test_sums_of_squares_and_cubes_are_those_of_the_customers(shop):
    treated = arm(shop, "treated")
    order(treated[0].customer, "2.00", -1)
    order(treated[0].customer, "1.00", -1)
    order(treated[1].customer, "4.00", -1)

    window = measurement.window_of(shop.campaign)
    found = sums(shop.campaign, window.since, window.until)[None].treated

    assert (found.revenue, found.revenue_squared, found.revenue_cubed) == (Decimal(7), Decimal(25), Decimal(91))


def test_each_segment_adds_up_to_the_whole(shop):
    order(arm(shop, "treated")[0].customer, "3.00", -1)

    found = measurement.results(shop.campaign)

    (part,) = found.segments
    assert (part.name, part.treated, part.holdout) == ("Regular", found.treated, found.holdout)
    assert found.treated.revenue == Decimal(3)


def test_what_was_spent_before_the_start_is_summed_beside_it(shop):
    ann = arm(shop, "treated")[0].customer
    order(ann, "3.00", -1)
    order(ann, "2.00", -3)
    order(ann, "5.00", -57)
    order(ann, "99.00", -59)  # more than eight weeks before the start

    pair = sums(shop.campaign, shop.campaign.started_at, timezone.now())[None]

    assert pair.treated.revenue == Decimal(3)
    assert pair.past_treated == Past(*map(Decimal, (7, 49, 343, 21, 147, 63)))
    assert pair.past_holdout == Past(*[Decimal(0)] * 6)


def test_looks_vary_together_as_their_customers_do(shop):
    """The sums that the database makes, against numpy's on everybody's own figures."""
    Campaign.objects.filter(pk=shop.campaign.pk).update(started_at=timezone.now() - timedelta(days=4, minutes=1))
    campaign = again(shop).campaign
    for number, person in enumerate(shop.people[:25]):
        for day in range(1 + number % 4):
            order(person, f"{3 + number}.00", day - 3.9)
        order(person, f"{1 + number % 7}.00", -20)
    looks = measurement.looks_of(campaign, measurement.window_of(campaign))
    people = outcomes(campaign, looks)
    drawn = np.array([row.arm for row in Assignment.objects.filter(campaign=campaign).order_by("customer_id")])

    found = covariance(campaign, looks)

    conversion, money, both, past = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros(4), 0.0
    for mask in (drawn == "treated", drawn == "holdout"):
        n = mask.sum()
        conversion += np.cov(people.ordered[mask].T, ddof=0) / n
        joined = np.cov(np.column_stack([people.past, people.money])[mask].T, ddof=0) / n
        money, both, past = money + joined[1:, 1:], both + joined[0, 1:], past + joined[0, 0]
    assert len(looks) == 4
    assert np.allclose(found.conversion, conversion)
    assert np.allclose(found.revenue, money)
    assert np.allclose(found.adjusted, money - np.outer(both, both) / past)


def test_before_the_first_look_there_is_no_interval_and_it_says_when_one_comes():
    shop = shop_sent(people=120, holdout_share=0.5)
    found = measurement.results(shop.campaign)
    assert (found.looked_at, found.conversion.difference, found.revenue.difference) == (None, None, None)
    assert "the first look is a whole day after the start" in found.conversion.reason
    assert "The first interval comes a whole day after the start." in text_of(results_page(shop))


def test_too_few_people_read_cannot_tell_with_the_reason(shop):
    page = text_of(results_page(shop))
    assert "Cannot tell. Too few" in page
    assert "sample ratio, p =" in page


def test_a_day_in_the_past_counts_orders_until_its_end_only(shop):
    treated = arm(shop, "treated")[0].customer
    order(treated, "10.00", -1)
    order(treated, "7.00", -0.0001)
    yesterday = (timezone.now() - timedelta(days=1)).date()

    page = results_page(shop, as_of=f"{yesterday}")

    assert page.status_code == 200
    assert page.context["window"].until.date() == timezone.now().date()
    assert page.context["window"].until.hour == page.context["window"].until.minute == 0
    assert "the window of 28 days is still open" in text_of(page)


@pytest.mark.parametrize("as_of", ["2999-01-01", "soon", "2026-02-30"])
def test_a_day_that_is_not_known_is_refused_with_the_remedy_and_the_page_still_shows(as_of, shop):
    page = results_page(shop, as_of=as_of)
    assert page.status_code == 400
    assert page.context["form"].errors["as_of"]
    assert page.context["results"] is not None
    assert f'value="{as_of}"' in text_of(page)


def test_replayed_orders_are_announced_until_their_day(shop):
    now = timezone.now()
    DemoStore.objects.create(
        name="completejourney", shift=timedelta(weeks=400), cutoff_at=now, replayed_until=now + timedelta(days=20)
    )
    order(arm(shop, "treated")[0].customer, "12.00", 5)

    page = results_page(shop)

    assert f"Replay until {(now + timedelta(days=20)).day} " in text_of(page)
    assert "no true effect is to be expected" in text_of(page)
    assert page.context["arms"][0]["revenue"] == "$12.00"


def test_without_clicks_they_read_none_and_simulated_ones_are_marked(shop):
    assert "<dd>none</dd>" in text_of(results_page(shop))
    message = Message.objects.first()
    Click.objects.create(message=message, origin="simulated")
    Click.objects.create(message=message, origin="simulated")
    Click.objects.create(message=Message.objects.last(), origin="observed", is_machine=True)

    page = text_of(results_page(shop))

    assert '1 person; 1 click of scanners left out <span class="badge badge-simulated">simulated</span>' in page


def test_who_unsubscribed_counts_in_their_arm(shop):
    for person in (arm(shop, "treated")[0], arm(shop, "treated")[1], arm(shop, "holdout")[0]):
        withdraw(
            customer_id=person.customer_id, channel="email", purpose="marketing", method="staff", actor="subject",
            origin="simulated",
        )  # fmt: skip

    rows = results_page(shop).context["arms"]

    assert [(row["left"], row["left_simulated"]) for row in rows] == [(2, True), (1, True)]


def test_the_survey_is_a_mean_with_its_number_of_answers(shop):
    first, last = Message.objects.first(), Message.objects.last()
    SurveyAnswer.objects.create(message=first, score=5)
    SurveyAnswer.objects.create(message=last, score=2)
    assert "3.5 of 5, 2 answers" in text_of(results_page(shop))


def test_arms_of_the_wrong_sizes_raise_an_alarm(shop):
    Campaign.objects.filter(pk=shop.campaign.pk).update(holdout_share=0.05)
    page = text_of(results_page(shop))
    assert "The arms do not have the sizes that were drawn." in page
    assert 'role="alert"' in page


def test_a_campaign_without_a_hold_out_has_results_but_no_lift():
    shop = shop_sent(people=3, holdout_share=0.0)
    page = text_of(results_page(shop))
    assert "An arm is empty: there is nothing to compare with." in page
    assert "nobody was held out" in page


def test_before_the_start_there_is_nothing_to_show():
    assert "No results yet" in text_of(results_page(open_shop(people=2)))


def test_an_imported_campaign_shows_its_redemptions_and_no_lift(shop):
    old = Campaign.objects.create(
        name="Campaign 18", kind="history", state="sent", started_at=timezone.now(), finished_at=timezone.now()
    )
    code = CouponCode.objects.create(campaign=old, offer=shop.campaign.offer, code="10000085207")
    for person in shop.people[:2]:
        Redemption.objects.create(code=code, customer=person, redeemed_at=timezone.now())
    Redemption.objects.create(code=code, customer=shop.people[0], redeemed_at=timezone.now())

    page = text_of(signed_in(shop.marketer).get(reverse("campaigns:results", args=[old.pk])))

    assert "Coupons redeemed</dt><dd>3" in page
    assert "2 customers" in page
    assert "Nobody was held out" in page


def test_the_page_costs_the_same_for_one_segment_and_for_many(shop, django_assert_max_num_queries):
    client = signed_in(factories.staff("analyst"))
    address = reverse("campaigns:results", args=[shop.campaign.pk])
    with django_assert_max_num_queries(25) as one:
        client.get(address)
    for number in range(5):
        segment = shop.campaign.segments.first()
        segment.pk, segment.slug = None, f"more-{number}"
        segment.save()
        shop.campaign.campaign_segments.create(segment=segment, priority=number + 1)

    with django_assert_max_num_queries(len(one.captured_queries)):
        client.get(address)


# --- geometry and words


def an_arm(name: Arm, customers: int, converted: int, each: int) -> ArmResult:
    money = Decimal(each)
    return ArmResult(
        name, customers, converted, converted * money, converted * money**2, converted * money**3, converted
    )


def test_incremental_revenue_is_the_difference_times_the_treated():
    treated, holdout = an_arm(Arm.TREATED, 1000, 500, 10), an_arm(Arm.HOLDOUT, 200, 80, 10)
    found = figures.incremental(revenue_lift(treated, holdout), treated)
    assert (found.value, found.verdict, found.tone) == ("+$1,000.00", "Higher", "good")


def test_an_interval_across_zero_is_placed_between_its_ends():
    lift = revenue_lift(an_arm(Arm.TREATED, 1000, 400, 10), an_arm(Arm.HOLDOUT, 200, 80, 10))
    plot = figures.plot("Difference", lift.difference, figures.signed_money, lift.verdict)
    assert (plot.low, plot.high, plot.point, plot.tone) == (0.0, 100.0, plot.zero, "")
    assert (plot.point_label, plot.low_label[0], plot.high_label[0]) == ("+$0.00", "−", "+")


# --- rates, exports


def clicked(message: Message, *, machine: bool = False) -> None:
    Click.objects.create(message=message, place=0, is_machine=machine, origin="observed")


def test_rates_stand_by_wording_segment_and_channel_with_their_intervals(shop):
    messages = list(Message.objects.filter(campaign=shop.campaign).select_related("customer").order_by("pk"))
    for message in messages[:5]:
        clicked(message)
        clicked(message)  # a person counts once
    clicked(messages[6], machine=True)
    Message.objects.filter(pk=messages[7].pk).update(state="bounced")
    Message.objects.filter(pk=messages[8].pk).update(state="failed")
    order(messages[0].customer, "10.00", -1)
    order(messages[0].customer, "5.00", -1)
    SurveyAnswer.objects.create(message=messages[0], score=5)
    SurveyAnswer.objects.create(message=messages[1], score=2)
    withdraw(
        customer_id=messages[2].customer_id,
        channel="email",
        purpose="marketing",
        method="preference_centre",
        actor="subject",
    )

    answer = results_page(shop)

    (row,) = answer.context["rates"]
    group, sent = row.group, len(messages) - 1
    assert (group.built, group.handed_over, group.bounced, group.clicked) == (len(messages), sent, 1, 5)
    assert (group.ordered, group.revenue, group.unsubscribed) == (1, Decimal("15.00"), 1)
    assert (group.answers, group.satisfaction) == (2, 3.5)
    assert row.clicked.words == figures.percent(5 / sent)
    assert [(bar.label, bar.count) for bar in answer.context["answers"]] == [
        ("5 of 5", 1), ("4 of 5", 0), ("3 of 5", 0), ("2 of 5", 1), ("1 of 5", 0),
    ]  # fmt: skip


def test_of_two_wordings_the_page_says_which_is_likelier_the_better(shop):
    messages = list(Message.objects.filter(campaign=shop.campaign).order_by("pk"))
    first = shop.campaign.variants.get()
    second = type(first).objects.create(
        campaign=shop.campaign, segment=first.segment, label="B", subject="B", body="B", writer="person"
    )
    half = messages[::2]
    Message.objects.filter(pk__in=[m.pk for m in half]).update(variant=second)
    for message in half:
        clicked(message)

    rows = {row.group.label: row for row in results_page(shop).context["rates"]}

    # Every reader of B clicked and none of A; how many there are is the hold-out's draw, and the prior weighs 200 readers.
    one, other = rows["A"].standing, rows["B"].standing
    assert other.best > 0.9 and one.best < 0.1
    assert one.share == pytest.approx(0.05 + 0.9 * one.best)


def test_the_results_go_along_as_csv_with_no_cell_that_a_spreadsheet_would_run(shop):
    Campaign.objects.filter(pk=shop.campaign.pk).update(name="=HYPERLINK(1)")
    order(arm(shop, "treated")[0].customer, "10.00", -1)

    answer = signed_in(shop.marketer).get(reverse("campaigns:results-csv", args=[shop.campaign.pk]))

    lines = list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))
    assert lines[0] == ["part", "group", "metric", "value", "low", "high"]
    assert ["arm", "treated", "revenue", "10.00", "", ""] in lines
    assert any(line[:3] == ["campaign", "'=HYPERLINK(1)", "since"] for line in lines)
    assert any(line[:3] == ["messages", "Regular / A / email", "handed_over"] for line in lines)


def test_the_results_go_along_as_pdf_in_chinese_too(shop):
    Campaign.objects.filter(pk=shop.campaign.pk).update(name="双11 大促")
    order(arm(shop, "treated")[0].customer, "10.00", -1)

    answer = signed_in(shop.marketer).get(reverse("campaigns:results-pdf", args=[shop.campaign.pk]))

    assert answer["Content-Type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
    assert b"STSong-Light" in answer.content and len(answer.content) > 3000


def test_before_the_start_there_is_nothing_to_take_along():
    shop = open_shop(people=2)
    for name in ("csv", "pdf"):
        url = reverse(f"campaigns:results-{name}", args=[shop.campaign.pk])
        assert signed_in(shop.marketer).get(url).status_code == 404
