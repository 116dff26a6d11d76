import io
from contextlib import closing, contextmanager
from itertools import islice

from odoo import Command, models
from odoo.exceptions import UserError, ValidationError

from ..tools import spreadsheet
from ..tools.answer_book import normalize
from .crm_profiling_import_row import DATE, EXTERNAL_ID

_SAMPLE_ROWS = 50  # rows in which something to show of a column is looked for
_SAMPLES, _SAMPLE_LENGTH = 3, 40

# what people write above a column, beside the field's own label
_HEADERS = {
    "name": ("name", "contact", "full name"),
    "company_name": ("company", "company name", "organization", "organisation"),
    "email": ("mail", "e-mail", "email", "e-mail address", "email address"),
    "phone": ("phone", "telephone", "tel", "phone number"),
    "ref": ("reference", "ref", "customer number"),
    "vat": ("vat", "tax id", "vat number"),
    EXTERNAL_ID: ("id", "external id"),
    DATE: ("date", "date of the answers", "answered on"),
}


class CrmProfilingImportColumnsMixin(models.AbstractModel):
    """The file of an import, and what its columns are taken for."""

    _name = "crm.profiling.import.columns.mixin"
    _description = "Columns of an Import"

    # ------------------------------------------------------------
    # FILE
    # ------------------------------------------------------------

    def _get_attachment(self):
        # sudo: the file of a field; who may read the import may read it
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", "file"),
                    ("res_id", "=", self.id),
                ],
                limit=1,
            )
        )

    def _get_size(self):
        return self._get_attachment().file_size

    @contextmanager
    def _open_file(self):
        """Open the file where it is stored; only one kept in the database is read."""
        attachment = self._get_attachment()
        if attachment.store_fname:
            path = attachment._full_path(attachment.store_fname)
            with open(path, "rb") as stream:
                yield stream
        else:
            yield io.BytesIO(attachment.raw or b"")

    @contextmanager
    def _read_rows(self):
        """Give an iterator over (number, cells) of all rows, the headers included.

        :raise UserError: what is wrong with the file, and where
        """
        try:
            with self._open_file() as stream:
                file = spreadsheet.Format(
                    self.file_kind, self.encoding or "", self.separator or ""
                )
                # closed before its file, also by who reads the first rows only
                with closing(spreadsheet.read_rows(stream, file)) as rows:
                    yield rows
        except spreadsheet.SpreadsheetError as error:
            raise UserError(self._explain(error)) from error

    def _explain(self, error):
        return {
            "empty": self.env._("File: there is nothing in it."),
            "old": self.env._(
                "File: this is the old Excel format (XLS). Save it as XLSX or CSV."
            ),
            "wide": self.env._(
                "File: row %(number)s has more than %(most)s columns. Is the separator"
                " right?",
                number=error.number,
                most=spreadsheet.MAX_COLUMNS,
            ),
            "broken": self.env._(
                "File: it is damaged, or no CSV, XLSX or ODS file (after row %s).",
                error.number,
            ),
        }[error.code]

    # ------------------------------------------------------------
    # COLUMNS
    # ------------------------------------------------------------

    def _read_columns(self):
        """Find out what kind of file it is and what its columns mean."""
        try:
            with self._open_file() as stream:
                found = spreadsheet.detect(stream)
        except spreadsheet.SpreadsheetError as error:
            raise UserError(self._explain(error)) from error
        self.file_kind = found.kind
        if found.kind == "csv":
            self.encoding = self.encoding or found.encoding
            self.separator = self.separator or found.separator
        with self._read_rows() as rows:
            head = [cells for _number, cells in islice(rows, _SAMPLE_ROWS)]
        if len(head) < 2:
            raise UserError(
                self.env._("File: there must be a row of headers, and rows below it.")
            )
        known = self._get_known_headers()
        self.column_ids = [
            Command.clear(),
            *(
                Command.create(
                    {
                        "place": place,
                        "name": name or self.env._("(without a header)"),
                        "sample": self._get_sample(head[1:], place),
                        **self._recognize(known, name),
                    }
                )
                for place, name in enumerate(head[0])
            ),
        ]

    def _get_sample(self, rows, place):
        texts = (cells[place] for cells in rows if len(cells) > place and cells[place])
        return " · ".join(
            text[:_SAMPLE_LENGTH] for text in islice(dict.fromkeys(texts), _SAMPLES)
        )

    def _get_known_headers(self):
        """Give {header: values of a column}; the questionnaire's questions come first.

        Each question under its name in every language; nothing is taken twice.
        """
        known = {}
        questions = self.questionnaire_id.question_ids
        # few, and written by people
        others = questions.search([("id", "not in", questions.ids)])
        for question, names in self._get_names(questions | others).items():
            for name in names:
                known.setdefault(self._bare(name), {"question_id": question})
        columns = self.env["crm.profiling.import.column"]
        labels = dict(columns._selection_field_name())
        for field, headers in _HEADERS.items():
            for header in headers:
                if field in labels:
                    known.setdefault(header, {"field_name": field})
        for field, label in labels.items():
            known.setdefault(self._bare(field), {"field_name": field})
            known.setdefault(self._bare(label), {"field_name": field})
        return known

    def _bare(self, header):
        """Give a header without what makes no difference.

        :return: in small letters, without the sign at its end
        """
        return normalize(header.rstrip(" ?:*.…"))

    def _recognize(self, known, name):
        """Give the values of the column of that header, and take them from `known`."""
        values = known.get(self._bare(name)) if name else None
        if not values:
            return {}
        for header in [key for key, other in known.items() if other == values]:
            del known[header]
        return values

    def _get_names(self, records):
        """Give {id: names} of questions or answers; one query for each language."""
        names = {record.id: [] for record in records}
        for code, _name in self.env["res.lang"].get_installed():
            for record in records.with_context(lang=code):
                names[record.id].append(record.name)
        return names

    def _check_columns(self):
        """Refuse columns that cannot be imported.

        :raise UserError: no question, nothing to know partners by, or one thing twice
        """
        columns = self.column_ids
        if not columns.question_id:
            raise UserError(
                self.env._(
                    "Columns: none of them is a question. Choose which is which."
                )
            )
        known_by = {EXTERNAL_ID, "email", "ref", "vat", "name", "company_name"}
        if not known_by & set(columns.mapped("field_name")):
            raise UserError(
                self.env._(
                    "Columns: nothing tells who a row is about. Choose a column for"
                    " mail, reference, external ID or name."
                )
            )
        seen = set()
        for column in columns.filtered(lambda c: c.question_id or c.field_name):
            meaning = column.question_id or column.field_name
            if meaning in seen:
                raise ValidationError(
                    self.env._(
                        "Column “%s”: another column means the same already.",
                        column.name,
                    )
                )
            seen.add(meaning)
