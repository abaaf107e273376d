"""How consent moves week by week: read from the ledger, against sums that a reader can check."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.queries.rates import Week, rates
from customers.services import consent
from tests import factories
from tests.customers.rows import act

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


def series(purpose="marketing", channel="email", **more) -> tuple[Week, ...]:
    return next(one.weeks for one in rates(**more) if (one.purpose, one.channel) == (purpose, channel))


def test_who_came_left_and_refused_and_how_many_stand():
    people = [factories.customer() for _ in range(5)]
    consent.record_many(act(person.pk) for person in people[:4])
    consent.record(act(people[0].pk))  # again: nobody new
    consent.record(act(people[0].pk, "withdrawn"))
    consent.record(act(people[4].pk, "refused"))
    week = series()[-1]
    assert (week.came, week.left, week.refused, week.standing) == (4, 1, 1, 3)
    assert (week.consent_rate, week.opt_out_rate) == (0.8, 0.25)


def test_a_no_to_everything_counts_on_each_channel_that_was_allowed():
    ann = factories.customer()
    consent.record_many([act(ann.pk), act(ann.pk, channel="sms", purpose="marketing")])
    consent.record(act(ann.pk, "objected", channel="any"))
    assert [series(channel=channel)[-1].standing for channel in ("email", "sms")] == [0, 0]
    assert [series(channel=channel)[-1].left for channel in ("email", "sms")] == [1, 1]


def test_what_was_before_the_window_stands_at_its_start():
    consent.record(act(factories.customer().pk))
    later = timezone.now() + timedelta(weeks=30)
    weeks = series(until=later, weeks=4)
    assert [(week.came, week.standing) for week in weeks] == [(0, 1)] * 4
    assert weeks[0].opt_out_rate == 0.0


def test_weeks_begin_on_monday_and_an_unanswered_question_is_no_word():
    consent.record(act(factories.customer().pk, "requested"))
    consent.record(act(factories.customer().pk))
    until = datetime(2030, 1, 2, tzinfo=UTC)  # a Wednesday
    weeks = series(until=until, weeks=2)
    assert [week.start for week in weeks] == [datetime(2029, 12, 24, tzinfo=UTC), datetime(2029, 12, 31, tzinfo=UTC)]
    assert weeks[0].consent_rate is None
    assert weeks[-1].standing == 1


def test_the_page_draws_every_series_and_tells_its_numbers(django_assert_num_queries):
    client = Client()
    client.force_login(factories.staff("officer"))
    url = reverse("customers:rates")
    assert "Nothing asked yet" in client.get(url).content.decode()
    cache.clear()
    consent.record_many(act(factories.customer().pk) for _ in range(3))
    text = client.get(url).content.decode()
    assert "Marketing, email" in text
    assert "100.0%" in text
    assert text.count("<polyline") == 1
