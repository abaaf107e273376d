"""What a language model is tuned on: pairs of a short prompt and a slotted answer, from three sources.

`from_grammar` draws phrases of the bank for real product names: it teaches form, slots and what fits which goods, and knows
nothing that a person did not write into the bank. `from_approved` takes what people accepted or wrote. `from_texts` takes
sentences of catalogue texts and reviews, as the language of the trade. No number enters a pair, no generated review does,
and every answer passes the same gate as a draft.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from copywriting.contracts import MODEL, CopyBrief, DraftCopy
from copywriting.llm import bank, checks, classes, prompts, slots
from copywriting.llm.facts import readable_name

GRAMMAR, APPROVED, TEXT = "grammar", "approved", "text"

# How a shop may speak of its segments to a writer; the demo's own phrases stand among them.
AUDIENCES: Mapping[str, tuple[str, ...]] = {
    "regular": (
        "people who come in every week",
        "our regulars",
        "people with a weekly list",
        "people who shop here often",
    ),
    "lapsing": (
        "people we have not seen for a while",
        "people who used to come by",
        "people whose last visit was long ago",
        "people we would like to see again",
    ),
    "new": ("people who have just joined us", "new faces", "people on their first visits", "people new to the store"),
    "high_value": ("our good customers", "people we want to thank", "people who shop with us a lot", "loyal customers"),
    "explorer": (
        "people who like new things",
        "people who try new things",
        "curious people",
        "people who like variety",
    ),
}
# The facts that a brief may bring, and how often: most campaigns have an offer with an end.
_FACTS = (
    (("product", "offer", "end"), 10),
    (("product", "offer", "code", "end"), 3),
    (("product",), 3),
    (("product", "offer"), 1),
    (("product", "end"), 1),
    (("product", "price"), 1),
    (("product", "offer", "end", "price"), 1),
    (("product", "offer", "end", "store"), 1),
)
_SHARE_GENERAL = 0.18  # a campaign whose readers get goods of many shelves is written for none of them
_SHORT_HOOK = 46  # characters that leave room in 130 for a name, an offer and an end


@dataclass(frozen=True, slots=True)
class Item:
    """A product as its catalogue has it; `key` is what the train and held-out parts are split by."""

    key: str
    name: str
    category: str = ""
    department: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """What the model reads and what it should say. `group` is the product, so that a split never shares one."""

    prompt: str
    answer: str
    group: str
    source: str


def from_grammar(items: Sequence[Item], count: int, seed: int) -> list[Pair]:
    """`count` distinct pairs at the most, the same for the same items and seed. Regulated goods are left out."""
    chance = Random(seed)  # noqa: S311
    shelves: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda one: one.key):
        key = classes.classify(item.category, item.department)
        if not classes.CLASSES[key].regulated:
            shelves.setdefault(key, []).append(item)
    if not shelves:
        return []
    special = [key for key in shelves if key != classes.GENERAL]
    pairs: dict[tuple[str, str], Pair] = {}
    for _ in range(count * 6):
        if len(pairs) >= count:
            break
        everywhere = chance.random() < _SHARE_GENERAL or not special
        shelf = chance.choice(special) if special else classes.GENERAL
        item = chance.choice(shelves[shelf])
        brief = _brief(item, classes.GENERAL if everywhere else shelf, chance)
        draft = _draft(brief, chance)
        if draft is not None and not checks.check(draft, brief):
            pair = Pair(prompts.short_request(brief), prompts.short_answer(draft, brief), item.key, GRAMMAR)
            pairs.setdefault((pair.prompt, pair.answer), pair)
    return list(pairs.values())


def from_approved(examples: Iterable[tuple[CopyBrief, DraftCopy]]) -> list[Pair]:
    """Pairs from drafts that people approved or edited. A text that breaks a rule teaches it, so it is left out."""
    pairs = []
    for brief, draft in examples:
        judged = DraftCopy(subject=draft.subject if brief.limits.subject else "", body=draft.body, writer=MODEL)
        if not any(finding.severity == "error" for finding in checks.check(judged, brief)):
            answer = prompts.short_answer(judged, brief)
            pairs.append(Pair(prompts.short_request(brief), answer, brief.product, APPROVED))
    return pairs


_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_PERSONAL = re.compile(r"\S+@\S+|https?:\S+|www\.\S+|\d|[$€£¥%#@{}<>\[\]_*|\\]")


def from_texts(texts: Iterable[tuple[str, str]], least: int = 5, most: int = 30) -> list[Pair]:
    """Pairs from (group, text): whole sentences of `least` to `most` words of a catalogue text or a review.

    Left out, never repaired: what holds a digit, an address, a link, a name before "wrote", markup, or another alphabet.
    """
    pairs: dict[str, Pair] = {}
    for group, text in texts:
        for raw in _SENTENCE.split(" ".join(text.split())):
            sentence = raw.strip(" \"'-")
            plain = sentence.isascii() and not _PERSONAL.search(sentence) and sentence[:1].isalpha()
            if plain and least <= len(sentence.split()) <= most and sentence[-1:] in {".", "!", "?"}:
                pairs.setdefault(sentence, Pair(prompts.TEXT_REQUEST, f" {sentence}", group, TEXT))
    return list(pairs.values())


def split(pairs: Sequence[Pair], held_out: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """(train, held out), by group: a product is in one part alone. By a hash, so a product keeps its side when others come."""

    def share(group: str) -> float:
        return int.from_bytes(hashlib.sha256(f"{seed}:{group}".encode()).digest()[:8], "big") / 2**64

    train = [pair for pair in pairs if share(pair.group) >= held_out]
    return train, [pair for pair in pairs if share(pair.group) < held_out]


def digest(pairs: Sequence[Pair]) -> str:
    """SHA-256 of the corpus in its order: what a model card names."""
    total = hashlib.sha256()
    for pair in pairs:
        total.update(f"{pair.prompt}\x1f{pair.answer}\x1e".encode())
    return total.hexdigest()


def _brief(item: Item, product_class: str, chance: Random) -> CopyBrief:
    needed = chance.choices([facts for facts, _ in _FACTS], [weight for _, weight in _FACTS])[0]
    segment = chance.choice(sorted(AUDIENCES))
    return CopyBrief(
        product=readable_name(item.name, item.category),
        product_class=product_class,
        store="Example Store",
        segment=segment,
        audience=chance.choice(AUDIENCES[segment]),
        seed=0,
        offer="20% off" if "offer" in needed else "",
        code="EXAMPLE" if "code" in needed else "",
        price="$12.99" if "price" in needed else "",
        ends_on=date(2026, 11, 30) if "end" in needed else None,
        must_say=tuple(f"{{{slot}}}" for slot in needed if slot in {"price", "store"}),
        channel=chance.choices(("email", "push", "sms"), (6, 3, 2))[0],
    )


def _draft(brief: CopyBrief, chance: Random) -> DraftCopy | None:
    """A subject, a hook and a call, so that both the reader and the goods are spoken to where there is room for both."""
    where = (classes.find(brief.product_class) or classes.GENERAL, brief.segment, brief.channel)
    roomy = bool(brief.limits.subject)
    for_reader = [one for one in bank.choose("en", bank.HOOK, *where) if one.segments]
    for_goods = [one for one in bank.choose("en", bank.HOOK, *where) if one.classes]
    if brief.limits.body <= prompts.SHORT:
        for_reader = [one for one in for_reader if len(one.text) <= _SHORT_HOOK]
        for_goods = [one for one in for_goods if len(one.text) <= _SHORT_HOOK]
    subjects = list(bank.choose("en", bank.SUBJECT, *where))
    if roomy and for_goods and chance.random() < 0.7:
        subject, hook = chance.choice([one for one in subjects if one.segments]), chance.choice(for_goods)
    elif roomy and (named := [one for one in subjects if one.classes]) and chance.random() < 0.6:
        subject, hook = chance.choice(named), chance.choice(for_reader)
    else:
        subject, hook = chance.choice([one for one in subjects if one.segments]), chance.choice(for_reader)
    needed = slots.required(brief)
    calls = [said for one in bank.choose("en", bank.CALL, *where) if (said := one.says(needed))]
    if not calls:
        return None
    return DraftCopy(subject=subject.text if roomy else "", body=f"{hook.text} {chance.choice(calls)}", writer=MODEL)
