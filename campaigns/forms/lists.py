"""What staff type to make a list of people a segment."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.queries.segments import visible
from campaigns.services.lists import MOST_WANTED

PHRASE = _("Such as “our regulars”. It is all that a writer gets, and it stands under “why did I get this?”.")


class FileListForm(forms.Form):
    name = forms.CharField(max_length=80, label=_("Name"))
    audience_phrase = forms.CharField(max_length=120, label=_("How a customer may be told about it"), help_text=PHRASE)


class LookAlikeForm(FileListForm):
    seed = forms.ModelChoiceField(queryset=None, label=_("People like those of"), empty_label=_("Choose a segment"))
    wanted = forms.IntegerField(
        min_value=1, max_value=MOST_WANTED, initial=1000, label=_("How many people"),
        help_text=_("The most alike by recency, frequency, spend and departments; none of the segment itself."),
    )  # fmt: skip
    field_order = ("seed", "wanted", "name", "audience_phrase")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["seed"].queryset = visible()
