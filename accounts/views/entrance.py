"""Logging in, in one or two steps, and out; a new password; saying once more who one is."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.webauthn import views as webauthn
from django.contrib import messages
from django.contrib.auth import views as auth
from django.db import transaction
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts import services
from accounts.contracts import ANY_STAFF, SIGNED_IN, public, requires


class CountsTries:
    """Without the cache no attempt can be counted, so none is taken: nobody guesses while it is away."""

    def dispatch(self, request, *args, **kwargs):
        try:
            return super().dispatch(request, *args, **kwargs)
        except RedisError:
            return render(request, "accounts/closed.html", status=503)


# `as_view` copies the attributes of `dispatch`, so a mark on it is a mark on the view.
@method_decorator(public, name="dispatch")
class Login(CountsTries, account.LoginView):
    template_name = "accounts/login.html"


@method_decorator(public, name="dispatch")
class SecondStep(CountsTries, mfa.AuthenticateView):
    """After the password: a code, a recovery code or a passkey. Nobody is signed in before it."""

    template_name = "accounts/second_step.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class Logout(auth.LogoutView):
    pass


@method_decorator(requires(SIGNED_IN), name="dispatch")
class ConfirmByPassword(CountsTries, account.ReauthenticateView):
    template_name = "accounts/confirm.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class ConfirmByCode(CountsTries, mfa.ReauthenticateView):
    template_name = "accounts/confirm.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class ConfirmByPasskey(CountsTries, webauthn.ReauthenticateWebAuthnView):
    template_name = "accounts/confirm.html"


@method_decorator(requires(ANY_STAFF, confirmed=True), name="dispatch")
class NewPassword(auth.PasswordChangeView):
    """Ends every other session of theirs and renews this one."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form):
        with transaction.atomic():
            answer = super().form_valid(form)
            services.audit(self.request.user, "user.password_changed", self.request.user)
        messages.success(self.request, _("The new password holds. You were logged out everywhere else."))
        return answer
