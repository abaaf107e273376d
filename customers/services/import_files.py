"""Reads files of imports line by line: CSV as the standard library does, Parquet through polars, neither ever whole.

CSV is not read by polars: one line with a comma too many would fail its file, and which line it was would be lost.
"""

import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl
from django.conf import settings

from customers.exceptions import ImportRefused
from customers.models import ImportBatch, ImportChunk
from customers.services import seal
from customers.services.import_take import Line, Refusal
from customers.services.imports import frame

DELIMITERS = ",;\t|"
PARQUET_ROWS = 20_000  # rows turned into lines at a time: a few MB
MAX_COLUMNS = 200
# Letters of one record, over as many lines as its quotation marks span: 200 columns of 5,000. A file without a line end
# would otherwise be read whole.
MAX_RECORD = 1_000_000
TOO_LONG = f"It is longer than {MAX_RECORD:,} characters."
ANEW = "Save it as CSV anew, one record a line."


@contextmanager
def opened(batch: ImportBatch, path: Path | None = None) -> Iterator[BinaryIO]:
    """The file of an import in clear: the one at `path`, or the uploaded pieces in a file that never has a name.

    Whatever happens to this process, nothing of an upload stays behind in clear.
    """
    if path is not None:
        with path.open("rb") as file:
            yield file
        return
    folder = settings.DATA_DIR / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=folder) as file:
        numbers = ImportChunk.objects.filter(batch=batch).order_by("number").values_list("number", "sealed")
        for number, sealed in numbers.iterator(chunk_size=4):
            file.write(frame(batch.pk, number, seal.open_install(sealed)))
        file.flush()
        file.seek(0)
        yield file


def columns(file: BinaryIO, kind: str) -> list[str]:
    """The names of the columns. Raises ImportRefused for a file that is not what its ending says."""
    names = (_parquet_names if kind == ImportBatch.Format.PARQUET else _csv_names)(file)
    file.seek(0)
    if not any(name.strip() for name in names):
        raise ImportRefused("The file has no line of column names. Put one first.")
    if len(names) > MAX_COLUMNS:
        raise ImportRefused(f"The file has more than {MAX_COLUMNS} columns.")
    if len(set(names)) < len(names):
        raise ImportRefused("Two columns have the same name. Rename one.")
    return names


def _csv_names(file: BinaryIO) -> list[str]:
    source, _, reader = _csv(file)
    try:
        names = next(reader, [])
    except _TooLong:
        raise ImportRefused(f"Line 1: {TOO_LONG} {ANEW}") from None
    except csv.Error:
        raise ImportRefused("Its first line is no line of a CSV file. Save it as CSV anew.") from None
    finally:
        source.detach()  # the file is its opener's to close
    if not all(_is_text(name) for name in names):
        raise ImportRefused("The column names are not written in UTF-8. Save the file as CSV in UTF-8.")
    return names


def _parquet_names(file: BinaryIO) -> list[str]:
    return _parquet(file).collect_schema().names()


def lines(file: BinaryIO, kind: str, mapping: dict[str, str]) -> Iterator[Line | Refusal]:
    """Every line under our names, or why it cannot be read. Lines count from 1, with the column names as line 1."""
    yield from (_parquet_lines if kind == ImportBatch.Format.PARQUET else _csv_lines)(file, mapping)


class _TooLong(csv.Error):
    """A record that is not read to its end."""


class _Lines:
    """The lines of a file for csv.reader, which asks for as many as a record has; never more than MAX_RECORD in memory."""

    def __init__(self, source: io.TextIOWrapper):
        self.source = source
        self.number = 0  # lines read
        self.size = 0  # letters since the record began

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.source.readline(MAX_RECORD - self.size + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.size += len(line)
        if self.size > MAX_RECORD:
            while line and not line.endswith("\n"):  # the rest of it, so that the next line can be read
                line = self.source.readline(MAX_RECORD)
            raise _TooLong(TOO_LONG)
        return line


def _csv(file: BinaryIO) -> tuple[io.TextIOWrapper, _Lines, "csv.Reader"]:
    # What is no UTF-8 comes through as half letters, so that the line can be named and the next be read.
    source = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    start = source.read(64 * 1024).split("\n", 1)[0]
    source.seek(0)
    delimiter = max(DELIMITERS, key=start.count)
    lines = _Lines(source)
    return source, lines, csv.reader(lines, delimiter=delimiter, strict=True)


def _csv_lines(file: BinaryIO, mapping: dict[str, str]) -> Iterator[Line | Refusal]:
    source, lines, reader = _csv(file)
    try:
        names = next(reader)
        places = {field: names.index(column) for field, column in mapping.items()}
        while True:
            number, lines.size = lines.number + 1, 0
            try:
                record = next(reader)
            except StopIteration:
                return
            except _TooLong:
                yield Refusal(number, "line", TOO_LONG, ANEW)
                continue
            except csv.Error:
                yield Refusal(
                    number, "line", "Its quotation marks do not match, or it is too long.", "Save it as CSV anew."
                )
                continue
            if not any(record):
                continue
            if len(record) != len(names):
                yield Refusal(
                    number, "line", f"It has {len(record)} columns and the first line {len(names)}.",
                    "Put texts with separators in quotation marks.",
                )  # fmt: skip
                continue
            values = {field: record[place] for field, place in places.items()}
            broken = next((field for field, value in values.items() if not _is_text(value)), None)
            if broken is not None:
                yield Refusal(number, broken, "It is not written in UTF-8.", "Save the file as CSV in UTF-8.")
                continue
            yield Line(number, values)
    finally:
        if not source.closed:  # a reader that was left in the middle is cleared away after its file
            source.detach()


def _is_text(value: str) -> bool:
    """Whether Postgres can keep it: whole letters, and no NUL."""
    return "\0" not in value and (value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value))


def _parquet(file: BinaryIO) -> pl.LazyFrame:
    try:
        frame = pl.scan_parquet(_path(file), glob=False)
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ImportRefused("This is no Parquet file that can be read. Write it anew.") from error
    return frame


def _path(file: BinaryIO) -> str:
    """A path by which the same open file can be read again; the kernel's, for it has none of its own."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        if Path(folder).is_dir():
            return f"{folder}/{file.fileno()}"
    raise ImportRefused("This system cannot read an uploaded Parquet file: use the command, or send CSV.")


def _parquet_lines(file: BinaryIO, mapping: dict[str, str]) -> Iterator[Line | Refusal]:
    wanted = list(dict.fromkeys(mapping.values()))
    frame = _parquet(file).select(wanted)
    schema = frame.collect_schema()
    times = [name for name in wanted if isinstance(schema[name], pl.Datetime)]
    nested = [name for name in wanted if schema[name].is_nested() or schema[name] == pl.Binary]
    if nested:
        raise ImportRefused("A column that is used holds lists or bytes. Choose columns of plain values.")
    text = frame.with_columns(pl.col(times).dt.to_string("iso:strict")).with_columns(
        pl.all().cast(pl.String).fill_null("")
    )
    number = 1
    for block in text.collect_batches(chunk_size=PARQUET_ROWS, maintain_order=True):
        for row in block.iter_rows(named=True):
            number += 1
            values = {field: row[column] for field, column in mapping.items()}
            broken = next((field for field, value in values.items() if "\0" in value), None)
            if broken is not None:
                yield Refusal(number, broken, "It holds control characters.")
            else:
                yield Line(number, values)
