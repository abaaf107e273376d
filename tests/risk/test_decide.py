"""A person decides about a flag or a case, with a reason; orders and customer follow, and nothing is decided unseen."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from customers.models import Customer, Order
from customers.services import merge
from customers.services.learning import exclude_from_learning
from risk import scoring, services
from risk.contracts import NewFlag, Reason
from risk.exceptions import DecisionRefused
from risk.models import Case, Flag, Rule, Verdict
from tests import factories
from tests.risk import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst():
    return factories.staff("analyst")


@pytest.fixture
def burst():
    """The twelve orders of a customer within an hour: 24 open flags, the customer held."""
    basket = shop.products()
    shop.ordinary(basket)
    orders = shop.burst(factories.customer(), basket)
    scoring.sweep()
    return orders


def excluded(orders) -> list[str]:
    return list(
        Order.objects.filter(pk__in=[one.pk for one in orders]).order_by("pk").values_list("excluded_reason", flat=True)
    )


def test_an_order_comes_back_with_the_dismissal_of_its_last_flag(burst, analyst):
    first, second = Flag.objects.filter(order=burst[0]).order_by("code")

    services.decide(first.pk, decision="dismissed", reason="known reseller", by=analyst)
    assert excluded(burst[:1]) == ["fraud: R-VEL-1H"]

    services.decide(second.pk, decision="dismissed", reason="known reseller", by=analyst)
    assert excluded(burst[:2]) == ["", "fraud: R-VEL-1H"]
    assert Order.objects.counted().filter(pk=burst[0].pk).exists()
    assert [(v.flag_id, v.decision, v.reason, v.by) for v in Verdict.objects.order_by("pk")] == [
        (first.pk, "dismissed", "known reseller", analyst),
        (second.pk, "dismissed", "known reseller", analyst),
    ]
    entry = AuditEntry.objects.filter(action="flag.dismissed").earliest("pk")
    assert (entry.actor, entry.object_id, entry.before, entry.after, entry.reason) == (
        analyst, str(first.pk), {"state": "open"}, {"state": "dismissed"}, "known reseller",
    )  # fmt: skip


def test_a_whole_case_is_dismissed_at_once_and_its_customer_returns(burst, analyst):
    case = Case.objects.get()
    assert Customer.objects.get(pk=case.customer_id).excluded_reason == "fraud: C-HOLD"

    decided = services.decide_case(
        case.pk, decision="dismissed", reason="a market stall", by=analyst, newest_flag_id=Flag.objects.latest("pk").pk
    )

    assert decided == 24
    assert excluded(burst) == [""] * 12
    assert Customer.objects.trusted().filter(pk=case.customer_id).exists()
    case.refresh_from_db()
    assert (case.state, case.closed_at is None) == ("closed", False)
    assert Verdict.objects.count() == 24
    assert AuditEntry.objects.get().action == "case.dismissed"


def test_a_confirmed_flag_keeps_the_customer_out_though_the_rest_is_dismissed(burst, analyst):
    case, one = Case.objects.get(), Flag.objects.earliest("pk")
    services.decide(one.pk, decision="confirmed", reason="stolen card", by=analyst)
    services.decide_case(
        case.pk, decision="dismissed", reason="the others are real", by=analyst,
        newest_flag_id=Flag.objects.latest("pk").pk,
    )  # fmt: skip

    assert not Customer.objects.trusted().filter(pk=case.customer_id).exists()
    assert excluded(burst) == ["fraud: R-VEL-1H", *[""] * 11]


def test_an_appeal_turns_a_verdict_and_the_history_keeps_both(burst, analyst):
    flag = Flag.objects.get(order=burst[0], code="R-VEL-1H")
    other = Flag.objects.get(order=burst[0], code="R-VEL-24H")
    services.decide(other.pk, decision="dismissed", reason="one reason is enough", by=analyst)
    services.decide(flag.pk, decision="confirmed", reason="stolen card", by=analyst)

    services.decide(flag.pk, decision="dismissed", reason="the bank says no", by=analyst, seen="confirmed")
    assert excluded(burst[:1]) == [""]
    services.decide(flag.pk, decision="confirmed", reason="the bank was wrong", by=analyst, seen="dismissed")

    assert excluded(burst[:1]) == ["fraud: R-VEL-1H"]
    assert list(flag.verdicts.order_by("pk").values_list("decision", flat=True)) == [
        "confirmed", "dismissed", "confirmed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "reason", "seen", "says"),
    [
        ("dismissed", " ", "open", "Say why"),
        ("forgotten", "because", "open", "confirmed or dismissed"),
        ("dismissed", "because", "confirmed", "decided meanwhile"),
        ("open", "because", "open", "confirmed or dismissed"),
    ],
)
def test_a_verdict_that_cannot_stand_changes_nothing(burst, analyst, decision, reason, seen, says):
    flag = Flag.objects.earliest("pk")

    with pytest.raises(DecisionRefused, match=says):
        services.decide(flag.pk, decision=decision, reason=reason, by=analyst, seen=seen)

    flag.refresh_from_db()
    assert (flag.state, Verdict.objects.count(), AuditEntry.objects.count()) == ("open", 0, 0)


def test_whoever_comes_second_is_refused(burst, analyst):
    flag = Flag.objects.earliest("pk")
    services.decide(flag.pk, decision="confirmed", reason="stolen card", by=analyst)

    with pytest.raises(DecisionRefused, match="decided meanwhile"):
        services.decide(flag.pk, decision="dismissed", reason="looks fine", by=factories.staff("analyst"))

    flag.refresh_from_db()
    assert (flag.state, Verdict.objects.count()) == ("confirmed", 1)


def test_flags_raised_after_the_page_was_opened_are_not_decided_with_it(burst, analyst):
    case, seen = Case.objects.get(), Flag.objects.latest("pk").pk
    basket = shop.products()
    shop.burst(case.customer, basket, orders=6, since=shop.MONDAY + timedelta(days=5))
    scoring.sweep()

    services.decide_case(case.pk, decision="dismissed", reason="a market stall", by=analyst, newest_flag_id=seen)

    case.refresh_from_db()
    assert (case.state, case.flags.filter(state="open").count()) == ("open", 6)
    with pytest.raises(DecisionRefused):
        services.decide_case(case.pk, decision="dismissed", reason="again", by=analyst, newest_flag_id=seen)


def test_what_another_room_excluded_stays_out(burst, analyst):
    other = Order.objects.exclude(pk__in=[one.pk for one in burst]).earliest("pk")
    exclude_from_learning(order_ids=[other.pk], reason="a test order")
    reason = Reason("R-VEL-1H", "6 orders by this customer within one hour.", 6.0, 1.0, 1.0, 0.5)
    rule = Rule.objects.get(code="R-VEL-1H")
    services.raise_flags([NewFlag(other.customer_id, other.pk, rule.pk, reason, {})])

    services.decide(Flag.objects.get(order=other).pk, decision="dismissed", reason="nothing", by=analyst)

    assert excluded([other]) == ["a test order"]


def test_a_doubt_about_the_person_holds_them_whatever_becomes_of_one_about_a_merged_record(burst, analyst):
    """Both marks read alike: taking off the merged record's must not take off the person's own."""
    person = Customer.objects.get(pk=Case.objects.get().customer_id)
    shell = factories.customer(is_provisional=True)
    doubtful = shop.order(shell, shop.MONDAY, [])
    reason = Reason("R-VEL-1H", "40 orders by this customer within one hour.", 40.0, 1.0, 1.0, 0.95)
    services.raise_flags([NewFlag(shell.pk, doubtful.pk, Rule.objects.get(code="R-VEL-1H").pk, reason, {})])
    assert Customer.objects.get(pk=shell.pk).excluded_reason == "fraud: C-HOLD"
    merge.merge(person.pk, shell.pk, rule="staff")
    about_shell = Flag.objects.get(customer=shell)

    services.decide(about_shell.pk, decision="dismissed", reason="a shared terminal", by=analyst)
    assert not Customer.objects.trusted().filter(pk=person.pk).exists()

    services.decide_case(
        Flag.objects.filter(customer=person).first().case_id, decision="dismissed", reason="a market stall", by=analyst,
        newest_flag_id=Flag.objects.latest("pk").pk,
    )  # fmt: skip
    assert Customer.objects.trusted().filter(pk__in=[person.pk, shell.pk]).count() == 2
