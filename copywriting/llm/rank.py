"""Which of the texts that passed is taken: it should be new, speak to this reader, name these goods, and be no telegram.

Deterministic, so the same candidates give the same choice. It is no forecast: text alone predicts response weakly.
"""

import re
from collections.abc import Callable, Sequence

from copywriting.contracts import CopyBrief, DraftCopy
from copywriting.llm import classes, lexicon, slots

# Novelty counts most, because near-copies over segments are what readers and marketers notice first: unlike the nearest text
# that is out, and made of runs of words that none of them has.
NOVELTY, UNSAID, HOOK, GOODS, LENGTH, READING = 2.0, 3.0, 1.0, 0.5, 0.5, 0.5

# Words of a body that reads well in a message: one hook and one call.
GOOD_WORDS = (12, 28)


# How alike two texts are in meaning, 0 to 1, one row a text of the first list and one column a text of the second.
Similar = Callable[[Sequence[str], Sequence[str]], Sequence[Sequence[float]]]

ALIKE = 0.6  # shingles that two drafts of one choice may share
WEIGHED = 12  # drafts, the best by words, whose meaning is compared too: an embedding costs as much as forty tokens


def distinct(
    drafts: Sequence[DraftCopy],
    brief: CopyBrief,
    used: Sequence[DraftCopy] = (),
    most: int = 5,
    similar: Similar | None = None,
) -> list[DraftCopy]:
    """At most `most` drafts, best first, each unlike those before it (maximal marginal relevance, Carbonell & Goldstein
    1998). With `similar`, meaning counts beside words, both among the drafts and against `used`.
    """
    left, chosen = order(drafts, brief, used), []
    if similar is not None and left:
        left = left[:WEIGHED]
        texts = [plain(draft) for draft in left]
        past = similar(texts, [plain(draft) for draft in used]) if used else [[0.0]] * len(left)
        told = {id(draft): NOVELTY * max(row) for draft, row in zip(left, past, strict=True)}
        seen = [shingles(f"{draft.subject} {draft.body}") for draft in used]
        left.sort(key=lambda draft: told[id(draft)] - score(draft, brief, seen))
    for draft in left:
        words = shingles(f"{draft.subject} {draft.body}")
        if all(overlap(words, shingles(f"{one.subject} {one.body}")) < ALIKE for one in chosen):
            chosen.append(draft)
        if len(chosen) == most:
            break
    return chosen


def plain(draft: DraftCopy) -> str:
    """The words without the facts: what an embedding should compare."""
    return " ".join(slots.SLOT.sub(" ", f"{draft.subject}. {draft.body}").split())


def order(drafts: Sequence[DraftCopy], brief: CopyBrief, used: Sequence[DraftCopy] = ()) -> list[DraftCopy]:
    """Best first; equals keep their order. `used` are the drafts that other segments or days had."""
    seen = [shingles(f"{draft.subject} {draft.body}") for draft in used]
    return sorted(drafts, key=lambda draft: -score(draft, brief, seen))


def score(draft: DraftCopy, brief: CopyBrief, seen: Sequence[frozenset[str]]) -> float:
    """Between 0 and 7.5."""
    text = f"{draft.subject} {draft.body}"
    said = re.findall(r"[a-z']+", slots.SLOT.sub(" ", text.lower()))
    hooked = brief.segment in lexicon.HOOKS and re.search(lexicon.HOOKS[brief.segment], text, re.IGNORECASE)
    fits = GOOD_WORDS[0] <= len(said) <= GOOD_WORDS[1]
    own = shingles(text)
    new = 1.0 - max((overlap(own, other) for other in seen), default=0.0)
    return (
        NOVELTY * new
        + UNSAID * unsaid(text, seen)
        + HOOK * bool(hooked)
        + GOODS * classes.names(said, classes.spoken_of(brief))
        + LENGTH * fits
        + READING * ease(text)
    )


def unsaid(text: str, seen: Sequence[frozenset[str]]) -> float:
    """Of a text's runs of three words, the share that no text of `seen` has, 0 to 1."""
    own = shingles(text)
    return len(own.difference(*seen)) / len(own)


def ease(text: str) -> float:
    """Flesch reading ease (1948) over 100, held between 0 and 1; a slot counts as a word of two syllables."""
    words = re.findall(r"[a-z']+", slots.SLOT.sub(" facet ", text.lower()))
    if not words:
        return 0.0
    sentences = max(1, len(re.findall(r"[.!?]+", text)))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.removesuffix("e")))) for word in words)
    return min(1.0, max(0.0, (206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)) / 100))


def shingles(text: str) -> frozenset[str]:
    """Runs of three words, each slot as the one word it is: texts that differ in facts alone have the same shingles."""
    tokens = re.findall(r"\{[a-z_]+\}|[a-z']+", text.lower())
    return frozenset(" ".join(tokens[start : start + 3]) for start in range(max(1, len(tokens) - 2)))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity, 0 to 1."""
    return len(one & other) / len(one | other) if one or other else 0.0
