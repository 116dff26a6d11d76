import base64
import csv
import io

import openpyxl

from .profiling_common import ProfilingCommon

HEADERS = ("Name", "Company", "Mail", "Reference", "ID", "sector", "topics", "budget")


class ProfilingImportCommon(ProfilingCommon):
    """Spreadsheets of prospects, in words.

    A row is a dict by header; what is missing is an empty cell.
    """

    def _rows(self, *rows, headers=HEADERS):
        return [list(headers), *([row.get(h, "") for h in headers] for row in rows)]

    def _csv(self, rows, encoding="utf-8", separator=","):
        stream = io.StringIO()
        csv.writer(stream, delimiter=separator).writerows(rows)
        return stream.getvalue().encode(encoding)

    def _xlsx(self, rows):
        book, stream = openpyxl.Workbook(), io.BytesIO()
        for row in rows:
            book.active.append(row)
        book.save(stream)
        return stream.getvalue()

    def _new_import(self, data, name="prospects.csv", user=None, **values):
        jobs = self.env["crm.profiling.import"].with_user(user or self.agent)
        return jobs.create({"name": name, "file": base64.b64encode(data), **values})

    def _preview(self, *rows, headers=HEADERS, user=None, **values):
        """Import rows up to the preview."""
        data = self._csv(self._rows(*rows, headers=headers))
        job = self._new_import(data, user=user, questionnaire_id=self.fair.id, **values)
        job.action_read_columns()
        job.action_preview()
        return job

    def _findings(self, job):
        """Give {row: (finding, state)}."""
        return {row.number: (row.finding, row.state) for row in job.row_ids}

    def _answers_of(self, partner):
        return sorted(partner.answer_ids.mapped("display_name"))

    def _find(self, **values):
        return self.env["res.partner"].search(
            [(name, "=", value) for name, value in values.items()]
        )
