from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .crm_profiling_import_row import BATCH

_KEPT_DAYS = 60  # after which rows and file of an import are deleted
_STATES = [
    ("draft", "File"),
    ("columns", "Columns"),
    ("reading", "Being Read"),
    ("preview", "Preview"),
    ("working", "Being Imported"),
    ("done", "Done"),
]


class CrmProfilingImport(models.Model):
    """One spreadsheet of answers, a row per prospect, on its way in.

    File, columns, preview: until it is accepted nothing is written but its own rows.
    Whoever accepts it is the author of the answers, and all is done with his rights.
    """

    _name = "crm.profiling.import"
    _inherit = [
        "crm.profiling.import.columns.mixin",
        "crm.profiling.import.stage.mixin",
        "crm.profiling.import.match.mixin",
        "crm.profiling.import.apply.mixin",
    ]
    _description = "Import of Answers"
    _order = "id desc"

    name = fields.Char("File Name", required=True)
    file = fields.Binary(attachment=True, required=True, copy=False)
    state = fields.Selection(
        _STATES, required=True, default="draft", readonly=True, copy=False
    )
    user_id = fields.Many2one(
        "res.users", "Imported By", default=lambda self: self.env.user, readonly=True
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        readonly=True,
    )
    questionnaire_id = fields.Many2one(
        "crm.profiling.questionnaire",
        help="Its questions are looked for first, and the answers are noted as given in"
        " it. Empty: all questions.",
    )
    file_kind = fields.Char("Kind of File", readonly=True, copy=False)
    encoding = fields.Selection(
        [
            ("utf-8-sig", "Unicode (UTF-8)"),
            ("utf-16", "Unicode (UTF-16)"),
            ("utf-16-le", "Unicode (UTF-16, little-endian)"),
            ("utf-16-be", "Unicode (UTF-16, big-endian)"),
            ("cp1252", "Western (Latin-1, Windows-1252)"),
        ],
        copy=False,
        help="Found out by itself. Change it if letters look wrong, and read again.",
    )
    separator = fields.Selection(
        [(";", "Semicolon"), (",", "Comma"), ("\t", "Tab"), ("|", "Bar")],
        copy=False,
        help="Found out by itself. Change it if columns look wrong, and read again.",
    )
    column_ids = fields.One2many(
        "crm.profiling.import.column", "import_id", "Columns", copy=False
    )
    value_ids = fields.One2many(
        "crm.profiling.import.value", "import_id", "Unknown Answers", copy=False
    )
    row_ids = fields.One2many(
        "crm.profiling.import.row", "import_id", "Rows", copy=False
    )
    rows_read = fields.Integer("Last Row Read", readonly=True, copy=False)
    message = fields.Text("What Went Wrong", readonly=True, copy=False)
    date_done = fields.Datetime("Finished On", readonly=True, copy=False)

    new_count = fields.Integer("New Partners", compute="_compute_counts")
    found_count = fields.Integer("Partners Found", compute="_compute_counts")
    several_count = fields.Integer("Several Partners", compute="_compute_counts")
    double_count = fields.Integer("Doubles in the File", compute="_compute_counts")
    mail_count = fields.Integer("Invalid Mails", compute="_compute_counts")
    invalid_count = fields.Integer("Cannot Be Created", compute="_compute_counts")
    todo_count = fields.Integer("To Be Imported", compute="_compute_counts")
    done_count = fields.Integer("Imported", compute="_compute_counts")
    failed_count = fields.Integer("Failed", compute="_compute_counts")
    left_count = fields.Integer("Left Out", compute="_compute_counts")
    remark_count = fields.Integer(
        "Imported in Part",
        compute="_compute_remark_count",
        help="Rows of which an answer was left out.",
    )
    progress = fields.Float(compute="_compute_counts")

    @api.depends("row_ids.finding", "row_ids.state")
    def _compute_counts(self):
        """Count rows by what was found and what became of them: one query."""
        groups = self.env["crm.profiling.import.row"]._read_group(
            [("import_id", "in", self.ids)],
            ["import_id", "finding", "state"],
            ["__count"],
        )
        for job in self:
            own = [group[1:] for group in groups if group[0] == job._origin]
            by_finding, by_state = {}, {}
            for finding, state, count in own:
                by_finding[finding] = by_finding.get(finding, 0) + count
                by_state[state] = by_state.get(state, 0) + count
            for finding in ("new", "several", "double", "mail", "invalid"):
                job[f"{finding}_count"] = by_finding.pop(finding, 0)
            job.found_count = sum(by_finding.values()) - by_finding.get(False, 0)
            job.todo_count = by_state.get("todo", 0)
            job.done_count = by_state.get("done", 0)
            job.failed_count = by_state.get("failed", 0)
            job.left_count = by_state.get("skipped", 0)
            ended = job.done_count + job.failed_count
            job.progress = 100 * ended / (ended + job.todo_count or 1)

    @api.depends("row_ids.problem", "row_ids.state")
    def _compute_remark_count(self):
        counts = dict(
            self.env["crm.profiling.import.row"]._read_group(
                [
                    ("import_id", "in", self.ids),
                    ("state", "=", "done"),
                    ("problem", "!=", False),
                ],
                ["import_id"],
                ["__count"],
            )
        )
        for job in self:
            job.remark_count = counts.get(job._origin, 0)

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Keep to whom an import belongs: it is done with that user's rights."""
        if not self.env.su:
            vals_list = [{**vals, "user_id": self.env.uid} for vals in vals_list]
        return super().create(vals_list)

    def write(self, vals):
        """Keep to whom an import belongs; a new file is read anew."""
        if not self.env.su and vals.get("user_id", self.env.uid) != self.env.uid:
            raise AccessError(
                self.env._(
                    "Imported By: an import is done with the rights of its user."
                )
            )
        if "file" in vals:
            for job in self:
                job._expect("draft", "columns", "reading", "preview")
            vals = {**vals, "state": "draft", "encoding": False, "separator": False}
        return super().write(vals)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_read_columns(self):
        """Read the first rows: what kind of file it is, and what its columns are."""
        self._expect("draft", "columns", "preview")
        self._read_columns()
        self.write({"state": "columns", "message": False})
        return True

    def action_preview(self):
        """Read all rows and look up what they mean; nothing of it is written yet.

        A small file at once, a large one in the background.
        """
        self._expect("columns", "preview")
        self._check_columns()
        self._clear()
        self.write({"state": "reading", "rows_read": 0, "message": False})
        if self._get_size() > self._get_size_at_once():
            self._trigger_cron()
        else:
            self._stage()
        return True

    def action_back(self):
        """Go back to the columns; what was read is forgotten."""
        self._expect("reading", "preview")
        self._clear()
        self.write({"state": "columns", "rows_read": 0})
        return True

    def action_apply(self):
        """Accept the preview: the rows go in, few at once, many in the background."""
        self._expect("preview")
        if not self.todo_count:
            raise UserError(
                self.env._("Rows: there is none to import; see the reasons in Rows.")
            )
        self.user_id = self.env.user
        self._add_answers()
        self.write({"state": "working", "message": False})
        if self.todo_count <= BATCH:
            self._apply_batch()
        if self.state == "working":
            self._trigger_cron()
        return True

    def action_view_rows(self):
        """Open the rows, those that need a look first."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_profiling_import_row_action"
        )
        only = self.env.context.get("crm_profiling_import_filter")
        return action | {
            "display_name": self.env._("Rows of %s", self.name),
            "domain": [("import_id", "=", self.id)],
            "context": {f"search_default_{only}": 1} if only else {},
        }

    def action_download_errors(self):
        """Download the rows that were not imported, with the reason of each."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/crm/profiling/import/{self.id}/errors",
            "target": "download",
        }

    def _expect(self, *states):
        """Refuse what does not fit the step an import is at.

        :raise UserError: another one pressed a button in the meantime
        """
        self.ensure_one()
        if self.state not in states:
            labels = dict(self._fields["state"]._description_selection(self.env))
            raise UserError(
                self.env._(
                    "State: the import is at “%s” by now. Reload the page.",
                    labels[self.state],
                )
            )

    def _trigger_cron(self):
        # sudo: whoever imports, the rest follows in the background
        self.env.ref("crm_relations.ir_cron_profiling_import").sudo()._trigger()

    # ------------------------------------------------------------
    # CLEANING UP
    # ------------------------------------------------------------

    @api.autovacuum
    def _gc_imports(self):
        """Delete old imports: their rows and files are about people."""
        limit = fields.Datetime.now() - timedelta(days=_KEPT_DAYS)
        found = self.search(
            [("write_date", "<", limit), ("state", "not in", ("reading", "working"))],
            limit=11,
        )
        found[:10].unlink()
        return len(found[:10]), len(found) > 10
