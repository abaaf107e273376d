"""The written answer, always there: phrases of the bank put together so that every one is true for the brief.

A subject and a hook, one for the reader and one for the goods where the bank has them, and a call with the facts.
"""

from collections.abc import Iterator
from itertools import islice
from random import Random

from copywriting.contracts import CopyBrief, TrendFact
from copywriting.llm import bank, classes, slots
from copywriting.llm.bank import Phrase

MOST = 60  # combinations that are worth checking: some hundred times as many exist


def drafts(brief: CopyBrief) -> Iterator[tuple[str, str, str]]:
    """(name, subject, body) of written texts for the brief, in the order that its seed gives; at most `MOST`.

    The name lists the phrases by their keys. Texts for reader and goods come first; where the room is short a hook may be
    left out when the text is realised, so the short ones follow, and last the call alone.
    """
    yield from islice(_drafts(brief), MOST)


def _drafts(brief: CopyBrief) -> Iterator[tuple[str, str, str]]:
    chance = Random(brief.seed)  # noqa: S311
    shelf = classes.shelf(brief)
    where = (brief.locale, shelf, brief.segment, brief.channel)
    subjects = _mixed(_for_reader(_part(bank.SUBJECT, *where)), chance)
    hooks = _part(bank.HOOK, *where)
    for_goods = _mixed([one for one in hooks if one.classes], chance)
    for_reader = _mixed(_for_reader(hooks), chance)
    if trend(brief) is not None:
        for_goods = [*_mixed(_part(bank.TREND, *where), chance), *for_goods]
    calls = _mixed(_part(bank.CALL, *where), chance)
    said = [(one, text) for one in calls if (text := one.says(_said(brief)))]
    has_subject = bool(brief.limits.subject)
    if has_subject:
        subjects = [one for one in subjects if len(one.text) <= brief.limits.subject] or subjects
        openings = for_goods or for_reader
    else:
        subjects = [Phrase("", bank.SUBJECT, "")]
        openings = for_reader or for_goods
        openings = sorted(
            openings, key=lambda one: len(one.text) > brief.limits.body // 3
        )  # sorted keeps the seed's order
    for turn in range(max(len(subjects), len(openings)) * len(said)):
        subject = subjects[turn % len(subjects)]
        hook = openings[turn % len(openings)]
        call, text = said[(turn + turn // len(said)) % len(said)]
        name = " + ".join(filter(None, (subject.key, hook.key, call.key)))
        yield name, subject.text, _greeted(_joined(hook.text, text + _asked(brief), brief), brief)


def call(brief: CopyBrief) -> str:
    """The sentence with the facts, then what must be said: "Pick up {product} with {offer} until {end}." """
    where = (brief.locale, classes.shelf(brief), brief.segment, brief.channel)
    return next(text for one in _part(bank.CALL, *where) if (text := one.says(_said(brief)))) + _asked(brief)


def trend(brief: CopyBrief) -> TrendFact | None:
    """The fact that backs a sentence on a trend: it rises, and it is about the goods of this brief."""
    key = classes.shelf(brief)
    rising = [one for one in brief.trends if one.rises and key != classes.GENERAL and classes.find(one.name) == key]
    return rising[0] if rising else None


def _said(brief: CopyBrief) -> tuple[str, ...]:
    return tuple(slot for slot in slots.required(brief) if slot not in {"size", "first_name"})


def _asked(brief: CopyBrief) -> str:
    """What must be said beyond the call: the size, and phrases word by word."""
    chinese = brief.locale == "zh-Hans"
    phrases = [phrase for phrase in brief.must_say if not slots.SLOT.fullmatch(phrase)]
    size = ""
    if "size" in slots.required(brief):
        size = "规格{size}。" if chinese else " It comes in {size}."
    if chinese:
        return size + "".join(f"{phrase.rstrip('。')}。" for phrase in phrases)
    return size + "".join(f" {phrase[:1].upper()}{phrase[1:].rstrip('.')}." for phrase in phrases)


def _greeted(body: str, brief: CopyBrief) -> str:
    if "first_name" not in slots.required(brief):
        return body
    if brief.locale == "zh-Hans":
        return f"{{first_name}}，你好！{body}"
    return f"Hi {{first_name}}, {body[0].lower()}{body[1:]}"


def _joined(hook: str, rest: str, brief: CopyBrief) -> str:
    return f"{hook}{rest}" if brief.locale == "zh-Hans" else f"{hook} {rest}"


def _part(part: str, locale: str, shelf: str, segment: str, channel: str) -> list[Phrase]:
    return list(bank.choose(locale, part, shelf, segment, channel))


def _for_reader(found: list[Phrase]) -> list[Phrase]:
    """Those of the segment; those for anybody where the segment is one of the shop's own."""
    return [one for one in found if one.segments] or [one for one in found if not one.classes]


def _mixed(found: list[Phrase], chance: Random) -> list[Phrase]:
    chance.shuffle(found)
    return found
