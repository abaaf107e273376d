"""From the lines of a feed to items: JSON, one object a line, or CSV with a header, one record a line.

A line stands for itself, so that a broken one takes no other along: a CSV quote that is not closed ends with its line
instead of swallowing the rest of the file.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from catalog.exceptions import FeedUnreadable
from catalog.services.product_rules import FIELDS, REQUIRED, Fault

Item = dict[str, Any] | Fault

JSON_REMEDY = 'One JSON object a line, such as {"external_id": "12", "title": "Oat biscuits"}.'
CSV_REMEDY = "One record a line, with as many fields as the header, and quotes closed and doubled inside."


def items(lines: Iterable[str | bytes]) -> Iterator[tuple[int, str, Item]]:
    """(line number from 1, the line as it came, an object or the fault that makes it none); empty lines are passed over.

    The first line that is not empty decides: `{` begins a JSON feed, anything else is the header of a CSV feed.
    Raises FeedUnreadable when it is neither.
    """
    read: Callable[[str], Item] | None = None
    for number, line in enumerate(lines, start=1):
        text, broken = _decoded(line)
        if number == 1:
            text = text.removeprefix("\ufeff")
        if not text.strip():
            continue
        if read is None:
            read, is_header = _reader(text, broken)
            if is_header:
                continue
        yield number, text, broken or read(text)
    if read is None:
        raise FeedUnreadable("The feed is empty.", "Send at least one line.")


def _decoded(line: str | bytes) -> tuple[str, Fault | None]:
    if isinstance(line, str):
        return line.rstrip("\r\n"), None
    try:
        return line.rstrip(b"\r\n").decode(), None
    except UnicodeDecodeError as error:
        fault = Fault("line", f"Byte {error.start + 1} is not UTF-8.", "Save the feed as UTF-8.")
        return line.rstrip(b"\r\n").decode(errors="backslashreplace"), fault


def _reader(text: str, broken: Fault | None) -> tuple[Callable[[str], Item], bool]:
    """How to read the lines of this feed, and whether this first one is a header."""
    start = text.lstrip()[:1]
    if start == "{":
        return _from_json, False
    if start == "[":
        raise FeedUnreadable("The feed is one JSON array.", JSON_REMEDY)
    if broken:
        raise FeedUnreadable(f"The header cannot be read: {broken.reason}", broken.remedy)
    delimiter = max(",;\t", key=text.count)
    header = [name.strip() for name in next(csv.reader([text], delimiter=delimiter))]
    unknown = [name for name in header if name not in FIELDS]
    if unknown or len(set(header)) < len(header) or not set(REQUIRED) <= set(header):
        wrong = f"a column named “{unknown[0][:40]}”" if unknown else "a column twice, or no external_id or title"
        raise FeedUnreadable(f"The header of the CSV feed holds {wrong}.", f"Columns may be: {', '.join(FIELDS)}.")
    return lambda line: _from_csv(line, header, delimiter), True


def _refuse_constant(name: str):
    raise ValueError(f"{name} is not JSON")


def _from_json(line: str) -> Item:
    try:
        item = json.loads(line, parse_float=Decimal, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return Fault("line", f"No JSON at column {error.colno}: {error.msg}.", JSON_REMEDY)
    except (ValueError, RecursionError):  # NaN, a number of thousands of digits, a thousand brackets
        return Fault("line", "No JSON.", JSON_REMEDY)
    return item if isinstance(item, dict) else Fault("line", "This is JSON, but no object.", JSON_REMEDY)


def _from_csv(line: str, header: list[str], delimiter: str) -> Item:
    try:
        rows = list(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return Fault("line", f"No CSV record: {error}.", CSV_REMEDY)
    fields = rows[0] if rows else []
    if len(fields) != len(header):
        return Fault("line", f"{len(fields)} fields where the header has {len(header)}.", CSV_REMEDY)
    return dict(zip(header, fields, strict=True))
