from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

BATCH = 500  # rows per transaction; see bench/results/import.json

FINDINGS = [
    ("xmlid", "Found by external ID"),
    ("email", "Found by mail"),
    ("ref", "Found by reference"),
    ("vat", "Found by tax ID"),
    ("hand", "Chosen by hand"),
    ("new", "To be created"),
    ("several", "Several partners"),
    ("double", "Double in the file"),
    ("mail", "Invalid mail"),
    ("invalid", "Cannot be created"),
]
# columns that are no fields of partners
EXTERNAL_ID, DATE = "id", "answers.date"
_SIMPLE = (
    "boolean",
    "char",
    "date",
    "float",
    "integer",
    "many2one",
    "selection",
    "text",
)


class CrmProfilingImportColumn(models.Model):
    """One column of the file: a question, something about the partner, or left out."""

    _name = "crm.profiling.import.column"
    _description = "Column of an Import"
    _order = "import_id, place, id"

    import_id = fields.Many2one(
        "crm.profiling.import", required=True, index=True, ondelete="cascade"
    )
    place = fields.Integer(readonly=True)
    name = fields.Char("Header", readonly=True)
    sample = fields.Char("For Instance", readonly=True)
    question_id = fields.Many2one(
        "crm.profiling.question",
        help="The cells are answers to it. Neither this nor a field: left out.",
        ondelete="cascade",
    )
    field_name = fields.Selection(
        "_selection_field_name",
        "About the Partner",
        help="What the cells say about the partner.",
    )

    @api.model
    def _selection_field_name(self):
        """Offer every plain field of partners that the user may fill in."""
        found = self.env["res.partner"].fields_get(
            attributes=["string", "type", "readonly", "store"]
        )
        names = [
            (name, values["string"])
            for name, values in found.items()
            if values["type"] in _SIMPLE and values["store"] and not values["readonly"]
        ]
        return [
            (EXTERNAL_ID, self.env._("External ID")),
            (DATE, self.env._("Date of the Answers")),
            *sorted(names, key=lambda pair: pair[1].casefold()),
        ]

    @api.onchange("question_id")
    def _onchange_question_id(self):
        if self.question_id:
            self.field_name = False

    @api.onchange("field_name")
    def _onchange_field_name(self):
        if self.field_name:
            self.question_id = False

    @api.constrains("question_id", "field_name")
    def _check_one_meaning(self):
        for column in self:
            if column.question_id and column.field_name:
                raise ValidationError(
                    self.env._(
                        "Column “%s”: choose a question or a field, not both.",
                        column.name,
                    )
                )


class CrmProfilingImportValue(models.Model):
    """One text that is no answer to its column's question, and what it is to mean.

    Undecided texts are left out.
    """

    _name = "crm.profiling.import.value"
    _description = "Unknown Answer of an Import"
    _order = "import_id, column_id, row_count desc, id"

    import_id = fields.Many2one(
        "crm.profiling.import", required=True, index=True, ondelete="cascade"
    )
    column_id = fields.Many2one(
        "crm.profiling.import.column",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    question_id = fields.Many2one(related="column_id.question_id")
    name = fields.Char("Text", required=True, readonly=True)
    row_count = fields.Integer("Number of Rows", readonly=True)
    row_numbers = fields.Char("In Rows", readonly=True)
    proposal_ids = fields.Many2many(
        "crm.profiling.answer", string="Nearest", readonly=True
    )
    answer_id = fields.Many2one(
        "crm.profiling.answer",
        "Treat As",
        domain="[('question_id', '=', question_id)]",
        ondelete="cascade",
        help="Empty: left out.",
    )
    is_added = fields.Boolean(
        "Add", help="Make it an answer of the question, once the import is accepted."
    )

    @api.onchange("answer_id")
    def _onchange_answer_id(self):
        if self.answer_id:
            self.is_added = False

    @api.onchange("is_added")
    def _onchange_is_added(self):
        if self.is_added:
            self.answer_id = False

    @api.constrains("answer_id", "is_added")
    def _check_decision(self):
        for value in self:
            if value.answer_id and value.is_added:
                raise ValidationError(
                    self.env._(
                        "Text “%s”: treat it as an answer or add it, not both.",
                        value.name,
                    )
                )
            if value.answer_id and value.answer_id.question_id != value.question_id:
                raise ValidationError(
                    self.env._(
                        "Treat As: “%(answer)s” does not answer “%(question)s”.",
                        answer=value.answer_id.name,
                        question=value.question_id.name,
                    )
                )

    def write(self, vals):
        """Refuse at once what could not be accepted: who may add answers is in ACL."""
        if vals.get("is_added"):
            self.env["crm.profiling.answer"].check_access("create")
        return super().write(vals)

    def action_take_nearest(self):
        """Treat these texts as the answers that are written most alike."""
        for value in self.filtered("proposal_ids"):
            value.write({"answer_id": value.proposal_ids[0].id, "is_added": False})
        return True


class CrmProfilingImportRow(models.Model):
    """One row of the file: whom it is about, and what became of it.

    Written in bulk by its import; of people, only the partner may be chosen, where
    several were found.
    """

    _name = "crm.profiling.import.row"
    _description = "Row of an Import"
    _order = "import_id, number, id"
    _rec_name = "number"
    _log_access = False

    import_id = fields.Many2one(
        "crm.profiling.import",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    number = fields.Integer("Row", readonly=True, aggregator=None)
    cells = fields.Json(readonly=True)
    summary = fields.Char("Content", compute="_compute_summary")
    xmlid = fields.Char("External ID", readonly=True)
    email = fields.Char("Mail", readonly=True)
    ref = fields.Char("Reference", readonly=True)
    vat = fields.Char("Tax ID", readonly=True)
    wrong_mail = fields.Char(readonly=True)
    partner_id = fields.Many2one(
        "res.partner", index="btree_not_null", ondelete="set null"
    )
    finding = fields.Selection(FINDINGS, readonly=True)
    state = fields.Selection(
        [
            ("todo", "To be imported"),
            ("skipped", "Left out"),
            ("done", "Imported"),
            ("failed", "Failed"),
        ],
        readonly=True,
    )
    problem = fields.Text("Remark", readonly=True)

    # what is next, and what to count
    _state_idx = models.Index("(import_id, state, number)")

    @api.depends("cells")
    def _compute_summary(self):
        for row in self:
            row.summary = " · ".join(cell for cell in row.cells or [] if cell)

    def write(self, vals):
        """Let people choose the partner where several were found, and nothing else.

        :raise AccessError: anything else is the import's
        """
        if self.env.su:
            return super().write(vals)
        if set(vals) != {"partner_id"} or any(
            row.import_id.state != "preview" or row.finding not in ("several", "hand")
            for row in self
        ):
            raise AccessError(
                self.env._(
                    "Rows: only the partner may be chosen, where several were found."
                )
            )
        self.env["res.partner"].browse(vals["partner_id"] or []).check_access("read")
        chosen = bool(vals["partner_id"])
        return super().write(
            {
                **vals,
                "finding": "hand" if chosen else "several",
                "state": "todo" if chosen else "skipped",
            }
        )


class ResPartner(models.Model):
    """A person who is erased is erased from imports as well."""

    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    def _erase_partner(self, partner):
        result = super()._erase_partner(partner)
        # sudo: whoever may erase a person need not see who imported him
        rows = self.env["crm.profiling.import.row"].sudo()
        rows = rows.search([("partner_id", "in", partner.ids)])
        names = ("email", "ref", "vat", "xmlid", "wrong_mail", "problem")
        rows.write({"cells": [], **dict.fromkeys(names, False)})
        # the file names him too, and has done its work
        done = rows.import_id.filtered(lambda job: job.state == "done")
        for job in done:
            job._get_attachment().unlink()
        return result
