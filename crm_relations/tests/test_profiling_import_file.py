import csv
import io
import tracemalloc
import zipfile
from datetime import date, datetime

import openpyxl
from hypothesis import given, settings
from hypothesis import strategies as st
from odoo.addons.crm_relations.tools import answer_book, spreadsheet
from odoo.tests import BaseCase, tagged

_ODS = """<office:document-content
xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet>
<table:table>{}</table:table>
<table:table><table:table-row><table:table-cell><text:p>other sheet</text:p>
</table:table-cell></table:table-row></table:table>
</office:spreadsheet></office:body></office:document-content>"""

# what people write in a cell; a table of one empty cell is no table
_TEXT = st.text(
    st.characters(
        min_codepoint=32, max_codepoint=0x24FF, exclude_categories=["C", "Z"]
    ),
    max_size=12,
)
_TABLE = st.lists(st.lists(_TEXT, min_size=2, max_size=5), min_size=1, max_size=6)


def _read(data):
    stream = io.BytesIO(data)
    return list(spreadsheet.read_rows(stream, spreadsheet.detect(stream)))


def _expected(rows):
    """Give what is to be read: stripped, without empty ends and rows."""
    found = []
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            found.append((number, cells))
    return found


@tagged("post_install", "-at_install", "crm_relations", "crm_relations_import")
class TestProfilingImportFile(BaseCase):
    """Every file that people have gives the same rows, and no file does harm."""

    @settings(max_examples=150, deadline=None)
    @given(
        _TABLE,
        st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")),
        st.sampled_from(spreadsheet.SEPARATORS),
    )
    def test_csv_comes_back_as_it_was_written(self, table, encoding, separator):
        rows = [["Name", "Mail", "Question"], *table]
        stream = io.StringIO()
        csv.writer(stream, delimiter=separator).writerows(rows)
        self.assertEqual(_read(stream.getvalue().encode(encoding)), _expected(rows))

    @settings(max_examples=25, deadline=None)
    @given(_TABLE)
    def test_xlsx_comes_back_as_it_was_written(self, table):
        rows = [["Name", "Mail", "Question"], *table]
        book, stream = openpyxl.Workbook(), io.BytesIO()
        for row in rows:
            book.active.append(row)
            for cell in book.active[book.active.max_row]:
                if cell.value is not None:
                    cell.data_type = "s"  # also what begins with =
        book.save(stream)
        self.assertEqual(_read(stream.getvalue()), _expected(rows))

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=400), st.sampled_from((b"", b"PK\x03\x04", b"\xff\xfe")))
    def test_any_bytes_give_rows_or_an_error_of_ours(self, data, head):
        try:
            rows = _read(head + data)
        except spreadsheet.SpreadsheetError:
            return
        for _number, cells in rows:
            self.assertTrue(cells[-1])
            "".join(cells).encode()  # no halves of characters, which nobody can store
            self.assertNotIn("\0", "".join(cells))

    def test_latin_letters_of_windows(self):
        rows = [["Name", "Größe"], ["Zoë – “new”", "10 €"]]
        data = "\r\n".join(";".join(row) for row in rows).encode("cp1252")
        self.assertEqual(_read(data), _expected(rows))

    def test_letter_far_down_tells_the_encoding(self):
        lines = b"Name;Mail\n" + b"x;y\n" * 400_000 + "Zoë;z".encode("latin-1")
        self.assertEqual(_read(lines)[-1], (400_002, ["Zoë", "z"]))

    def test_memory_does_not_grow_with_the_rows(self):
        class Endless(io.RawIOBase):
            """A file of so many bytes, made as they are read."""

            def __init__(self, size):
                self.size = self.left = size

            def readable(self):
                return True

            def seekable(self):
                return True

            def seek(self, _place, _whence=0):
                self.left = self.size
                return 0

            def readinto(self, buffer):
                line = b"Name;Mail;Question\n"
                count = min(len(buffer), self.left) // len(line) * len(line)
                buffer[:count] = line * (count // len(line))
                self.left -= count
                return count

        def get_peak(size):
            stream = io.BufferedReader(Endless(size))
            tracemalloc.start()
            try:
                file = spreadsheet.detect(stream)
                count = sum(1 for _row in spreadsheet.read_rows(stream, file))
                return count, tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        few, small = get_peak(3_000_000)
        many, large = get_peak(12_000_000)
        self.assertGreater(many, 3 * few)
        self.assertLess(large, small * 1.5)

    def test_numbers_and_dates_of_a_spreadsheet_are_as_people_see_them(self):
        book, stream = openpyxl.Workbook(), io.BytesIO()
        book.active.append(["a", "b", "c", "d", "e"])
        book.active.append(
            [2.0, 0.5, True, date(2024, 5, 1), datetime(2024, 5, 1, 9, 30)]
        )
        book.save(stream)
        self.assertEqual(
            _read(stream.getvalue())[1][1],
            ["2", "0.5", "true", "2024-05-01", "2024-05-01 09:30:00"],
        )

    def _ods(self, rows):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(
                "mimetype", "application/vnd.oasis.opendocument.spreadsheet"
            )
            archive.writestr("content.xml", _ODS.format(rows))
        return stream.getvalue()

    def test_ods(self):
        def cell(text, attributes=""):
            return (
                f"<table:table-cell {attributes}><text:p>{text}</text:p>"
                "</table:table-cell>"
            )

        rows = (
            f"<table:table-row>{cell('Name')}{cell('B<text:s/>ig')}</table:table-row>"
            '<table:table-row table:number-rows-repeated="3"><table:table-cell'
            ' table:number-columns-repeated="16384"/></table:table-row>'
            "<table:table-row>"
            + cell("two", 'table:number-columns-repeated="2"')
            + cell("1,5", 'office:value-type="float" office:value="1.5"')
            + cell("May", 'office:value-type="date" office:date-value="2024-05-01"')
            + '<table:table-cell table:number-columns-repeated="16380"/>'
            "</table:table-row>"
            '<table:table-row table:number-rows-repeated="1048570">'
            "<table:table-cell/></table:table-row>"
        )
        self.assertEqual(
            _read(self._ods(rows)),
            [(1, ["Name", "Big"]), (5, ["two", "two", "1.5", "2024-05-01"])],
        )

    def test_entities_of_an_ods_read_no_files(self):
        data = self._ods(
            "<table:table-row><table:table-cell><text:p>&x;</text:p>"
            "</table:table-cell></table:table-row>"
        )
        stream = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(data)) as old,
            zipfile.ZipFile(stream, "w") as new,
        ):
            new.writestr("mimetype", old.read("mimetype"))
            new.writestr(
                "content.xml",
                b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
                + old.read("content.xml"),
            )
        self.assertNotIn("root", str(_read(stream.getvalue())))

    # ------------------------------------------------------------
    # ANSWERS
    # ------------------------------------------------------------

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(_TEXT.filter(str.strip), min_size=1, max_size=5),
        st.lists(st.integers(0, 4), max_size=4),
    )
    def test_answers_are_known_by_their_names(self, names, chosen):
        """Whatever the names are; of two that are written alike, the first."""
        names = [name for name in names if ";" not in name] or ["x"]
        book = answer_book.AnswerBook(
            ((place, [name]) for place, name in enumerate(names)), several=True
        )
        first = {}
        for place, name in enumerate(names):
            first.setdefault(answer_book.normalize(name), place)
        picked = [names[place % len(names)] for place in chosen]
        expected = list(dict.fromkeys(first[answer_book.normalize(n)] for n in picked))
        cell = " ; ".join(name.upper() if name.isascii() else name for name in picked)
        self.assertEqual(book.recognize(cell), (expected, []))
