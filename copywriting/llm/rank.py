"""Which of the drafts that passed every check is kept: the one least like what is used already, then the roomier one."""

from collections.abc import Sequence

from copywriting.contracts import DraftCopy

SHINGLE = 3  # letters in a row: near-duplicates of a line share most of theirs, whatever one word differs


def shingles(draft: DraftCopy) -> frozenset[str]:
    text = " ".join(f"{draft.subject} {draft.body}".lower().split())
    return frozenset(text[i : i + SHINGLE] for i in range(max(len(text) - SHINGLE + 1, 1)))


def likeness(one: DraftCopy, other: DraftCopy) -> float:
    """Jaccard similarity of letter shingles, 0 to 1."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def best(drafts: Sequence[DraftCopy], used: Sequence[DraftCopy] = ()) -> DraftCopy:
    """The draft least like any used one; among equals the longer subject, then the first. Raises ValueError without any."""
    if not drafts:
        raise ValueError("no draft to choose from")
    return min(drafts, key=lambda d: (max((likeness(d, u) for u in used), default=0.0), -len(d.subject)))
