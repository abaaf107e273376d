"""The gate: named rules that every text must pass, whoever wrote it. A rule is a small pure function.

They look at slotted text, where no number may stand at all, and measure length as realised with the brief's facts. To
loosen a rule so that more drafts pass is a defect: the grammar answers when the model cannot.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from copywriting.contracts import ERROR, PERSON, WARNING, CopyBrief, DraftCopy, Finding
from copywriting.exceptions import UnknownSlot
from copywriting.llm import bank, chinese, classes, families, grammar, lexicon, markets, prompts, rank, realise, slots

# Part of a draft's provenance: a text that passed under one version may fail under the next.
VERSION = f"6.{lexicon.VERSION}.{families.VERSION}.{chinese.VERSION}.{markets.VERSION}"

# What a small model must not do because it loses the thread, and a person may do who knows what they mean.
ADVICE = frozenset(["aimless", "misfit", "mood", "negation", "repetition", "sentence", "voice"])

Check = Callable[[DraftCopy, CopyBrief], Iterator[Finding]]

_WORD = re.compile(r"[A-Za-z']+")
_TOKEN = re.compile(r"\{[a-z_]+\}|[a-z']+")


def check(draft: DraftCopy, brief: CopyBrief) -> tuple[Finding, ...]:
    """Everything that is wrong with a draft, in the order of the rules. Usable means: no finding of severity "error"."""
    found = (finding for rule in RULES[brief.locale] for finding in rule(draft, brief))
    if draft.writer == PERSON:
        return tuple(replace(one, severity=WARNING) if one.rule in ADVICE else one for one in found)
    return tuple(found)


def parts(draft: DraftCopy) -> Iterator[tuple[str, str]]:
    yield "subject", draft.subject
    yield "body", draft.body


def masked(text: str) -> str:
    """The same text with every slot as one meaningless word of the same length, so spans still fit."""
    return slots.SLOT.sub(lambda match: "_" * len(match[0]), text)


def form(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """A subject where the channel has one, and a body of one to three whole sentences."""
    least = 2 if draft.writer == PERSON else 3  # a model's two words are a line that broke off
    if brief.limits.subject and len(_TOKEN.findall(draft.subject.lower())) < least:
        yield _error(
            "form",
            "subject",
            draft.subject,
            "The subject is missing or too short to say anything.",
            "Write three to eight words.",
        )
    if not brief.limits.subject and draft.subject:
        yield _error("form", "subject", draft.subject, "This channel has no subject.", "Leave it empty.")
    if len(_TOKEN.findall(draft.body.lower())) < 5:
        yield _error("form", "body", draft.body, "The body is missing or says nothing.", "Write one or two sentences.")
    elif not re.search(r"[.!?]$", draft.body):
        yield _error("form", "body", draft.body, "The last sentence has no end.", "Finish it.")
    elif len(re.findall(r"[.!?]+(\s|$)", draft.body)) > 3:
        yield _error("form", "body", draft.body, "More than three sentences.", "Keep the hook and the offer.")
    for sentence in re.finditer(r"[^.!?]+", masked(draft.body)):
        said = [word for word in _WORD.findall(sentence[0]) if word.strip("_")]
        if said and (len(said) + sentence[0].count("__") < 3 or not lexicon.VERB.search(sentence[0])):
            yield _error("sentence", "body", sentence, "Not a whole sentence.", "Give it a verb.")
    for found in re.finditer(
        r"[,;:]\s*[.!?]|\s[,.;!?]|[.!?,]{2,}|(?<=[.!?]\s)[a-z]|^[a-z]"
        r"|(?<=[a-z] )(Pick|Enjoy|Take|Try|Treat|Get|Choose|Stock|Bring) ",
        masked(draft.body),
    ):
        yield _error("form", "body", found, "Broken punctuation or capitals.", "Set it right.")


def length(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """The realised text fits the channel, without its optional clauses where need be. It is never cut: it is written again."""
    try:
        over = realise.realise(draft, brief).over
    except UnknownSlot:
        return  # another rule says so
    for part, text in parts(draft):
        if part in over:
            limit = getattr(brief.limits, part)
            yield _error(
                "length",
                part,
                text,
                f"{limit + over[part]} {brief.limits.unit} where {brief.channel} takes {limit}.",
                "Write it shorter.",
            )


def slot_names(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """Only slots the brief has a fact for, and no other brace."""
    known = slots.values(brief)
    for part, text in parts(draft):
        for match in slots.SLOT.finditer(text):
            if match[1] not in known:
                yield _error("slot_unknown", part, match, f"No fact for {match[0]}.", f"Use {', '.join(known)}.")
        for match in re.finditer(r"[{}]", masked(text)):
            yield _error("slot_unknown", part, match, "A brace that belongs to no slot.", "Delete it.")


def slots_required(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """The body names the product, and the offer with its code and end where the brief has them."""
    present = slots.SLOT.findall(draft.body)
    for slot in slots.required(brief):
        if slot not in present:
            yield _error("slot_missing", "body", draft.body, f"{{{slot}}} is not said.", f"Say {{{slot}}} in the body.")
        elif present.count(slot) > 1:
            yield _error("slot_use", "body", draft.body, f"{{{slot}}} is said twice.", "Say it once.")


# Around a slot only words that fit every fact that can stand there: "20% off", "White Milk", "Bananas", "November 30".
_MISUSES = (
    (r"\b(an?|another|each|every|one|many|more)\s+\{product\}", "A product may be plural or uncountable: no article."),
    (r"\{product\}('|s\b|\s+(is|are|was|were|has|have|does|do|makes?|comes?|tastes?|goes|go|needs?|gets?|brings?)\b)",
     "A product may be singular or plural: no verb or ending after it."),
    (r"(?<!\bwith )(?<!\benjoy )(?<!\bget )(?<!\btake )(?<!\bhave )(?<!\bgrab )(?<!\buse )(?<!\bat )(?<!\bfor )(?<!\band )"
     r"(?<!\bis )(?<!\bbrings )(?<!\bmeans )(?<!\bclaim )(?<!\bfind )(?<!^)(?<![.!?:] )\{offer\}",
     "An offer follows a word such as with, enjoy or get."),
    (r"(?<!\buntil )(?<!\bby )(?<!\bbefore )(?<!\bthrough )(?<!\btill )(?<!\bends )(?<!\bending )(?<!\bends on )\{end\}",
     "An end follows until, by, before or through."),
    (r"\{end\}(?!\s*[.,!?])(?!\s+(at|in|from|on|and)\b)(?!$)", "Nothing but a place follows an end."),
    (r"(?<!\bhi )(?<!\bhello )(?<!\bhey )\{first_name\}(?!,)", "A name is a greeting: Hi {first_name}, ..."),
    (r"\bthere is room [^.!?]*\{product\}[^.!?]* and (get|take|enjoy|find)\b", "What there is room for takes no second verb."),
    (r"(^|[.!?] )(by|until|before|through) \{end\} and\b", "An end and an \"and\" make no sentence: a comma and a verb."),
    (r"\{product\}( [a-z]+)* for \{offer\}", "Goods are had with an offer."),
    (r"\bput \{product\}(?!\s+(on|in|into|beside|aside|back)\b)", "What is put is put somewhere."),
    (r"\{[a-z_]+\}\s*\{[a-z_]+\}", "A slot runs into the next."),
)  # fmt: skip


def slot_use(draft: DraftCopy, _: CopyBrief) -> Iterator[Finding]:
    """Slots stand where every value makes a sentence."""
    for part, text in parts(draft):
        for pattern, message in _MISUSES:
            for found in re.finditer(pattern, text, re.IGNORECASE):
                yield _error("slot_use", part, found, message, "Build the sentence around the slot.")


def words(draft: DraftCopy, _: CopyBrief) -> Iterator[Finding]:
    """The word rules: numbers, money, dates, free, claims, absolutes, urgency, services, voice, residue."""
    for part, text in parts(draft):
        told = [
            (rule, found.span())
            for rule in (*lexicon.WORD_RULES, *families.RULES)
            for found in rule.pattern.finditer(masked(text))
            if "_" not in found[0]  # a masked slot is checked by the slot rules
        ]
        for place, (rule, span) in enumerate(told):
            if not any(_tells_more(other, rule, at, span, first < place) for first, (other, at) in enumerate(told)):
                severity = WARNING if rule.advice and draft.writer == PERSON else rule.severity
                yield Finding(rule.rule, severity, part, span, rule.message, rule.remedy)


def _tells_more(
    other: lexicon.WordRule, rule: lexicon.WordRule, at: tuple[int, int], span: tuple[int, int], earlier: bool
) -> bool:
    """Whether another finding of the same name covers this one: nothing is said twice, and advice never hides an error."""
    covers = other.rule == rule.rule and at[0] <= span[0] and at[1] >= span[1] and other.advice <= rule.advice
    return covers and ((at, other.advice) != (span, rule.advice) or earlier)


def foreign(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """No sentence of the phrase bank, or close to one, that is true for other readers or other goods alone.

    A tuned model says what it learned, and now and then to the wrong people or of the wrong shelf.
    """
    shelf = classes.shelf(brief)
    for part, text in parts(draft):
        for sentence in re.finditer(r"[^.!?]+", text):
            said = rank.shingles(sentence[0])
            near = [phrase for phrase, words in _FOR_SOME if rank.overlap(said, words) >= _NEAR]
            if not near or any(phrase.fits(shelf, brief.segment, brief.channel) for phrase in near):
                continue
            if near[0].segments:
                for_whom = ", ".join(sorted(near[0].segments))
                found = _error("segment", part, sentence, f"True for {for_whom} customers.", "Use this segment's hook.")
                # A person's line that is only like one of ours may well mean something else.
                yield replace(found, severity=WARNING) if draft.writer == PERSON else found
            elif classes.find(classes.spoken_of(brief)):
                for_what = ", ".join(classes.phrase(one) for one in sorted(near[0].classes))
                yield _error("misfit", part, sentence, f"True for {for_what}.", "Speak of these goods.")


def market(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """What the law of the readers' market adds: see markets."""
    for part, text in parts(draft):
        for rule in markets.of(brief):
            for found in rule.pattern.finditer(masked(text)):
                yield Finding(rule.rule, rule.severity, part, found.span(), rule.message, rule.remedy)


def offer(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """No talk of an offer when there is none."""
    if not brief.offer:
        for part, text in parts(draft):
            for found in re.finditer(r"\b(offers?|deals?|specials)\b", masked(text), re.IGNORECASE):
                yield _error("offer", part, found, "The brief has no offer.", "Leave it out.")


def repetition(draft: DraftCopy, _: CopyBrief) -> Iterator[Finding]:
    """No loops: a word twice running, a content word three times, three words again, a subject said again."""
    tokens = _TOKEN.findall(draft.body.lower())
    subject = _TOKEN.findall(draft.subject.lower())
    content = [word for word in [*subject, *tokens] if word not in lexicon.STOP_WORDS and not word.startswith("{")]
    every = Counter(word.rstrip("s") for word in content)
    twice = [f"{a} {a}" for said in (subject, tokens) for a, b in pairwise(said) if a == b]
    often = [word for word, count in every.items() if count >= 3]
    grams = Counter(_grams(tokens, 3))
    again = [" ".join(gram) for gram, count in grams.items() if count > 1]
    sentences = [_TOKEN.findall(sentence) for sentence in re.split(r"[.!?]", draft.body.lower())]
    joined = [word for said in sentences for word in ("until", "with", "before") if said.count(word) > 1]
    told = {word for word in subject if word not in lexicon.STOP_WORDS and not word.startswith("{")}
    echo = [" ".join(subject)] if len(told) > 1 and told <= set(tokens) else []
    shared = [" ".join(gram) for gram in set(_grams(subject, 4)) & set(_grams(tokens, 4))]
    for what in [*twice, *often, *again, *joined, *echo, *shared]:
        yield _error("repetition", "body", draft.body, f"{what!r} is said again.", "Say it once.")


def language(draft: DraftCopy, _: CopyBrief) -> Iterator[Finding]:
    """English: plain letters, and the small words that every English sentence has."""
    for part, text in parts(draft):
        for found in re.finditer(r"[^\x20-\x7e‘’–—…]+", text):
            yield _error("language", part, found, "Signs that are not English text.", "Write plain English.")
        for sentence in re.finditer(r"[^.!?]+", masked(text)):
            strange = {word.lower() for word in families.FOREIGN.findall(sentence[0])}
            own = lexicon.STOP_WORDS.intersection(_WORD.findall(sentence[0].lower())) - strange
            if len(strange) > max(1, len(own)):
                yield _error("language", part, sentence, "This does not read as English.", "Write in English.")
    said = [word for word in _WORD.findall(masked(draft.body).lower()) if word.strip("_")]
    if len(said) >= 5 and sum(word in lexicon.STOP_WORDS for word in said) / len(said) < 0.2:
        yield _error("language", "body", draft.body, "This does not read as English.", "Write whole sentences.")


def copied(draft: DraftCopy, _: CopyBrief) -> Iterator[Finding]:
    """Nothing taken from the prompt's own examples: no four words running, no whole subject. A person has no prompt."""
    if draft.writer == PERSON:
        return
    for part, text in parts(draft):
        for gram in _grams(_TOKEN.findall(text.lower()), 4):
            if gram in _EXAMPLE_GRAMS:
                yield _error(
                    "copied", part, text, f"{' '.join(gram)!r} is from an example.", "Write a line of its own."
                )
                break
    if draft.subject.strip(" .!").lower() in _EXAMPLE_SUBJECTS:
        yield _error("copied", "subject", draft.subject, "The subject of an example.", "Write a line of its own.")


def disclosure(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """The reader is not told how we sort people: neither the audience phrase nor a segment's name of several words."""
    names = [name for name in (brief.audience, brief.segment.replace("_", " ")) if len(name.split()) > 1]
    secret = {gram for name in names for gram in _grams(_TOKEN.findall(name.lower()), min(4, len(name.split())))}
    for part, text in parts(draft):
        tokens = _TOKEN.findall(text.lower())
        for gram in secret:
            if gram in _grams(tokens, len(gram)):
                yield _error(
                    "disclosure", part, text, f"It tells the segment: {' '.join(gram)!r}.", "Speak to one person."
                )
                break


def segment(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """No hook of another segment: nobody who shopped yesterday is told that we missed them."""
    for kind, pattern in lexicon.SEGMENT_PHRASES.items():
        if kind != brief.segment:
            for part, text in parts(draft):
                for found in pattern.finditer(text):
                    yield _error("segment", part, found, f"True for {kind} customers only.", "Use this segment's hook.")


def trend(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """Talk of what others buy needs a trend fact that rises, about these goods: see the grammar."""
    if grammar.trend(brief) is None:
        for part, text in parts(draft):
            for found in lexicon.TREND[brief.locale].finditer(masked(text)):
                yield _error("trend", part, found, "No trend fact backs this.", "Leave it out, or add the trend.")


def aimless(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """The text is about this class of goods or this kind of reader. What fits everything moves nobody."""
    whole = masked(f"{draft.subject} {draft.body}").lower()
    hook = lexicon.HOOKS.get(brief.segment)
    judged = hook is not None and classes.find(classes.spoken_of(brief)) is not None
    if judged and not re.search(hook, whole) and not classes.names(_WORD.findall(whole), classes.spoken_of(brief)):
        yield _error("aimless", "body", draft.body, "Neither these goods nor this reader.", "Open with one of the two.")


def misfit(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """No thing of another product class: the copy is sent with every product of its class, or of several."""
    about = classes.spoken_of(brief)
    for part, text in parts(draft):
        for word in classes.misfits(_WORD.findall(masked(text).lower()), about):
            found = re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)
            yield _error(
                "misfit",
                part,
                found or text,
                f"{word!r} is not true of all of {about}.",
                "Say {product}.",
            )


def asked(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """What the marketer asked to say and not to say."""
    whole = f"{draft.subject}\n{draft.body}".lower()
    for phrase in brief.must_say:
        if not slots.SLOT.fullmatch(phrase) and phrase.lower() not in whole:
            yield _error("must_say", "body", draft.body, f"{phrase!r} is not said.", f"Say {phrase!r}.")
    for phrase in brief.never_say:
        for part, text in parts(draft):
            for found in re.finditer(rf"\b{re.escape(phrase)}\b", masked(text), re.IGNORECASE):
                yield _error("never_say", part, found, f"{phrase!r} was ruled out.", "Say it otherwise.")


RULES: Mapping[str, tuple[Check, ...]] = {}  # the rules of each locale, in the order in which they are read out
RULES["en"] = (
    form, length, slot_names, slots_required, slot_use, words, offer, repetition, language, copied, disclosure, segment, foreign,
    aimless, misfit, asked, trend, market,
)  # fmt: skip
# Chinese has no plural, no article and no verb ending, so the rules on what stands around a slot fall away.
RULES["zh-Hans"] = (
    chinese.form, length, slot_names, slots_required, chinese.words, chinese.repetition, chinese.language, disclosure,
    chinese.segment, asked, trend, market,
)  # fmt: skip


def _error(rule: str, part: str, at: re.Match[str] | str, message: str, remedy: str) -> Finding:
    """`at` is where it stands, or the whole text of the part when the fault is in no single place."""
    span = (0, len(at)) if isinstance(at, str) else at.span()
    return Finding(rule, ERROR, part, span, message, remedy)


def _grams(tokens: list[str], size: int) -> list[tuple[str, ...]]:
    return list(zip(*(tokens[start:] for start in range(size)), strict=False))


_NEAR = 0.5  # of the runs of three words: "A while is long" is "A while is long enough"
_FOR_SOME = [
    (phrase, rank.shingles(phrase.text))
    for phrase in bank.phrases("en")
    if phrase.part in {bank.SUBJECT, bank.HOOK} and (phrase.segments or phrase.classes)
]
_EXAMPLE_GRAMS = {
    gram
    for example in prompts.EXAMPLES
    for text in (example.subject, example.hook)
    for gram in _grams(_TOKEN.findall(text.lower()), 4)
}
_EXAMPLE_SUBJECTS = {example.subject.lower() for example in prompts.EXAMPLES}
