"""A page of coupons as marks on paper: drawn the same in the PDF that is printed and in the picture that is reviewed.

Ten coupons on A4, each with its code as text and as Code 128 (ISO/IEC 15417), which scanners at tills read.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from campaigns.contracts import Coupon
from customers.services.evidence.pdf import CHINESE, FOREIGN

ACROSS, DOWN = 2, 5
A_PAGE = ACROSS * DOWN
WIDTH, HEIGHT = A4
MARGIN, FOOT = 12 * mm, 14 * mm
CARD_WIDTH, CARD_HEIGHT = (WIDTH - 2 * MARGIN) / ACROSS, (HEIGHT - MARGIN - FOOT) / DOWN
PAD = 5 * mm
BAR = 0.33 * mm  # the narrowest bar that a till's scanner reads from common paper (GS1 General Specifications, 5.4)
QUIET = 10 * BAR  # left and right of it nothing is printed
BAR_HEIGHT = 11 * mm
LINES = 3  # of products


@dataclass(frozen=True, slots=True)
class Words:
    """Text on the page, `x` and `y` of its baseline in points from the lower left corner."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A filled bar of the code, or (`line`) the edge to cut along."""

    x: float
    y: float
    width: float
    height: float
    line: bool = False


Mark = Words | Box


def page(coupons: Sequence[Coupon], foot: str = "") -> list[Mark]:
    """The marks of one page of at most ten coupons; `foot` says which print it is."""
    marks: list[Mark] = []
    for place, coupon in enumerate(coupons[:A_PAGE]):
        x = MARGIN + place % ACROSS * CARD_WIDTH
        y = HEIGHT - MARGIN - (place // ACROSS + 1) * CARD_HEIGHT
        marks += _card(coupon, x, y)
    if foot:
        marks.append(Words(MARGIN, 7 * mm, _cut(foot, WIDTH - 2 * MARGIN, 6.5), 6.5))
    return marks


def _card(coupon: Coupon, x: float, y: float) -> list[Mark]:
    room, top = CARD_WIDTH - 2 * PAD, y + CARD_HEIGHT - PAD
    marks: list[Mark] = [Box(x, y, CARD_WIDTH, CARD_HEIGHT, line=True)]
    marks.append(Words(x + PAD, top - 5, _cut(coupon.title, room - 30 * mm, 8), 8))
    marks.append(Words(x + CARD_WIDTH - PAD, top - 5, _cut(coupon.holder, 29 * mm, 7), 7, right=True))
    marks.append(Words(x + PAD, top - 24, _cut(coupon.offer, room, 17, bold=True), 17, bold=True))
    marks.append(Words(x + PAD, top - 36, _cut(coupon.ends_on, room, 8), 8))
    for place, line in enumerate(coupon.lines[:LINES]):
        marks.append(Words(x + PAD, top - 50 - 10 * place, _cut(line, room, 7.5), 7.5))
    foot = y + PAD
    marks += [Box(left, foot + 10, width, BAR_HEIGHT) for left, width in bars(coupon.code, x + PAD + QUIET, room)]
    marks.append(Words(x + PAD + QUIET, foot, coupon.code, 9, bold=True))
    return marks


def bars(code: str, x: float, room: float) -> list[tuple[float, float]]:
    """(left, width) of each black bar of the code, begun at `x`: narrower than BAR only where it would not fit."""
    drawn = Code128(code, quiet=False)
    drawn.validate()
    drawn.encode()
    drawn.decompose()
    # Small letters are gaps, capitals are bars, and each is as many modules wide as its place in the alphabet.
    modules = [(sign.isupper(), ord(sign.upper()) - ord("A") + 1) for sign in drawn.decomposed]
    module = min(BAR, (room - 2 * QUIET) / sum(width for _, width in modules))
    found = []
    for is_bar, width in modules:
        if is_bar:
            found.append((x, width * module))
        x += width * module
    return found


@dataclass(frozen=True, slots=True)
class Picture:
    """The same page for a screen, where `y` runs down."""

    boxes: list[Box]
    words: list[Words]
    width: float = WIDTH
    height: float = HEIGHT


def picture(marks: Sequence[Mark]) -> Picture:
    boxes = [replace(mark, y=HEIGHT - mark.y - mark.height) for mark in marks if isinstance(mark, Box)]
    return Picture(boxes, [replace(mark, y=HEIGHT - mark.y) for mark in marks if isinstance(mark, Words)])


def pdf(pages: Sequence[Sequence[Mark]], title: str) -> bytes:
    """A PDF of these pages; all of it is in memory, so a caller with many makes several."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setTitle(title)
    canvas.setAuthor("Attune")
    for marks in pages:
        for mark in marks:
            _draw(canvas, mark)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _draw(canvas: Canvas, mark: Mark) -> None:
    if isinstance(mark, Box):
        canvas.setLineWidth(0.5)
        canvas.setStrokeGray(0.6)
        canvas.setDash([3, 2] if mark.line else [])
        canvas.rect(mark.x, mark.y, mark.width, mark.height, stroke=mark.line, fill=not mark.line)
        return
    runs = list(_runs(mark.text, mark.bold))
    x = mark.x - sum(stringWidth(text, font, mark.size) for font, text in runs) if mark.right else mark.x
    for font, text in runs:
        canvas.setFont(font, mark.size)
        canvas.drawString(x, mark.y, text)
        x += stringWidth(text, font, mark.size)


def _runs(text: str, bold: bool):
    """(font, text): what Helvetica's encoding lacks goes to the Chinese font."""
    latin = "Helvetica-Bold" if bold else "Helvetica"
    at = 0
    for found in FOREIGN.finditer(text):
        if found.start() > at:
            yield latin, text[at : found.start()]
        yield CHINESE, found.group()
        at = found.end()
    if text[at:]:
        yield latin, text[at:]


def _cut(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """On one line, and shortened to what fits."""
    text = re.sub(r"\s+", " ", text).strip()
    width = sum(stringWidth(run, font, size) for font, run in _runs(text, bold))
    while text and width > room:
        text = text[: max(1, int(len(text) * room / width) - 1)].rstrip()
        width = sum(stringWidth(run, font, size) for font, run in _runs(text + "…", bold))
        if width <= room:
            return text + "…"
        if len(text) == 1:
            return ""
    return text
