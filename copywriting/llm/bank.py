"""The phrase bank: phrases as data, each with the product classes, segments and channels it is true for.

One file a language in `phrases/`; a phrase's id is its language, block and number, so that a text can name where each of its
sentences comes from. A line that names no class is true of every product; a line for a class may name its goods.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SUBJECT, HOOK, CALL, TREND = "subject", "hook", "call", "trend"
ANY = "*"

_FOLDER = Path(__file__).parent / "phrases"
_HEAD = re.compile(r"\[(subject|hook|call|trend) \| ([^|]+) \| ([^|]+) \| ([^|\]]+)\]")
_CLAUSE = re.compile(r"\[([^\]]*)\]")
_SLOT = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """`classes`, `segments` and `channels` are where it is true; empty means everywhere."""

    key: str
    part: str
    text: str
    classes: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()

    def fits(self, product_class: str, segment: str, channel: str) -> bool:
        return (
            (not self.classes or product_class in self.classes)
            and (not self.segments or segment in self.segments)
            and (not self.channels or channel in self.channels)
        )

    def says(self, needed: tuple[str, ...]) -> str | None:
        """The sentence with exactly these slots, or None when it cannot say them."""
        asked = set(needed)

        def clause(match: re.Match[str]) -> str:
            return match[1] if set(_SLOT.findall(match[1])) <= asked else ""

        text = _CLAUSE.sub(clause, self.text)
        return text if set(_SLOT.findall(text)) == asked else None


@cache
def phrases(language: str = "en") -> tuple[Phrase, ...]:
    """Every phrase of a language, in the order of its file. Raises ValueError for a line that stands in no block."""
    found: list[Phrase] = []
    head: tuple[str, ...] | None = None
    number = 0
    for raw in (_FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if match := _HEAD.fullmatch(line):
            head, number = match.groups(), 0
            continue
        if head is None:
            raise ValueError(f"phrases/{language}.txt: {line!r} stands before the first head.")
        number += 1
        part, *where = head
        classes, segments, channels = (_names(names) for names in where)
        place = "-".join(sorted(classes) or sorted(segments) or ["any"])
        key = f"{language}/{part}/{place}/{number}"
        found.append(Phrase(key, part, line, classes, segments, channels))
    return tuple(found)


@cache
def digest(language: str = "en") -> str:
    """SHA-256 of a language's phrases: what a draft that was begun by them records."""
    return hashlib.sha256((_FOLDER / f"{language}.txt").read_bytes()).hexdigest()


def choose(language: str, part: str, product_class: str, segment: str, channel: str) -> Iterator[Phrase]:
    """The phrases of one part that are true for this brief."""
    return (one for one in phrases(language) if one.part == part and one.fits(product_class, segment, channel))


def _names(text: str) -> frozenset[str]:
    return frozenset() if text.strip() == ANY else frozenset(name.strip() for name in text.split(","))
