"""What customers send from the public pages. No login, no cookie: the signed link in the address says who they are."""

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.queries.packs import SUBJECTS

SCORES = [(number, str(number)) for number in range(1, 6)]


class SurveyForm(forms.Form):
    score = forms.TypedChoiceField(
        choices=SCORES,
        coerce=int,
        widget=forms.RadioSelect,
        label=_("How useful was this message?"),
        error_messages={
            "required": _("Choose a number from 1 to 5."),
            "invalid_choice": _("Choose a number from 1 to 5."),
        },
    )
    comment = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label=_("Anything you want to tell us"),
        help_text=_("Kept encrypted under a key of your own."),
    )


class PreferencesForm(forms.Form):
    """One post for all of it. A box that is not ticked arrives as nothing, which means off."""

    on = forms.MultipleChoiceField(required=False, choices=[(name, name) for name in SUBJECTS])
    personalise = forms.BooleanField(required=False)
    language = forms.ChoiceField(required=False, choices=[("en", "English"), ("zh", "中文")])


class PrivacyForm(forms.Form):
    """What somebody wants of their data, and an address that we may have on file."""

    email = forms.CharField(label=_("Your e-mail address"), max_length=320, widget=forms.EmailInput)
    kind = forms.ChoiceField(
        label=_("What you want"),
        choices=[
            ("access", _("A copy of my data")),
            ("portability", _("My data to take along, as JSON")),
            ("erasure", _("The erasure of my data")),
            ("objection", _("No more marketing, and no profiling for it")),
        ],
        widget=forms.RadioSelect,
        initial="access",
    )
