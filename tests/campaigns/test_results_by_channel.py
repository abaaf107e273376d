"""What each channel of a campaign did: added up from its messages, and its arms among those whom it was open to."""

import csv
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Assignment, Campaign, Click, Exclusion, Message, SurveyAnswer
from campaigns.queries import measurement, rates
from campaigns.services import delivery
from config.settings import environment
from customers.models import Order
from customers.services.consent import record_many
from customers.services.withdraw import withdraw
from tests.campaigns.pages import again, signed_in
from tests.campaigns.test_gate import consent, on_channels, phone
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    """Sixty people by e-mail, and the first thirty of them by text message as well; sent two days ago."""
    shop = open_shop(people=60, holdout_share=0.4)
    for place, person in enumerate(shop.people[:30]):
        phone(person, f"+417955504{place:02}")
    record_many(consent(person, "sms") for person in shop.people[:30])
    on_channels(shop, "email", "sms")
    delivery.start(shop.campaign.pk)
    Message.objects.update(state="sent", sent_at=timezone.now(), tries=1)
    delivery.finish_if_done(shop.campaign.pk)
    Campaign.objects.filter(pk=shop.campaign.pk).update(started_at=timezone.now() - timedelta(days=2))
    return again(shop)


def page(shop, name: str = "results"):
    return signed_in(shop.marketer).get(reverse(f"campaigns:{name}", args=[shop.campaign.pk]))


def order(customer, total) -> None:
    Order.objects.create(
        customer=customer, total=total, ordered_at=timezone.now() - timedelta(days=1), channel="store", source="api",
        external_id=f"o-{Order.objects.count()}",
    )  # fmt: skip


def texts(shop) -> list[Message]:
    return list(Message.objects.filter(channel="sms").select_related("customer").order_by("pk"))


def test_a_channel_adds_up_its_own_messages(shop):
    mine = texts(shop)
    both, mails = mine[0].customer, Message.objects.filter(channel="email")
    alone = mails.exclude(customer__in=[m.customer_id for m in mine]).first()
    for message in mine[:3]:
        Click.objects.create(message=message, place=0, origin="observed")
    Click.objects.create(message=mine[3], place=0, origin="observed", is_machine=True)
    order(both, "10.00")
    order(alone.customer, "4.00")
    SurveyAnswer.objects.create(message=mine[0], score=5)
    SurveyAnswer.objects.create(message=mine[1], score=2)
    SurveyAnswer.objects.create(message=mails.get(customer=both), score=1)
    Message.objects.filter(pk=mine[4].pk).update(state="failed")
    Message.objects.filter(pk=mine[5].pk).update(state="delivered")
    withdraw(customer_id=mine[2].customer_id, channel="sms", purpose="marketing", method="staff", actor="subject")

    email, sms = (row.rate.group for row in page(shop).context["channels"])

    assert (email.channel, sms.channel) == ("email", "sms")
    assert (sms.built, sms.handed_over, sms.delivered, sms.clicked) == (len(mine), len(mine) - 1, 1, 3)
    assert (sms.ordered, sms.revenue, sms.unsubscribed, sms.answers, sms.satisfaction) == (1, Decimal(10), 1, 2, 3.5)
    # An order counts on every channel that its buyer was written to on.
    assert (email.clicked, email.ordered, email.revenue, email.unsubscribed) == (0, 2, Decimal(14), 0)
    assert email.satisfaction == 1.0


def test_several_wordings_and_segments_make_one_row_a_channel(shop):
    window = measurement.window_of(shop.campaign)
    one = rates.groups(shop.campaign, window)
    twice = [*one, *one]

    added = rates.by_channel(twice)

    assert [(row.channel, row.built) for row in added] == [(row.channel, 2 * row.built) for row in one]
    assert {row.satisfaction for row in added} == {None}


def test_the_arms_of_a_channel_are_those_whom_it_was_open_to_whether_treated_or_held_out(shop):
    arms = dict(Assignment.objects.values_list("customer_id", "arm"))
    reached = shop.people[:30]
    for person in shop.people:
        order(person, "8.00" if arms[person.pk] == "treated" else "5.00")

    email, sms = measurement.results(shop.campaign).channels

    assert (email.name, email.treated.customers + email.holdout.customers) == ("email", 60)
    for arm, found in (("treated", sms.treated), ("holdout", sms.holdout)):
        assert found.customers == sum(arms[person.pk] == arm for person in reached) > 0
    assert sms.treated.revenue == 8 * sms.treated.customers
    assert sms.holdout.revenue == 5 * sms.holdout.customers
    assert Exclusion.objects.filter(channel="sms").count() == 30


def test_the_page_shows_bars_and_both_tables(shop):
    shown = " ".join(page(shop).content.decode().split())
    assert "What each channel did" in shown
    assert "Treated against hold-out, of those whom a channel was open to" in shown
    assert shown.count("<caption>sms</caption>") == 1
    assert "the install says no price of a message" in shown


def test_one_channel_needs_no_comparison():
    shop = open_shop(people=4)
    delivery.start(shop.campaign.pk)
    found = page(again(shop))
    assert [row.rate.group.channel for row in found.context["channels"]] == ["email"]
    assert found.context["open_to"] == []
    assert "of those whom a channel was open to" not in found.content.decode()


def test_a_channel_costs_what_its_provider_asks_for_what_it_took(shop, settings):
    settings.MESSAGE_COSTS = {"sms": (Decimal("0.045"), "USD")}
    Message.objects.filter(pk=texts(shop)[0].pk).update(state="failed")
    email, sms = page(shop).context["channels"]
    assert (email.cost, sms.cost) == ("", f"${Decimal('0.045') * (len(texts(shop)) - 1):.2f}")


def test_prices_are_read_from_the_environment_or_named_as_wrong(monkeypatch):
    monkeypatch.setenv("PRICES", "sms:0.0450/USD, email:0/EUR")
    assert environment.prices("PRICES") == {"sms": (Decimal("0.0450"), "USD"), "email": (Decimal(0), "EUR")}
    for wrong in ("sms:0.045", "sms/0.045:USD", "sms:-1/USD", "sms:1/usd"):
        monkeypatch.setenv("PRICES", wrong)
        with pytest.raises(ImproperlyConfigured, match="PRICES"):
            environment.prices("PRICES")


def test_a_webhooks_reader_leaves_by_taking_back_the_consent_to_mail(shop):
    mine = texts(shop)[0]
    Message.objects.filter(pk=mine.pk).update(channel="webhook")
    withdraw(customer_id=mine.customer_id, channel="email", purpose="marketing", method="staff", actor="subject")
    left = {row.rate.group.channel: row.rate.group.unsubscribed for row in page(shop).context["channels"]}
    assert left == {"email": 1, "sms": 0, "webhook": 1}


def test_the_files_say_the_same(shop):
    rows = list(csv.reader(b"".join(page(shop, "results-csv").streaming_content).decode().splitlines()))
    told = {(part, group, metric): value for part, group, metric, value, *_ in rows}
    assert told["messages", "all / all / sms", "handed_over"] == str(len(texts(shop)))
    assert told["lift", "open to sms", "revenue, verdict"] == "cannot tell"
    assert page(shop, "results-pdf").content.startswith(b"%PDF")
