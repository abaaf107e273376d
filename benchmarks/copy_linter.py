"""Misses and false alarms of the linter on a labelled set: `python -m benchmarks.copy_linter`. Seconds.

The set was written by hand for this measure: clean messages that a marketer would sign, and defects, each seeded into a
clean frame and labelled with the rule that should catch it. A defect counts as found when that rule reports something that
touches the seeded words (form, length and repetition are of a whole part). A clean message with any error is a false alarm.
Recall is to be 0.98, false alarms 2 % at the most. The clean messages were written before the rules ran on them; then matters
of style became warnings for a person's text, and the words half, save, door and made were narrowed. Before that it was 33 %
(7 % after the first of the two), so the second figure flatters. A second set over all classes and segments
(data/copy_linter_second.csv) found 80 % with 17 % false alarms when it first ran, a third (data/copy_linter_fresh.csv) 76 %
with 14 %, and the rules were widened on each in turn. A fourth (data/copy_linter_third.csv) was written before the last
widening by the same hand, so its figure flatters too. A fifth (data/copy_linter_fourth.csv), written after the rules, found
72 % with 7.5 % false alarms. Then the rules were put into families of words, in English and Chinese. A sixth set
(data/copy_linter_fifth.csv, 181 messages, 50 of them Chinese) stood before that, by the hand that wrote the families: 99.0 %
found with 12.5 % false alarms at its first run; the alarms were mended by class. The last (data/copy_linter_sixth.csv, 148
messages, 40 Chinese) was written after the rules, by a hand that knew them and looked for what they might not see. No rule was
changed on it: its figures are the true ones, and they miss the level.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from copywriting.contracts import PERSON, CopyBrief, DraftCopy
from copywriting.llm import checks
from copywriting.llm.corpus import AUDIENCES

_DATA = Path(__file__).parent / "data"
END = " Pick up {product} with {offer} until {end}."
WHOLE = frozenset(["form", "length", "repetition", "language", "slot_missing", "slot_use", "disclosure", "must_say"])


@dataclass(frozen=True)
class Case:
    """`defect` is the seeded part of the text, "" for a clean one."""

    subject: str
    body: str
    rules: frozenset[str]
    defect: str = ""
    locale: str = "en"
    market: str = ""
    channel: str = "email"
    product_class: str = "general"
    segment: str = "regular"


_CLEAN = """
Your Tuesday shop, sorted early | A short list makes for an easy evening.
Room on your list | We kept a spot on the shelf you walk past each week.
A basket for the week | Dinner plans come together when the list is ready.
Ready for your next shop | The week is long and the list is short.
Keep it simple this week | Some evenings call for less cooking and more talking.
Again, a small idea | The shelf looks good, and so does your list.
One more for the basket | The week starts well with a full kitchen.
For the list on your fridge | Add this beside the things you know.
A regular stop | You walk in, you know the aisle, you are home early.
Week after week, a good table | Set the table and let the evening begin.
Your routine, made lighter | Let us carry a little of the week for you.
A steady hand for your list | We like a list that ends before the coffee gets cold.
Nice to see you here again | The shelf is full and the light is on.
Something for the weekly basket | You bring the bag, we bring the rest.
Your list just got easier | Start the week with a plan and a full shelf.
A few steps from your usual shelf | Take a look to the left on your next walk through the store.
A calm week ahead | Let the week come, your kitchen is ready.
On your list this week | Make room beside the bread and the fruit.
For your next basket | A good basket is half of a good evening.
Back to your routine | The week after a break goes better with a plan.
A favorite shelf, a new idea | We set something out where you will see it.
Put a smile on the list | Small things carry a week.
A word from your store | We filled the shelf with your week in mind.
The list can stay short | Dinner is easy when the kitchen is stocked.
Let the week begin | We will keep the lights on for you.
A note about your list | Your basket knows the way.
Keep a spare at home | A full shelf is a quiet kind of comfort.
See what the week brings | Walk in, look around, take your time.
For a table of friends | Put it in the middle and pass it around.
An easy pick for the week | Grab it on the way to the till.
A quiet corner of the week | Make yourself a plan and leave room for a friend.
Your basket, your week | Take what you need and a little more.
Something is waiting on your shelf | Your week has a gap, and we know what fits.
The week looks brighter | A walk, a list and a good shelf.
Made for weekly lists | It fits in the bag and in the week.
Lists love company | Put this beside the others on your list.
Come as you are this week | We open the doors, you bring the list.
On the way home | Stop by, your week will thank you.
A list with a view | Look at the shelf by the window this week.
Save the walk, keep the list | We put it right at the front this week.
What is for dinner this week? | Let the list decide.
Your week in a bag | Packed, carried home, enjoyed.
A gentle nudge for your list | You might want this again.
The good shelf | Reach up, it is on the second row this week.
A neighborly note | We see you each week and like it that way.
"""

_DEFECTS = """
number | 15 of our shelves are full | We opened the shelf with three new ideas.
number | Ready in two steps | Your week takes five minutes less.
number | Good things come in 3s | A dozen ideas for your list.
number | Half the work this week | Twice the comfort in your week.
money | The price is right this week | Your basket costs less than ten dollars.
money | Save on your list this week | A discount waits on your list.
money | Your coupon for the week | Cheap weeks are good weeks.
money | Lowest of the year, this week | You get cash back on your list.
date | Open on Sunday for your list | Come by tomorrow with your list.
date | A list for Christmas | Your list is ready today.
free | A free thing on your list | Your list comes with a gift.
free | Win something this week | A bonus for your list.
claim | Organic and on your list | Certified goods for your week.
claim | A healthy week | Proven to make your week better.
claim | Award-winning shelf this week | Our natural shelf suits your week.
claim | Loved by chefs this week | Rated well for your week.
absolute | The best week | The perfect shelf for your week.
absolute | An unbeatable list | Your week was never this good.
absolute | The ultimate basket | The finest shelf for your week.
absolute | Our most wanted shelf this week | World's top shelf for your week.
urgency | Hurry to your list | Last chance for your list.
urgency | Do not miss this week | Going fast on your week's shelf.
urgency | Limited to this week | While supplies last, your list is ready.
service | We deliver your list | Download the app for your list.
service | Click for your list | Free your week and subscribe to our news.
presumption | You bought this last week | Your baby will love this week.
presumption | You have just ordered your list | Your wedding week is near.
deceptive | About your list | Your order has shipped with your list.
mood | No more sad weeks | A sad week needs a list.
toxicity | A dumb week ends | A stupid week needs a list.
mood | Goodbye, old list | Stop the pain of your weekly list.
voice | Ladies, your list | Our customers have a list.
voice | I made your list | Mom will like your list.
residue | Subject: your week | Dear customer, your week is here.
residue | Your week - [Store] | Sure, here is your list.
residue | As an AI, your list | Your week **matters** here.
segment | We miss you this week | Welcome back to your week.
segment | For your first visit, a list | So curious you are this week.
misfit | A shampoo week | Your list needs diapers.
misfit | Steak on your list | A slice of pizza for your week.
trend | Everybody is buying it this week | More and more people have it on the list.
testimonial | Customers say it is a good week | Five stars for your week.
health | Relieves your week | A detox for your week.
green | An eco-friendly week | A carbon-neutral list for your week.
former_price | Your week, your list | Was a lot, now {price} for your week.
made_in | Made in the USA, on your list | Grown in America for your week.
"""

_CHINESE_CLEAN = """
清单上的新面孔 | 走过熟悉的货架，顺手就好。
这一周，慢慢来 | 饭桌收拾好，人也就齐了。
厨房里的小事 | 水开了，菜也备好了。
顺路带一样 | 家里备着，心里踏实。
早餐有着落 | 起床之后，打开冰箱就好。
给家里添一点 | 小小一样，日子就不同。
常来看看 | 货架上总有合你意的。
晚饭的主意 | 一家人坐下，就是好时光。
清单不用长 | 写上这一样就够了。
给自己留一份 | 忙完了，坐下歇一歇。
"""

_CHINESE_DEFECTS = """
absolute | 国家级的味道 | 这是最好的一样。
absolute | 全网第一 | 顶级的选择，就在货架上。
absolute | 独家口味 | 绝对合你心意。
money | 特价来了 | 便宜又好，快来看看。
number | 清单上的3样 | 家里备上五斤就好。
free | 免费带回家 | 进店就送礼，来看看吧。
health | 养生之选 | 增强免疫，一家人都好。
health | 减肥也能吃 | 医生也说合适。
claim | 纯天然的味道 | 保证你满意，来看看吧。
urgency | 手慢就没有 | 限时抢购，来看看吧。
date | 今天就来 | 周末来看看吧。
testimonial | 大家都说好 | 用户评价很高，来看看吧。
presumption | 你上次买过 | 你的包裹在这里。
toxicity | 傻瓜也会做 | 别再吃垃圾了。
residue | 标题：看看吧 | 以下是为你写的。
language | Hello 看看吧 | 这是 good 的一样。
trend | 大家都在买 | 越来越多的人选它。
state_symbol | 国旗下的味道 | 人民大会堂也在用。
"""

_FRAME = ("Keep your week simple", "Your week is here.")
_CHINESE_FRAME, _CHINESE_END = ("清单上的小事", "家里备着就好。"), "把{product}带回家，享{offer}，{end}前有效。"


def clean() -> list[Case]:
    cases = []
    for line in _CLEAN.strip().splitlines():
        subject, body = (part.strip() for part in line.split("|"))
        cases.append(Case(subject, body + END, frozenset()))
    for line in _CHINESE_CLEAN.strip().splitlines():
        subject, body = (part.strip() for part in line.split("|"))
        cases.append(Case(subject, body + _CHINESE_END, frozenset(), locale="zh-Hans"))
    return cases


def seeded() -> list[Case]:
    """One defect in the subject, one in the body, of each line; and the defects of form and slots."""
    cases = []
    for text, frame, end, locale in (
        (_DEFECTS, _FRAME, END, "en"),
        (_CHINESE_DEFECTS, _CHINESE_FRAME, _CHINESE_END, "zh-Hans"),
    ):
        for line in text.strip().splitlines():
            rule, subject, body = (part.strip() for part in line.split("|"))
            if rule not in {"former_price", "deceptive"}:  # a subject alone is none of these
                cases.append(Case(subject, frame[1] + end, frozenset([rule]), subject, locale))
            cases.append(Case(frame[0], body + end, frozenset([rule]), body, locale))
    whole = (
        ({"slot_missing"}, "Keep your week simple", "Your week is here. Pick up {product} until {end}.", "email"),
        ({"slot_missing"}, "Keep your week simple", "Your week is here. Enjoy {offer} until {end}.", "email"),
        ({"slot_unknown"}, "Keep your week simple", "Your week is here with {discount}." + END, "email"),
        ({"slot_unknown"}, "Keep your week simple", "Your week is here {." + END, "email"),
        ({"slot_use"}, "Keep your week simple", "Your week is here. Take a {product} with {offer} until {end}.", "email"),
        ({"slot_use"}, "Keep your week simple", "Your week is here. {product} is here with {offer} until {end}.", "email"),
        ({"form"}, "Week", "Your week is here." + END, "email"),
        ({"form"}, "Keep your week simple", "Your week is here" + END, "email"),
        ({"form"}, "Keep your week simple", "Your week is here. Pick up {product} with {offer} until {end}", "email"),
        ({"form"}, "Keep your week simple", "A week. Your week is here.. So good." + END, "email"),
        ({"length"}, "Keep your week simple with a list that is long and a longer walk", "Your week is here." + END, "email"),
        ({"length"}, "", "Your week is here, and this one is a long sentence about lists, shelves and the way, so take your"
         " time and pick up {product} with {offer} until {end}.", "sms"),
        ({"repetition"}, "Keep your week simple", "Your week week is here." + END, "email"),
        ({"repetition"}, "Keep your week simple", "Your list is a list for the list." + END, "email"),
        ({"repetition"}, "Your week is here again", "Your week is here again." + END, "email"),
        ({"language"}, "Keep your week simple", "Ihre Woche fängt gut an und der Korb ist voll." + END, "email"),
        ({"language"}, "Keep your week simple", "你的一周开始了." + END, "email"),
        ({"disclosure"}, "Keep your week simple", "For people who come in every week." + END, "email"),
        ({"never_say"}, "Keep your week simple", "Your week is a bazaar." + END, "email"),
        ({"shouting"}, "KEEP YOUR WEEK simple", "Your week is here." + END, "email"),
    )  # fmt: skip
    return cases + [Case(subject, body, frozenset(rules), channel=channel) for rules, subject, body, channel in whole]


def brief(case: Case) -> CopyBrief:
    chinese = case.locale == "zh-Hans"
    return CopyBrief(
        product="鲜牛奶" if chinese else "White Milk", product_class=case.product_class, store="Attune Market",
        segment=case.segment, audience=AUDIENCES[case.segment][0], seed=1, offer="8.5折" if chinese else "15% off", price="$2.49",
        ends_on=date(2026, 12, 5), locale=case.locale, market=case.market, channel=case.channel, never_say=("bazaar",),
    )  # fmt: skip


def found(case: Case) -> list[str]:
    """The rules that report something about the seeded words (or the whole), warnings too."""
    draft = DraftCopy(subject=case.subject, body=case.body, writer=PERSON)
    rules = []
    for finding in checks.check(draft, brief(case)):
        text = case.subject if finding.part == "subject" else case.body
        at = text.find(case.defect) if case.defect else 0
        touches = at >= 0 and finding.span[0] < at + len(case.defect or text) and finding.span[1] > at
        if touches or finding.rule in WHOLE:
            rules.append(finding.rule)
    return rules


def _end(row: Mapping[str, str]) -> str:
    """The sentence of the facts, which every message needs; it takes no product where the line has a price."""
    if row.get("locale") == "zh-Hans":
        return _CHINESE_END
    return END.replace("{product}", "this") if "{price}" in row["body"] else END


def read(file: Path) -> tuple[list[Case], list[Case]]:
    """(clean, seeded) of a labelled file."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    cases = [
        Case(
            row["subject"], row["body"] + _end(row),
            frozenset() if row["label"] == "clean" else frozenset([row["label"]]), row["defect"], row.get("locale") or "en",
            channel=row["channel"], product_class=row["product_class"], segment=row["segment"],
        )
        for row in rows
    ]  # fmt: skip
    return [one for one in cases if not one.rules], [one for one in cases if one.rules]


def measure(name: str, good: Sequence[Case], wrong: Sequence[Case]) -> None:
    missed, other = [], []
    for case in wrong:
        rules = found(case)
        if not rules:
            missed.append(case)
        elif not case.rules & set(rules):
            other.append((case, rules))
    alarms = []
    for case in good:
        draft = DraftCopy(subject=case.subject, body=case.body, writer=PERSON)
        errors = [finding for finding in checks.check(draft, brief(case)) if finding.severity == "error"]
        if errors:
            alarms.append((case, errors))
    print(f"{name}: {len(wrong)} seeded defects, {len(good)} clean messages")
    print(f"  stopped by any rule        {1 - len(missed) / len(wrong):.3f}  >= 0.98")
    print(f"  named by the right rule    {1 - (len(missed) + len(other)) / len(wrong):.3f}")
    print(f"  false alarms on clean ones {len(alarms) / len(good):.3f}  <= 0.02")
    for case in missed:
        print(f"  missed {sorted(case.rules)}: {case.subject} | {case.body}")
    for case, rules in other:
        print(f"  {sorted(case.rules)} named as {sorted(set(rules))}: {case.defect or case.body}")
    for case, errors in alarms:
        told = ", ".join(
            f"{e.rule} {(case.subject if e.part == 'subject' else case.body)[slice(*e.span)]!r}" for e in errors
        )
        print(f"  false alarm: {told}: {case.subject} | {case.body}")


def main() -> None:
    print(f"rules {checks.VERSION}")
    measure("the set the rules were adjusted on", clean(), seeded())
    measure("a second set, adjusted on after its first run", *read(_DATA / "copy_linter_second.csv"))
    measure("a third set, adjusted on after its first run", *read(_DATA / "copy_linter_fresh.csv"))
    measure("a fourth set, known while the rules were widened", *read(_DATA / "copy_linter_third.csv"))
    measure("a fifth set, known while the rules were put into families", *read(_DATA / "copy_linter_fourth.csv"))
    measure("a sixth set, in both languages, adjusted on after its first run", *read(_DATA / "copy_linter_fifth.csv"))
    measure("a fresh set, adjusted on never", *read(_DATA / "copy_linter_sixth.csv"))


if __name__ == "__main__":
    main()
