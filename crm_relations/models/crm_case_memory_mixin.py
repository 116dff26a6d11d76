from odoo import api, fields, models

from ..tools import transitions

# what is logged with the partner when a case comes to a state, by the kind's code
_LOGGED_STATES = {
    transitions.OPEN: "case_open",
    transitions.DONE: "case_done",
    transitions.CANCEL: "case_cancel",
}
_MARK_FIELDS = ("sentiment", "date_sentiment", "partner_id", "company_id")


class CrmCaseMemoryMixin(models.AbstractModel):
    """What a case leaves in the memory of its partner: events, marks and ratings."""

    _name = "crm.case.memory.mixin"
    _description = "Case in the Memory of its Partner"

    event_ids = fields.One2many("crm.partner.event", "case_id", "Events")
    date_sentiment = fields.Datetime(
        "Sentiment Given on",
        compute="_compute_date_sentiment",
        store=True,
        precompute=True,
        readonly=False,
        copy=False,
    )
    partner_figures = fields.Json(compute="_compute_partner_figures")
    # the marks of one partner, and those of a night's window
    _mark_partner_idx = models.Index("(partner_id) WHERE sentiment IS NOT NULL")
    _mark_company_idx = models.Index(
        "(commercial_partner_id) WHERE sentiment IS NOT NULL"
    )
    _mark_date_idx = models.Index("(date_sentiment) WHERE sentiment IS NOT NULL")

    @api.depends("sentiment")
    def _compute_date_sentiment(self):
        now = fields.Datetime.now()
        for case in self:
            case.date_sentiment = False if case.sentiment is False else now

    @api.depends("partner_id")
    @api.depends_context("uid", "allowed_company_ids", "lang", "tz")
    def _compute_partner_figures(self):
        for case in self:
            case.partner_figures = case.partner_id.relation_figures or []

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        cases = super().create(vals_list)
        # an import may say when it was
        cases._log_states(lambda case: case.date_closed or case.date_open)
        # nobody has rated them yet
        cases.filtered(lambda case: case.sentiment is not False)._update_sentiment()
        return cases

    def write(self, vals):
        before = {case.id: case.state for case in self} if _has_state(vals) else {}
        marked = self._get_marked() if _has_mark(vals) else self.browse()
        partners = marked.partner_id
        result = super().write(vals)
        if before:
            moved = self.filtered(lambda case: case.state != before[case.id])
            moved._log_states()
            moved.filtered(lambda case: case.state == transitions.DONE)._ask_rating()
        if _has_mark(vals):
            (marked | self._get_marked())._update_sentiment(partners)
        return result

    def unlink(self):
        partners = self._get_marked().partner_id
        result = super().unlink()
        self.env["crm.partner.sentiment"]._update_partners(partners)
        return result

    def _get_marked(self):
        """Give the cases with a mark of ours or of the customer."""
        marked = self.filtered(lambda case: case.sentiment is not False)
        rest = self - marked
        if rest and rest.partner_id:
            # sudo: only which of these cases have been rated
            rated = self.env["rating.rating"].sudo()
            rated = rated.search(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", rest.ids),
                    ("consumed", "=", True),
                ]
            )
            marked |= self.browse(set(rated.mapped("res_id")))
        return marked

    def _update_sentiment(self, partners=None):
        partners = (partners or self.env["res.partner"]) | self.partner_id
        self.env["crm.partner.sentiment"]._update_partners(partners)

    def _log_states(self, get_date=None):
        """Write an event for each case that came to a state worth one.

        :param get_date: function that gives the moment for a case; without it, now
        """
        for state, cases in self.grouped("state").items():
            code = _LOGGED_STATES.get(state)
            known = cases.filtered("partner_id")
            if code and known:
                self.env["crm.partner.event"]._log(
                    code,
                    [
                        case._prepare_event(get_date and get_date(case))
                        for case in known
                    ],
                )

    def _prepare_event(self, date=None):
        self.ensure_one()
        return {
            "date": date or fields.Datetime.now(),
            "name": self.display_name,
            "partner_id": self.partner_id.id,
            "case_id": self.id,
            "reference": f"{self._name},{self.id}",
            "company_id": self.company_id.id,
            "planned_revenue": self.planned_revenue,
            "planned_cost": self.planned_cost,
        }

    # ------------------------------------------------------------
    # RATING
    # ------------------------------------------------------------

    def _ask_rating(self):
        """Ask the customers of closed cases how it was, where the section wants it.

        Through Odoo's rating: a mail with three faces. Its answer is part of the
        partner's sentiment. Nobody is asked whom no mail reaches.
        """
        for case in self.filtered("section_id.rating_template_id"):
            if case.partner_id.email_normalized:
                # queued: the one who closes the case does not wait for mail
                case.rating_send_request(
                    case.section_id.rating_template_id,
                    lang=case.partner_id.lang,
                    force_send=False,
                )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_log_event(self):
        """Open the dialog that logs a call or another event about these cases."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_partner_event_log_action"
        )
        return action | {
            "context": {
                "default_partner_ids": self.partner_id.ids,
                "default_case_id": self.id if len(self) == 1 else False,
            }
        }

    def action_view_partner_history(self):
        """Open the timeline of the case's partner."""
        self.ensure_one()
        return self.partner_id.action_view_history()


def _has_state(vals):
    return "state" in vals or "stage_id" in vals


def _has_mark(vals):
    return not vals.keys().isdisjoint(_MARK_FIELDS)
