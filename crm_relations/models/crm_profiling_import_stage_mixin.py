import csv
import io
import json
from itertools import dropwhile

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL, email_normalize

from .crm_profiling_import_row import EXTERNAL_ID

CHUNK = 5_000  # rows that are put into the table together
_AT_ONCE = 300_000  # bytes of a file that is read while its user waits
ANALYZE_FROM = 10_000  # rows from which the planner must know of them


class CrmProfilingImportStageMixin(models.AbstractModel):
    """Reading a file into rows, a chunk at a time: memory does not grow with it.

    Each chunk is a transaction, with the number of rows read as its mark: a reading
    that is interrupted goes on behind the last one.
    """

    _name = "crm.profiling.import.stage.mixin"
    _description = "Reading an Import"

    def _get_size_at_once(self):
        return _AT_ONCE

    def _clear(self):
        """Forget what was read, in one statement: there may be a million rows."""
        self.env.flush_all()
        # raw SQL: nothing hangs on a row
        self.env.cr.execute(
            "DELETE FROM crm_profiling_import_row WHERE import_id = %s", [self.id]
        )
        self._forget_rows()
        self.value_ids.unlink()

    def _forget_rows(self):
        """Drop from the cache what statements of our own have changed."""
        self.env["crm.profiling.import.row"].invalidate_model()
        self.invalidate_model(
            [name for name, field in self._fields.items() if field.compute]
        )

    def _stage(self, commit=lambda count: True):
        """Read what is not read yet, then look up what it means.

        :param commit: called with the number of rows of each chunk; says whether there
            is time left
        :return: whether everything was read and looked up
        """
        time_left = True
        with self._read_rows() as rows:
            next(rows, None)  # the headers
            for chunk in self._get_chunks(rows):
                self._copy(chunk)
                self.rows_read = chunk[-1][0]
                self.env.flush_all()
                time_left = commit(len(chunk))
                if not time_left:
                    return False
        self._analyze()
        self._match()
        self._find_unknown()
        self.state = "preview"
        return True

    def _get_chunks(self, rows):
        """Give the rows after those read already, in lists of CHUNK."""
        last, chunk = self.rows_read, []
        for row in dropwhile(lambda row: row[0] <= last, rows):
            chunk.append(row)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _copy(self, chunk):
        """Put rows into the table, with what partners are known by beside the cells."""
        places = {c.field_name: c.place for c in self.column_ids if c.field_name}
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        for number, cells in chunk:
            keys = self._get_keys(cells, places)
            writer.writerow([self.id, number, json.dumps(cells), "todo", *keys])
        buffer.seek(0)
        # COPY: ten times as fast as creating records, and the only one that takes a
        # million rows in a minute; what is copied are our own rows, and no names
        self.env.cr.copy_expert(
            "COPY crm_profiling_import_row (import_id, number, cells, state, xmlid,"
            " email, wrong_mail, ref, vat) FROM STDIN (FORMAT csv)",
            buffer,
        )

    def _get_keys(self, cells, places):
        """Give external id, mail, the mail if it is none, reference and tax ID."""

        def get(field):
            place = places.get(field)
            return cells[place] if place is not None and place < len(cells) else ""

        xmlid, mail = get(EXTERNAL_ID), get("email")
        if xmlid and "." not in xmlid:
            xmlid = f"__import__.{xmlid}"
        email = email_normalize(mail, strict=False) or ""
        vat = "".join(filter(str.isalnum, get("vat"))).upper()
        return xmlid, email, "" if email else mail, get("ref"), vat

    def _analyze(self):
        [(count,)] = self.env.execute_query(
            SQL(
                "SELECT count(*) FROM crm_profiling_import_row WHERE import_id = %s",
                self.id,
            )
        )
        if not count:
            raise UserError(self.env._("File: there is no row below the headers."))
        if count >= ANALYZE_FROM:
            # raw SQL: without it the planner joins a million rows one by one
            self.env.cr.execute("ANALYZE crm_profiling_import_row")
