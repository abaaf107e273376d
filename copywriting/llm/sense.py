"""Whether a sentence that no phrase of the bank says makes sense beside these goods and this reader.

A model of 135M parameters joins halves of sentences that do not belong together ("A cup and a wait are equal"), and no rule
on words sees it. So a sentence of its own is taken where the bank attests it for this class and segment: every pair of
neighbouring words stands in some phrase that is true here, and for a hook or a subject most of it in one such phrase. Read
one by one, 47 % of the model's own sentences were odd; `python -m benchmarks.copy_sense` says what this leaves of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from copywriting.contracts import ERROR, CopyBrief, DraftCopy, Finding
from copywriting.llm import bank, classes

LIKE, VERY_LIKE = 0.4, 0.5  # of the runs of three words; below, one in seven was odd
SHORTEST_CALL = 5  # words: "Add {product}." is a telegram

# What a call may have beside its frame, in any order: an end, a code, an offer, a price, a store.
_CLAUSE = re.compile(
    r",?\s*\b(?:from now until|any day until|until|by|before|through) \{end\},?|,?\s*\b(?:and|with|use) code \{code\}(?: and)?"
    r"|,?\s*\b(?:and )?(?:get|take|enjoy|find|with) \{offer\}(?= *(?:[.,?!]|and\b|with\b|at\b|until\b|by\b|before\b|through\b|$))"
    r"|,?\s*\bfor \{price\}|,?\s*\bat \{store\}",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"(how|what if|why|where|who|is|are|does|do|would|could|can|ready) ", re.IGNORECASE)
_TOKEN = re.compile(r"\{[a-z_]+\}|[a-z']+")
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
_EDGE = "|"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands."""

    shelf: str
    segment: str
    channel: str

    @classmethod
    def of(cls, brief: CopyBrief) -> "Place":
        return cls(classes.shelf(brief), brief.segment, brief.channel)


def findings(draft: DraftCopy, brief: CopyBrief) -> tuple[Finding, ...]:
    """A finding for each sentence that a reader would probably call odd. English."""
    place = Place.of(brief)
    return tuple(
        Finding("odd", ERROR, part, span, "It may make no sense beside these goods.", "Write it another way.")
        for sentence, part, span in sentences(draft)
        if not attested(sentence, place)
    )


def sentences(draft: DraftCopy) -> list[tuple[str, str, tuple[int, int]]]:
    """(sentence, part, span) of a draft: the subject is one, whatever it ends with."""
    found = [(draft.subject, "subject", (0, len(draft.subject)))] if draft.subject else []
    for match in _SENTENCE.finditer(draft.body):
        if text := match[0].strip():
            at = match.start() + match[0].index(text)
            found.append((text, "body", (at, at + len(text))))
    return found


def known(sentence: str, place: Place) -> bool:
    """Whether the bank says it here, word by word."""
    return tuple(_tokens(sentence)) in _here(place).lines


def attested(sentence: str, place: Place) -> bool:
    """Whether the bank says it here, or says enough of it."""
    if known(sentence, place):
        return True
    tokens, here = _tokens(sentence), _here(place)
    edged = [_EDGE, *tokens, _EDGE]
    joined = all(two in here.twos for two in pairwise(edged))
    if _QUESTION.match(sentence) and not sentence.endswith("?"):
        return False
    if "{" in sentence:
        return joined and len(tokens) >= SHORTEST_CALL and _frame(sentence) in here.frames
    own = _threes(edged)
    likest = max((len(own & line) / len(own | line) for line in here.threes), default=0.0)
    return likest >= VERY_LIKE or (joined and likest >= LIKE)


@dataclass(frozen=True, slots=True)
class _Bank:
    """What the phrases that are true in one place say: whole, by pairs of words, and each by runs of three."""

    lines: frozenset[tuple[str, ...]]
    twos: frozenset[tuple[str, str]]
    threes: tuple[frozenset[tuple[str, ...]], ...]
    frames: frozenset[tuple[str, ...]]


# What a call may leave out: enough of its forms for every pair of words that it can put side by side.
_NEEDED = [
    ("product", *rest)
    for rest in (
        (), ("offer",), ("end",), ("price",), ("offer", "end"), ("offer", "code"), ("offer", "code", "end"), ("code", "end"),
        ("code",), ("offer", "price"), ("price", "end"), ("offer", "price", "end"), ("store",), ("offer", "store"),
        ("offer", "end", "store"), ("offer", "code", "end", "store"), ("offer", "code", "end", "price"), ("price", "store"),
    )
]  # fmt: skip


@cache
def _here(place: Place) -> _Bank:
    texts: list[str] = []
    for phrase in bank.phrases("en"):
        if phrase.part != bank.TREND and phrase.fits(place.shelf, place.segment, place.channel):
            texts += filter(None, map(phrase.says, _NEEDED)) if phrase.part == bank.CALL else [phrase.text]
    lines = [tuple(_tokens(text)) for text in texts]
    edged = [(_EDGE, *line, _EDGE) for line in lines]
    return _Bank(
        frozenset(lines),
        frozenset(two for line in edged for two in pairwise(line)),
        tuple(dict.fromkeys(_threes(line) for line in edged)),
        frozenset(_frame(text) for text in texts if "{" in text),
    )


def _threes(edged: Sequence[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(zip(edged, edged[1:], edged[2:], strict=False))


def _frame(call: str) -> tuple[str, ...]:
    """A call without its clauses: what is done with the goods, "bring {product} to the table"."""
    return tuple(_tokens(_CLAUSE.sub("", call)))


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())
