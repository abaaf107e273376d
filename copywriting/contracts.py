"""What goes into the copywriting room and what comes out: a brief of typed facts in, slotted drafts with findings out.

A writer (grammar, local model, later an endpoint) never sees a number: it returns text with slots such as `{offer}`,
and code puts the facts in. So every number in a message has one source, named by its `Fact`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from copywriting.exceptions import BriefInvalid

ERROR, WARNING = "error", "warning"

MODEL, TEMPLATE, PERSON = "model", "template", "person"

COPYWRITER = "copywriter"  # the registry's kind of an adapter


DESCRIPTION = "description"  # of a product, on its page: no message, so nobody is greeted and nothing is unsubscribed

CHARACTERS, WIDTH = "characters", "width"  # WIDTH: a full-width sign counts two, as Google's advertisements do


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest realised text a channel takes, in `unit`; a subject of 0 means that the channel has none.

    `advertisement` marks what strangers see: it is labelled as an advertisement and names nobody.
    """

    subject: int
    body: int
    unit: str = CHARACTERS
    advertisement: bool = False


# Subject lines are cut by phones at about 60; a push shows 50 and 150; 160 is one GSM-7 part of an SMS, less 30 for the
# opt-out line that code adds. The e-mail body is our own choice: two sentences, not an essay. The advertisement surfaces
# are the platforms' published limits (2025): Google responsive search 30 / 90, Meta headline 40 and 125 shown before
# "more", a Moments line 40, Weibo 140, a Xiaohongshu title 20; our own 300 for the text of a note.
CHANNELS: Mapping[str, Limits] = {
    "email": Limits(subject=60, body=320),
    "push": Limits(subject=50, body=150),
    "sms": Limits(subject=0, body=130),
    "google_ads": Limits(subject=30, body=90, unit=WIDTH, advertisement=True),
    "meta_ads": Limits(subject=40, body=125, advertisement=True),
    "wechat_moments": Limits(subject=0, body=40, advertisement=True),
    "weibo": Limits(subject=0, body=140, advertisement=True),
    "xiaohongshu": Limits(subject=20, body=300, advertisement=True),
    # The text on a product's own page: ours, three sentences; marketplaces take a thousand signs and more.
    DESCRIPTION: Limits(subject=0, body=400),
}
# Chinese says in a third of the signs what English says, and one Chinese sign makes a text message UCS-2: 70, less the
# store's name in brackets and the opt-out line.
_CHINESE: Mapping[str, Limits] = {
    "email": Limits(subject=30, body=160),
    "push": Limits(subject=20, body=60),
    "sms": Limits(subject=0, body=50),
}
# Forty signs are a sentence in Chinese and half of one in English; a title of twenty likewise.
CHINESE_ONLY = frozenset(["wechat_moments", "xiaohongshu"])

LOCALES = ("en", "zh-Hans")
MARKET_NAMES = ("US", "EU", "CN")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFact:
    """A product as its row in the catalogue says, at that version."""

    id: int
    version: int
    title: str
    product_type: str = ""
    category: str = ""
    price: Decimal | None = None
    currency: str = "USD"
    size: str = ""
    stock: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFact:
    """An offer as its row says. `kind` is "percent" or "amount"; `over` is the basket from which an amount is taken off."""

    id: int
    version: int
    kind: str
    value: Decimal | None
    currency: str = "USD"
    over: Decimal | None = None
    code: str = ""
    ends_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendFact:
    """A rising category or search: `count` in the window from `since` to `until` against `before` in the one before it.
    `name` is a category of the catalogue; `source` says which rows were counted.
    """

    kind: str
    name: str
    count: int
    before: int
    since: date
    until: date
    source: str

    @property
    def rises(self) -> bool:
        return self.count > self.before


@dataclass(frozen=True, slots=True)
class Fact:
    """One true statement and where it stands: source is "<app>.<model>:<id>@<version>", as in "catalog.product:123@2"."""

    name: str
    value: str
    source: str


MOST_STATED, VALUE, SOURCE = 20, 60, 200  # facts of one text by hand, and the characters of each


def stated(values: Sequence[str], sources: Sequence[str]) -> tuple[Fact, ...]:
    """Facts that a person typed in, pairwise; one without a source is left out, and so waits for it."""
    pairs = [(value.strip()[:VALUE], source.strip()[:SOURCE]) for value, source in zip(values, sources, strict=False)]
    return tuple(Fact("stated", value, source) for value, source in pairs[:MOST_STATED] if value and source)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyBrief:
    """All a writer may know. Texts are readable and realised (price "$2.49", offer "20% off"); empty means unknown.

    `segment` is the internal key and stays with code (rules, template choice); a writer gets `audience`, the phrase
    that a person approved for that segment, so that no sensitive segment name can leak into a message.
    `must_say` holds phrases, or slots in braces such as "{code}"; `never_say` holds words and phrases. `sent_with` names
    the types of the other products that readers of this text will find in it: a text for many shelves names none of them.
    `market` is where the readers live, by default that of the language. `festival` is a key of
    `copywriting.llm.festivals`. Raises BriefInvalid when no writer could answer.
    """

    product: str
    product_class: str
    store: str
    segment: str
    audience: str
    seed: int
    price: str = ""
    offer: str = ""
    code: str = ""
    size: str = ""
    ends_on: date | None = None
    brand: str = ""
    channel: str = "email"
    locale: str = "en"
    market: str = ""
    tone: str = "friendly"
    festival: str = ""
    must_say: tuple[str, ...] = ()
    never_say: tuple[str, ...] = ()
    sent_with: tuple[str, ...] = ()
    trends: tuple[TrendFact, ...] = ()
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        if self.channel not in CHANNELS:
            raise BriefInvalid(f"No text is written for channel {self.channel!r}; choose one of {', '.join(CHANNELS)}.")
        if self.locale not in LOCALES:
            raise BriefInvalid(f"No writer for locale {self.locale!r}; choose one of {', '.join(LOCALES)}.")
        if self.market and self.market not in MARKET_NAMES:
            raise BriefInvalid(f"No rules for market {self.market!r}; choose one of {', '.join(MARKET_NAMES)}.")
        if self.locale == "en" and self.channel in CHINESE_ONLY:
            raise BriefInvalid(f"{self.channel} has no room for an English sentence; choose locale zh-Hans.")
        for name in ("product", "store", "audience"):
            if not getattr(self, name).strip():
                raise BriefInvalid(f"A brief needs a {name}.")
        if self.limits.advertisement and "{first_name}" in self.must_say:
            raise BriefInvalid(f"{self.channel} is seen by strangers: take {{first_name}} out of what must be said.")

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "CopyBrief":
        """A brief from the JSON of its row: what `copywriting.services.drafts.keep` wrote. Unknown names are left out, so that
        an older row still reads.
        """
        known = {name: value for name, value in kept.items() if name in cls.__dataclass_fields__}
        known["ends_on"] = date.fromisoformat(known["ends_on"]) if known.get("ends_on") else None
        known["facts"] = tuple(Fact(**one) for one in known.get("facts", ()))
        known["trends"] = tuple(
            TrendFact(**{**one, **{day: date.fromisoformat(one[day]) for day in ("since", "until")}})
            for one in known.get("trends", ())
        )
        for name in ("must_say", "never_say", "sent_with"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)

    @property
    def limits(self) -> Limits:
        chinese = _CHINESE.get(self.channel) if self.locale == "zh-Hans" else None
        return chinese or CHANNELS[self.channel]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a text breaks. `span` is (start, end) in the slotted text of `part`, "subject" or "body"."""

    rule: str
    severity: str
    part: str
    span: tuple[int, int]
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCopy:
    """A subject and a body with slots, who wrote them, what the checks found and what it takes to write them again.

    `writer` is "model" or "template"; `tries` counts the rounds of candidates that were asked for. `provenance` is
    plain data for a JSON column: model name and digest, prompt version, sampling, seed, batch, candidate, torch and CPU
    for a model; the template's name for the grammar.
    """

    subject: str
    body: str
    writer: str
    findings: tuple[Finding, ...] = ()
    tries: int = 0
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        return not self.broken

    @property
    def broken(self) -> frozenset[str]:
        """The rules with an error, each once."""
        return frozenset(finding.rule for finding in self.findings if finding.severity == ERROR)
