"""Which of the texts that passed is taken: it should be new, speak to this reader, name these goods, and be no telegram.

Deterministic, so the same candidates give the same choice. It is no forecast: text alone predicts response weakly.
"""

import re
from collections.abc import Sequence

from copywriting.contracts import CopyBrief, DraftCopy
from copywriting.llm import classes, lexicon, slots

# Novelty counts most, because near-copies over segments are what readers and marketers notice first.
NOVELTY, HOOK, GOODS, LENGTH = 2.0, 1.0, 0.5, 0.5

# Words of a body that reads well in a message: one hook and one call.
GOOD_WORDS = (12, 28)


def order(drafts: Sequence[DraftCopy], brief: CopyBrief, used: Sequence[DraftCopy] = ()) -> list[DraftCopy]:
    """Best first; equals keep their order. `used` are the drafts that other segments or days had."""
    seen = [shingles(f"{draft.subject} {draft.body}") for draft in used]
    return sorted(drafts, key=lambda draft: -score(draft, brief, seen))


def score(draft: DraftCopy, brief: CopyBrief, seen: Sequence[frozenset[str]]) -> float:
    """Between 0 and 4."""
    text = f"{draft.subject} {draft.body}"
    said = re.findall(r"[a-z']+", slots.SLOT.sub(" ", text.lower()))
    hooked = brief.segment in lexicon.HOOKS and re.search(lexicon.HOOKS[brief.segment], text, re.IGNORECASE)
    fits = GOOD_WORDS[0] <= len(said) <= GOOD_WORDS[1]
    new = 1.0 - max((overlap(shingles(text), other) for other in seen), default=0.0)
    return NOVELTY * new + HOOK * bool(hooked) + GOODS * classes.names(said, classes.spoken_of(brief)) + LENGTH * fits


def shingles(text: str) -> frozenset[str]:
    """Runs of three words, each slot as the one word it is: texts that differ in facts alone have the same shingles."""
    tokens = re.findall(r"\{[a-z_]+\}|[a-z']+", text.lower())
    return frozenset(" ".join(tokens[start : start + 3]) for start in range(max(1, len(tokens) - 2)))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity, 0 to 1."""
    return len(one & other) / len(one | other) if one or other else 0.0
