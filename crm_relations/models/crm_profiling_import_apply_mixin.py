import logging
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain

import xlsxwriter
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS, CONCURRENCY_TRIES
from .crm_profiling_import_row import BATCH
from .profiling_import_cells import CellReader, RowError

_logger = logging.getLogger(__name__)

_ERROR_PAGE = 5_000  # rows that are read together for the file of errors


@dataclass
class Plan:
    """What one row is to bring about."""

    row: object
    partner: object
    values: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    date: datetime | None = None
    left_out: list = field(default_factory=list)


class CrmProfilingImportApplyMixin(models.AbstractModel):
    """Putting accepted rows in, a batch at a time.

    The rows of a batch are marked in the transaction that saves their answers: killed
    anywhere, they are imported once; several workers take different rows.
    """

    _name = "crm.profiling.import.apply.mixin"
    _description = "Carrying Out an Import"

    # ------------------------------------------------------------
    # BACKGROUND
    # ------------------------------------------------------------

    @api.model
    def _cron_process(self):
        """Go on with the imports that are being read or imported, the oldest first."""
        cron = self.env["ir.cron"]
        jobs = self.search([("state", "in", ("reading", "working"))], order="id")
        time_left = cron._commit_progress(remaining=len(jobs))
        for left, job in zip(range(len(jobs), 0, -1), jobs, strict=True):
            if time_left:
                # every batch is progress, but the job is left until its last one
                commit = partial(cron._commit_progress, 1, remaining=left)
                job._with_importer()._process_all(commit)
                ended = job.state not in ("reading", "working")
                time_left = cron._commit_progress(remaining=left - ended)

    def _with_importer(self):
        """Give the import as its user sees it: his rights, company and language."""
        user = self.user_id
        return self.with_user(user).with_context(
            allowed_company_ids=self.company_id.ids, lang=user.lang, tz=user.tz
        )

    def _process_all(self, commit):
        """Read and import until it is done or there is no time left.

        :param commit: ends a transaction and says whether there is
        """
        time_left, tries = True, CONCURRENCY_TRIES
        while time_left and tries and self.state in ("reading", "working"):
            try:
                # whoever has the row works on it; two would read the file twice
                if not self.try_lock_for_update():
                    return
                self._process_next(commit)
                time_left = commit()
            except CONCURRENCY_ERRORS:  # noqa: PERF203 - each try is one
                # a partner was written by somebody else: the batch starts again
                self._roll_back()
                tries -= 1
            except Exception as error:
                # broad: whatever goes wrong is shown on this import; others go on
                self._roll_back()
                self._stop(error)
                time_left = commit()

    def _process_next(self, commit):
        if self.state == "working":
            self._apply_batch()
        elif self._stage(lambda _count: commit()):
            self._tell(self.env._("%s: the preview is ready.", self.name))

    def _roll_back(self):
        self.env.cr.rollback()
        self.env.invalidate_all()

    def _stop(self, error):
        """Go back a step and say why; what was imported stays."""
        back = {"reading": "columns", "working": "preview"}
        reason = self._explain_failure(error)
        if not isinstance(error, UserError):
            _logger.error("Import %s stopped", self.id, exc_info=error)
        # sudo: the user may just have lost his rights
        self.sudo().write(
            {"state": back.get(self.state, self.state), "message": reason}
        )

    # ------------------------------------------------------------
    # BATCH
    # ------------------------------------------------------------

    def _apply_batch(self):
        """Import the next rows; one by one if together they fail."""
        # an error here stops the import, where each row would tell the same
        self.env["crm.profiling.response"].check_access("create")
        rows = self._lock_next_rows()
        if not rows:
            self._finish()
            return
        self._match_again(rows)
        rows = rows.filtered(lambda row: row.state == "todo")
        books = self._get_books()
        try:
            with self.env.cr.savepoint():
                self._apply(rows, books)
        except CONCURRENCY_ERRORS:
            raise
        except Exception:
            # broad: whatever a constraint may raise; alone, each row tells its own
            _logger.info("Import %s goes on row by row", self.id, exc_info=True)
            self.env.invalidate_all()
            for row in rows:
                self._apply_alone(row, books)
        if not self._lock_next_rows(limit=1):
            self._finish()

    def _apply_alone(self, row, books):
        try:
            with self.env.cr.savepoint():
                self._apply(row, books)
        except CONCURRENCY_ERRORS:
            raise
        except Exception as error:
            # broad: as above
            self.env.invalidate_all()
            self._mark([(row.id, None, "failed", self._explain_failure(error))])

    def _explain_failure(self, error):
        """Give an error in words for the user, also one that nobody foresaw."""
        if isinstance(error, UserError):
            return str(error)
        return f"{type(error).__name__}: {error}"

    def _lock_next_rows(self, limit=None):
        """Lock rows that are to be imported and that no other worker has."""
        # SQL: the ORM can skip locked rows, but not look for the next ones after them
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM crm_profiling_import_row"
                " WHERE import_id = %s AND state = 'todo'"
                " ORDER BY number LIMIT %s FOR UPDATE SKIP LOCKED",
                self.id,
                limit or BATCH,
            )
        )
        return self.env["crm.profiling.import.row"].browse(row[0] for row in rows)

    def _finish(self):
        self.write({"state": "done", "date_done": fields.Datetime.now()})
        self._tell(
            self.env._(
                "%(file)s: %(done)s rows imported, %(failed)s failed.",
                file=self.name,
                done=self.done_count,
                failed=self.failed_count,
            )
        )

    def _tell(self, message):
        """Tell the user, wherever he is in Odoo."""
        self.user_id._bus_send(
            "simple_notification", {"type": "success", "message": message}
        )

    def _apply(self, rows, books):
        """Create partners, save answers and mark the rows."""
        plans, marks = self._get_plans(rows, books)
        self._create_partners([plan for plan in plans if plan.values])
        self._save(plans)
        marks += [
            (plan.row.id, plan.partner.id, "done", "; ".join(plan.left_out))
            for plan in plans
        ]
        self._mark(marks)

    def _get_plans(self, rows, books):
        """Give (plans, marks of the rows that cannot be planned)."""
        plans, marks = [], []
        reader = CellReader(self)
        for row in rows:
            plan = Plan(row, row.partner_id)
            try:
                self._plan_partner(plan, reader)
                self._plan_answers(plan, books, reader)
            except RowError as error:
                marks.append((row.id, None, "failed", str(error)))
            else:
                plans.append(plan)
        return plans, marks

    def _plan_partner(self, plan, reader):
        if plan.row.finding == "new":
            plan.values = reader.get_partner(plan.row.cells)
        elif not plan.partner:
            raise RowError(self.env._("The partner has been deleted in the meantime."))

    def _plan_answers(self, plan, books, reader):
        plan.date = reader.get_date(plan.row.cells)
        answers = self.env["crm.profiling.answer"]
        for column, book in books.items():
            cell = reader.get_cell(plan.row.cells, column)
            given, unknown = book.recognize(cell)
            if given:
                plan.answers[column.question_id] = answers.browse(given)
            plan.left_out += [f"{column.name}: {text}" for text in unknown]

    def _create_partners(self, plans):
        partners = self.env["res.partner"].with_context(tracking_disable=True)
        created = partners.create([plan.values for plan in plans])
        for plan, partner in zip(plans, created, strict=True):
            plan.partner = partner.with_env(self.env)
        # external ids of new partners only, and none that is taken: see `_settle`
        self.env["ir.model.data"]._update_xmlids(
            [
                {"xml_id": plan.row.xmlid, "record": plan.partner}
                for plan in plans
                if plan.row.xmlid
            ]
        )

    def _save(self, plans):
        """Save the answers of all, then bring their segments up to date at once."""
        saving = self.env["crm.profiling.response"].with_context(
            crm_profiling_saving=True
        )
        self._keep_newer(plans)
        by_date = defaultdict(dict)
        for plan in plans:
            if plan.answers:
                by_date[plan.date][plan.partner] = plan.answers
        for date, given in by_date.items():
            values = {"date": date} if date else {}
            saving._save_answers(given, self.questionnaire_id, **values)
        partners = self.env["res.partner"].union(*chain(*by_date.values()))
        if partners:
            partners._on_responses_changed()

    def _keep_newer(self, plans):
        """Leave out answers of a date before those that are in force."""
        dated = [plan for plan in plans if plan.date and not plan.values]
        if not dated:
            return
        known = self.env["crm.profiling.response"].search_fetch(
            [
                ("partner_id", "in", [plan.partner.id for plan in dated]),
                ("date", ">", min(plan.date for plan in dated)),
            ],
            ["partner_id", "question_id", "date"],
        )
        newest = {}
        for response in known:
            key = response.partner_id, response.question_id
            newest[key] = max(newest.get(key, response.date), response.date)
        for plan in dated:
            for question in list(plan.answers):
                if newest.get((plan.partner, question), plan.date) > plan.date:
                    del plan.answers[question]
                    plan.left_out.append(
                        self.env._("%s: there is a newer answer", question.name)
                    )

    def _mark(self, marks):
        """Say what became of rows, in one statement: (id, partner, state, remark)."""
        if not marks:
            return
        # by SQL: the rows are written together, and users may not
        self.env.flush_all()
        ids, partners, states, problems = zip(*marks, strict=True)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_profiling_import_row r
                SET partner_id = COALESCE(m.partner_id, r.partner_id), state = m.state,
                    problem = NULLIF(m.problem, '')
                FROM unnest(%s::int[], %s::int[], %s::text[], %s::text[])
                    AS m(id, partner_id, state, problem)
                WHERE m.id = r.id""",
                list(ids),
                list(partners),
                list(states),
                list(problems),
            )
        )
        self._forget_rows()

    # ------------------------------------------------------------
    # AFTERWARDS
    # ------------------------------------------------------------

    def _write_errors(self):
        """Write the rows that were not imported into a file, and give it, open.

        XLSX of texts: nothing in it is ever a formula, and it can be imported again.
        """
        stream = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
        book = xlsxwriter.Workbook(
            stream, {"constant_memory": True, "strings_to_formulas": False}
        )
        sheet = book.add_worksheet()
        headers = self.column_ids.mapped("name")
        for place, text in enumerate([*headers, self.env._("Not Imported Because")]):
            sheet.write_string(0, place, text)
        for line, (cells, reason) in enumerate(self._get_errors(), 1):
            for place, text in enumerate(cells[: len(headers)]):
                sheet.write_string(line, place, text)
            sheet.write_string(line, len(headers), reason)
        book.close()
        stream.seek(0)
        return stream

    def _get_errors(self):
        """Give (cells, reason) of each row that was not imported, a page at a time."""
        rows, last = self.env["crm.profiling.import.row"], 0
        findings = dict(rows._fields["finding"]._description_selection(self.env))
        domain = [("import_id", "=", self.id), ("state", "in", ("skipped", "failed"))]
        while page := rows.search_fetch(
            [*domain, ("number", ">", last)],
            ["number", "cells", "state", "finding", "problem"],
            limit=_ERROR_PAGE,
            order="number, id",
        ):
            for row in page:
                why = [row.problem]
                if row.state == "skipped":
                    why.insert(0, findings.get(row.finding))
                yield row.cells, ": ".join(filter(None, why))
            last = page[-1].number
            page.invalidate_recordset()
