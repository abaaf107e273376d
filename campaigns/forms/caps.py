"""A campaign's own frequency caps as a marketer types them: at most so many messages on a channel within so many days."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.contracts import ROUTES
from campaigns.models import Campaign

OWN = 3  # caps that can be typed beside the one over all channels: more than anybody could foresee together
PARTS = ("channel", "messages", "days")
LONGEST = 365  # days


class CapFields(forms.Form):
    """Adds cap_1_channel, cap_1_messages, cap_1_days and so on. A line with no numbers is no cap."""

    def add_caps(self, campaign: Campaign | None, channel_words: dict) -> None:
        self.cap_lines = max(OWN, len(campaign.caps) if campaign else 0)
        choices = [("any", _("All channels together")), *((one, channel_words[one]) for one in ROUTES)]
        for n in range(1, self.cap_lines + 1):
            self.fields[f"cap_{n}_channel"] = forms.ChoiceField(
                required=False, choices=choices, label=_("Cap %(n)s: on") % {"n": n}
            )
            self.fields[f"cap_{n}_messages"] = forms.IntegerField(
                required=False, min_value=1, max_value=1000, label=_("at most, messages")
            )
            self.fields[f"cap_{n}_days"] = forms.IntegerField(
                required=False, min_value=1, max_value=LONGEST, label=_("within, days")
            )

    @property
    def cap_fields(self) -> list[list[forms.BoundField]]:
        return [[self[f"cap_{n}_{part}"] for part in PARTS] for n in range(1, self.cap_lines + 1)]

    @property
    def has_caps(self) -> bool:
        return any(field.value() or field.errors for line in self.cap_fields for field in line[1:])

    def check_caps(self, given: dict) -> None:
        """A cap has both its numbers, or neither."""
        for n in range(1, self.cap_lines + 1):
            messages, days = f"cap_{n}_messages", f"cap_{n}_days"
            if messages in given and days in given and (given[messages] is None) != (given[days] is None):
                empty = messages if given[messages] is None else days
                self.add_error(empty, _("A cap needs both numbers: fill in this one, or clear the other."))

    def caps(self) -> tuple[dict, ...]:
        """As Campaign.caps keeps them. Valid forms only."""
        lines = [{part: self.cleaned_data[f"cap_{n}_{part}"] for part in PARTS} for n in range(1, self.cap_lines + 1)]
        return tuple(one | {"channel": one["channel"] or "any"} for one in lines if one["messages"])


def initial_caps(campaign: Campaign | None) -> dict:
    """By field name, as they stand in the plan."""
    kept = campaign.caps if campaign else []
    return {f"cap_{n}_{part}": cap[part] for n, cap in enumerate(kept, start=1) for part in PARTS}
