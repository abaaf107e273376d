"""Headed tables as a PDF, for people; Chinese by a font that every PDF reader knows, so nothing is embedded."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

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
ROWS_SHOWN = 300  # some ten pages a table; the files beside the PDF hold every row


@dataclass(frozen=True)
class Section:
    """A heading, a few words, and a table: `widths` are shares of the page that add up to 1."""

    heading: str
    text: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    widths: Sequence[float] = ()


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
        if section.rows:
            story.append(_table(section))
            if len(section.rows) > ROWS_SHOWN:
                left = len(section.rows) - ROWS_SHOWN
                story.append(Paragraph(f"And {left:,} more, in the files beside this one.", PLAIN))
    document.build(story, onFirstPage=_number, onLaterPages=_number)
    return buffer.getvalue()


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
