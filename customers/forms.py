"""What staff enter to find a person, a record or an event."""

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.contracts import Action, Purpose
from customers.models import ImportBatch
from customers.services.import_fields import ATTRIBUTE, FIELDS, MEMBERS, PEOPLE, PURCHASES, SOCIAL, guess
from customers.services.spec import PROPERTIES

ANY = [("", _("any"))]


def _choices(words) -> list[tuple[str, str]]:
    return ANY + [(str(word), _(str(word).replace("_", " "))) for word in words]


class FindById(forms.Form):
    q = forms.CharField(required=False, label=_("Customer id begins with"), max_length=64)


class FindByEmail(forms.Form):
    """Sent by POST: an address in a link would rest in histories and logs."""

    email = forms.CharField(label=_("E-mail address"), max_length=320, widget=forms.EmailInput)


class LedgerSearch(forms.Form):
    customer = forms.CharField(required=False, label=_("Customer id"), max_length=64)
    purpose = forms.ChoiceField(required=False, label=_("Purpose"), choices=_choices(Purpose))
    action = forms.ChoiceField(required=False, label=_("Act"), choices=_choices(Action))
    as_of = forms.DateField(
        required=False, label=_("As of the end of (UTC)"), widget=forms.DateInput(attrs={"type": "date"})
    )


class Verify(forms.Form):
    """One person's chain, or one shard by its number."""

    customer = forms.CharField(required=False, label=_("Customer id"), max_length=64)
    shard = forms.IntegerField(required=False, min_value=0, max_value=63, label=_("Shard, 0 to 63"))


class EventSearch(forms.Form):
    """What an index answers, and nothing else: the page must not slow down with the table."""

    # The page's tabs choose; the form carries the choice on.
    show = forms.ChoiceField(
        required=False, choices=[("", _("taken in")), ("quarantine", _("set aside"))], widget=forms.HiddenInput
    )
    name = forms.ChoiceField(required=False, label=_("Name"), choices=_choices(sorted(PROPERTIES)))
    merchant = forms.ChoiceField(required=False, label=_("Merchant"))

    def __init__(self, *args, merchants=(), **kwargs):
        super().__init__(*args, **kwargs)
        named = [(str(merchant.id), merchant.name) for merchant in merchants]
        self.fields["merchant"].choices = [*ANY, ("platform", _("the platform itself")), *named]


class HoldForm(forms.Form):
    """A legal hold on one table of the rules, or on all of them."""

    table = forms.ChoiceField(label=_("What must be kept"))
    reason = forms.CharField(label=_("Which case or order asks for it"), max_length=200)

    def __init__(self, *args, tables=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["table"].choices = [("*", "everything"), *((table, table) for table in tables)]


class LiftForm(forms.Form):
    reason = forms.CharField(label=_("Why it is no longer needed"), max_length=200)


class Because(forms.Form):
    """A decision needs a reason."""

    reason = forms.CharField(label=_("Reason"), max_length=300, help_text=_("It stands in the audit trail."))


class AskExport(forms.Form):
    """Everybody as a file. The box stands there only for who may have addresses in the clear."""

    reason = forms.CharField(label=_("What is it for?"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    contacts = forms.BooleanField(
        label=_("With e-mail addresses, phone numbers, handles and card numbers in the clear"), required=False
    )

    def __init__(self, *args, may_see_contacts: bool, **kwargs):
        super().__init__(*args, prefix="export", **kwargs)
        if not may_see_contacts:
            del self.fields["contacts"]


class UploadFile(forms.Form):
    kind = forms.ChoiceField(label=_("What it holds"), choices=ImportBatch.Kind)
    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV in UTF-8, or Parquet, with a line of column names. Nothing is loaded before you have seen a dry run."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.parquet"}),
    )


class UploadList(UploadFile):
    """A file of people who are known, for a list; nothing else can come of it."""

    field_order = ("file",)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.fields["kind"]


class ImportColumns(forms.Form):
    """Which column of the file is which of our fields; found by name first, for a person to correct."""

    attributes = forms.MultipleChoiceField(
        label=_("Columns to keep as attributes"), required=False, widget=forms.CheckboxSelectMultiple
    )
    zone = forms.CharField(
        label=_("Time zone of times that name none"), max_length=40, initial="UTC", help_text=_("As Europe/Zurich.")
    )
    network = forms.CharField(
        label=_("Network, where the file names none"), max_length=20, required=False, help_text=_("As instagram.")
    )
    currency = forms.RegexField(r"^[A-Z]{3}$", label=_("Currency, where the file names none"), required=False)
    list = forms.CharField(
        label=_("Keep these people as a list called"),
        max_length=80,
        required=False,
        help_text=_("A segment can be made of it. Leave it empty for a file that is no list."),
    )

    def __init__(self, *args, batch: ImportBatch, **kwargs):
        super().__init__(*args, **kwargs)
        self.batch = batch
        found = batch.mapping or guess(batch.kind, batch.columns)
        columns = [("", _("not in the file")), *((name, name) for name in batch.columns)]
        ours = {
            f"map_{field.name}": forms.ChoiceField(
                label=field.words, choices=columns, required=field.is_required, initial=found.get(field.name, "")
            )
            for field in FIELDS[batch.kind]
        }
        self.fields = ours | self.fields
        if batch.kind == PEOPLE:
            self.fields["attributes"].choices = [(name, name) for name in batch.columns]
            self.initial["attributes"] = [column for key, column in found.items() if key.startswith(ATTRIBUTE)]
        else:
            del self.fields["attributes"]
        for name, kinds in (("network", {SOCIAL}), ("currency", {PURCHASES}), ("list", {PEOPLE, MEMBERS})):
            if batch.kind not in kinds:
                del self.fields[name]
        if batch.kind == MEMBERS:
            del self.fields["zone"]  # it holds no times
            self.fields["list"].required, self.fields["list"].help_text = True, _("A segment can be made of it.")
        for name, value in batch.options.items():
            self.initial[name] = value

    def mapping(self) -> dict[str, str]:
        given = self.cleaned_data
        ours = {field.name: given[f"map_{field.name}"] for field in FIELDS[self.batch.kind]}
        return ours | {f"{ATTRIBUTE}{name}": name for name in given.get("attributes", ())}

    def options(self) -> dict[str, str]:
        return {name: self.cleaned_data.get(name, "") for name in ("zone", "network", "currency", "list")}
