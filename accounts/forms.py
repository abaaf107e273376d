"""What staff enter here."""

from allauth.account.forms import LoginForm
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from accounts.contracts import Scope


class AuditFilter(forms.Form):
    actor = forms.CharField(required=False, label=lazy("Who"), max_length=150)
    action = forms.CharField(required=False, label=lazy("Action starts with"), max_length=60)
    object_type = forms.CharField(required=False, label=lazy("Kind of thing"), max_length=60)
    object_id = forms.CharField(required=False, label=lazy("Its id"), max_length=64)
    since = forms.DateField(required=False, label=lazy("From (UTC)"), widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(required=False, label=lazy("To, included"), widget=forms.DateInput({"type": "date"}))


class DecideExport(forms.Form):
    """Which way is the button that was pressed."""

    decision = forms.ChoiceField(choices=[("approved", lazy("Approve")), ("refused", lazy("Refuse"))])
    reason = forms.CharField(label=lazy("Why?"), max_length=300)


class RevokeKey(forms.Form):
    reason = forms.CharField(label=lazy("Why is it revoked?"), max_length=300)


class IssueKey(forms.Form):
    username = forms.CharField(
        label=lazy("Service account"), max_length=150, help_text=lazy("The account that the key acts as.")
    )
    name = forms.CharField(
        label=lazy("Name of the key"), max_length=80, help_text=lazy("Where it is used, such as “shop backend”.")
    )
    scopes = forms.MultipleChoiceField(
        label=lazy("What it may do"),
        choices=[(str(scope), str(scope)) for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
    )


def _plain(form: forms.Form) -> None:
    """Labels stand above the fields; text inside them would vanish while one types."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


class Login(LoginForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["password"].help_text = ""


class Code(AuthenticateForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["code"].help_text = _("Six digits from your authenticator app, or one of your recovery codes.")


class CodeAgain(ReauthenticateForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _plain(self)


class EnrolApp(ActivateTOTPForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["code"].help_text = _("Six digits that the app shows after it read the picture.")
