"""What comes for a merged record, by an old link or a file, counts for its person, and is the record's own after an undo."""

import pytest

from customers.contracts import NewContact, Purpose
from customers.exceptions import ConsentRefused
from customers.models import ConsentRecord, ConsentState, ContactPoint, Customer, OptIn, Suppression
from customers.queries.consent import contactable
from customers.services import consent, learning, merge, objecting, optin, people, shells
from customers.services.withdraw import withdraw
from tests import factories
from tests.customers.rows import act, reachable
from tests.customers.test_imports import loaded

pytestmark = pytest.mark.django_db


def pair(kept: str | None = None, merged: str | None = None):
    """(person, record merged into theirs, trail), each with an address and a word on marketing by e-mail, or none."""
    ann, card = factories.customer(external_id="ann"), factories.customer(external_id="card", is_provisional=True)
    for one, word in ((ann, kept), (card, merged)):
        people.add_contact_points([NewContact(one.pk, "email", f"{one.external_id}@example.invalid")])
        if word:
            consent.record(act(one.pk, word))
    return ann, card, merge.merge(ann.pk, card.pk, rule="loyalty_card")


def said(*customers) -> list[str]:
    """The last word of each on marketing by e-mail."""
    rows = dict(ConsentState.objects.filter(purpose="marketing", channel="email").values_list("customer", "action"))
    return [rows.get(one.pk, "") for one in customers]


def undo(trail) -> None:
    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert list(consent.verify()) == []
    assert list(consent.compare_state()) == []


def test_a_yes_through_the_old_record_counts_for_the_person_and_goes_back_with_it():
    ann, card, trail = pair()
    record = ConsentRecord.objects.get(pk=consent.record(act(card.pk)))

    assert (record.customer_id, record.actor) == (ann.pk, f"subject for record {card.pk}")
    assert said(ann, card) == ["given", ""]
    assert contactable(Purpose.MARKETING, "email").get() == ann

    undo(trail)
    assert said(ann, card) == ["expired", "imported"]
    assert contactable(Purpose.MARKETING, "email").get() == card


def test_a_yes_through_the_old_record_leaves_the_persons_own_words_to_them():
    ann, card, trail = pair("given", "given")
    consent.record(act(ann.pk, "withdrawn"))
    consent.record(act(card.pk, "given"))
    assert said(ann) == ["given"]
    undo(trail)
    assert said(ann, card) == ["withdrawn", "given"]


def test_a_yes_of_the_person_themselves_stays_theirs():
    ann, card, trail = pair()
    consent.record(act(ann.pk))
    undo(trail)
    assert said(ann, card) == ["given", ""]


@pytest.mark.parametrize("word", ["withdrawn", "refused", "objected"])
def test_a_no_through_the_old_record_holds_at_once_and_for_both_afterwards(word):
    ann, card, trail = pair("given", "given")
    consent.record(act(card.pk, word))
    assert ConsentRecord.objects.latest("pk").customer_id == ann.pk
    assert not contactable(Purpose.MARKETING, "email").exists()
    undo(trail)
    assert said(ann, card) == [word, word]


@pytest.mark.parametrize("spoken_by", ["ann", "card"])
def test_a_no_to_every_channel_after_a_yes_through_the_old_record_is_not_revived_by_an_undo(spoken_by):
    ann, card, trail = pair(None, "given")
    consent.record(act(card.pk))
    consent.record(act(Customer.objects.get(external_id=spoken_by).pk, "objected", channel="any"))
    undo(trail)
    assert said(ann, card) == ["objected", "objected"]


def test_a_withdrawal_says_for_which_record_it_came_and_stops_every_address():
    ann, card, _ = pair("given", "given")
    assert withdraw(customer_id=card.pk, channel="email", purpose="marketing", method="one_click", actor="subject")
    record = ConsentRecord.objects.latest("pk")
    assert (record.customer_id, record.actor) == (ann.pk, f"subject for record {card.pk}")
    assert Suppression.objects.filter(lifted_at=None).count() == 2


def test_an_objection_through_the_old_record_stops_the_persons_addresses():
    ann, card, _ = pair("given")
    assert objecting.record_objection(card.pk, method="privacy_request", jurisdiction="EU") == 2
    assert said(ann) == ["objected"]
    assert Suppression.objects.filter(lifted_at=None, channel="email").count() == 2


def test_what_was_asked_and_refused_in_between_does_not_stand_in_the_way_of_an_undo():
    ann, card, trail = pair("given", "given")
    consent.record_many([act(ann.pk, "withdrawn"), act(ann.pk, "requested")])
    undo(trail)
    assert said(ann, card) == ["requested", "withdrawn"]


def test_a_chain_leads_to_its_end_and_each_undo_takes_the_word_one_record_back():
    a, b, c = (factories.customer(external_id=name) for name in "abc")
    first = merge.merge(b.pk, a.pk, rule="staff")
    second = merge.merge(c.pk, b.pk, rule="staff")
    consent.record_many([act(a.pk), act(c.pk, purpose="profiling", channel="any")])
    assert said(a, b, c) == ["", "", "given"]
    undo(second)
    assert said(a, b, c) == ["", "imported", "expired"]
    undo(first)
    assert said(a, b, c) == ["imported", "expired", "expired"]
    assert ConsentState.objects.get(purpose="profiling").customer_id == c.pk


def asked(customer) -> OptIn:
    point = ContactPoint.objects.get(customer=customer)
    return optin.ask(customer, "email", point, by_subject=True, method="sign_up_form")


@pytest.mark.parametrize(
    ("own", "holds", "words", "afterwards"),
    [
        (None, True, ["requested", "confirmed"], ["expired", "imported"]),
        ("given", True, ["given", "given"], ["imported", "imported"]),  # their own again, with no end as before
        ("withdrawn", False, ["withdrawn"], ["withdrawn", "requested"]),
        ("expired", True, ["given", "expired", "requested", "confirmed"], ["expired", "imported"]),
    ],
)
def test_an_opt_in_that_waited_is_confirmed_for_the_person_unless_they_said_no(own, holds, words, afterwards):
    ann, card = factories.customer(external_id="ann"), factories.customer(external_id="card", is_provisional=True)
    people.add_contact_points([NewContact(card.pk, "email", "card@example.invalid")])
    if own:
        consent.record_many([act(ann.pk), act(ann.pk, "expired")] if own == "expired" else [act(ann.pk, own)])
    row = asked(card)
    trail = merge.merge(ann.pk, card.pk, rule="loyalty_card")

    assert optin.confirm(OptIn.objects.get(pk=row.pk)) is holds
    assert optin.confirm(OptIn.objects.get(pk=row.pk)) is holds
    kept = ConsentRecord.objects.filter(customer_id=ann.pk).order_by("pk").values_list("action", flat=True)
    assert list(kept) == words
    assert contactable(Purpose.MARKETING, "email").exists() is holds

    undo(trail)
    assert said(ann, card) == afterwards


def test_a_line_of_a_file_that_names_the_old_record_is_the_persons_and_goes_back():
    ann, card, trail = pair()
    consent.publish_notice("words-1", "en", "We may write to you.")
    loaded(
        "people",
        "customer,consent,consent_purpose,consent_channel,consent_basis,consent_source,consent_notice\n"
        "card,yes,marketing,email,consent,paper form,words-1\n",
    )
    assert said(ann, card) == ["imported", ""]
    undo(trail)
    assert said(ann, card) == ["expired", "imported"]


def test_many_at_once_cost_no_more_statements_than_one(django_assert_num_queries):
    pairs = []
    for _ in range(20):
        ann, card = factories.customer(), factories.customer(is_provisional=True)
        merge.merge(ann.pk, card.pk, rule="loyalty_card")
        pairs.append((ann, card))
    with django_assert_num_queries(1):
        assert shells.hold(ann.pk for ann, _ in pairs) == {}
    with django_assert_num_queries(4):  # held, asked where, and both again with the persons' rows
        assert shells.hold(card.pk for _, card in pairs) == {card.pk: ann.pk for ann, card in pairs}
    assert consent.record_many(act(card.pk) for _, card in pairs) == 20
    assert said(*(ann for ann, _ in pairs)) == ["given"] * 20


def test_a_mark_on_the_old_record_reaches_the_person_and_is_taken_off_with_it():
    ann, card, trail = pair("given")
    assert learning.exclude_from_learning(customer_ids=[card.pk], reason="card testing") == 1
    ann.refresh_from_db()
    assert ann.excluded_reason == "card testing"
    assert not contactable(Purpose.MARKETING, "email").exists()
    assert learning.exclude_from_learning(customer_ids=[card.pk, ann.pk], reason="again") == 0
    assert learning.include_again(customer_ids=[card.pk]) == 1
    assert not Customer.objects.filter(excluded_at__isnull=False).exists()
    undo(trail)
    assert said(ann, card) == ["given", ""]


def test_a_persons_own_mark_stays_when_the_old_records_is_taken_off():
    ann, card = reachable(external_id="ann"), factories.customer(is_provisional=True)
    learning.exclude_from_learning(customer_ids=[ann.pk], reason="staff")
    learning.exclude_from_learning(customer_ids=[card.pk], reason="card testing")
    merge.merge(ann.pk, card.pk, rule="loyalty_card")
    assert learning.include_again(customer_ids=[card.pk]) == 0
    ann.refresh_from_db()
    assert ann.excluded_reason == "staff"


def test_the_language_and_the_switch_of_the_old_link_are_the_persons():
    ann, card, _ = pair()
    assert people.set_language(card.pk, "zh")
    assert people.set_personalise(card.pk, False, actor="subject")
    ann.refresh_from_db()
    assert (ann.language, ann.personalise) == ("zh", False)


def test_the_persons_no_is_not_revived_by_an_import_through_the_old_record():
    _, card, _ = pair("withdrawn")
    with pytest.raises(ConsentRefused, match="does not revive"):
        consent.record(act(card.pk, "imported"))
