"""What staff type in the studio: a brief, a text by hand with the sources of its numbers, what is to be different."""

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog import queries as catalog
from copywriting.contracts import CHINESE_ONLY, DESCRIPTION, LOCALES, MARKET_NAMES, CopyBrief
from copywriting.exceptions import BriefInvalid
from copywriting.services.briefs import compose_brief, festivals_ahead, offer_fact, product_fact, readers

MOST_PHRASES = 6  # more cannot be said in two sentences
CHANNEL_NAMES = {
    "email": _("E-mail"),
    "push": _("Push message"),
    "sms": _("Text message"),
    "google_ads": _("Google responsive ad"),
    "meta_ads": _("Meta ad"),
    "wechat_moments": _("WeChat Moments"),
    "weibo": _("Weibo"),
    "xiaohongshu": _("Xiaohongshu"),
    DESCRIPTION: _("Product description"),
}
LOCALE_NAMES = {"en": _("English"), "zh-Hans": _("Simplified Chinese")}
# A description is read by whoever comes by: it knows no segment.
EVERYBODY = ("", "people who look at this product")
TONES = ("friendly", "warm and plain", "cheerful", "calm", "matter-of-fact")


def _phrases(text: str) -> tuple[str, ...]:
    """A phrase a line. Raises ValidationError for too many and for one that is too long."""
    found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(found) > MOST_PHRASES:
        raise forms.ValidationError(
            _("%(most)s lines at most; the text has two or three sentences.") % {"most": MOST_PHRASES}
        )
    for phrase in found:
        if len(phrase) > 80:
            raise forms.ValidationError(_("Shorter than 80 characters each: “%(phrase)s…”.") % {"phrase": phrase[:40]})
    return found


class WishesForm(forms.Form):
    """What a text is to be like: of a new brief, and of one more try."""

    tone = forms.CharField(
        max_length=60,
        initial="friendly",
        label=_("Tone"),
        help_text=_("Told to a writer that reads instructions; phrases and the local model keep one plain tone."),
        widget=forms.TextInput(attrs={"list": "tones"}),
    )
    must_say = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Must say"),
        help_text=_("One phrase or slot a line, such as {code}, {price} or {first_name}."),
    )
    never_say = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Never say"),
        help_text=_("One word or phrase a line."),
    )
    festival = forms.ChoiceField(required=False, label=_("Festival"), help_text=_("Code puts its name in front."))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        ahead = festivals_ahead(timezone.localdate())
        self.fields["festival"].choices = [("", _("None")), *((key, name) for key, name, _day in ahead)]

    def clean_must_say(self) -> tuple[str, ...]:
        return _phrases(self.cleaned_data["must_say"])

    def clean_never_say(self) -> tuple[str, ...]:
        return _phrases(self.cleaned_data["never_say"])

    def changes(self) -> dict:
        return {name: self.cleaned_data[name] for name in ("tone", "must_say", "never_say", "festival")}


def wishes_of(brief: CopyBrief) -> dict[str, str]:
    """The form's first values for one more try: what was asked for the last time."""
    return {
        "tone": brief.tone,
        "must_say": "\n".join(brief.must_say),
        "never_say": "\n".join(brief.never_say),
        "festival": brief.festival,
    }


class BriefForm(WishesForm):
    """A brief of the studio: one product and offer, told on several channels to several kinds of readers."""

    name = forms.CharField(max_length=120, label=_("Name"), help_text=_("For you and your colleagues."))
    find = forms.CharField(
        required=False, max_length=120, label=_("Find a product"), help_text=_("Some words of its name, or its id.")
    )
    product = forms.ChoiceField(required=False, widget=forms.RadioSelect, label=_("Product"))
    offer = forms.ChoiceField(required=False, label=_("Offer"))
    code = forms.CharField(required=False, max_length=40, label=_("Code"), help_text=_("Opens the offer at the till."))
    channels = forms.MultipleChoiceField(
        choices=list(CHANNEL_NAMES.items()),
        widget=forms.CheckboxSelectMultiple,
        initial=["email"],
        label=_("Channels"),
    )
    locale = forms.ChoiceField(choices=[(key, LOCALE_NAMES[key]) for key in LOCALES], label=_("Language"))
    market = forms.ChoiceField(
        required=False,
        choices=[("", _("that of the language")), *((name, name) for name in MARKET_NAMES)],
        label=_("Market"),
        help_text=_("Whose law the text keeps."),
    )
    readers = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label=_("Readers"), help_text=_("A text for each.")
    )
    audience = forms.CharField(
        required=False,
        max_length=120,
        label=_("Readers in your own words"),
        help_text=_("All that a writer hears of them: a phrase that you could say to their faces."),
    )
    field_order = ("name", "find", "product", "offer", "code", "channels", "readers", "audience", "locale", "market", "tone",
                   "must_say", "never_say", "festival")  # fmt: skip

    def __init__(self, data=None, **kwargs):
        super().__init__(data, **kwargs)
        self.fields["readers"].choices = list(readers().items())
        self.offers = {str(offer.pk): offer for offer in catalog.running_offers()[:100]}
        self.fields["offer"].choices = [("", _("No offer")), *((pk, one.title) for pk, one in self.offers.items())]
        self.products = self._products()
        self.fields["product"].choices = [(pk, one.title) for pk, one in self.products.items()]

    def _products(self) -> dict:
        """What may be chosen: what the words find, and what is chosen already."""
        words, chosen = (self.data.get(name, "").strip()[:120] for name in ("find", "product"))
        found = list(catalog.by_ids([int(chosen)]).values()) if chosen.isdecimal() and len(chosen) < 18 else []
        if words:
            found += catalog.by_external_id(words)
            found += catalog.search(words, limit=8)
        return {str(one.id): one for one in found}

    def clean(self):
        given = super().clean()
        if "product" not in self.errors and not given.get("product"):
            self.add_error("product", _("Find a product and choose it."))
        is_for_some = given.get("channels") != [DESCRIPTION]
        if is_for_some and not given.get("readers") and not given.get("audience"):
            self.add_error("readers", _("Choose readers, or describe them in your own words."))
        english_only = [c for c in given.get("channels", ()) if c in CHINESE_ONLY]
        if given.get("locale") == "en" and english_only:
            names = ", ".join(str(CHANNEL_NAMES[channel]) for channel in english_only)
            self.add_error(
                "channels", _("No English sentence fits %(names)s: choose Simplified Chinese.") % {"names": names}
            )
        if not self.errors:
            try:
                self.briefs()
            except BriefInvalid as reason:
                self.add_error(None, str(reason))
        return given

    def briefs(self) -> list[tuple[CopyBrief, int]]:
        """(brief, product id) for each channel and kind of readers."""
        given = self.cleaned_data
        product = self.products[given["product"]]
        offer = offer_fact(self.offers.get(given["offer"] or ""), code=given["code"])
        known = readers()
        who = [(key, known[key]) for key in given["readers"]]
        who += [("", given["audience"])] if given["audience"] else []
        return [
            (
                compose_brief(
                    product_fact(product),
                    None if channel == DESCRIPTION else offer,
                    store=settings.BRAND,
                    segment=key,
                    audience=audience,
                    seed=product.id * 100 + 10 * place + among,
                    channel=channel,
                    locale=given["locale"],
                    market=given["market"],
                    tone=given["tone"],
                    must_say=given["must_say"],
                    never_say=given["never_say"],
                    festival=given["festival"],
                ),
                product.id,
            )
            for place, channel in enumerate(given["channels"])
            for among, (key, audience) in enumerate([EVERYBODY] if channel == DESCRIPTION else who)
        ]


class TextForm(forms.Form):
    """A text by hand, in slots, with the sources of the numbers that were typed in."""

    subject = forms.CharField(required=False, max_length=200, label=_("Subject"))
    body = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 5}), label=_("Text"))

    def clean_subject(self) -> str:
        return " ".join(self.cleaned_data["subject"].split())
