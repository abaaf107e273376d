"""Facts as a locale says them: money, offers, dates, plurals. Code states a fact, a writer never does."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from copywriting.contracts import OfferFact

SIGNS: Mapping[str, str] = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "JPY": "¥", "INR": "₹"}
WITHOUT_CENTS = frozenset(["JPY", "KRW"])


def money(amount: Decimal | None, currency: str, locale: str = "en") -> str:
    """ "$1,204.50", in Chinese "1204.50元" for yuan; "" when the price is not known."""
    if amount is None:
        return ""
    places = 0 if currency in WITHOUT_CENTS else 2
    if locale == "zh-Hans" and currency == "CNY":
        return f"{amount:.2f}".removesuffix(".00") + "元"
    sign = SIGNS.get(currency)
    return f"{sign}{amount:,.{places}f}" if sign else f"{amount:,.{places}f} {currency}"


def offer(fact: OfferFact | None, locale: str = "en") -> str:
    """ "20% off" and "$5.00 off orders over $50.00"; in Chinese 8折, 满50减5 and 立减5元. "" for a value that is not recorded.

    Raises ValueError for a percentage outside 0 to 100: such an offer is a slip in the catalogue.
    """
    if fact is None or fact.value is None:
        return ""
    if fact.kind == "percent":
        if not 0 < fact.value < 100:
            raise ValueError(f"Offer {fact.id} takes {fact.value} per cent off; it must lie between 0 and 100.")
        return f"{_plain((100 - fact.value) / 10)}折" if locale == "zh-Hans" else f"{_plain(fact.value)}% off"
    if locale == "zh-Hans":
        if fact.over:
            return f"满{_plain(fact.over)}减{_plain(fact.value)}"
        return f"立减{money(fact.value, fact.currency, locale)}"
    off = f"{money(fact.value, fact.currency)} off"
    return f"{off} orders over {money(fact.over, fact.currency)}" if fact.over else off


def day(when: date | None, locale: str = "en") -> str:
    """ "December 5", 12月5日; "" for no day."""
    if when is None:
        return ""
    return f"{when.month}月{when.day}日" if locale == "zh-Hans" else f"{when:%B} {when.day}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 pack", "2 packs", "2 boxes" with `many` given."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def _plain(number: Decimal) -> str:
    """Without trailing noughts: 20, 8.5."""
    return f"{number.normalize():f}"
