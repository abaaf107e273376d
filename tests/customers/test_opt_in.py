"""Who may be asked, what waits for its second step, and what ends by itself: as the jurisdiction pack says."""

from datetime import timedelta

import pytest
from django.utils import timezone

from customers.contracts import NewContact
from customers.exceptions import ConsentRefused
from customers.models import ConsentRecord, ConsentState, ContactPoint, OptIn
from customers.queries.packs import LANGUAGES, SUBJECTS, pack, packs
from customers.services import consent, optin, people
from tests import factories
from tests.customers.rows import act

pytestmark = pytest.mark.django_db


def somebody(jurisdiction: str = "EU"):
    ann = factories.customer(jurisdiction=jurisdiction)
    people.add_contact_points([NewContact(ann.pk, "email", f"{ann.external_id}@example.invalid")])
    return ann, ContactPoint.objects.get(customer=ann)


def said(ann) -> str:
    return ConsentState.objects.get(customer=ann, purpose="marketing", channel="email").action


def test_every_pack_is_whole_and_names_an_article_at_each_rule():
    assert set(packs()) == {"EU", "US", "CN"}
    for rules in packs().values():
        assert all(rule.article for rule in (*rules.basis.values(), *rules.consent.values()))
        assert rules.quiet_article and rules.label_article and rules.request["article"]
        assert {(w.subject, w.language) for w in rules.wordings.values()} == {
            (subject, language) for subject in SUBJECTS for language in LANGUAGES
        }
        assert all(wording.article and wording.text for wording in rules.wordings.values())
        assert rules.label == {"en": "Advertisement", "zh": "广告"}
    assert pack("ZZ") is pack("") is pack("EU")


def test_who_said_no_is_asked_again_when_the_pack_allows_it():
    now = timezone.now()
    for place, months in (("EU", 6), ("US", 12), ("CN", 6)):
        ann, point = somebody(place)
        assert optin.may_ask(ann, "email") == ""
        consent.record(act(ann.pk, "withdrawn"))
        reason = optin.may_ask(ann, "email")
        assert "They said no; not before" in reason
        assert pack(place).consent["ask_again_months"].article in reason
        assert optin.may_ask(ann, "email", now + timedelta(days=31 * months)) == ""
        with pytest.raises(ConsentRefused, match="They said no"):
            optin.ask(ann, "email", point, by_subject=False, method="campaign")
        optin.ask(ann, "email", point, by_subject=True, method="sign_up_form")  # asks for it themselves
        assert said(ann) == "requested"


def test_who_objected_is_never_asked_again():
    ann, _ = somebody()
    consent.record(act(ann.pk, "objected", channel="any"))
    assert "nobody may ask again (GDPR art. 21(3))" in optin.may_ask(
        ann, "email", timezone.now() + timedelta(days=9999)
    )


def test_a_repeated_request_is_one_with_one_record():
    ann, point = somebody()
    first = optin.ask(ann, "email", point, by_subject=True, method="sign_up_form")
    optin.new_link(first.pk)
    again = optin.ask(ann, "email", point, by_subject=True, method="sign_up_form")
    assert again.pk == first.pk
    assert again.sent_at is None  # its letter goes out anew, with another secret
    assert ConsentRecord.objects.count() == 1


def test_what_is_not_confirmed_in_time_expires_and_its_link_with_it():
    ann, point = somebody()
    row = optin.ask(ann, "email", point, by_subject=True, method="sign_up_form")
    _, secret = optin.new_link(row.pk)
    assert optin.expire() == 0

    later = timezone.now() + timedelta(days=8)
    assert optin.expire(later) == 1
    assert optin.expire(later) == 0

    assert said(ann) == "expired"
    assert OptIn.objects.get().closed_at == later
    assert optin.confirm(optin.find(row.pk, secret)) is False
    assert said(ann) == "expired"


def test_consent_ends_when_the_pack_says_and_the_ledger_says_so():
    ann, point = somebody()
    row = optin.ask(ann, "email", point, by_subject=True, method="sign_up_form")
    assert optin.confirm(row)
    state = ConsentState.objects.get(customer=ann)
    assert (state.action, state.is_given) == ("confirmed", True)
    assert 725 < (state.valid_until - state.since).days < 735  # two years, in the pack of the Union

    assert optin.expire(state.valid_until) == 1
    assert ConsentRecord.objects.latest("id").action == "expired"
    assert not ConsentState.objects.get(customer=ann).is_given
    assert list(consent.verify()) == []


def test_a_no_in_between_is_not_undone_by_the_link():
    ann, point = somebody()
    row = optin.ask(ann, "email", point, by_subject=True, method="sign_up_form")
    _, secret = optin.new_link(row.pk)
    consent.record(act(ann.pk, "withdrawn"))
    assert optin.confirm(optin.find(row.pk, secret)) is False
    assert said(ann) == "withdrawn"


def test_a_press_after_it_was_taken_back_says_so_and_gives_nothing():
    ann, point = somebody()
    optin.ask(ann, "email", point, by_subject=True, method="sign_up_form")
    row, _ = optin.new_link(OptIn.objects.get().pk)
    assert optin.confirm(row) is True
    assert optin.confirm(row) is True
    consent.record(act(ann.pk, "withdrawn"))

    assert optin.confirm(row) is False
    assert said(ann) == "withdrawn"
