"""Shopping festivals as data: what they are called in each locale, and when they are.

A festival's name can hold a number (Double 11, 618), so it is a fact that code puts in, never a word of a writer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from copywriting.exceptions import BriefInvalid


@dataclass(frozen=True, slots=True)
class Festival:
    """`month` and `day` are the main day; with `weekday` (Monday 0) it is the `nth` such day of the month plus `after`."""

    names: Mapping[str, str]
    month: int
    day: int = 0
    weekday: int = -1
    nth: int = 0
    after: int = 0

    def on(self, year: int) -> date:
        if self.weekday < 0:
            return date(year, self.month, self.day)
        first = date(year, self.month, 1)
        ahead = (self.weekday - first.weekday()) % 7
        return first + timedelta(days=ahead + 7 * (self.nth - 1) + self.after)


FESTIVALS: Mapping[str, Festival] = {
    "double-11": Festival({"en": "Double 11", "zh-Hans": "双11"}, 11, 11),
    "singles-day": Festival({"en": "Singles' Day", "zh-Hans": "光棍节"}, 11, 11),
    "double-12": Festival({"en": "Double 12", "zh-Hans": "双12"}, 12, 12),
    "618": Festival({"en": "618", "zh-Hans": "618年中购物节"}, 6, 18),
    "38": Festival({"en": "International Women's Day", "zh-Hans": "38节"}, 3, 8),
    # Thanksgiving is the fourth Thursday of November; Black Friday and Cyber Monday follow it.
    "black-friday": Festival({"en": "Black Friday", "zh-Hans": "黑色星期五"}, 11, weekday=3, nth=4, after=1),
    "cyber-monday": Festival({"en": "Cyber Monday", "zh-Hans": "网络星期一"}, 11, weekday=3, nth=4, after=4),
    "new-year": Festival({"en": "New Year", "zh-Hans": "元旦"}, 1, 1),
    "christmas": Festival({"en": "Christmas", "zh-Hans": "圣诞节"}, 12, 25),
}


def name(key: str, locale: str) -> str:
    """The festival as readers of the locale call it; "" for none. Raises BriefInvalid for an unknown key."""
    if not key:
        return ""
    if key not in FESTIVALS:
        raise BriefInvalid(f"No festival {key!r}; choose one of {', '.join(FESTIVALS)}.")
    return FESTIVALS[key].names[locale]
