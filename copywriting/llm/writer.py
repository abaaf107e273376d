"""From a brief to one draft: ask for candidates, check each, ask again for what failed, and know when to stop."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from copywriting.contracts import MODEL, TEMPLATE, CopyBrief, DraftCopy, Finding
from copywriting.exceptions import BriefInvalid, WriterUnavailable
from copywriting.llm import checks, grammar, joining, prompts, rank

CHOICE = 8  # written texts to choose from: enough for the segments of a campaign to differ

# What a reader would probably call odd in a draft that breaks no rule: see sense.
Sense = Callable[[DraftCopy, CopyBrief], tuple[Finding, ...]]

# (brief, n, seed) -> n raw texts. A local model, an endpoint or a script: whoever writes, the gate is the same.
Generate = Callable[[CopyBrief, int, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Stats:
    """What it took: drafts of the writer, those without an error, rounds asked for, and how many broke each rule.

    `templates` counts the briefs that a written template answered; `unavailable` says why a writer gave nothing. Stats
    of several briefs add up.
    """

    drafted: int = 0
    passed: int = 0
    tries: int = 0
    templates: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    unavailable: str = ""

    @property
    def share(self) -> float:
        """Of the writer's drafts, the share that passed every check, 0 to 1; 0 when there were none."""
        return self.passed / self.drafted if self.drafted else 0.0

    def __add__(self, other: "Stats") -> "Stats":
        return Stats(
            self.drafted + other.drafted,
            self.passed + other.passed,
            self.tries + other.tries,
            self.templates + other.templates,
            dict(Counter(self.refused) + Counter(other.refused)),
            self.unavailable or other.unavailable,
        )


KEPT = 5  # distinct drafts that a marketer chooses from


@dataclass(frozen=True, slots=True)
class Written:
    """The drafts for one brief, best first and each unlike the others, and what it took."""

    drafts: tuple[DraftCopy, ...]
    stats: Stats

    @property
    def best(self) -> DraftCopy:
        return self.drafts[0]


def write(
    brief: CopyBrief,
    generate: Generate,
    n: int = 12,
    max_tries: int = 2,
    *,
    used: Sequence[DraftCopy] = (),
    provenance: Mapping[str, Any] | None = None,
    similar: rank.Similar | None = None,
    sense: Sense | None = None,
) -> tuple[DraftCopy, Stats]:
    """The best draft for the brief, and what it took: see `drafts`."""
    written = drafts(brief, generate, n, max_tries, used=used, provenance=provenance, similar=similar, sense=sense)
    return written.best, written.stats


def drafts(
    brief: CopyBrief,
    generate: Generate,
    n: int = 12,
    max_tries: int = 2,
    *,
    used: Sequence[DraftCopy] = (),
    provenance: Mapping[str, Any] | None = None,
    similar: rank.Similar | None = None,
    sense: Sense | None = None,
) -> Written:
    """Up to `KEPT` drafts for the brief, and what it took. Nothing is loosened on the way.

    Asks `generate` for n candidates at most `max_tries` times, each time on the next seed, and takes what passes of the
    first round in which any does. When none does, or the writer cannot answer, a written template steps in and the
    draft's `writer` says "template". `used` are drafts of the same campaign: what is like them is the last choice.
    `provenance` is what the writer records of itself, `similar` how alike two texts are in meaning, and `sense` judges what
    passed every rule; with it, parts that make sense are put together over the candidates of a round as well (see joining).
    The same brief, writer and n give the same drafts.
    """
    stats, so_far = Stats(), []
    for attempt in range(1, max_tries + 1):
        seed = brief.seed + attempt - 1
        try:
            texts = generate(brief, n, seed)
        except WriterUnavailable as reason:
            stats += Stats(unavailable=str(reason))
            break
        source = {**(provenance or {}), "checks": checks.VERSION, "seed": seed, "batch": n}
        tried = [judged(text, brief, attempt, {**source, "candidate": place}) for place, text in enumerate(texts)]
        if sense is not None:
            tried = [replace(one, findings=(*one.findings, *sense(one, brief))) if one.usable else one for one in tried]
        usable = [draft for draft in tried if draft.usable]
        passed = len(usable)
        if sense is not None:
            so_far += texts
            usable += _joined(so_far, brief, used, attempt, source)
        refused = Counter(rule for draft in tried for rule in draft.broken)
        stats += Stats(drafted=len(tried), passed=passed, tries=1, refused=dict(refused))
        if usable:
            return Written(tuple(rank.distinct(usable, brief, used, KEPT, similar)), stats)
    return Written((replace(template(brief, used), tries=stats.tries),), stats + Stats(templates=1))


def _joined(
    texts: Sequence[str], brief: CopyBrief, used: Sequence[DraftCopy], tries: int, source: Mapping[str, Any]
) -> list[DraftCopy]:
    """Drafts of parts that different candidates wrote, each through the same checks."""
    drafts = []
    for places, subject, body in joining.joined(texts, brief, used):
        found = {**source, "candidate": places[1], "joined": list(places)}
        draft = DraftCopy(subject=subject, body=body, writer=MODEL, tries=tries, provenance=found)
        draft = replace(draft, findings=checks.check(draft, brief))
        if draft.usable:
            drafts.append(draft)
    return drafts


def judged(text: str, brief: CopyBrief, tries: int = 1, provenance: Mapping[str, Any] | None = None) -> DraftCopy:
    """A raw text of a writer as a draft with everything that is wrong with it."""
    subject, body = prompts.parse(text)
    subject = subject if brief.limits.subject else ""
    draft = DraftCopy(subject=subject, body=body, writer=MODEL, tries=tries, provenance=dict(provenance or {}))
    return replace(draft, findings=checks.check(draft, brief))


def template(brief: CopyBrief, used: Sequence[DraftCopy] = ()) -> DraftCopy:
    """The grammar's answer: of the templates that pass, the newest. When none passes (what must be said breaks a rule),
    the first one with its findings, so that a person sees why.
    """
    first, passing = None, []
    for name, subject, body in grammar.drafts(brief):
        source = {"template": name, "checks": checks.VERSION, "seed": brief.seed}
        draft = DraftCopy(subject=subject, body=body, writer=TEMPLATE, provenance=source)
        draft = replace(draft, findings=checks.check(draft, brief))
        first = first or draft
        if draft.usable:
            passing.append(draft)
        if len(passing) == CHOICE:
            break
    if first is None:
        raise BriefInvalid("No written text says all that must be said; leave out one of the slots in must-say.")
    return rank.order(passing, brief, used)[0] if passing else first
