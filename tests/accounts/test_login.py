"""The way in: password, second step, limits, enrolment, and what ends a session."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse
from django.utils import timezone

from accounts.models import AuditEntry, User
from accounts.services import enrol_totp, reset_second_factor, totp_code
from tests import factories
from tests.factories import SECRET

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"  # as tests.factories.staff sets it
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _no_counts_of_other_tests():
    cache.clear()


def give_password(user: User, password: str = PASSWORD, client: Client | None = None, **extra):
    client = client or Client()
    return client, client.post(LOGIN, {"login": user.username, "password": password}, **extra)


def log_in(user: User) -> Client:
    client, answer = give_password(user)
    if answer.url == reverse("mfa_authenticate"):
        cache.clear()  # a code holds once
        answer = client.post(answer.url, {"code": totp_code(SECRET)})
    assert answer.url == "/"
    return client


def may_work(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_whoever_needs_no_second_factor_is_in_after_the_password_and_it_is_written_down():
    mara = factories.staff("marketer")
    client, answer = give_password(mara)

    assert (answer.status_code, answer.url) == (302, "/")
    assert may_work(client)
    assert AuditEntry.objects.get().action == "user.logged_in"


def test_one_is_led_back_to_where_one_wanted_to_go_and_nowhere_else():
    mara = factories.staff("marketer")
    answer = Client().post(LOGIN, {"login": mara.username, "password": PASSWORD, "next": "/segments/"})
    assert answer.url == "/segments/"
    answer = Client().post(LOGIN, {"login": mara.username, "password": PASSWORD, "next": "https://evil.example/"})
    assert answer.url == "/"


def test_a_wrong_password_lets_nobody_in_and_says_no_more_than_that():
    mara = factories.staff("marketer")
    for name in (mara.username, "nobody-of-this-name"):
        client = Client()
        page = client.post(LOGIN, {"login": name, "password": "wrong"})
        assert "The username and/or password you specified are not correct." in page.content.decode()
        assert not may_work(client)


@pytest.mark.parametrize("role", ["approver", "officer", "administrator"])
def test_the_password_alone_opens_nothing_to_whoever_has_a_second_factor(role):
    client, answer = give_password(factories.staff(role))

    assert answer.url == reverse("mfa_authenticate")
    assert client.get("/").url.startswith(LOGIN)
    wrong = client.post(answer.url, {"code": "000000"})
    assert "Incorrect code." in wrong.content.decode()
    assert not may_work(client)

    assert client.post(answer.url, {"code": totp_code(SECRET)}).url == "/"
    assert may_work(client)


def test_a_code_opens_once():
    arno = factories.staff("approver")
    code = totp_code(SECRET)
    first, answer = give_password(arno)
    first.post(answer.url, {"code": code})
    second, answer = give_password(arno)

    assert may_work(first)
    assert "Incorrect code." in second.post(answer.url, {"code": code}).content.decode()


def test_a_recovery_code_opens_once():
    arno = factories.staff("approver", enrolled=False)
    enrol_totp(arno)
    code = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    first, answer = give_password(arno)
    assert first.post(answer.url, {"code": code}).url == "/"
    second, answer = give_password(arno)
    assert "Incorrect code." in second.post(answer.url, {"code": code}).content.decode()


def test_an_approver_without_one_is_led_to_enrol_and_reaches_nothing_else_before():
    arno = factories.staff("approver", enrolled=False)
    client, answer = give_password(arno)
    enrol = reverse("mfa_activate_totp")
    assert client.get(answer.url).url == enrol
    assert client.get("/campaigns/").url == enrol
    assert client.get("/campaigns/", headers={"HX-Request": "true"}).status_code == 204
    assert client.get("/admin/").url == enrol
    assert client.get("/api/v1/campaigns/").status_code == 403
    key = client.session.session_key

    page = client.get(enrol).content.decode()
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    assert "data:image/svg+xml;base64," in page
    answer = client.post(enrol, {"code": totp_code(secret)})

    assert answer.url == reverse("mfa_view_recovery_codes")
    assert (
        len(re.findall(r"^\d{8}$", client.get(answer.url).content.decode().replace('<pre class="code">', "\n"), re.M))
        == 10
    )
    assert may_work(client)
    assert client.session.session_key != key
    assert AuditEntry.objects.filter(action="user.second_factor", actor=arno).exists()


def test_a_session_of_before_the_enrolment_ends_with_it():
    arno = factories.staff("approver", enrolled=False)
    earlier, _ = give_password(arno)
    client, _ = give_password(arno)
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    client.post(reverse("mfa_activate_totp"), {"code": totp_code(secret)})

    assert may_work(client)
    assert earlier.get("/").url.startswith(LOGIN)


def test_the_secret_rests_sealed():
    arno = factories.staff("approver", enrolled=False)
    secret = enrol_totp(arno)
    kept = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in kept
    assert Authenticator.objects.get(type="totp").wrap().validate_code(totp_code(secret))


def test_the_last_factor_of_a_role_that_needs_one_cannot_be_removed():
    arno = factories.staff("approver")
    client = log_in(arno)
    page = client.post(reverse("mfa_deactivate_totp"))
    assert "It is your last one" in page.content.decode()
    assert Authenticator.objects.filter(user=arno, type="totp").exists()


def test_somebody_who_needs_none_may_add_one_and_remove_it():
    mara = factories.staff("marketer")
    factories.enrol(mara)
    client = log_in(mara)
    assert client.post(reverse("mfa_deactivate_totp")).url == reverse("mfa_index")
    mara.refresh_from_db()
    assert mara.second_factor_at is None
    entry = AuditEntry.objects.get(action="user.second_factor")
    assert (entry.actor, entry.after) == (mara, {"factors": []})
    assert may_work(client)
    assert give_password(mara)[1].url == "/"


def test_a_reset_factor_ends_the_sessions_and_leads_to_a_new_enrolment():
    arno = factories.staff("approver")
    client = log_in(arno)
    reset_second_factor(arno, "lost the phone")

    assert client.get("/").url.startswith(LOGIN)
    client, answer = give_password(arno)
    assert client.get(answer.url).url == reverse("mfa_activate_totp")
    assert AuditEntry.objects.get(action="user.second_factor").reason == "lost the phone"


def test_new_recovery_codes_replace_the_old_ones_and_are_written_down():
    arno = factories.staff("approver")
    client = log_in(arno)
    client.post(reverse("mfa_generate_recovery_codes"))
    first = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    client.post(reverse("mfa_generate_recovery_codes"))

    assert set(first).isdisjoint(Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes())
    assert AuditEntry.objects.filter(action="user.second_factor", actor=arno).count() == 2
    assert may_work(client)
    download = client.get(reverse("mfa_download_recovery_codes"))
    assert len(download.content.decode().split()) == 10


# --- limits


def test_five_wrong_passwords_close_the_account_for_five_minutes_also_to_the_right_one():
    mara = factories.staff("marketer")
    for place in range(5):
        give_password(mara, "wrong", REMOTE_ADDR=f"192.0.2.{place}")
    client, page = give_password(mara, REMOTE_ADDR="192.0.2.99")

    assert "Too many failed login attempts." in page.content.decode()
    assert not may_work(client)
    assert may_work(log_in(factories.staff("marketer")))  # nobody else is kept out
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        cache.clear()  # locmem's own clock stands on its entries; what expired is gone
        assert may_work(log_in(mara))


def test_twenty_wrong_passwords_close_an_address_for_every_account():
    for number in range(20):
        Client().post(LOGIN, {"login": f"guess-{number}", "password": "wrong"})
    _, page = give_password(factories.staff("marketer"))
    assert "Too many failed login attempts." in page.content.decode()


def test_five_wrong_codes_close_the_second_step():
    arno = factories.staff("approver")
    client, answer = give_password(arno)
    for number in range(5):
        client.post(answer.url, {"code": f"00000{number}"})
    page = client.post(answer.url, {"code": totp_code(SECRET)})
    assert "Too many failed login attempts." in page.content.decode()
    assert not may_work(client)


def test_without_the_cache_no_attempt_is_taken(settings):
    mara = factories.staff("marketer")
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nowhere/valkey.sock"}
    }
    client, page = give_password(mara)
    assert page.status_code == 503
    assert "Logging in is closed for a moment" in page.content.decode()
    assert client.get("/").url.startswith(LOGIN)


# --- a new password


def test_a_new_password_ends_every_other_session_and_renews_this_one():
    mara = factories.staff("marketer")
    here, there = log_in(mara), log_in(mara)
    key = here.session.session_key
    new = {"old_password": PASSWORD, "new_password1": "battery staple horse", "new_password2": "battery staple horse"}

    assert here.post(reverse("accounts:password"), new).url == reverse("mfa_index")

    assert may_work(here) and here.session.session_key != key
    assert there.get("/").url.startswith(LOGIN)
    assert give_password(mara)[1].status_code == 200
    assert give_password(mara, "battery staple horse")[1].url == "/"
    assert AuditEntry.objects.filter(action="user.password_changed", actor=mara).count() == 1


def test_an_old_session_says_first_once_more_who_it_is():
    mara = factories.staff("marketer")
    client = log_in(mara)
    assert client.get(reverse("accounts:password")).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        led = client.get(reverse("accounts:password"))
        assert led.url == f"{reverse('account_reauthenticate')}?next=%2Faccounts%2Fpassword%2F"
        wrong = client.post(led.url, {"password": "wrong"})
        assert wrong.status_code == 200
        assert client.post(led.url, {"password": PASSWORD}).url == "/accounts/password/"
        assert client.get(reverse("accounts:password")).status_code == 200


# --- what does not exist


@pytest.mark.parametrize(
    "name",
    ["account_signup", "account_email", "account_confirm_email", "account_reset_password", "socialaccount_signup",
     "account_request_login_code", "mfa_signup_webauthn", "mfa_login_webauthn"],
)  # fmt: skip
def test_no_sign_up_no_mail_no_social_login(name):
    with pytest.raises(NoReverseMatch):
        reverse(name)
    assert not [p for p in get_resolver().reverse_dict if p == name]


def test_the_admin_has_no_login_of_its_own():
    assert Client().get("/admin/login/?next=/admin/").url.startswith(LOGIN)
    posted = Client().post("/admin/login/", {"username": "x", "password": "y"})
    assert posted.status_code == 302 and posted.url.startswith(LOGIN)
