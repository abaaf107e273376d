"""Figures of groups with noise: what they cost, that they are given once, and that no crowd passes the cap together."""

import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from customers.contracts import GroupPart, GroupQuestion
from customers.exceptions import BudgetSpent
from customers.models import PrivacyBudget, PrivateAnswer
from customers.privacy import Loss, compose, composed, fits, is_shown, quarter, quarter_ends, with_noise
from customers.queries.budget import CAP, budgets, spent
from customers.services import disclosure
from customers.services.disclosure import ask
from tests import factories

both = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def question(text: str = "buyers in May", version: str = "1", **more) -> GroupQuestion:
    more = {"dataset": "merchant mill", "parts": (GroupPart("people", 1, 0.5),)} | more
    return GroupQuestion(text=text, data_version=version, **more)


def figures(**people: int):
    return lambda: {"people": people or {"buyers": 1000}}


def refuse():
    raise AssertionError("the exact figures were read again")


@pytest.mark.django_db
def test_an_answer_is_given_once_and_the_same_again_costs_nothing():
    first = ask(question(), figures(), actor_id=7)
    again = ask(question(), refuse, actor_id=8)

    assert again.figures == first.figures
    assert (first.is_repeated, again.is_repeated) == (False, True)
    row = PrivacyBudget.objects.get()
    assert (row.dataset, row.window, row.unit, row.actor_id) == ("merchant mill", quarter(row.at), "person", 7)
    assert (row.epsilon, row.delta, row.mechanism) == (0.5, 0.0, "discrete Laplace (OpenDP)")
    assert bytes(row.query_digest) == bytes(PrivateAnswer.objects.get().query_digest)


@pytest.mark.django_db
def test_a_new_state_of_the_data_another_question_and_another_merchant_cost_anew():
    ask(question(), figures(), actor_id=None)
    ask(question(version="2"), figures(), actor_id=None)
    ask(question("buyers in June"), figures(), actor_id=None)
    ask(question(dataset="merchant oven"), figures(), actor_id=None)
    assert len(spent("merchant mill", quarter(PrivacyBudget.objects.first().at))) == 3
    assert PrivacyBudget.objects.filter(dataset="merchant oven").count() == 1


@pytest.mark.django_db
def test_a_large_figure_is_near_the_truth_and_says_how_near():
    figure = ask(question(parts=(GroupPart("people", 5, 0.5),)), figures(many=100_000), actor_id=None).figures["people"]
    assert figure["many"].expected_error == 10.0
    assert abs(figure["many"].value - 100_000) <= 400  # off by more than 40 scales once in e^40


@pytest.mark.django_db
def test_a_figure_that_noise_would_drown_is_held_back(monkeypatch):
    monkeypatch.setattr(disclosure, "with_noise", lambda values, **_: list(values))
    part = GroupPart("people", 5, 0.5)
    told = ask(question(parts=(part,)), figures(none=0, few=49, enough=50), actor_id=None).figures["people"]
    assert {name: figure.value for name, figure in told.items()} == {"none": None, "few": None, "enough": 50}


@pytest.mark.django_db
def test_the_seventh_half_is_refused_and_leaves_nothing_behind():
    for number in range(6):
        ask(question(f"q{number}"), figures(), actor_id=None)
    with pytest.raises(BudgetSpent, match="spent: figures that were given before stay readable") as refused:
        ask(question("q6"), refuse, actor_id=None)
    assert refused.value.opens_at == quarter_ends(PrivacyBudget.objects.first().at)
    assert PrivacyBudget.objects.count() == PrivateAnswer.objects.count() == 6
    assert ask(question("q0"), refuse, actor_id=None).is_repeated
    (line,) = budgets()
    assert line.answers == 6
    assert line.summed_epsilon == 3.0
    assert 2.99 < line.spent_epsilon <= CAP.epsilon


@both
def test_twenty_at_once_cannot_pass_the_cap_together():
    start = Barrier(20)

    def one(number: int) -> bool:
        start.wait()
        try:
            ask(question(f"q{number}"), figures(), actor_id=number)
            return True
        except BudgetSpent:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answered = list(pool.map(one, range(20)))
    assert sum(answered) == PrivacyBudget.objects.count() == PrivateAnswer.objects.count() == 6


@both
def test_twenty_who_ask_the_same_at_once_get_one_answer_at_one_price():
    start = Barrier(20)

    def one(number: int) -> int:
        start.wait()
        try:
            return ask(question(), figures(), actor_id=number).figures["people"]["buyers"].value
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(one, range(20)))) == 1
    assert PrivacyBudget.objects.count() == 1


def test_noise_is_drawn_anew_and_neighbours_look_alike_up_to_e_to_the_epsilon():
    """A histogram test: 4,000 draws for a count of 50 and of 51, each value's share at most e^epsilon apart, up to chance."""
    draws, epsilon = 4000, 0.7
    ours, theirs = (Counter(with_noise([count] * draws, cap=1, epsilon=epsilon)) for count in (50, 51))
    assert len(ours) > 5
    for value in range(48, 54):
        a, b = ours[value], theirs[value]
        slack = 5 * math.sqrt(a + b)  # five standard deviations of a difference of counts
        assert a <= math.exp(epsilon) * b + slack
        assert b <= math.exp(epsilon) * a + slack


def test_alike_answers_compose_below_their_sum_and_unlike_ones_add_up():
    alike = [Loss(0.1)] * 30
    assert composed(alike, 1e-6).epsilon < 2.4 < compose(alike).epsilon
    assert composed([Loss(0.1), Loss(0.2)], 1e-6) == compose([Loss(0.1), Loss(0.2)])
    assert composed([], 1e-6) == Loss(0)
    assert not fits(Loss(3, 1e-6), [Loss(0.5)] * 6, Loss(0.5))


@pytest.mark.parametrize(("value", "shown"), [(-9, False), (0, False), (49, False), (50, True)])
def test_a_fifth_is_the_most_that_noise_may_be_of_a_figure(value, shown):
    assert is_shown(value, 10.0) is shown


def test_a_quarter_begins_and_ends_in_utc():
    assert quarter(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == "2026-Q4"
    assert quarter_ends(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert quarter_ends(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 4, 1, tzinfo=UTC)


@pytest.mark.django_db
def test_the_officer_sees_what_was_spent_and_by_which_answer():
    client = Client()
    client.force_login(factories.staff("officer"))
    url = reverse("customers:budget")
    assert "Nothing spent" in client.get(url).content.decode()
    ask(question("buyers in May"), figures(), actor_id=None)

    page = client.get(url)
    text = page.content.decode()
    assert "merchant mill" in text
    assert "buyers in May" in text
    assert page.context["lines"][0]["share"] == pytest.approx(0.5 / 3, abs=0.001)
