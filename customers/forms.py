"""What staff enter to find a person, a record or an event."""

from django import forms

from customers.contracts import Action, Purpose
from customers.services.spec import PROPERTIES

ANY = [("", "any")]


def _choices(words) -> list[tuple[str, str]]:
    return ANY + [(str(word), str(word).replace("_", " ")) for word in words]


class FindById(forms.Form):
    q = forms.CharField(required=False, label="Customer id begins with", max_length=64)


class FindByEmail(forms.Form):
    """Sent by POST: an address in a link would rest in histories and logs."""

    email = forms.CharField(label="E-mail address", max_length=320, widget=forms.EmailInput)


class LedgerSearch(forms.Form):
    customer = forms.CharField(required=False, label="Customer id", max_length=64)
    purpose = forms.ChoiceField(required=False, label="Purpose", choices=_choices(Purpose))
    action = forms.ChoiceField(required=False, label="Act", choices=_choices(Action))
    as_of = forms.DateField(
        required=False, label="As of the end of (UTC)", widget=forms.DateInput(attrs={"type": "date"})
    )


class Verify(forms.Form):
    """One person's chain, or one shard by its number."""

    customer = forms.CharField(required=False, label="Customer id", max_length=64)
    shard = forms.IntegerField(required=False, min_value=0, max_value=63, label="Shard, 0 to 63")


class EventSearch(forms.Form):
    """What an index answers, and nothing else: the page must not slow down with the table."""

    # The page's tabs choose; the form carries the choice on.
    show = forms.ChoiceField(
        required=False, choices=[("", "taken in"), ("quarantine", "set aside")], widget=forms.HiddenInput
    )
    name = forms.ChoiceField(required=False, label="Name", choices=_choices(sorted(PROPERTIES)))
    merchant = forms.ChoiceField(required=False, label="Merchant")

    def __init__(self, *args, merchants=(), **kwargs):
        super().__init__(*args, **kwargs)
        named = [(str(merchant.id), merchant.name) for merchant in merchants]
        self.fields["merchant"].choices = [*ANY, ("platform", "the platform itself"), *named]


class HoldForm(forms.Form):
    """A legal hold on one table of the rules, or on all of them."""

    table = forms.ChoiceField(label="What must be kept")
    reason = forms.CharField(label="Which case or order asks for it", max_length=200)

    def __init__(self, *args, tables=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["table"].choices = [("*", "everything"), *((table, table) for table in tables)]


class LiftForm(forms.Form):
    reason = forms.CharField(label="Why it is no longer needed", max_length=200)
