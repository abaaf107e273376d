"""What staff write about a request for somebody's data."""

from django import forms
from django.utils.translation import gettext_lazy as _


class NewRequest(forms.Form):
    customer = forms.CharField(label=_("Customer id"), max_length=64)
    kind = forms.ChoiceField(
        label=_("What they want"), choices=[(kind, kind) for kind in ("access", "portability", "erasure", "objection")]
    )


class Evidence(forms.Form):
    evidence = forms.CharField(
        label=_("What showed you who it is"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kept encrypted under the person's key. A copy of a document is never needed."),
    )


class Refusal(forms.Form):
    reason = forms.CharField(
        label=_("Why it is refused"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The person has a right to read this."),
    )
