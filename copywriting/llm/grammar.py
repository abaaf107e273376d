"""The written template that steps in: whole sentences by people, slotted, each true for its kind of segment.

Always there, deterministic by the brief's seed, and held to the same checks as the model. What is chosen depends on the
segment's kind (a key of code, never shown to a writer) and on whether there is an offer.
"""

from collections.abc import Mapping

from copywriting.contracts import TEMPLATE, CopyBrief, DraftCopy
from copywriting.llm import prompts, slots

# Subject and opening by segment kind. The facts follow in the sentence that `prompts.call` builds.
OPENINGS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "high_value": (
        ("A small thank-you from us", "You keep coming back, and we are glad of it."),
        ("Put aside with you in mind", "Good company deserves something nice on the table."),
        ("From all of us here", "Your basket tells us what is worth stocking."),
    ),
    "regular": (
        ("Your next shopping trip, sorted", "This may be one for your list."),
        ("Something for this week", "A kitchen is happier when the shelf is full."),
        ("Ready for your next visit", "We put this aside for you."),
    ),
    "lapsing": (
        ("It has been a while", "We would love to see you again soon."),
        ("Come by and say hello", "We have missed seeing you around."),
        ("Remember this one?", "We would be glad to have you back."),
    ),
    "new": (
        ("A warm welcome from us", "It is good to have you here."),
        ("Good to meet you", "We would like to show you around."),
        ("Glad you found us", "Have a look around and take your time."),
    ),
    "explorer": (
        ("Something to look at", "This could be one for your next visit."),
        ("Worth a look this week", "Try something the next time you drop in."),
        ("An idea for your basket", "There may be something new on the shelf for you."),
    ),
}
DEFAULT = "regular"


def write(brief: CopyBrief) -> DraftCopy:
    """The template of this brief: the seed picks among those of the segment's kind."""
    kind = brief.segment if brief.segment in OPENINGS else DEFAULT
    place = brief.seed % len(OPENINGS[kind])
    subject, opening = OPENINGS[kind][place]
    return DraftCopy(
        subject=subject if brief.limits.subject else "",
        body=f"{opening} {prompts.call(slots.required(brief))}",
        writer=TEMPLATE,
        provenance={"template": f"{kind}-{place}", "seed": brief.seed},
    )
