"""From slotted text to what a reader sees: facts, festival and the lines that the law asks for, put in by code.

What does not fit the channel loses whole optional clauses, in a fixed order, and is never cut: first the festival, then the
size, the store, the price, then sentences that say no fact. What must be said stays, and what still does not fit is said
to be too long.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from copywriting.contracts import WIDTH, CopyBrief, DraftCopy
from copywriting.llm import festivals, slots, sms

# Clauses that a text can do without, with the slot that each says. Removed as written in the bank and in the grammar.
_CLAUSES = (
    ("size", re.compile(r"\s*It comes in \{size\}\.|规格\{size\}[，。]?")),
    ("store", re.compile(r" at \{store\}|(在|就在)\{store\}[，,]?")),
    ("price", re.compile(r" for \{price\}|[，,]?(仅售|只要|到手)\{price\}(?=[，,。])")),
)
_SENTENCE = re.compile(r"[^.!?。！？]+[.!?。！？]+\s*")


@dataclass(frozen=True, slots=True)
class Legal:
    """What the law has a message say, from the install's settings. `ai` adds the label that China's measures on marking
    generated content ask for since September 2025.
    """

    brand: str
    postal_address: str = ""
    stop_word: str = "STOP"
    ai: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Where a fact stands in the realised text, and which row it comes from."""

    part: str
    start: int
    end: int
    slot: str
    source: str


@dataclass(frozen=True, slots=True)
class Realised:
    """`lines` stand under the body; `dropped` names the clauses left out; `over` is by how much a part is too long;
    `counted` is what the operator of a text message bills.
    """

    subject: str
    body: str
    lines: tuple[str, ...]
    dropped: tuple[str, ...]
    spans: tuple[Span, ...]
    over: Mapping[str, int]
    counted: sms.Size | None = None

    @property
    def fits(self) -> bool:
        return not self.over

    @property
    def text(self) -> str:
        """Subject, body and lines as a reader would copy them."""
        return "\n".join(filter(None, [self.subject, self.body, *self.lines]))


def realise(draft: DraftCopy, brief: CopyBrief, legal: Legal | None = None) -> Realised:
    """The text with every fact in place. Raises UnknownSlot for a slot without a fact."""
    festival = festivals.name(brief.festival, brief.locale)
    tries = [(subject, body, gone) for subject, body, gone in _shorter(draft, brief, bool(festival))]
    subject = body = ""
    gone: tuple[str, ...] = ()
    over: dict[str, int] = {}
    spans: list[Span] = []
    for slotted_subject, slotted_body, left_out in tries:
        opening = "" if "festival" in left_out or not festival else festival + ("：" if _chinese(brief) else ": ")
        spans = []
        subject = _fill(slotted_subject, brief, "subject", spans, opening if brief.limits.subject else "")
        body = _fill(slotted_body, brief, "body", spans, "" if brief.limits.subject else opening)
        over = _over(subject, body, brief)
        gone = left_out
        if not over:
            break
    lines = _lines(brief, legal) if legal else ()
    whole = "".join([f"{legal.brand}: " if legal and not _chinese(brief) else "", body, *(f" {one}" for one in lines)])
    counted = sms.size(whole) if brief.channel == "sms" else None
    return Realised(subject, body, lines, gone, tuple(spans), over, counted)


def size(text: str, brief: CopyBrief) -> int:
    """The length as the channel counts it."""
    if brief.limits.unit == WIDTH:
        return sum(2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1 for sign in text)
    return len(text)


def _over(subject: str, body: str, brief: CopyBrief) -> dict[str, int]:
    longer = {"subject": size(subject, brief) - brief.limits.subject, "body": size(body, brief) - brief.limits.body}
    return {part: by for part, by in longer.items() if by > 0 and (part == "body" or brief.limits.subject)}


def _shorter(draft: DraftCopy, brief: CopyBrief, festival: bool) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(subject, body, what is gone), each shorter than the one before, as long as there is something to leave out."""
    subject, body, gone = draft.subject, draft.body, ()
    yield subject, body, gone
    if festival:
        gone = (*gone, "festival")
        yield subject, body, gone
    for slot, pattern in _CLAUSES:
        if f"{{{slot}}}" not in brief.must_say and pattern.search(body):
            body, gone = pattern.sub("", body), (*gone, slot)
            yield subject, body, gone
    asked = tuple(phrase.lower() for phrase in brief.must_say)
    while True:
        sentences = _SENTENCE.findall(body)
        idle = [one for one in sentences if not slots.SLOT.search(one) and not any(p in one.lower() for p in asked)]
        if not idle or len(sentences) == 1:
            return
        body, gone = body.replace(max(idle, key=len), "", 1).strip(), (*gone, "sentence")
        yield subject, body, gone


def _fill(text: str, brief: CopyBrief, part: str, spans: list[Span], opening: str) -> str:
    """The text with values, each place noted with its source."""
    sources = {fact.name: fact.source for fact in brief.facts}
    filled, at = opening, 0
    if opening:
        spans.append(Span(part, 0, len(opening), "festival", f"festival:{brief.festival}"))
    for match in slots.SLOT.finditer(text):
        filled += text[at : match.start()]
        value = slots.fill(match[0], brief)
        spans.append(Span(part, len(filled), len(filled) + len(value), match[1], sources.get(match[1], "brief")))
        filled, at = filled + value, match.end()
    return filled + text[at:]


def _lines(brief: CopyBrief, legal: Legal) -> tuple[str, ...]:
    """Legally required lines: the label of an advertisement, the opt-out, the address, the mark of a machine's text."""
    chinese = _chinese(brief)
    lines = []
    if brief.channel == "email":
        lines.append(
            f"{'广告' if chinese else 'Advertisement from'} {legal.brand}, {legal.postal_address}".rstrip(", ")
        )
    elif brief.limits.advertisement:
        lines.append(f"广告 {legal.brand}" if chinese else f"Ad by {legal.brand}")
    elif brief.channel == "sms":
        lines.append("拒收请回复R" if chinese else f"Reply {legal.stop_word} to end")
    if legal.ai:
        lines.append("AI生成" if chinese else "Written with AI")
    return tuple(lines)


def _chinese(brief: CopyBrief) -> bool:
    return brief.locale == "zh-Hans"
