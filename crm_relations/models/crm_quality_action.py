from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

BATCH = 200  # reminders per commit
CHECK_DAYS = 30  # from the due date of an action to the check of its effect
FOLLOW_UP_DAYS = 14  # what a follow-up has until it is due

OPEN, CHECK, DONE, CANCEL = "open", "check", "done", "cancel"


class CrmQualityAction(models.Model):
    """Something done so that a fault does not come back, and the check that it works.

    ISO 9001, 10.2: react, find the cause, act, and review whether it was effective. An
    action is to be done, then to be checked, then done; containment needs no check.
    What proves not effective leads to a follow-up.
    """

    _name = "crm.quality.action"
    _description = "Corrective or Preventive Action"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "date_deadline, id"
    _check_company_auto = True

    name = fields.Char("Action", required=True, tracking=True)
    active = fields.Boolean(default=True)
    kind = fields.Selection(
        [
            ("containment", "Containment"),
            ("corrective", "Corrective"),
            ("preventive", "Preventive"),
        ],
        required=True,
        default="corrective",
        tracking=True,
        help="Containment limits the damage at once, a corrective action removes the "
        "cause of a fault, a preventive one keeps a fault from arising.",
    )
    state = fields.Selection(
        [
            (OPEN, "To Do"),
            (CHECK, "To Check"),
            (DONE, "Done"),
            (CANCEL, "Cancelled"),
        ],
        required=True,
        default=OPEN,
        readonly=True,
        copy=False,
        tracking=True,
        group_expand=True,
    )
    case_id = fields.Many2one(
        "crm.case", index="btree_not_null", ondelete="cascade", check_company=True
    )
    partner_id = fields.Many2one(
        "res.partner",
        "Supplier",
        compute="_compute_partner_id",
        store=True,
        readonly=False,
        precompute=True,
        index="btree_not_null",
        check_company=True,
        tracking=True,
    )
    commercial_partner_id = fields.Many2one(
        "res.partner",
        "Company of the Supplier",
        related="partner_id.commercial_partner_id",
        store=True,
        precompute=True,
        index="btree_not_null",
    )
    company_id = fields.Many2one(
        "res.company",
        compute="_compute_company_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    user_id = fields.Many2one(
        "res.users",
        "Owner",
        required=True,
        index=True,
        default=lambda self: self.env.user,
        tracking=True,
        help="Sees to it that it is done, also if the supplier does it.",
    )
    date_deadline = fields.Date("Due", required=True, tracking=True)
    date_done = fields.Date("Done on", readonly=True, copy=False)
    root_cause = fields.Text(help="Why it could happen, not who was at fault.")
    work_done = fields.Text("What Was Done", copy=False)
    is_overdue = fields.Boolean(
        "Overdue", compute="_compute_is_overdue", search="_search_is_overdue"
    )

    # Is it effective?
    check_user_id = fields.Many2one(
        "res.users",
        "Checked by",
        index="btree_not_null",
        help="Empty: the owner checks it.",
    )
    date_check = fields.Date(
        "Check Due",
        compute="_compute_date_check",
        store=True,
        readonly=False,
        precompute=True,
        tracking=True,
        help="When it can be seen whether it works. Empty: it is not checked.",
    )
    date_checked = fields.Date("Checked on", readonly=True, copy=False)
    check_result = fields.Selection(
        [("effective", "Effective"), ("ineffective", "Not Effective")],
        readonly=True,
        copy=False,
        tracking=True,
    )
    check_note = fields.Text("What Was Found", copy=False)
    origin_id = fields.Many2one(
        "crm.quality.action",
        "Follows up",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
    )
    follow_up_ids = fields.One2many(
        "crm.quality.action", "origin_id", "Follow-ups", readonly=True
    )
    is_told = fields.Boolean("Told", copy=False, readonly=True)

    # what the scheduled action looks for: it reads what is due and nothing else
    _due_idx = models.Index(
        "(date_deadline) WHERE active AND state = 'open' AND is_told IS NOT TRUE"
    )
    _check_idx = models.Index(
        "(date_check) WHERE active AND state = 'check' AND is_told IS NOT TRUE"
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("case_id")
    def _compute_partner_id(self):
        for action in self:
            action.partner_id = action.case_id.partner_id or action.partner_id

    @api.depends("case_id")
    def _compute_company_id(self):
        for action in self:
            action.company_id = (
                action.case_id.company_id or action.company_id or self.env.company
            )

    @api.depends("date_deadline", "kind")
    def _compute_date_check(self):
        for action in self:
            if action.kind == "containment":
                action.date_check = False
            elif action.date_deadline and action.state in (False, OPEN):
                action.date_check = fields.Date.add(
                    action.date_deadline, days=CHECK_DAYS
                )

    @api.depends("state", "date_deadline", "date_check")
    def _compute_is_overdue(self):
        overdue = self.filtered_domain(self._get_overdue_domain())
        for action in self:
            action.is_overdue = action in overdue

    @api.model
    def _search_is_overdue(self, operator, value):
        if operator != "in":
            return NotImplemented
        overdue = self._get_overdue_domain()
        return Domain.OR(overdue if wanted else ~overdue for wanted in value)

    @api.model
    def _get_overdue_domain(self):
        """Give the domain of what should have been done, or checked, before today."""
        today = self.env.company._get_today()
        return (Domain("state", "=", OPEN) & Domain("date_deadline", "<", today)) | (
            Domain("state", "=", CHECK) & Domain("date_check", "<", today)
        )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        actions = super().create(vals_list)
        for user, own in actions.grouped("user_id").items():
            own.message_subscribe(partner_ids=user.partner_id.ids)
        return actions

    def write(self, vals):
        if {"state", "date_deadline", "date_check", "user_id"} & vals.keys():
            # what is due is due anew
            vals = {"is_told": False} | vals
        return super().write(vals)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_done(self):
        """Say that these are done: they wait for their check, if there is to be one.

        :raise UserError: it is not said what was done
        """
        todo = self.filtered(lambda action: action.state == OPEN)
        for action in todo:
            if not action.work_done:
                raise UserError(
                    self.env._(
                        "What Was Done: say it for “%s” before you close it.",
                        action.name,
                    )
                )
        todo._forget_activities()
        todo.date_done = self.env.company._get_today()
        checked = todo.filtered("date_check")
        checked.state = CHECK
        (todo - checked).state = DONE
        return True

    def action_effective(self):
        """Confirm that these work: the fault has not come back."""
        self._set_check_result("effective")
        return True

    def action_ineffective(self):
        """Say that these did not help, and make a follow-up for each."""
        failed = self._set_check_result("ineffective")
        follow_ups = self.create([action._prepare_follow_up() for action in failed])
        for action, follow_up in zip(failed, follow_ups, strict=True):
            action.message_post(
                body=self.env._(
                    "Not effective; it goes on in %s", follow_up._get_html_link()
                )
            )
        return follow_ups._get_form_action()

    def _set_check_result(self, result):
        """Note a check's result; what is not to be checked is left alone.

        :return: those concerned
        """
        concerned = self.filtered(lambda action: action.state == CHECK)
        concerned._forget_activities()
        concerned.write(
            {
                "check_result": result,
                "date_checked": self.env.company._get_today(),
                "state": DONE,
            }
        )
        return concerned

    def _prepare_follow_up(self):
        self.ensure_one()
        return {
            "name": self.env._("%s (follow-up)", self.name),
            "kind": self.kind,
            "case_id": self.case_id.id,
            "partner_id": self.partner_id.id,
            "company_id": self.company_id.id,
            "user_id": self.user_id.id,
            "check_user_id": self.check_user_id.id,
            "date_deadline": fields.Date.add(
                self.env.company._get_today(), days=FOLLOW_UP_DAYS
            ),
            "root_cause": self.root_cause,
            "origin_id": self.id,
        }

    def _get_form_action(self):
        if len(self) != 1:
            return True
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
        }

    def action_cancel(self):
        """Give these up."""
        self._forget_activities()
        self.state = CANCEL
        return True

    def action_reopen(self):
        """Put these back to what is to be done."""
        self.write(
            {
                "state": OPEN,
                "date_done": False,
                "date_checked": False,
                "check_result": False,
            }
        )
        return True

    # ------------------------------------------------------------
    # REMINDERS
    # ------------------------------------------------------------

    def _forget_activities(self):
        self.activity_unlink(["crm_relations.mail_activity_type_quality_action"])

    @api.model
    def _get_due_domain(self):
        """Give the domain of what is due by now and has not been told."""
        today = self.env.company._get_today()
        return Domain("is_told", "=", False) & Domain.OR(
            Domain("state", "=", state) & Domain(field, "<=", today)
            for state, field in ((OPEN, "date_deadline"), (CHECK, "date_check"))
        )

    @api.model
    def _cron_remind(self):
        """Plan an activity for what is due: once for the due date, once for the check.

        Costs what is due, not what exists; a date that is put off is told anew.
        """
        time_left = True
        while time_left and (
            due := self.search(self._get_due_domain(), limit=BATCH, order="id")
        ):
            due._remind()
            time_left = self.env["ir.cron"]._commit_progress(len(due))

    def _remind(self):
        """Plan the activity of each, for who is to act."""
        groups = self.grouped(
            lambda action: (action.state, action._get_actor(), action._get_due_date())
        )
        words = {
            OPEN: self.env._("Do what was agreed"),
            CHECK: self.env._("Check whether it was effective"),
        }
        for (state, user, date), actions in groups.items():
            actions.activity_schedule(
                "crm_relations.mail_activity_type_quality_action",
                date_deadline=date,
                summary=words[state],
                user_id=user.id,
            )
        self.is_told = True

    def _get_actor(self):
        return (self.state == CHECK and self.check_user_id) or self.user_id

    def _get_due_date(self):
        return self.date_check if self.state == CHECK else self.date_deadline
