"""How each candidate begins: the first words of a subject, a hook and a call, drawn from the phrases that are true here.

Left to itself a small model begins most texts in its few favourite ways ("It is a good moment for ..."), whatever the
temperature, and sixty texts of one campaign sound alike. So every candidate is begun for it with the first words of another
phrase, and goes on by itself. What it then says passes the same gate.
"""

import re
from dataclasses import dataclass
from functools import cache
from random import Random

from copywriting.contracts import CopyBrief
from copywriting.llm import bank, classes, slots

WORDS = (1, 2)  # begun for it: fewer leave the model to its habits, more to ours

_WORD = re.compile(r"[A-Za-z']+(?:,)?")


@dataclass(frozen=True, slots=True)
class Opening:
    """The words that a candidate's parts begin with; "" leaves the part to the model."""

    subject: str = ""
    hook: str = ""
    call: str = ""


def draw(brief: CopyBrief, n: int, seed: int) -> list[Opening]:
    """n openings for the candidates of one round, the same for the same brief and seed, as unlike as the bank allows."""
    chance = Random(f"{seed}:{brief.segment}:{brief.channel}")  # noqa: S311
    shelf = classes.shelf(brief)
    needed = tuple(slot for slot in slots.required(brief) if slot not in {"size", "first_name"})
    subjects = (
        _shuffled(_subjects(shelf, brief.segment, brief.channel), n, chance) if brief.limits.subject else [""] * n
    )
    hooks = _shuffled(_hooks(shelf, brief.segment, brief.channel), n, chance)
    calls = _shuffled(_calls(shelf, brief.segment, brief.channel, needed), n, chance)
    return [
        Opening(*(_first(text, chance.choice(WORDS)) for text in texts))
        for texts in zip(subjects, hooks, calls, strict=True)
    ]


def _shuffled(texts: tuple[str, ...], n: int, chance: Random) -> list[str]:
    """n of the texts, each once before any comes again."""
    found: list[str] = []
    while texts and len(found) < n:
        found += chance.sample(texts, len(texts))
    return found[:n] or [""] * n


def _first(text: str, count: int) -> str:
    """The first words up to a slot; a comma belongs to its word."""
    plain = text.partition("{")[0]
    return " ".join(_WORD.findall(plain)[:count])


@cache
def _subjects(shelf: str, segment: str, channel: str) -> tuple[str, ...]:
    return tuple(
        one.text for one in bank.choose("en", bank.SUBJECT, shelf, segment, channel) if one.segments or one.classes
    )


@cache
def _hooks(shelf: str, segment: str, channel: str) -> tuple[str, ...]:
    return tuple(
        one.text for one in bank.choose("en", bank.HOOK, shelf, segment, channel) if one.segments or one.classes
    )


@cache
def _calls(shelf: str, segment: str, channel: str, needed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(None, (one.says(needed) for one in bank.choose("en", bank.CALL, shelf, segment, channel))))
