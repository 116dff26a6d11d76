from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import plaintext2html

from ..tools.call_states import OPEN, UNFINISHED
from .crm_profiling_attempt import RESULTS

STATES = [
    ("todo", "To call"),
    ("working", "In hand"),
    ("again", "Call again"),
    ("missed", "Not reached"),
    ("done", "Answered"),
    ("refused", "Refused"),
    ("given_up", "Gave up"),
    ("excluded", "Not to be called"),
]
_PAUSE = 15  # minutes until a partner handed back is offered again


class CrmProfilingCall(models.Model):
    """One partner on the list of one campaign, called until something comes of it.

    Nobody writes its state by hand: an operator takes it in hand, and says what came of
    each call (`crm.profiling.attempt`), or hands it back.
    """

    _name = "crm.profiling.call"
    _description = "Partner to Call"
    _inherit = ["crm.profiling.call.desk.mixin"]
    _order = "campaign_id, id"
    _rec_name = "partner_id"
    _check_company_auto = True

    campaign_id = fields.Many2one(
        "crm.profiling.campaign", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="campaign_id.company_id", store=True, precompute=True
    )
    partner_id = fields.Many2one(
        "res.partner",
        required=True,
        index=True,
        ondelete="cascade",
        check_company=True,
    )
    phone = fields.Char(
        compute="_compute_phone", help="The partner's, else that of the company."
    )
    user_id = fields.Many2one(
        "res.users",
        "Operator",
        index="btree_not_null",
        ondelete="set null",
        help="Who has it in hand, promised to call again, or is to call. Empty: "
        "whoever is free.",
    )
    state = fields.Selection(STATES, required=True, readonly=True, default="todo")
    result = fields.Selection(RESULTS, "Last Result", readonly=True, copy=False)
    attempt_ids = fields.One2many("crm.profiling.attempt", "call_id", "Calls")
    attempt_count = fields.Integer("Calls Made", readonly=True, copy=False)
    missed_count = fields.Integer("Times Not Reached", readonly=True, copy=False)
    date_next = fields.Datetime(
        "Next Call", readonly=True, copy=False, help="Empty: at any time."
    )
    date_taken = fields.Datetime("In Hand Since", readonly=True, copy=False)
    date_hold_end = fields.Datetime(
        "In Hand Until",
        readonly=True,
        copy=False,
        help="Then it is given to somebody else.",
    )
    is_mine = fields.Boolean(related="campaign_id.is_mine")
    note = fields.Text(help="What the next operator should know.")

    _partner_uniq = models.UniqueIndex(
        "(campaign_id, partner_id)", "Partner: is on the list of this campaign already."
    )
    # whatever programs do: nobody is called by two at a time, over all campaigns…
    _partner_in_hand_uniq = models.UniqueIndex(
        "(partner_id) WHERE state = 'working'",
        "Partner: somebody is calling this partner right now.",
    )
    # …and nobody calls two at a time
    _user_in_hand_uniq = models.UniqueIndex(
        "(user_id) WHERE state = 'working'",
        "Operator: this person has another partner in hand.",
    )
    _state_idx = models.Index("(campaign_id, state)")
    _todo_idx = models.Index("(campaign_id, id) WHERE state = 'todo'")
    _due_idx = models.Index(
        "(campaign_id, date_next) WHERE state IN ('again', 'missed')"
    )
    _hold_idx = models.Index("(date_hold_end) WHERE state = 'working'")

    @api.depends("partner_id.phone", "partner_id.commercial_partner_id.phone")
    def _compute_phone(self):
        for call in self:
            partner = call.partner_id
            call.phone = partner.phone or partner.commercial_partner_id.phone

    @api.constrains("user_id", "campaign_id")
    def _check_user_id(self):
        for call in self.filtered(lambda call: call.state in UNFINISHED):
            if call.user_id and call.user_id not in call.campaign_id.operator_ids:
                raise ValidationError(
                    self.env._(
                        "Operator: %(user)s does not call for “%(campaign)s”.",
                        user=call.user_id.name,
                        campaign=call.campaign_id.name,
                    )
                )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Put partners on the list; where lists are dealt out, deal them at once."""
        if self.env.context.get("import_file"):
            return self._import(vals_list)
        calls = super().create(vals_list)
        # sudo: a partner's wish is heeded, not shown
        unwilling = calls.sudo().partner_id.filtered(
            lambda partner: partner.do_not_call or not partner.active
        )
        self._exclude_partners(unwilling)
        calls.campaign_id._deal()
        return calls

    @api.model
    def _import(self, vals_list):
        """Leave those as they are who are on the list already, or twice in the file.

        So that a file that has grown can be imported again.

        :return: a call for each row
        """
        default = self.default_get(["campaign_id"]).get("campaign_id")
        keys = [
            (vals.get("campaign_id") or default, vals.get("partner_id") or -row)
            for row, vals in enumerate(vals_list, 1)
        ]
        listed = self.search_fetch(
            Domain("campaign_id", "in", [campaign for campaign, _ in keys])
            & Domain("partner_id", "in", [partner for _, partner in keys]),
            ["campaign_id", "partner_id"],
        )
        found = {(call.campaign_id.id, call.partner_id.id): call for call in listed}
        # of rows without a partner Odoo says what is wrong
        rows = dict(zip(reversed(keys), reversed(vals_list), strict=True))
        new = [key for key in dict.fromkeys(keys) if key not in found]
        plain = self.with_context(import_file=False)
        calls = plain.create([rows[key] for key in new])
        found.update(zip(new, calls, strict=True))
        return self.browse([found[key].id for key in keys])

    @api.model
    def _exclude_partners(self, partners):
        """Take partners off all lists: they do not want calls, or are gone."""
        # sudo: a partner's wish holds for campaigns that this person does not see
        calls = self.sudo().search(
            Domain("partner_id", "in", partners.ids) & Domain("state", "in", OPEN)
        )
        calls.write({"state": "excluded", "user_id": False, "date_next": False})

    def action_reopen(self):
        """Call partners once more who were through with; managers only."""
        ended = self.filtered(lambda call: call.state not in UNFINISHED)
        ended.write(
            {
                "state": "todo",
                "result": False,
                "missed_count": 0,
                "date_next": False,
                "user_id": False,
            }
        )
        ended.campaign_id._deal()

    # ------------------------------------------------------------
    # RESULTS
    # ------------------------------------------------------------

    def action_missed(self, note=""):
        """Say that nobody answered: tried again later, or given up."""
        call = self._claim()
        campaign = call.campaign_id
        given_up = call.missed_count + 1 >= campaign.max_attempts
        later = fields.Datetime.now() + timedelta(hours=campaign.hours_wait)
        return call._record(
            "missed",
            note,
            state="given_up" if given_up else "missed",
            missed_count=call.missed_count + 1,
            date_next=not given_up and later,
            # whoever is free tries again, unless lists are dealt out
            user_id=campaign.distribution == "dealt" and self.env.uid,
        )

    def action_again(self, date, note=""):
        """Promise to call again, at a moment that belongs to this operator.

        :param date: naive UTC datetime, or its text
        :raise UserError: it is past
        """
        date = fields.Datetime.to_datetime(date)
        if not date or date <= fields.Datetime.now():
            raise UserError(self.env._("Call again at: choose a moment to come."))
        return self._claim()._record("again", note, date_next=date)

    def action_refuse(self, note="", do_not_call=False):
        """Say that the partner does not want to answer.

        :param do_not_call: nor to be called ever again, by any campaign
        """
        call = self._claim()
        call._record("refused", note)
        if do_not_call:
            call.partner_id.do_not_call = True
        return True

    def action_hand_back(self, note=""):
        """Leave it to somebody else: nobody was called."""
        call = self._claim()
        if note:
            call.note = note
        # else the same operator would get it again at once
        pause = fields.Datetime.now() + timedelta(minutes=_PAUSE)
        call.date_next = max(call.date_next or pause, pause)
        call._give_back()
        return True

    def _finish(self, note=""):
        """Be told that the questionnaire was answered to its end.

        By whichever operator: answers are not lost because somebody else has the
        partner in hand after a long talk, who then learns that nothing is left to ask.
        """
        self.check_access("read")
        # sudo: operators change lists by results only
        call = self.sudo()
        if self.env.user in call.campaign_id.operator_ids and call.state in UNFINISHED:
            call._record("done", note, user_id=self.env.uid)

    def _record(self, result, note, **values):
        """Note what came of a call, for the list, the operator and the partner."""
        self.ensure_one()
        now = fields.Datetime.now()
        attempt = self.env["crm.profiling.attempt"].create(
            {
                "call_id": self.id,
                "user_id": self.env.uid,
                "date": now,
                "minutes": (now - (self.date_taken or now)).total_seconds() / 60,
                "result": result,
                "note": note or False,
            }
        )
        self.write(
            {
                "state": result,
                "result": result,
                "attempt_count": self.attempt_count + 1,
                "date_next": False,
                "date_taken": False,
                "date_hold_end": False,
                "note": note or self.note,
                **values,
            }
        )
        self._log_event(attempt)
        return True

    def _log_event(self, attempt):
        """Write the call into the partner's history."""
        label = dict(attempt._fields["result"]._description_selection(self.env))
        self.env["crm.partner.event"]._log(
            "profiling_call",
            [
                {
                    "name": f"{self.campaign_id.name}: {label[attempt.result]}",
                    "partner_id": self.partner_id.id,
                    "date": attempt.date,
                    "user_id": attempt.user_id.id,
                    "direction": "out",
                    "duration": attempt.minutes / 60,
                    "description": attempt.note and plaintext2html(attempt.note),
                    "company_id": self.company_id.id,
                }
            ],
        )

    def _give_back(self):
        """Leave these to whoever is free, as they were before they were taken."""
        for state, calls in self.grouped("state").items():
            values = {"user_id": False, "date_taken": False, "date_hold_end": False}
            if state != "working":
                calls.write(values)
                continue
            for result, same in calls.grouped("result").items():
                same.write(values | {"state": result or "todo"})
