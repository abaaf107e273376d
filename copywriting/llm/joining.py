"""Subjects, hooks and calls of the candidates for one brief, put together anew.

All of them answer the same prompt, so a subject of one and a call of another belong to the same brief. A small
model seldom gets all three right in one text, and nearly always each of them in some text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from copywriting.contracts import MODEL, CopyBrief, DraftCopy
from copywriting.llm import prompts, rank, sense

MOST = 32  # drafts that are worth checking: a round has some hundreds
EACH = 4  # of each part, those with the most words that no text has said yet


@dataclass(frozen=True, slots=True)
class Parts:
    subject: str
    hook: str
    call: str


def parts(text: str, brief: CopyBrief) -> Parts | None:
    """None for a text that is not a hook and a call, with a subject where the channel has one."""
    subject, body = prompts.parse(text)
    said = [sentence for sentence, *_ in sense.sentences(DraftCopy(subject="", body=body, writer=MODEL))]
    if len(said) != 2 or "{" in said[0] or "{" not in said[1]:
        return None
    return Parts(subject if brief.limits.subject else "", *said)


def joined(
    texts: Sequence[str], brief: CopyBrief, used: Sequence[DraftCopy] = ()
) -> Iterator[tuple[tuple[int, int, int], str, str]]:
    """((places of subject, hook and call), subject, body) of what makes sense here, at most `MOST`: every part in turn, those
    first that say least of what `used` has said.
    """
    found = [(place, one) for place, text in enumerate(texts) if (one := parts(text, brief))]

    def kept(name: str) -> list[tuple[int, str]]:
        seen = {getattr(one, name): place for place, one in reversed(found)}
        fit = [(place, text) for text, place in seen.items() if not text or sense.attested(text, sense.Place.of(brief))]
        return sorted(fit, key=lambda one: -rank.unsaid(one[1], said))[:EACH]

    said = [rank.shingles(f"{draft.subject} {draft.body}") for draft in used]
    subjects, hooks, calls = kept("subject"), kept("hook"), kept("call")
    turns = (
        (subjects[turn % len(subjects)], hooks[turn // len(subjects) % len(hooks)], calls[(turn + shift) % len(calls)])
        for shift in range(len(calls))
        for turn in range(len(subjects) * len(hooks))
    )
    for (one, subject), (two, hook), (three, call) in islice(turns, MOST):
        yield (one, two, three), subject, f"{hook} {call}"


def put(texts: Sequence[str], places: Sequence[int], brief: CopyBrief) -> tuple[str, str]:
    """(subject, body) again from the places that `joined` told; empty where a text has changed."""
    one, two, three = (parts(texts[place], brief) for place in places)
    return (one.subject, f"{two.hook} {three.call}") if one and two and three else ("", "")
