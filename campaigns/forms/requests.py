"""What staff write about a request for somebody's data."""

from django import forms


class NewRequest(forms.Form):
    customer = forms.CharField(label="Customer id", max_length=64)
    kind = forms.ChoiceField(
        label="What they want", choices=[(kind, kind) for kind in ("access", "portability", "erasure", "objection")]
    )


class Evidence(forms.Form):
    evidence = forms.CharField(
        label="What showed you who it is",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept encrypted under the person's key. A copy of a document is never needed.",
    )


class Refusal(forms.Form):
    reason = forms.CharField(
        label="Why it is refused",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The person has a right to read this.",
    )
