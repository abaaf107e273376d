"""Names as a shopper would say them, made from the strings that catalogues hold."""

import re
import unicodedata

from copywriting.llm.catalogue import ABBREVIATIONS, HEADS, NOISE, PREFIXES, QUALITIES, SHAPES, TRADE_QUALITIES, WHOLE

NAMELESS = "this product"

# The catalogue files cut a name here, so a name of exactly this length may end in half a word.
CUT_AT = 30

_PARENTHESIS = re.compile(r"\([^)]*\)?")
_AMOUNT = re.compile(r"\d[\dA-Z.,/&%+-]*%?|%")
_HYPHEN = re.compile(r"\b([A-Z]+)-(?=[A-Z])")
_SMALL_WORDS = frozenset(["and", "or", "of", "with", "in", "on", "the", "for"])
_JOINERS = frozenset(["AND", "OR", "WITH", "NOT", "IN", "ON", "THE"])


def readable_name(name: str | None, category: str | None = None, limit: int = 40) -> str:
    """A product name for a sentence: "FLUID MILK WHITE ONLY" becomes "White Milk".

    Only text all in capitals is taken for catalogue language; a name that a person typed stays as it is. `category`
    completes a type that names no thing ("PREMIUM" of "ICE CREAM/MILK/SHERBTS"). At most `limit` characters, shortened
    between words. Never raises; "this product" when nothing is left.
    """
    text = tidy(name)
    if not text:
        return readable_name(category, None, limit) if category else NAMELESS
    if not _is_catalogue_language(text):
        return _shorten(text, limit)
    if text in WHOLE:
        return _shorten(WHOLE[text], limit)
    words = _words(text)
    if all(word in QUALITIES or word in SHAPES or word in TRADE_QUALITIES for word in words):
        thing = readable_name(category.partition("/")[0] if category not in WHOLE else category) if category else ""
        return _shorten(_completed(words, thing), limit) or NAMELESS
    return _shorten(_sentence([word for word in words if word not in TRADE_QUALITIES]), limit) or NAMELESS


def _completed(words: list[str], thing: str) -> str:
    """Qualities before the thing, shapes after it; without a thing the words must do."""
    if thing in {"", NAMELESS}:
        return _sentence(words)
    news = [word for word in words if word not in TRADE_QUALITIES and word.lower() not in thing.lower()]
    before = _sentence([word for word in news if word not in SHAPES])
    return f"{before} {thing} {_sentence([word for word in news if word in SHAPES])}".strip()


def tidy(name: str | None) -> str:
    """One line, without control characters: an unbalanced right-to-left override would turn the whole sentence round."""
    text = unicodedata.normalize("NFC", str(name or ""))
    text = "".join(" " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign for sign in text)
    kept = (sign for sign in text if unicodedata.category(sign) not in {"Cf", "Cs", "Co", "Cn"} or sign == "\u200d")
    return " ".join("".join(kept).split())


def _is_catalogue_language(text: str) -> bool:
    letters = [sign for sign in text if sign.isalpha()]
    return bool(letters) and text.isascii() and all(sign.isupper() for sign in letters)


def _words(text: str) -> list[str]:
    """The words of a catalogue string that mean something, in the order a sentence has them."""
    bare = _PARENTHESIS.sub(" ", text)
    cut = len(text) == CUT_AT and bare == text  # else what was cut stood in the parenthesis
    head, colon, tail = bare.partition(":")
    if colon and tail.strip():  # "BREAD:ITALIAN/FRENCH" is Italian and French bread; "MEAT: HAM BULK" is ham
        bare = tail if head.strip() in {"MEAT", "PREP FD", "SEAFOOD", "SW GDS", "SAL"} else f"{tail} {head}"
    bare = bare.replace(" W/", " WITH ").replace("MEN S ", "MEN'S ")
    bare = re.sub(r"[.,;:*\"]|\s-|-\s", " ", bare)
    bare = _HYPHEN.sub(lambda found: found[0] if found[1] in PREFIXES else f"{found[1]} ", bare)
    words = re.sub(r"(?<!\d)[/&](?!\d)", " AND ", bare).split()
    if cut and len(words) > 2:
        words.pop()
    kept: list[str] = []
    for word in words:
        new = word == "AND" or word not in kept
        if new and len(word) > 1 and word not in NOISE and not _AMOUNT.fullmatch(word) and [word] != kept[-1:]:
            kept.append(word)
    return _trim(kept)


def _trim(words: list[str]) -> list[str]:
    while words and (words[-1] in _JOINERS or words[-1] == "NO"):  # what is not in it was cut off
        words = words[:-1]
    while words and words[0] in _JOINERS:
        words = words[1:]
    return words


def _sentence(words: list[str]) -> str:
    """ "PEPPERS GREEN BELL" as "Green Bell Peppers", "A AND B AND C" as "A, B and C"."""
    words = _trim(words)
    if words and words[0] in HEADS and not words[-1].endswith("S") and not _JOINERS.intersection(words):
        words = [*words[1:], words[0]]
    parts = [part.strip() for part in " ".join(_expand(word) for word in words).split(" and ")]
    parts = [part for part in parts if part]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _expand(word: str) -> str:
    if word in ABBREVIATIONS:
        return ABBREVIATIONS[word]
    lower = word.lower()
    return lower if lower in _SMALL_WORDS else "-".join(part.capitalize() for part in lower.split("-"))


def _shorten(text: str, limit: int) -> str:
    """At most `limit` characters, ending with a whole word; a single longer word is cut, with an ellipsis."""
    if len(text) <= limit:
        return text
    words, kept = text.split(" "), ""
    for word in words:
        longer = f"{kept} {word}".strip()
        if len(longer) > limit:
            break
        kept = longer
    return kept.rstrip(" ,;:-&").removesuffix(" and") or text[: limit - 1] + "…"
