"""Rules that hold in one market on top of its language's: data, each with its source. A market is where the readers live.

US: the Federal Trade Commission (16 CFR 251 on "free", 233 on former prices, 465 on reviews, 260 on green claims).
EU: directives 2005/29 (Annex I), 98/6 art. 6a (former prices) and 2024/825 (green claims). CN: Advertising Law, art. 9 and 28.
"""

import re
from collections.abc import Mapping

from copywriting.contracts import ERROR, CopyBrief
from copywriting.llm.lexicon import WordRule

VERSION = "4"


def _rules(*rows: tuple[str, str, str, str]) -> tuple[WordRule, ...]:
    return tuple(WordRule(rule, ERROR, re.compile(text, re.IGNORECASE), why, what) for rule, text, why, what in rows)


_HEALTH = (
    r"|lowers? (your |the )?(cholesterol|blood \w+)|(lose|shed) (weight|pounds)|burns? fat|guilt-free|superfoods?"
    r"|boosts? (your |the )?(energy|metabolism|immun\w*|memory|mood)|antioxid\w+|probiotic\w*|helps? you sleep"
    r"|good for (your |the )?(heart|gut|bones|digestion|skin)"
)
_SAID = r"|(says|said|writes) (?-i:[A-Z])\w+|(told|wrote to) us|word of mouth"
# "before {end}" is the offer's end: the mask follows at once.
_FORMER_PRICE = (
    "former_price",
    r"\b(was|before(?! _)|instead of|used to (cost|be)|down from|formerly|previously|originally|once(?! (more|again)\b)|elsewhere"
    r"|compare[ds]? (at|to|with)"
    r"|rrp|msrp|retails?|usually|were|more than|list price|regular(ly)? priced?|reduced|marked down"
    r"|normally)\b(?=[^.!?]*(\{price\}|_{5,}))",
    "A former price needs the price that was really asked.", "State {price} alone.",
)  # fmt: skip

MARKETS: Mapping[str, tuple[WordRule, ...]] = {
    "US": _rules(
        _FORMER_PRICE,
        ("health", r"\b(cures?|heals?|treats? (pain|illness)|relieves?|detox\w*|immun\w+|weight loss|slimming|anti-?aging"
         + _HEALTH + r")\b",
         "A health claim needs competent and reliable scientific evidence (FTC).", "Leave it out."),
        ("testimonial", r"\b(customers? (say|said|love)|everyone loves|we asked|five stars?|star rating|as seen on"
         + _SAID + r")\b",
         "A testimonial has to be a real customer's (16 CFR 465).", "Quote nobody."),
        ("green", r"\b(eco-?friendly|green(er)? choice|climate[- ]neutral|carbon[- ]neutral|biodegradable|planet[- ]friendly"
         r"|(kind|gentle|good|better) (to|on|for) the (planet|earth|environment|ocean)|compostable|zero[- ]waste"
         r"|recyclable)\b",
         "A general environmental claim needs its grounds (16 CFR 260).", "Leave it out."),
        ("made_in", r"\b(made|grown|produced|roasted|brewed|baked|crafted|designed) in (the )?(usa|u\.s\.|(?-i:[A-Z])\w+)"
        r"|american[- ]made\b", "An origin claim needs proof (16 CFR 323).",
         "Leave it out."),
    ),
    "EU": _rules(
        _FORMER_PRICE,
        ("health", r"\b(cures?|heals?|prevents?|relieves?|detox\w*|immun\w+|weight loss|slimming"
        r"|good for you" + _HEALTH + r")\b",
         "A health claim on food must be on the Union list (Regulation 1924/2006).", "Leave it out."),
        ("testimonial", r"\b(customers? (say|said|love)|everyone loves|five stars?|verified reviews?" + _SAID + r")\b",
         "Reviews must be checked as real (directive 2005/29, annex I, 23b and 23c).", "Quote nobody."),
        ("green", r"\b(eco-?friendly|green(er)? choice|climate[- ]neutral|carbon[- ]neutral|biodegradable|sustainab\w+"
         r"|environment(ally)?[- ]friendly|compostable|zero[- ]waste)\b",
         "A generic environmental claim is banned without recognised performance (directive 2024/825).", "Leave it out."),
        ("legal_right", r"\b(right to return|two[- ]year guarantee|legal rights?)\b",
         "A right that the law gives may not be shown as an offer (annex I, 10).", "Leave it out."),
    ),
    "CN": _rules(
        ("absolute", r"\b(national[- ]level|state[- ]level|highest[- ]level|best|number one|no\. ?1|first[- ]class"
        r"|supreme)\b",
         "An absolute that the Advertising Law bars (article 9, 3).", "Say it plainly."),
        ("state_symbol",
        r"[国党军]旗|[国军党]徽|[国军]歌|国家机关|领导人|人民大会堂|国宴|国礼|天安门|中南海|国务院|主席|总理|总统"
        r"|中央|政府|党员"
         r"|部队|军(用|队|人)|人民币|公务员|[特专]供", "国家象征不得用于广告（广告法第九条）。", "删去。"),
    ),
}  # fmt: skip


def of(brief: CopyBrief) -> tuple[WordRule, ...]:
    """The rules of the brief's market; that of its language unless it names one."""
    return MARKETS[brief.market or ("CN" if brief.locale == "zh-Hans" else "US")]
