from odoo import fields, models
from odoo.tools import SQL

ERROR_LIMIT = 2000  # characters kept of what went wrong


class CrmCaseRuleLedgerMixin(models.AbstractModel):
    """What a rule enters into the ledger of its runs: once per case and occasion."""

    _name = "crm.case.rule.ledger.mixin"
    _description = "Rule Ledger"

    def _write_runs(self, cases, occasions, result, details=None):
        """Enter the occasions that are not in the ledger yet, in one statement.

        :param details: {case id: text}
        :return: {case id: id of the new run}
        """
        details, cause = details or {}, self._get_cause()
        columns = zip(
            *(
                (
                    case_id,
                    occasions[case_id],
                    details.get(case_id),
                    cause.run_ids.get(case_id),
                )
                for case_id in cases.ids
            ),
            strict=True,
        )
        # SQL: the ledger refuses the ORM's create, and only the database can enter
        # what is not there yet and say which that was
        query = SQL(
            """INSERT INTO crm_case_rule_run
                (rule_id, date, result, case_id, occasion, detail, parent_id)
            SELECT %s, %s, %s, *
              FROM unnest(%s::int[], %s::text[], %s::text[], %s::int[])
                ON CONFLICT (rule_id, case_id, occasion) DO NOTHING
            RETURNING case_id, id""",
            self.id,
            fields.Datetime.now(),
            result,
            *map(list, columns),
        )
        if not cases:
            return {}
        written = dict(self.env.execute_query(query))
        cases.invalidate_recordset(["rule_run_ids"], flush=False)
        return written

    def _remark_runs(self, runs, remarks):
        """Enter into runs that are just being written what was left out.

        :param runs: {case id: id of the run}
        :param remarks: {case id: list of texts}
        """
        rows = [
            (runs[case_id], "\n".join(dict.fromkeys(texts)))
            for case_id, texts in remarks.items()
            if texts and case_id in runs
        ]
        if not rows:
            return
        # SQL: see `_write_runs`; nobody has seen these rows yet
        self.env.execute_query(
            SQL(
                """UPDATE crm_case_rule_run run SET detail = remark.text
                  FROM unnest(%s::int[], %s::text[]) AS remark(id, text)
                 WHERE run.id = remark.id RETURNING run.id""",
                *map(list, zip(*rows, strict=True)),
            )
        )
        self.env["crm.case.rule.run"].invalidate_model(["detail"], flush=False)

    def _set_aside(self, case, occasion, error):
        """Keep what went wrong in the ledger and try again later."""
        text = str(error)[:ERROR_LIMIT] or type(error).__name__
        timer = self.env["crm.case.timer"]._keep_failed(
            self, case, occasion, text, self._get_cause().run_ids.get(case.id)
        )
        # the attempt is an occasion of its own, so that the one to come stays free
        self._write_runs(
            case, {case.id: f"{occasion}!{timer.attempts}"}, "failed", {case.id: text}
        )
