"""A person's own second factors: an authenticator app, passkeys, recovery codes. Pages of django-allauth in our dress."""

from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.utils.decorators import method_decorator

from accounts import services
from accounts.contracts import SIGNED_IN, requires


class Noted:
    """Adds or removes a factor: noted and audited in the same transaction, and this session goes on under a new key."""

    def form_valid(self, form):
        with transaction.atomic():
            answer = super().form_valid(form)
            services.note_second_factor(self.request.user)
        update_session_auth_hash(self.request, self.request.user)
        return answer


@method_decorator(requires(SIGNED_IN), name="dispatch")
class Factors(mfa.IndexView):
    template_name = "accounts/factors.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class AddApp(Noted, totp.ActivateTOTPView):
    template_name = "accounts/add_app.html"

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(**kwargs)
        secret = context["form"].secret
        context["secret"] = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
        return context


@method_decorator(requires(SIGNED_IN), name="dispatch")
class RemoveApp(Noted, totp.DeactivateTOTPView):
    template_name = "accounts/remove_factor.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class Passkeys(webauthn.ListWebAuthnView):
    template_name = "accounts/passkeys.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class AddPasskey(Noted, webauthn.AddWebAuthnView):
    template_name = "accounts/add_passkey.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class RemovePasskey(Noted, webauthn.RemoveWebAuthnView):
    template_name = "accounts/remove_factor.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class RecoveryCodes(codes.ViewRecoveryCodesView):
    template_name = "accounts/recovery_codes.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class NewRecoveryCodes(Noted, codes.GenerateRecoveryCodesView):
    template_name = "accounts/new_recovery_codes.html"


@method_decorator(requires(SIGNED_IN), name="dispatch")
class DownloadRecoveryCodes(codes.DownloadRecoveryCodesView):
    pass
