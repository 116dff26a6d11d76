r"""Rows of text out of a spreadsheet file, one at a time, whatever its size.

CSV in the encodings and with the separators that people have, XLSX and ODS. Nothing
keeps more than a row in memory (but XLSX its table of texts, which its reader needs).

>>> import io
>>> def rows(data):
...     stream = io.BytesIO(data)
...     return list(read_rows(stream, detect(stream)))
>>> rows("Name;Größe\nJane;groß; \n\nBob;klein".encode())
[(1, ['Name', 'Größe']), (2, ['Jane', 'groß']), (4, ['Bob', 'klein'])]
>>> rows("Name\tGröße\nJane\t1".encode("utf-16"))
[(1, ['Name', 'Größe']), (2, ['Jane', '1'])]
>>> rows('"Name, first",Größe\n"Jane\n(new)",1'.encode("latin-1"))
[(1, ['Name, first', 'Größe']), (2, ['Jane\n(new)', '1'])]
>>> rows(b"")  # doctest: +IGNORE_EXCEPTION_DETAIL
Traceback (most recent call last):
SpreadsheetError: empty
"""

from __future__ import annotations

import codecs
import csv
import datetime
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lxml import etree

SEPARATORS = (";", ",", "\t", "|")
MAX_COLUMNS = 300  # a row of more is no table of prospects
_MAX_ROW = 1_000_000  # characters
_CHUNK = 1 << 20  # bytes that are looked at together
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ODS = "application/vnd.oasis.opendocument.spreadsheet"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


class SpreadsheetError(ValueError):
    """A file that cannot be read: ``empty``, ``old``, ``broken`` or ``wide``.

    :param number: the row before which it happened, 0 if unknown
    """

    def __init__(self, code: str, number: int = 0):
        super().__init__(code)
        self.code, self.number = code, number


@dataclass(frozen=True)
class Format:
    """How a file is to be read; the last two are for CSV only."""

    kind: str
    encoding: str = ""
    separator: str = ""


def detect(stream: BinaryIO) -> Format:
    """Find out what a file is.

    :raise SpreadsheetError: ``empty``, or ``old`` (XLS), or ``broken`` (another ZIP)
    """
    stream.seek(0)
    head = stream.read(_CHUNK)
    if not head.strip(b"\0 \t\r\n"):
        raise SpreadsheetError("empty")
    if head.startswith(_OLD_EXCEL):
        raise SpreadsheetError("old")
    if head.startswith(b"PK\x03\x04"):
        return Format(_get_zip_kind(stream))
    encoding = _find_encoding(stream, head)
    return Format("csv", encoding, _find_separator(head, encoding))


def read_rows(stream: BinaryIO, file: Format) -> Iterator[tuple[int, list[str]]]:
    """Give (number as a spreadsheet shows it, cells) of each row that has any.

    Cells are stripped; empty ones at the end are left out.

    :raise SpreadsheetError: ``broken`` or ``wide``, after the rows before it
    """
    stream.seek(0)
    reader = {"csv": _read_csv, "xlsx": _read_xlsx, "ods": _read_ods}[file.kind]
    number = 0
    try:
        for number, cells in reader(stream, file):
            # PostgreSQL keeps no zero bytes
            texts = [cell.replace("\0", "").strip() for cell in cells]
            while texts and not texts[-1]:
                texts.pop()
            if len(texts) > MAX_COLUMNS:
                raise SpreadsheetError("wide", number)
            if texts:
                yield number, texts
    except SpreadsheetError as error:
        error.number = error.number or number
        raise
    except Exception as error:
        # broad: whatever a reader may raise over a damaged or hostile file
        raise SpreadsheetError("broken", number) from error


# ------------------------------------------------------------
# CSV
# ------------------------------------------------------------


def _find_encoding(stream, head):
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # without a mark: no other text has a zero byte at its very beginning
    if 0 in head[:2]:
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    decoder = codecs.getincrementaldecoder("utf-8")()
    stream.seek(0)
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        # Latin-1 as it is written on Windows: what Excel saves
        return "cp1252"
    return "utf-8-sig"


def _find_separator(head, encoding):
    """Choose what divides the first row most often, outside of quotes."""
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = "".join(first.split('"')[::2])
    return max(SEPARATORS, key=bare.count) if bare else ","


def _read_csv(stream, file):
    text = io.TextIOWrapper(
        stream, encoding=file.encoding, errors="replace", newline=""
    )
    lines = _Lines(text)
    try:
        for number, cells in enumerate(csv.reader(lines, delimiter=file.separator), 1):
            lines.size = 0
            yield number, cells
    finally:
        text.detach()  # the stream is the caller's, who closes it


class _Lines:
    """Lines of a text, unless a row is made of too many: a quote that never ends.

    The limit of the module `csv` is the whole process's, and others need a large one.
    """

    def __init__(self, text):
        self._text, self.size = text, 0

    def __iter__(self):
        return self

    def __next__(self):
        line = self._text.readline(_MAX_ROW)
        self.size += len(line)
        if not line:
            raise StopIteration
        if self.size >= _MAX_ROW:
            raise SpreadsheetError("broken")
        return line


# ------------------------------------------------------------
# XLSX, ODS
# ------------------------------------------------------------


def _get_zip_kind(stream):
    try:
        with zipfile.ZipFile(stream) as archive:
            names = set(archive.namelist())
            if "xl/workbook.xml" in names:
                return "xlsx"
            if {"mimetype", "content.xml"} <= names:
                with archive.open("mimetype") as file:
                    if file.read(len(_ODS) + 1).decode("ascii", "replace") == _ODS:
                        return "ods"
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise SpreadsheetError("broken") from error
    raise SpreadsheetError("broken")


def _read_xlsx(stream, _file):
    import openpyxl  # only who imports such a file needs it

    book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write wrong ones
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            yield number, [_to_text(cell) for cell in cells]
    finally:
        book.close()


def _to_text(value):
    """Give a cell's value as one would type it.

    >>> _to_text(2.0), _to_text(None), _to_text(True), _to_text(0.5)
    ('2', '', 'true', '0.5')
    >>> _to_text(datetime.datetime(2024, 5, 1)), _to_text(datetime.date(2024, 5, 1))
    ('2024-05-01', '2024-05-01')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime):
        value = value.replace(microsecond=0)
        return str(value if value.time() != datetime.time() else value.date())
    return str(value)


def _read_ods(stream, _file):
    with zipfile.ZipFile(stream) as archive, archive.open("content.xml") as content:
        number = 1
        rows = etree.iterparse(
            content,
            events=("end",),
            tag=(f"{_TABLE}table-row", f"{_TABLE}table"),
            resolve_entities=False,
            no_network=True,
        )
        for _event, element in rows:
            if element.tag == f"{_TABLE}table":
                return  # the first sheet only
            cells = _read_ods_row(element)
            repeated = int(element.get(f"{_TABLE}number-rows-repeated", "1"))
            # an empty row repeated a million times is how a sheet ends
            for _again in range(repeated if any(cells) else 0):
                yield number, cells
                number += 1
            number += 0 if any(cells) else repeated
            _forget(element)


def _read_ods_row(row):
    cells = []
    for cell in row:
        repeated = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
        text = _read_ods_cell(cell)
        # likewise for empty cells; one that is filled is repeated within reason
        cells += [text] * min(repeated, MAX_COLUMNS + 1)
        if len(cells) > MAX_COLUMNS and not any(cells[MAX_COLUMNS:]):
            del cells[MAX_COLUMNS:]
    return cells


def _read_ods_cell(cell):
    kind = cell.get(f"{_OFFICE}value-type")
    if kind == "float":
        return _to_text(float(cell.get(f"{_OFFICE}value")))
    if kind in ("date", "boolean"):
        return cell.get(f"{_OFFICE}{kind}-value").replace("T", " ")
    return "\n".join("".join(text.itertext()) for text in cell.iter(f"{_TEXT}p"))


def _forget(element):
    """Free a row that was read, and those before it."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
