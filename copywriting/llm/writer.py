"""One way for every writer: candidates, the same checks for all, and after enough tries the written template."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from copywriting.contracts import MODEL, CopyBrief, DraftCopy
from copywriting.llm import checks, grammar, prompts, rank

# (brief, n, seed) -> n raw texts. A language model, an endpoint later, or any other writer.
Generate = Callable[[CopyBrief, int, int], list[str]]


@dataclass(frozen=True, slots=True)
class Stats:
    """What it took: drafts made, drafts without an error, rounds asked for, and how often each rule refused one."""

    drafted: int = 0
    passed: int = 0
    tries: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


def write(
    brief: CopyBrief,
    generate: Generate,
    *,
    n: int,
    max_tries: int,
    used: Sequence[DraftCopy] = (),
    provenance: Mapping[str, Any] | None = None,
) -> tuple[DraftCopy, Stats]:
    """The best draft that passes every check, from at most `max_tries` rounds of `n`; else the written template, which
    says so by its `writer`. Nothing is loosened on the way.

    used: drafts of the same campaign; one that is like them is the last choice.
    """
    drafted = passed = tries = 0
    refused: dict[str, int] = {}
    for tries in range(1, max_tries + 1):
        seed = brief.seed + tries - 1
        good = []
        for place, raw in enumerate(generate(brief, n, seed)):
            subject, body = prompts.parse(raw)
            told = {**(provenance or {}), "seed": seed, "batch": n, "candidate": place}
            draft = DraftCopy(subject=subject, body=body, writer=MODEL, tries=tries, provenance=told)
            draft = replace(draft, findings=checks.check(draft, brief))
            drafted += 1
            if draft.usable:
                good.append(draft)
            for rule in {finding.rule for finding in draft.findings if finding.severity == "error"}:
                refused[rule] = refused.get(rule, 0) + 1
        passed += len(good)
        if good:
            return rank.best(good, used), Stats(drafted, passed, tries, refused)
    fallback = grammar.write(brief)
    fallback = replace(fallback, findings=checks.check(fallback, brief), tries=tries)
    return fallback, Stats(drafted, passed, tries, refused)
