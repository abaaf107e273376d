"""One written form for each contact point; what cannot be one is refused without being repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.contracts import Action
from customers.exceptions import InvalidContact
from customers.identity import STRICTNESS, Record, judge, normalise, region_of


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann.B@Example.COM \n", "ann.b@example.com"),
        ("household-1@example.invalid", "household-1@example.invalid"),
        ("Household-1@EXAMPLE.invalid", "household-1@example.invalid"),
        ("ann+shop@example.com", "ann+shop@example.com"),  # another mailbox for some providers: never cut
        ("ann@EXÄMPLE.com", "ann@exämple.com"),
        ("ann@xn--exmple-cua.com", "ann@exämple.com"),
        ("İnci@example.com", "İnci@example.com"),  # its lower case is two letters
    ],
)
def test_an_address_has_one_form(typed, kept):
    assert normalise("email", typed) == kept
    assert normalise("email", kept) == kept


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "It is empty."),
        ("   ", "It is empty."),
        ("ann", "An email address must have an @-sign."),
        ("@example.com", "There must be something before the @-sign."),
        ("@example.invalid", "There must be something before the @-sign."),
        ("ann@", "There must be something after the @-sign."),
        ("ann b@example.com", "The email address contains invalid characters before the @-sign."),
        ("ann\r\nBcc: eve@example.com", "The email address contains invalid characters before the @-sign."),
        ("Ann <ann@example.com>", "A display name and angle brackets around the email address are not permitted here."),
        ("ann@localhost", "The part after the @-sign is not valid. It should have a period."),
        (
            "ann@shop.invalid",
            "The part after the @-sign is a special-use or reserved name that cannot be used with email.",
        ),
    ],
)
def test_no_address_is_refused_with_field_reason_and_remedy(typed, reason):
    with pytest.raises(InvalidContact) as refused:
        normalise("email", typed)
    assert refused.value.field == "email"
    assert refused.value.reason == reason
    assert refused.value.remedy


@given(local=st.text(min_size=6, max_size=20), domain=st.text(min_size=6, max_size=20))
def test_a_refusal_never_repeats_the_address(local, domain):
    """Refusals go to logs and quarantine reports, where nobody's address belongs."""
    local, domain = f"zqx{local}", f"zqx{domain}"  # no word of any message begins like that
    try:
        kept = normalise("email", f"{local}@{domain}.com")
    except InvalidContact as refused:
        assert local not in str(refused)
        assert domain not in str(refused)
    else:
        assert normalise("email", kept) == kept


@pytest.mark.parametrize("domain", ["exa\u0378mple.com", "ex\u00b7ample.com", "-shopping-.com"])
def test_a_refusal_never_repeats_the_domain(domain):
    with pytest.raises(InvalidContact) as refused:
        normalise("email", f"ann@{domain}")
    assert "ample" not in str(refused.value)
    assert "shopping" not in str(refused.value)


def test_an_opaque_id_stays_as_the_shop_gave_it():
    assert normalise("loyalty", " Card-0042 ") == "Card-0042"
    assert normalise("device", "e\u0301") == "é"  # one letter written in two ways


@pytest.mark.parametrize(("value", "reason"), [("a\nb", "control characters"), ("x" * 1001, "longer than 1000")])
def test_a_broken_id_is_refused(value, reason):
    with pytest.raises(InvalidContact, match=reason) as refused:
        normalise("device", value)
    assert refused.value.field == "device"


@pytest.mark.parametrize(
    ("typed", "region", "kept"),
    [
        ("+41 44 668 18 00", "", "+41446681800"),
        ("044 668 18 00", "CH", "+41446681800"),
        ("0041446681800", "CH", "+41446681800"),
        ("(212) 555-2368", "US-NY", "+12125552368"),
        ("+1 212 555 2368", "CH", "+12125552368"),  # a prefix says more than where it was written
        ("010-8888-8888", "CN", "+861088888888"),
    ],
)
def test_a_number_has_one_form(typed, region, kept):
    assert normalise("phone", typed, region) == kept
    assert normalise("phone", kept) == kept


@pytest.mark.parametrize(
    ("typed", "region", "reason"),
    [
        ("044 668 18 00", "", "names no country"),
        ("044 668 18 00", "EU", "names no country"),
        ("+41 44 668", "", "No such number"),
        ("+999 123456789", "", "names no country"),
        ("call me", "CH", "no phone number"),
        ("+41 44 668 18 00 x12", "", "extension"),
        ("+4144668180012345678901", "", "too long"),
    ],
)
def test_what_is_no_number_is_refused_without_being_repeated(typed, region, reason):
    with pytest.raises(InvalidContact, match=reason) as refused:
        normalise("phone", typed, region)
    assert refused.value.field == "phone"
    assert refused.value.remedy
    assert "668" not in str(refused.value).replace("+41 44 668 18 00", "")  # the remedy's example


def test_the_country_is_the_first_that_has_phone_numbers():
    assert region_of("EU", "ch") == "CH"
    assert region_of("US-CA", "CH") == "US"
    assert region_of("", "EU") == ""


def test_a_handle_names_its_network_and_has_one_form():
    assert normalise("social", " Instagram:@Ann.B ") == "instagram:ann.b"
    for value in ("@ann", "ann", ":ann", "instagram:", "insta gram:ann", "x:https://x.com/ann", f"x:{'a' * 101}"):
        with pytest.raises(InvalidContact) as refused:
            normalise("social", value)
        assert refused.value.field == "social"


@pytest.mark.parametrize("kind", ["web", "app"])
def test_accounts_of_web_and_app_stay_as_given(kind):
    assert normalise(kind, " Ann-7 ") == "Ann-7"


def test_an_unknown_kind_is_refused_by_name():
    with pytest.raises(InvalidContact, match="no kind of contact point") as refused:
        normalise("fax", "+41 44 668 18 00")
    assert refused.value.field == "kind"


A, B = frozenset({b"a"}), frozenset({b"b"})
NOBODY = frozenset()


@pytest.mark.parametrize(
    ("one", "other", "kept", "conflict"),
    [
        (Record(1, False, NOBODY), Record(2, True, NOBODY), 2, ""),  # the platform's account stays
        (Record(2, False, A), Record(1, False, NOBODY), 1, ""),  # else the older record
        (Record(1, True, NOBODY), Record(2, True, NOBODY), 1, "The platform has an account for each of them."),
        (Record(1, False, A), Record(2, True, B), 2, "They have verified different e-mail addresses."),
        (Record(1, False, A), Record(2, True, A | B), 2, ""),  # one of them is the same
    ],
)
def test_the_verdict_is_the_same_from_either_side(one, other, kept, conflict):
    for verdict in (judge(one, other), judge(other, one)):
        assert (verdict.kept, verdict.conflict) == (kept, conflict)
        assert {verdict.kept, verdict.merged} == {1, 2}


def test_the_order_of_strictness_knows_every_act():
    assert sorted(STRICTNESS) == sorted(Action)
