"""What staff enter about models."""

from django import forms
from django.utils.translation import gettext_lazy as _


class Reason(forms.Form):
    reason = forms.CharField(
        label=_("Why?"), max_length=300, help_text=_("Stands in the audit trail beside your name.")
    )
