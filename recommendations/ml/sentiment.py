"""What people say in a review or a comment: its language, and for each aspect whether they liked it, with the place of the words.

Sentiment is VADER's (Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media
Text", ICWSM 2014), through the library vaderSentiment: a list of English words and rules for negation and emphasis. Its
limits: English only, no irony, no comparison ("better than the old one" counts as praise), no words of the trade. Another
language is told apart and left alone: it is said to be not covered, not guessed.
"""

import re
from dataclasses import dataclass
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

COVERED = "en"
OVERALL = "overall"
NEUTRAL = 0.05  # VADER's own border: nearer to 0 says nothing

SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")), ("ko", re.compile(r"[\uac00-\ud7af]")), ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")), ("el", re.compile(r"[\u0370-\u03ff]")), ("ar", re.compile(r"[\u0600-\u06ff]")),
)  # fmt: skip
# The commonest short words; a text of a few words holds one or two of them.
COMMON = {
    "en": "the and is it this was of to for not very but with my are have good great i they",
    "de": "der die das und ist nicht sehr ich mit war es ein eine für auf zu gut aber sie wir",
    "fr": "le la les et est pas très je avec un une pour mais il elle que des ce bon nous",
    "es": "el los las y es no muy yo con un una para pero que de lo en bueno está nos",
}
WORDS = {language: frozenset(words.split()) for language, words in COMMON.items()}
ASPECTS = {
    "price": r"price\w*|cheap\w*|expensive|overpriced|cost\w*|value|money|bargain\w*",
    "taste": r"tast\w+|flavou?r\w*|delicious|bland|sweet\w*|salty|fresh\w*|stale",
    "quality": r"quality|broke\w*|broken|sturdy|flimsy|durable|defect\w*|well made",
    "delivery": r"deliver\w*|shipping|shipped|arriv\w+|late|courier",
    "packaging": r"packag\w+|box\w*|wrapp\w+|sealed|leak\w*",
    "service": r"service|staff|support|cashier\w*|refund\w*|rude|friendly",
}
PATTERNS = {name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for name, words in ASPECTS.items()}
# A clause carries one opinion: "great taste, but the delivery was late" holds two.
CLAUSE = re.compile(r"[^.!?;\n]+?(?=\s*(?:[.!?;\n]|,?\s+(?:but|although|however|while)\b|$))[.!?]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opinion:
    """aspect: one of ASPECTS or "overall". polarity: -1 to 1. start, end: where the words stand in the text."""

    aspect: str
    polarity: float
    start: int
    end: int


def language(text: str) -> str:
    """A two-letter code; "" when nothing in it tells."""
    letters = [(code, len(script.findall(text))) for code, script in SCRIPTS]
    code, most = max(letters, key=lambda pair: pair[1])
    if most:
        # Japanese is written with Chinese signs too; one kana settles it.
        return "ja" if letters[0][1] else code
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = {code: sum(word in known for word in words) for code, known in WORDS.items()}
    best = max(counts, key=counts.get)
    return best if counts[best] else ""


def opinions(text: str) -> list[Opinion]:
    """What an English text says, clause by clause; a clause that names no aspect speaks of the whole. None: nothing said."""
    found = []
    for clause in CLAUSE.finditer(text):
        words = clause.group().strip(" ,")
        polarity = _analyser().polarity_scores(words)["compound"]
        if abs(polarity) < NEUTRAL:
            continue
        start = clause.start() + clause.group().index(words)
        aspects = [name for name, pattern in PATTERNS.items() if pattern.search(words)] or [OVERALL]
        found += [Opinion(name, round(polarity, 4), start, start + len(words)) for name in aspects]
    return found


@cache
def _analyser() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
