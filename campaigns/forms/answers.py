"""What customers send from the public pages. No login, no cookie: the signed link in the address says who they are."""

from django import forms

from customers.queries.packs import SUBJECTS

SCORES = [(number, str(number)) for number in range(1, 6)]


class SurveyForm(forms.Form):
    score = forms.TypedChoiceField(
        choices=SCORES,
        coerce=int,
        widget=forms.RadioSelect,
        label="How useful was this message?",
        error_messages={"required": "Choose a number from 1 to 5.", "invalid_choice": "Choose a number from 1 to 5."},
    )
    comment = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Anything you want to tell us",
        help_text="Kept encrypted under a key of your own.",
    )


class PreferencesForm(forms.Form):
    """One post for all of it. A box that is not ticked arrives as nothing, which means off."""

    on = forms.MultipleChoiceField(required=False, choices=[(name, name) for name in SUBJECTS])
    personalise = forms.BooleanField(required=False)
    language = forms.ChoiceField(required=False, choices=[("en", "English"), ("zh", "中文")])


class PrivacyForm(forms.Form):
    """What somebody wants of their data, and an address that we may have on file."""

    email = forms.CharField(label="Your e-mail address", max_length=320, widget=forms.EmailInput)
    kind = forms.ChoiceField(
        label="What you want",
        choices=[
            ("access", "A copy of my data"),
            ("portability", "My data to take along, as JSON"),
            ("erasure", "The erasure of my data"),
            ("objection", "No more marketing, and no profiling for it"),
        ],
        widget=forms.RadioSelect,
        initial="access",
    )
