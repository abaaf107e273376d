"""What staff enter about flags. Which way they decide is the button they press."""

from django import forms
from django.utils.translation import gettext_lazy as _

NO_NAMES = _("Stands in the history beside your name. Write no names, addresses or numbers of people.")


class QueueFilter(forms.Form):
    """Values that are none of the choices leave the queue unfiltered."""

    code = forms.ChoiceField(required=False, label=_("Reason code"))

    def __init__(self, *args, codes: list[str], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].choices = [("", "any"), *((code, code) for code in codes)]


class DecideFlag(forms.Form):
    reason = forms.CharField(label=_("Why?"), max_length=500, help_text=NO_NAMES)
    seen = forms.CharField(max_length=10, widget=forms.HiddenInput)  # the state that is being changed


class DecideCase(forms.Form):
    reason = forms.CharField(label=_("Why?"), max_length=500, help_text=NO_NAMES)
    newest_flag_id = forms.IntegerField(widget=forms.HiddenInput)  # flags raised after it were not seen
