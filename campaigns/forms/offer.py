"""An offer as a marketer types it: what is taken off, and from when to when."""

from datetime import timedelta
from decimal import Decimal

from django import forms
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from catalog.queries import merchants

PERCENT, AMOUNT = "percent", "amount"  # the third kind of offer, a coupon of unknown value, comes with feeds alone
KINDS = [(PERCENT, _("a percentage off")), (AMOUNT, _("an amount off"))]
FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


def _when(label: str, help_text: str = "") -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, input_formats=FORMATS, widget=widget, help_text=help_text)


class OfferForm(forms.Form):
    title = forms.CharField(
        max_length=120, label=_("Name"), help_text=_("For you and your colleagues: code words it for customers.")
    )
    merchant = forms.ChoiceField(required=False, label=_("Merchant"))
    kind = forms.ChoiceField(choices=KINDS, widget=forms.RadioSelect, label=_("What is taken off"))
    value = forms.DecimalField(
        min_value=Decimal("0.01"),
        max_digits=10,
        decimal_places=2,
        label=_("How much"),
        help_text=_("15 is 15 % or 15 of the currency."),
    )
    starts_at = _when(_("From (UTC)"))
    ends_at = _when(_("Until (UTC)"))

    def __init__(self, data=None, *, offer=None):
        now = timezone.now().replace(second=0, microsecond=0)
        given = {"starts_at": now, "ends_at": now + timedelta(days=14), "kind": PERCENT}
        if offer is not None:
            names = ("title", "kind", "value", "starts_at", "ends_at")
            given = {name: getattr(offer, name) for name in names} | {"merchant": offer.merchant_id or ""}
        super().__init__(data, initial=given)
        self.offer = offer
        self.fields["merchant"].choices = [
            ("", _("All: the whole platform")),
            *((str(m.id), m.name) for m in merchants()),
        ]
        if offer is not None:  # whose an offer is says who may promise it: that does not change
            self.fields["merchant"].disabled = True

    def clean(self):
        given = super().clean()
        if given.get("kind") == PERCENT and (given.get("value") or 0) > 100:
            self.add_error("value", _("More than 100 % cannot be taken off: choose less, or an amount."))
        starts, ends = given.get("starts_at"), given.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _("It ends before it starts: choose a later time."))
        if ends and ends <= timezone.now():
            self.add_error("ends_at", _("This time is over: choose one to come."))
        return given

    def external_id(self) -> str:
        """The name that feeds know it by: kept when it has one."""
        if self.offer is not None:
            return self.offer.external_id
        name = slugify(self.cleaned_data["title"])[:40] or "offer"
        return f"{name}-{timezone.now():%y%m%d%H%M%S}"
