"""The part of the composer's form that says how the products of a message are chosen."""

from django import forms
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from campaigns.contracts import Block, Choice
from catalog.queries import by_ids, classes, on_sale, search

CHOICES = [
    (Choice.PERSONAL.value, _("Each person's own, by the live recommender")),
    (Choice.SEGMENT.value, _("One list for each segment, out of its people's own lists")),
    (Choice.FIXED.value, _("Only the products pinned below, the same for everybody")),
]
CATEGORIES_KEPT = 600  # seconds: they are read off the whole catalogue
MAX_PINS = 12  # as many as a message may show


def categories() -> list[str]:
    return sorted({one.category for one in classes()})


class BlockFields(forms.Form):
    """Mixed into PlanForm. `pins` are product ids with commas between; the page adds and removes them by buttons."""

    choice = forms.ChoiceField(choices=CHOICES, widget=forms.RadioSelect, label=_("Which products"))
    pins = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput, label=_("Pinned products"))
    find = forms.CharField(
        required=False,
        max_length=80,
        label=_("Pin a product"),
        help_text=_("Part of its name; a typing error is forgiven."),
    )
    category = forms.ChoiceField(required=False, label=_("Only of this category"))
    max_price = forms.DecimalField(
        required=False, min_value=0, max_digits=10, decimal_places=2, label=_("Only up to this price")
    )
    not_bought_days = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=365,
        label=_("Nothing bought within, in days"),
        help_text=_("0 lets everything through: groceries are bought again."),
    )
    falls_back = forms.BooleanField(
        required=False,
        label=_("Fill up with what is popular now"),
        help_text=_("Without it, who has no fitting product is left out of the campaign."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        found = cache.get_or_set("composer:categories", categories, CATEGORIES_KEPT)
        self.fields["category"].choices = [("", "–"), *((name, name) for name in found)]

    def pin_ids(self) -> list[int]:
        """What the hidden field holds as far as it can be read, whether the form is valid or not."""
        parts = str(self["pins"].value() or "").split(",")
        return [int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 19][:MAX_PINS]

    def pinned(self) -> list:
        """(product, whether it may be shown now), in the order of the pins; two queries."""
        ids = self.pin_ids()
        facts, shown = by_ids(ids), on_sale(ids)
        return [(facts[pk], pk in shown) for pk in ids if pk in facts]

    def matches(self) -> list:
        """Products with a price, on sale, that are named like what is looked for."""
        text = str(self["find"].value() or "").strip()
        return [product for product in search(text, limit=16) if product.price is not None][:8] if text else []

    @property
    def has_filters(self) -> bool:
        names = ("category", "max_price", "not_bought_days")
        return any(self[name].errors or str(self[name].value() or "0").strip() != "0" for name in names)

    def clean_pins(self) -> tuple[int, ...]:
        ids = self.pin_ids()
        known = by_ids(ids)
        return tuple(pk for pk in dict.fromkeys(ids) if pk in known)

    def clean(self):
        given = super().clean()
        if given.get("choice") == Choice.FIXED and not given.get("pins"):
            self.add_error("find", _("Pin at least one product, or choose another way above."))
        merchant = given.get("merchant") or None
        if merchant is not None:
            foreign = [p.title for p in by_ids(given.get("pins", ())).values() if str(p.merchant_id) != merchant]
            if foreign:
                names = ", ".join(foreign)
                self.add_error(
                    "find",
                    _("%(names)s: not this merchant's. Remove the pin, or choose another merchant.") % {"names": names},
                )
        return given

    def block(self) -> Block:
        given = self.cleaned_data
        return Block(
            choice=Choice(given["choice"]),
            pins=given["pins"],
            category=given["category"],
            max_price=given["max_price"],
            not_bought_days=given["not_bought_days"] or 0,
            falls_back=given["falls_back"],
        )


def initial_block(block: Block) -> dict:
    return {
        "choice": block.choice.value,
        "pins": ",".join(map(str, block.pins)),
        "category": block.category,
        "max_price": block.max_price,
        "not_bought_days": block.not_bought_days,
        "falls_back": block.falls_back,
    }


def block_words(block: Block) -> str:
    """The block in one sentence."""
    parts = [str(dict(CHOICES)[block.choice.value])]
    if block.pins:
        parts.append(_("%(n)s pinned before them") % {"n": len(block.pins)})
    if block.category:
        parts.append(_("only of %(category)s") % {"category": block.category})
    if block.max_price is not None:
        parts.append(_("up to %(price)s") % {"price": block.max_price})
    if block.not_bought_days:
        parts.append(_("nothing bought within %(days)s days") % {"days": block.not_bought_days})
    if not block.falls_back:
        parts.append(_("nothing to fill up with"))
    return "; ".join(str(part) for part in parts)
