"""What customers send from the public pages. No login, no cookie: the signed link in the address says who they are."""

from django import forms

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

    email = forms.BooleanField(required=False, label="Offers by e-mail")
    personalise = forms.BooleanField(
        required=False,
        label="Products chosen for me",
        help_text="Off: you get the same offers, with the products that everybody sees.",
    )
