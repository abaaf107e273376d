"""How many parts a text message takes: GSM 03.38 counts 160 signs, 153 a part, and any sign outside it makes it UCS-2."""

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")  # an escape goes before each, so it counts two

GSM7, UCS2 = "GSM-7", "UCS-2"


@dataclass(frozen=True, slots=True)
class Size:
    """`units` are septets of GSM-7 or 16-bit units of UCS-2; `spoilers` are the signs that made it UCS-2."""

    encoding: str
    units: int
    parts: int
    spoilers: str = ""


def size(text: str) -> Size:
    """The parts of the message that the operator bills. "" takes none."""
    spoilers = "".join(dict.fromkeys(sign for sign in text if sign not in _BASIC and sign not in _EXTENDED))
    if spoilers:
        costs = [1 if ord(sign) < 0x10000 else 2 for sign in text]
        return Size(UCS2, sum(costs), _parts(costs, 70, 67), spoilers)
    costs = [2 if sign in _EXTENDED else 1 for sign in text]
    return Size(GSM7, sum(costs), _parts(costs, 160, 153))


def _parts(costs: list[int], alone: int, joined: int) -> int:
    """A sign of two units is never torn over two parts."""
    if sum(costs) <= alone:
        return 1 if costs else 0
    parts, used = 1, 0
    for cost in costs:
        if used + cost > joined:
            parts, used = parts + 1, 0
        used += cost
    return parts
