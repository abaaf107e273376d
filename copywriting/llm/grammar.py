"""The written templates that answer when the model does not: an opening for the segment, a call with the facts.

An opening names no goods and claims nothing, so it is true for every class; the call says each fact the brief has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from copywriting.contracts import CopyBrief
from copywriting.llm import slots


@dataclass(frozen=True, slots=True)
class Opening:
    """A subject and a first sentence that are true for one kind of segment; `short` is for channels with little room.
    The name goes into a draft's provenance.
    """

    name: str
    subject: str
    sentence: str
    short: str


ANY = "any"

_TEXTS = """
regular | list | One more for this week's list | You know the way, so this will be quick. | This one is for your week.
regular | favorites | Something to go with your favorites | Good weeks start with a good basket. | Your basket has room for this.
regular | again | Good to have you here again | You keep coming by, and we keep the shelves ready. | It is your week again.
regular | routine | A little extra for your next shop | You have your routine, and this fits right in. | Put this on your list.
lapsing | place | We saved you a place | A visit from you would make our day. | Come and see us again.
lapsing | miss | We have missed you | Whenever you are ready, we are here with something for you. | We miss you.
lapsing | while | It has been a while | A quick visit is all it takes. | We have a place for you again.
lapsing | back | Come back to something good | We put this aside with you in mind. | Come back and see us.
new | welcome | Welcome, and a little something | It is lovely to have you with us. | Welcome to the store.
new | hello | Hello from all of us | We are glad you found your way here. | Hello, and welcome to you.
new | meet | We are glad to meet you | Let us make the start an easy one. | Let us say hello.
new | start | A nice way to begin | You are new here, so we picked this one to start with. | We are glad to have you.
high_value | thanks | Thank you, from all of us | You make this a better place to shop. | Thank you for being here.
high_value | appreciate | Because we appreciate you | We would like to give a little back. | We appreciate you.
high_value | treat | A treat for you, with thanks | Thank you for choosing us so often. | This treat is for you.
high_value | special | Something special, with thanks | It is a pleasure to have you with us. | You deserve something special.
explorer | next | Your next discovery is here | We have room for one more good find. | Try this one.
explorer | different | How about something different? | A change now and then makes the week brighter. | Make this week different.
explorer | curious | One for the curious | There is a corner of the shelf to explore. | Discover one more corner.
explorer | another | Are you ready to try another? | We have an idea for your next visit. | Have a go at another one.
any | look | Something you may like | We think this one is worth a look. | This may be for you.
any | pick | We picked this for you | It is a small thing that makes a day a little better. | We had you in mind.
any | hand | A good thing, close at hand | Keep it in mind for your next visit. | Keep this one in mind.
any | ready | This one is ready for you | Come by and have a look. | Come by and see.
"""


def _openings() -> Mapping[str, tuple[Opening, ...]]:
    found: dict[str, tuple[Opening, ...]] = {}
    for line in _TEXTS.strip().splitlines():
        kind, name, *texts = (field.strip() for field in line.split(" | "))
        found[kind] = (*found.get(kind, ()), Opening(f"{kind}-{name}", *texts))
    return found


OPENINGS = _openings()

_VERBS = ("Pick up", "Enjoy", "Take home", "Try")


def drafts(brief: CopyBrief) -> Iterator[tuple[str, str, str]]:
    """(name, subject, body) of every template for the brief, in the order that its seed gives.

    The short ones follow for where there is little room, and stand alone where no subject carries the segment's hook.
    """
    openings = list(OPENINGS.get(brief.segment, OPENINGS[ANY]))
    verbs = list(_VERBS)
    chance = Random(brief.seed)  # noqa: S311
    chance.shuffle(openings)
    chance.shuffle(verbs)
    for length in ("sentence", "short") if brief.limits.subject else ("short",):
        for opening in openings:
            for verb in verbs:
                body = _greeted(f"{getattr(opening, length)} {call(brief, verb)}", brief)
                subject = opening.subject if brief.limits.subject else ""
                yield f"{opening.name}/{length}/{verb.lower()}", subject, body


def call(brief: CopyBrief, verb: str = "Enjoy") -> str:
    """The sentence with the facts, then what must be said: "Pick up {product} with {offer} until {end}." """
    needed = slots.required(brief)
    said = f"{verb} {{product}}"
    said += " for {price}" if "price" in needed else ""
    said += " with {offer}" if "offer" in needed else ""
    said += (" and code {code}" if "offer" in needed else " with code {code}") if "code" in needed else ""
    said += " at {store}" if "store" in needed else ""
    said += " until {end}" if "end" in needed else ""
    size = " It comes in {size}." if "size" in needed else ""
    phrases = [phrase for phrase in brief.must_say if not slots.SLOT.fullmatch(phrase)]
    asked = "".join(f" {phrase[:1].upper()}{phrase[1:].rstrip('.')}." for phrase in phrases)
    return f"{said}.{size}{asked}"


def _greeted(body: str, brief: CopyBrief) -> str:
    return f"Hi {{first_name}}, {body[0].lower()}{body[1:]}" if "first_name" in slots.required(brief) else body
