"""What goes into the copywriting room and what comes out: a brief of typed facts in, slotted drafts with findings out.

A writer (grammar, local model, later an endpoint) never sees a number: it returns text with slots such as `{offer}`,
and code puts the facts in. So every number in a message has one source, named by its `Fact`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from copywriting.exceptions import BriefInvalid

ERROR, WARNING = "error", "warning"

MODEL, TEMPLATE = "model", "template"


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest realised text a channel takes, in characters; a subject of 0 means that the channel has none."""

    subject: int
    body: int


# Subject lines are cut by phones at about 60; a push shows 50 and 150; 160 is one GSM-7 part of an SMS, less 30 for the
# opt-out line that code adds. The e-mail body is our own choice: two sentences, not an essay.
CHANNELS: Mapping[str, Limits] = {
    "email": Limits(subject=60, body=320),
    "push": Limits(subject=50, body=150),
    "sms": Limits(subject=0, body=130),
}

LOCALES = ("en",)


@dataclass(frozen=True, slots=True)
class Fact:
    """One true statement and where it stands: source is "<app>.<model>:<id>@<version>", as in "catalog.product:123@2"."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyBrief:
    """All a writer may know. Texts are readable and realised (price "$2.49", offer "20% off"); empty means unknown.

    `segment` is the internal key and stays with code (rules, template choice); a writer gets `audience`, the phrase
    that a person approved for that segment, so that no sensitive segment name can leak into a message.
    `must_say` holds phrases, or slots in braces such as "{code}"; `never_say` holds words and phrases.
    Raises BriefInvalid when no writer could answer.
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
    tone: str = "friendly"
    must_say: tuple[str, ...] = ()
    never_say: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        if self.channel not in CHANNELS:
            raise BriefInvalid(f"No text is written for channel {self.channel!r}; choose one of {', '.join(CHANNELS)}.")
        if self.locale not in LOCALES:
            raise BriefInvalid(f"No writer for locale {self.locale!r}; choose one of {', '.join(LOCALES)}.")
        for name in ("product", "store", "audience"):
            if not getattr(self, name).strip():
                raise BriefInvalid(f"A brief needs a {name}.")

    @property
    def limits(self) -> Limits:
        return CHANNELS[self.channel]


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
