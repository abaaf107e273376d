"""Headed tables as a PDF, for people; Chinese by a font that every PDF reader knows, so nothing is embedded."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, Line, PolyLine, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

CHINESE = "STSong-Light"
pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
# What Helvetica's encoding lacks goes to the other font, run by run: Latin set in a Chinese font is hard to read.
FOREIGN = re.compile(r"[^\x20-\x7e\xa0-\xff–—‘’“”…•\n]+")
PLAIN = ParagraphStyle("plain", fontName="Helvetica", fontSize=8, leading=10.5, wordWrap="CJK")
HEAD = ParagraphStyle("head", parent=PLAIN, fontName="Helvetica-Bold")
HEADING = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=11, leading=15, spaceBefore=8, spaceAfter=3)
TITLE = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=15, leading=19, spaceAfter=4)
WIDTH = A4[0] - 36 * mm
FAINT, INKS = colors.Color(0.8, 0.84, 0.86), (colors.Color(0.03, 0.36, 0.47), colors.Color(0.28, 0.25, 0.65))
ROWS_SHOWN = 300  # some ten pages a table; the files beside the PDF hold every row


@dataclass(frozen=True)
class Curve:
    """Lines over time from 0 up: (name, one value a step) each, all of one length; labels of both ends and of the top."""

    lines: Sequence[tuple[str, Sequence[float]]]
    first: str
    last: str
    top: str


@dataclass(frozen=True)
class Section:
    """A heading, a few words, lines, and a table: `widths` are shares of the page that add up to 1."""

    heading: str
    text: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    widths: Sequence[float] = ()
    curve: Curve | None = None


def to_pdf(title: str, sections: Sequence[Section]) -> bytes:
    """A4, portrait, numbered pages."""
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=16 * mm, bottomMargin=18 * mm,
        title=title, author="Attune", invariant=1,
    )  # fmt: skip
    story = [Paragraph(_marked(title), TITLE)]
    for section in sections:
        story.append(Paragraph(_marked(section.heading), HEADING))
        if section.text:
            story += [Paragraph(_marked(section.text), PLAIN), Spacer(1, 4)]
        if section.curve:
            story.append(_drawn(section.curve))
        if section.rows:
            story.append(_table(section))
            if len(section.rows) > ROWS_SHOWN:
                left = len(section.rows) - ROWS_SHOWN
                story.append(Paragraph(f"And {left:,} more, in the files beside this one.", PLAIN))
    document.build(story, onFirstPage=_number, onLaterPages=_number)
    return buffer.getvalue()


def _drawn(curve: Curve) -> Drawing:
    """The lines over a plain ground, the second dashed, so that they differ in print too."""
    height, left, bottom = 120.0, 60.0, 28.0
    drawing = Drawing(WIDTH, height)
    top = max((max(values) for _, values in curve.lines), default=0) or 1.0
    width, tall = WIDTH - left, height - bottom - 8
    drawing.add(Line(left, bottom, left + width, bottom, strokeColor=FAINT))
    drawing.add(Line(left, bottom + tall, left + width, bottom + tall, strokeColor=FAINT))
    for place, (name, values) in enumerate(curve.lines):
        step = width / max(len(values) - 1, 1)
        points = [xy for n, value in enumerate(values) for xy in (left + n * step, bottom + tall * value / top)]
        dashes = [4, 3] if place else None
        drawing.add(PolyLine(points, strokeColor=INKS[place % 2], strokeWidth=1.5, strokeDashArray=dashes))
        at = left + 110 * place
        drawing.add(Line(at, 6, at + 18, 6, strokeColor=INKS[place % 2], strokeWidth=1.5, strokeDashArray=dashes))
        drawing.add(_label(at + 22, 3, name))
    drawing.add(_label(left - 4, bottom + tall - 3, curve.top, "end"))
    drawing.add(_label(left - 4, bottom - 3, "0", "end"))
    drawing.add(_label(left, bottom - 11, curve.first))
    drawing.add(_label(left + width, bottom - 11, curve.last, "end"))
    return drawing


def _label(x: float, y: float, words: str, anchor: str = "start") -> String:
    font = CHINESE if FOREIGN.search(words) else "Helvetica"
    return String(x, y, words, fontName=font, fontSize=7.5, textAnchor=anchor)


def _table(section: Section) -> Table:
    cells = [[Paragraph(_marked(name), HEAD) for name in section.head]] if section.head else []
    cells += [[Paragraph(_marked(value), PLAIN) for value in row] for row in section.rows[:ROWS_SHOWN]]
    columns = len(cells[0])
    widths = [WIDTH * share for share in section.widths or [1 / columns] * columns]
    table = Table(cells, colWidths=widths, repeatRows=1 if section.head else 0)
    table.setStyle([
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.Color(0.8, 0.84, 0.86)),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ])  # fmt: skip
    return table


def _marked(value: object) -> str:
    text = escape("–" if value is None or value == "" else str(value)).replace("\n", "<br/>")
    return FOREIGN.sub(lambda run: f'<font name="{CHINESE}">{run.group()}</font>', text)


def _number(canvas, document) -> None:
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, f"Page {document.page}")
