"""What staff enter about models."""

from django import forms


class Reason(forms.Form):
    reason = forms.CharField(label="Why?", max_length=300, help_text="Stands in the audit trail beside your name.")
