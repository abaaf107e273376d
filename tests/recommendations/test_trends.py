"""What rises in the shop, from orders and searches to facts that copy may use and the page; nobody is named by a word."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer, Event, Order, OrderLine
from customers.queries.keys import EVENT_CONTEXT
from customers.services import consent
from customers.services.seal import seal_for
from recommendations.contracts import CATEGORY, SEARCH
from recommendations.models import Overview
from recommendations.queries.trends import trends
from recommendations.scoring.trends import trend_rows
from recommendations.services.trends import KEPT, keep_overview, replace_trends
from tests import factories
from tests.customers.rows import act

pytestmark = pytest.mark.django_db
END = datetime(2026, 11, 2, tzinfo=UTC)
NOW, BEFORE = timedelta(days=3), timedelta(days=40)


@pytest.fixture
def people() -> list[Customer]:
    return Customer.objects.bulk_create(Customer(external_id=f"p-{number:03}") for number in range(120))


def buy(buyers: list[Customer], product, ago: timedelta) -> None:
    orders = Order.objects.bulk_create(
        Order(external_id=f"{product.pk}-{ago.days}-{who.pk}", customer=who, ordered_at=END - ago, channel="web",
              source="api", total=5) for who in buyers
    )  # fmt: skip
    OrderLine.objects.bulk_create(OrderLine(order=order, product=product, quantity=1, amount=5) for order in orders)


def search(who: Customer, words: str, ago: timedelta = NOW) -> None:
    Event.objects.create(
        occurred_at=END - ago, message_id=f"{words}-{who.pk}-{ago.days}", name="Products Searched", source="api",
        channel="web", customer=who, sealed=seal_for(who, f'{{"query": "{words}"}}', EVENT_CONTEXT),
    )  # fmt: skip


def scored() -> None:
    replace_trends(trend_rows(END))
    keep_overview(END)


@pytest.fixture
def plums(people):
    """Everybody buys milk in both windows; plums: 8 of 120 before, 60 now, and one of them says no to learning."""
    milk, plum = factories.product(product_type="MILK"), factories.product(product_type="PLUMS")
    for ago in (NOW, BEFORE):
        buy(people, milk, ago)
    buy(people[:8], plum, BEFORE)
    buy(people[:60], plum, NOW)
    consent.record(act(people[59].pk, "refused", purpose="model_training"))


def test_a_category_that_rises_is_a_fact_with_window_count_change_and_source(plums):
    scored()
    (fact,) = trends(CATEGORY)
    assert (fact.name, fact.people, fact.people_before, fact.shoppers) == ("PLUMS", 59, 8, 119)
    assert (fact.window_days, fact.until) == (28, END)
    assert fact.change == pytest.approx(7.0)  # 59.5 / 8.5
    assert fact.chance < 1e-6
    assert fact.weeks == (0, 0, 8, 0, 0, 0, 0, 59)
    assert "orders that count" in fact.source


def test_words_are_counted_by_people_and_rare_ones_are_never_written_down(people):
    for who in people[:25]:
        search(who, "Plum  Jam")
    for _ in range(3):
        search(people[0], "plum jam", NOW + timedelta(days=1 + _))
    for who in people[:9]:
        search(who, "ann's own name")
    for who in people[25:60]:
        search(who, "bread", BEFORE)
    scored()
    (fact,) = trends(SEARCH)
    assert (fact.name, fact.people, fact.people_before) == ("plum jam", 25, 0)


def test_a_second_scoring_replaces_the_first_and_old_overviews_go(plums):
    for _ in range(3):
        scored()
    assert len(trends()) == 1
    for _ in range(KEPT):
        keep_overview(END)
    assert Overview.objects.count() == KEPT


def test_the_page_shows_plot_and_table_and_says_what_was_not_recorded(plums):
    scored()
    client = Client()
    client.force_login(factories.staff("analyst"))
    text = re.sub(r"\s+", " ", client.get(reverse("recommendations:behaviour")).content.decode())
    assert '<th scope="row">Plums</th>' in text and "× 7.0" in text
    assert 'aria-label="People a week, oldest first: 0, 0, 8, 0, 0, 0, 0, 59"' in text
    assert "None recorded: the store sends no searches, views or carts yet." in text
    assert "No groups yet" in text


def test_before_the_first_scoring_the_page_says_what_is_needed():
    client = Client()
    client.force_login(factories.staff("marketer"))
    assert "Not looked at yet" in client.get(reverse("recommendations:behaviour")).content.decode()
