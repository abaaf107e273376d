"""How django-allauth behaves here: no sign-up, no mail, secrets sealed. Named in the settings; nothing imports this module."""

import time

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.app_settings import REAUTHENTICATION_TIMEOUT
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import crypto, services


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request) -> bool:
        return False  # accounts are made by the administrator

    def respond_user_inactive(self, request, user):
        messages.error(request, _("This account is closed; ask the administrator."))
        return redirect("account_login")

    def login(self, request, user) -> None:
        super().login(request, user)
        services.audit(user, "user.logged_in", user)

    def is_reauthentication_required(self, *, app: str, **kwargs) -> bool:
        """A password or a factor given within the last five minutes is enough, the one of the login too."""
        records = get_authentication_records(self.request, self.request.user)
        return not records or time.time() - records[-1]["at"] > REAUTHENTICATION_TIMEOUT

    def add_message(self, request, level, message_template=None, *args, **kwargs) -> None:
        """Logging in and out needs no message; what happened to a factor does."""
        if not (message_template or "").startswith("account/"):
            super().add_message(request, level, message_template, *args, **kwargs)


class FactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return crypto.seal(settings.SECRET_KEY, text)

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.open_sealed([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS], encrypted_text)

    def can_delete_authenticator(self, authenticator) -> bool:
        """Not the last one of somebody whose role demands one: a new one comes first."""
        user = authenticator.user
        others = Authenticator.objects.filter(user=user).exclude(pk=authenticator.pk)
        is_last = not others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
        return not (is_last and user.needs_second_factor)
