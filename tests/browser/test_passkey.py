"""A passkey in a real browser, with Chromium's own software authenticator, under the site's content security policy."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from playwright.sync_api import expect

from accounts.models import AuditEntry
from tests import factories
from tests.factories import SECRET

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def add_authenticator(visitor) -> None:
    """A key that confirms by itself, as a touch would."""
    devtools = visitor.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_an_approver_enrols_a_passkey_and_logs_in_with_it(visitor):
    cache.clear()
    arno = factories.staff("approver", "arno", enrolled=False)
    browser = visitor()
    add_authenticator(browser)
    page = browser.open("/accounts/login/")
    page.get_by_label("Username").fill("arno")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()

    # Nothing but the enrolment opens.
    expect(page.get_by_role("heading", name="Enrol an authenticator app")).to_be_visible()
    browser.shoot("second-factor-1-app")
    page.get_by_role("link", name="Use a passkey instead").click()
    browser.shoot("second-factor-2-passkey")
    page.get_by_role("button", name="Enrol").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    browser.shoot("second-factor-3-codes")
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_role("navigation", name="Main").first).to_be_visible()
    assert Authenticator.objects.filter(user=arno, type="webauthn").count() == 1
    assert AuditEntry.objects.filter(action="user.second_factor", actor=arno).count() == 1

    # The next login asks for it.
    page.get_by_role("button", name="Log out").first.click()
    page.get_by_label("Username").fill("arno")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()
    browser.shoot("second-factor-4-login")
    page.get_by_role("button", name="Use a passkey instead").click()
    page.wait_for_url(browser.address + "/")
    browser.open("/accounts/second-factor/")
    browser.shoot("second-factor-5-overview")

    # With an app beside it, it may go; what went is written down.
    factories.TOTP.activate(arno, SECRET)
    page = browser.open("/accounts/second-factor/passkeys/")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("No passkey")).to_be_visible()
    assert not Authenticator.objects.filter(user=arno, type="webauthn").exists()
    assert AuditEntry.objects.filter(action="user.second_factor", actor=arno).count() == 2
