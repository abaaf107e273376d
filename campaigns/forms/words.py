"""What staff type about a campaign that stands: words of a segment, a comment, a reason, a day."""

from datetime import datetime

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.exceptions import TemplateRefused
from campaigns.models import Campaign, Split
from campaigns.queries.measurement import end_of
from campaigns.services.messages import check_words
from copywriting.contracts import CHANNELS
from copywriting.services.briefs import as_template, festivals_ahead

FACTS = _(
    "Facts in braces: {product}, {price}, {size}, {offer}, {code}, {end}, {store}, {first_name}."
    " Liquid in double braces works as well."
)


class SegmentForm(forms.Form):
    name = forms.CharField(max_length=80, label=_("Name"), help_text=_("For you and your colleagues."))
    audience_phrase = forms.CharField(
        max_length=120,
        label=_("How a customer may be told about it"),
        help_text=_("Such as “our regulars”. It is all that a writer gets, and it stands under “why did I get this?”."),
    )


class VariantForm(forms.Form):
    """Refuses, with the line and a remedy, words that could not be filled for everybody."""

    subject = forms.CharField(max_length=200, label=_("Subject"))
    body = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 6}), label=_("Text"), help_text=FACTS)

    def __init__(self, data=None, *, campaign: Campaign, channel: str = "email", initial=None):
        super().__init__(data, initial=initial)
        self.campaign = campaign
        room = CHANNELS[channel]
        if room.subject:
            said = _("About %(room)s characters fit on a phone.") % {"room": room.subject}
            self.fields["subject"].help_text = said
        else:
            del self.fields["subject"]

    def clean_subject(self):
        if "\n" in self.cleaned_data["subject"]:
            raise forms.ValidationError(_("A subject is one line: remove the line break."))
        return self._checked("subject")

    def clean_body(self):
        return self._checked("body")

    def _checked(self, name: str) -> str:
        text = as_template(self.cleaned_data[name])
        try:
            check_words(self.campaign, text)
        except TemplateRefused as refusal:
            raise forms.ValidationError([str(one) for one in (refusal, *refusal.others)]) from None
        return text


MOST_PHRASES = 6  # more cannot be said in two sentences


class WishesForm(forms.Form):
    """What further drafts are to be like."""

    tone = forms.CharField(max_length=60, label=_("Tone"))
    must_say = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Must say"),
        help_text=_("One phrase or slot a line, such as {price} or {first_name}."),
    )
    never_say = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Never say"),
        help_text=_("One word or phrase a line."),
    )
    festival = forms.ChoiceField(required=False, label=_("Festival"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        ahead = festivals_ahead(timezone.localdate())
        self.fields["festival"].choices = [("", _("None")), *((key, name) for key, name, _day in ahead)]

    def clean_must_say(self) -> tuple[str, ...]:
        return self._phrases("must_say")

    def clean_never_say(self) -> tuple[str, ...]:
        return self._phrases("never_say")

    def _phrases(self, name: str) -> tuple[str, ...]:
        found = tuple(line.strip() for line in self.cleaned_data[name].splitlines() if line.strip())
        if len(found) > MOST_PHRASES or any(len(phrase) > 80 for phrase in found):
            raise forms.ValidationError(
                _("%(most)s lines of 80 characters at most: the text has two sentences.") % {"most": MOST_PHRASES}
            )
        return found

    def changes(self) -> dict:
        return {name: self.cleaned_data[name] for name in ("tone", "must_say", "never_say", "festival")}


class SplitForm(forms.Form):
    split = forms.ChoiceField(
        choices=Split.choices, widget=forms.RadioSelect, label=_("How they share the readers of a segment")
    )


class ApproveForm(forms.Form):
    """The digest of what was on the page: the approval is of this and of nothing that came later."""

    digest = forms.CharField(min_length=64, max_length=64, widget=forms.HiddenInput)
    comment = forms.CharField(
        required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}), label=_("Comment")
    )


class CommentForm(forms.Form):
    """A remark on a campaign, or a reply to one."""

    text = forms.CharField(
        max_length=1000,
        label=_("Say something"),
        help_text=_("Everybody who reads this campaign reads it; nobody can edit it."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    reply_to = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, label=_("Why?"), widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data=None, *, label: str = _("Why?"), prefix: str | None = None):
        super().__init__(data, prefix=prefix)
        self.fields["reason"].label = label


class AsOfForm(forms.Form):
    """A day up to whose end orders count. `latest` is as far as orders are known, ahead of the clock in a replay."""

    as_of = forms.DateField(
        required=False, label=_("Count orders until the end of"), widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, data=None, *, latest: datetime):
        super().__init__(data)
        self.latest = latest

    def clean_as_of(self):
        day = self.cleaned_data["as_of"]
        if day is not None and day > self.latest.date():
            raise forms.ValidationError(
                _("Orders are known until %(latest)s: choose that day or an earlier one.")
                % {"latest": f"{self.latest:%Y-%m-%d}"}
            )
        return day

    def moment(self) -> datetime | None:
        """The end of the chosen day, or of what is known of it; None without a day or with a wrong one."""
        day = self.cleaned_data.get("as_of") if self.is_valid() else None
        return day and end_of(day, self.latest)
