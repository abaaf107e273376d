"""One written form for each contact point; what cannot be one is refused without being repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.exceptions import InvalidContact
from customers.identity import normalise


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


@pytest.mark.parametrize(("value", "reason"), [("a\nb", "control characters"), ("x" * 501, "longer than 500")])
def test_a_broken_id_is_refused(value, reason):
    with pytest.raises(InvalidContact, match=reason) as refused:
        normalise("device", value)
    assert refused.value.field == "device"


def test_a_kind_that_cannot_be_normalised_yet_is_refused():
    with pytest.raises(InvalidContact, match="cannot be taken in yet") as refused:
        normalise("phone", "+41 44 668 18 00")
    assert refused.value.field == "phone"
