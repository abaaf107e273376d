"""Where a merchant's system is posted to, as somebody types it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.contracts import PLATFORM_ONLY
from campaigns.services.endpoints import NewEndpoint
from catalog.queries import merchants

# In the words of people; campaigns.contracts.HOOK_KINDS has the same for the API.
KINDS = [
    ("campaign.message", _("A message for your own sender to write: makes this a channel of campaigns")),
    ("campaign.started", _("A campaign began to send")),
    ("campaign.paused", _("A campaign was paused, by a person or by itself")),
    ("campaign.finished", _("A campaign has sent what it had")),
    ("campaign.cancelled", _("A campaign was stopped for good")),
    ("message.sent", _("A message was handed over")),
    ("message.delivered", _("The provider says that a message arrived")),
    ("message.bounced", _("A message came back")),
    ("message.complained", _("A message was marked as spam")),
    ("message.failed", _("A message was refused for good")),
    ("consent.withdrawn", _("Somebody took a consent back, or objected")),
    ("order.attributed", _("An order fell into the window of a campaign's message")),
]


class EndpointForm(forms.Form):
    name = forms.CharField(max_length=80, label=_("Name"), help_text=_("You will know it by this, such as “Shop”."))
    merchant = forms.ChoiceField(required=False, label=_("Whose"))
    url = forms.CharField(
        max_length=500, label=_("Address"), help_text=_("It begins with https:// and is one that the internet knows.")
    )
    kinds = forms.MultipleChoiceField(
        choices=KINDS, widget=forms.CheckboxSelectMultiple, label=_("What it is told"),
        error_messages={"required": _("Choose at least one.")},
    )  # fmt: skip

    def __init__(self, data=None, *, own=None, endpoint=None):
        """`own`: the merchant whose member types, None for the platform's staff."""
        given = {} if endpoint is None else {"name": endpoint.name, "url": endpoint.url, "kinds": endpoint.kinds}
        given["merchant"] = "" if endpoint is None else endpoint.merchant_id or ""
        super().__init__(data, initial=given)
        self.own = own
        if own is not None:
            del self.fields["merchant"]
            self.fields["kinds"].choices = [one for one in KINDS if one[0] not in PLATFORM_ONLY]
            return
        self.fields["merchant"].choices = [("", _("The platform")), *((str(m.id), m.name) for m in merchants())]
        self.fields["merchant"].disabled = endpoint is not None  # a secret that was shown to one is not another's

    def asked(self) -> NewEndpoint:
        said = self.cleaned_data
        merchant = self.own.id if self.own else int(said["merchant"]) if said["merchant"] else None
        return NewEndpoint(said["name"], said["url"], tuple(said["kinds"]), merchant)
