"""Where everything in a text comes from: by span for the page, by fact for the table, and what has moved since."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from catalog import queries as catalog
from copywriting.contracts import ERROR, PERSON, CopyBrief, Fact, Finding
from copywriting.llm import slots
from copywriting.llm.realise import size
from copywriting.services.briefs import judge, places, unbacked

_ROW = re.compile(r"catalog\.(product|offer):(\d{1,18})@(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of text with one origin. `slot` and `source` name its fact; `severity` and `says` are of the findings on it."""

    text: str
    slot: str = ""
    source: str = ""
    severity: str = ""
    says: str = ""


def passages(
    part: str, text: str, brief: CopyBrief, findings: Iterable[Finding], stated: Sequence[Fact] = ()
) -> list[Passage]:
    """The slotted text of one part as readers see it, cut where a fact or a finding begins or ends.

    A finding about the whole part marks nothing: its chip says it.
    """
    known, sources = slots.values(brief), {fact.name: fact.source for fact in brief.facts}
    facts = [
        (*match.span(), match[1], sources.get(match[1], "the brief"))
        for match in slots.SLOT.finditer(text)
        if match[1] in known
    ]
    facts += [(*at, "stated", fact.source) for fact in stated for at in places(text, fact.value)]
    faults = [one for one in findings if one.part == part and one.span != (0, len(text)) and one.span[0] < one.span[1]]
    cuts = sorted(
        {0, len(text), *(edge for fact in facts for edge in fact[:2]), *(e for one in faults for e in one.span)}
    )
    found, in_slot = [], [(start, end) for start, end, slot, _ in facts if slot != "stated"]
    # A slot is one word: a finding inside it does not part it.
    cuts = [cut for cut in cuts if not any(start < cut < end for start, end in in_slot)]
    for start, end in pairwise(cuts):
        fact = next((one for one in facts if one[0] <= start and end <= one[1]), None)
        here = [one for one in faults if one.span[0] < end and start < one.span[1]]
        said = text[start:end]
        if fact and fact[2] != "stated":
            said = known[fact[2]]
        found.append(
            Passage(
                said,
                slot=fact[2] if fact else "",
                source=fact[3] if fact else "",
                severity=min((one.severity for one in here), default=""),  # "error" sorts before "warning"
                says=" ".join(f"{one.rule}: {one.message} {one.remedy}" for one in here),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a channel's room a part takes, as the channel counts it."""

    part: str
    used: int
    limit: int

    @property
    def share(self) -> float:
        return min(1.0, self.used / self.limit)

    @property
    def is_over(self) -> bool:
        return self.used > self.limit


def rooms(brief: CopyBrief, subject: str, body: str) -> list[Room]:
    """Of each part that the channel has, the realised length; a slot without a fact counts as it is written."""
    known = slots.values(brief)
    found = []
    for part, text in (("subject", subject), ("body", body)):
        limit = getattr(brief.limits, part)
        if limit:
            filled = slots.SLOT.sub(lambda match: known.get(match[1], match[0]), text)
            found.append(Room(part, size(filled, brief), limit))
    return found


@dataclass(frozen=True, slots=True)
class Origin:
    """A row of the table of facts. `now` is the version of its row today where that is another one; 0: the row is gone."""

    fact: Fact
    is_said: bool
    now: int | None = None


def origins(brief: CopyBrief, subject: str, body: str, stated: Sequence[Fact] = ()) -> list[Origin]:
    """Every fact of the brief and of the text, whether the text says it, and whether its row has changed since."""
    said = set(slots.SLOT.findall(f"{subject} {body}"))
    now = moved([*brief.facts, *stated])
    rows = [Origin(fact, fact.name in said, now.get(fact.source)) for fact in brief.facts]
    return rows + [Origin(fact, True, now.get(fact.source)) for fact in stated]


def moved(facts: Iterable[Fact]) -> dict[str, int]:
    """By source, the version of its row now, for every source whose row is not at that version any more (0: no row)."""
    named = {fact.source: match for fact in facts if (match := _ROW.fullmatch(fact.source))}
    versions = {
        "product": catalog.product_versions({int(m[2]) for m in named.values() if m[1] == "product"}),
        "offer": catalog.offer_versions({int(m[2]) for m in named.values() if m[1] == "offer"}),
    }
    now = {source: versions[match[1]].get(int(match[2]), 0) for source, match in named.items()}
    return {source: version for source, version in now.items() if version != int(named[source][3])}


def changed_facts(subject: str, body: str, stated: Sequence[Fact]) -> tuple[Finding, ...]:
    """A finding for each fact stated in the text whose row has changed since: the number may be wrong by now."""
    now = moved(stated)
    return tuple(
        Finding(
            "fact_changed",
            ERROR,
            part,
            span,
            f"“{fact.value}” was true of {fact.source}; that row is "
            + (f"at version {now[fact.source]} now." if now[fact.source] else "gone."),
            "Read the number again and state it with its new source.",
        )
        for fact in stated
        if fact.source in now
        for part, text in (("subject", subject), ("body", body))
        for span in places(text, fact.value)
    )


@dataclass(frozen=True, slots=True)
class Part:
    """Subject or body as readers see it, with what it takes of the channel's room."""

    name: str
    passages: list[Passage]
    room: Room | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as the studio shows it. `waiting` are numbers of a text by hand that have no source yet."""

    parts: list[Part]
    findings: tuple[Finding, ...]
    waiting: tuple[str, ...]
    stated: tuple[Fact, ...]

    @property
    def usable(self) -> bool:
        return not any(one.severity == ERROR for one in self.findings)


def show(brief: CopyBrief, subject: str, body: str, *, writer: str = PERSON, stated: Sequence[Fact] = ()) -> Shown:
    """Judged by the rules and against the catalogue of today."""
    found = judge(brief, subject, body, writer=writer, stated=stated) + changed_facts(subject, body, stated)
    found = tuple(dict.fromkeys(found))
    room = {one.part: one for one in rooms(brief, subject, body)}
    parts = [
        Part(name, passages(name, text, brief, found, stated), room.get(name))
        for name, text in (("subject", subject), ("body", body))
        if text
    ]
    waiting = unbacked(brief, subject, body, stated) if writer == PERSON else ()
    used = tuple(fact for fact in stated if places(f"{subject}\n{body}", fact.value))
    return Shown(parts, found, waiting, used)


def diff(before: str, after: str) -> list[tuple[str, str]]:
    """(what, words) in their order: "same", "gone" or "new", by whole words."""
    old, new = before.split(), after.split()
    found: list[tuple[str, str]] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(("same", " ".join(old[a:b])))
        else:
            found += [("gone", " ".join(old[a:b]))] if a < b else []
            found += [("new", " ".join(new[c:d]))] if c < d else []
    return found
