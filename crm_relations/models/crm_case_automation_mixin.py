from odoo import api, fields, models

from .crm_case_mail_recipients_mixin import EXCHANGE_TYPES
from .crm_case_rule_trigger_mixin import CREATE, ENTER, ESCALATE, MESSAGE, MOVE, Event

# in the context while a mail makes a case; not a flag that a remote caller could set
_HOLD = object()


class CrmCaseAutomationMixin(models.AbstractModel):
    """What a case tells rules and timers: that it is new, has moved, was written to.

    With no rule that listens, a move costs a look-up and a write nothing.
    """

    _name = "crm.case.automation.mixin"
    _description = "Case Automation"

    timer_ids = fields.One2many("crm.case.timer", "case_id", "Timers", copy=False)
    rule_run_ids = fields.One2many(
        "crm.case.rule.run", "case_id", "Rule Runs", copy=False
    )
    rule_run_count = fields.Integer(
        "Times Rules Acted", compute="_compute_rule_run_count"
    )

    # ------------------------------------------------------------
    # EVENTS
    # ------------------------------------------------------------

    def _after_moves(self, moves):
        moves = super()._after_moves(moves)
        if self.env.context.get("crm_case_rule_hold") is not _HOLD:
            self._fire_moves(moves)
        return moves

    def _fire_moves(self, moves):
        """Tell the rules what these moves mean."""
        rules = self.env["crm.case.rule"]
        if not rules._get_table().events:
            return
        events = {}
        for move in moves.sorted("id"):
            if found := _get_events(move):
                events.setdefault(move.case_id.id, []).extend(found)
        if events:
            rules._fire_events(self.sudo().browse(events), events)

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """Open a case from a mail; rules act when it has its responsible.

        And, if the gateway brings it, its first message: the text and the files.
        """
        held = self.with_context(crm_case_rule_hold=_HOLD)
        made = super(CrmCaseAutomationMixin, held).message_new(msg_dict, custom_values)
        case = self.browse(made.id)
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is None:
            case._fire_beginning()
        else:
            hand.untold.add(case.id)
        return case

    def _fire_beginning(self):
        if self.env["crm.case.rule"]._get_table().events:
            # sudo: the sender of a mail may read nothing
            self._fire_moves(self.sudo().move_ids)

    def _message_post_after_hook(self, message, msg_values):
        result = super()._message_post_after_hook(message, msg_values)
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is not None and self.id in hand.untold:
            hand.untold.discard(self.id)
            self._fire_beginning()
        if message.message_type in EXCHANGE_TYPES:
            self._tell_message(message)
        return result

    def _tell_message(self, message):
        rules = self.env["crm.case.rule"]
        table = rules._get_table()
        if "date_last_action" in table.watched:
            # two messages in a second leave the date as it is
            rules._touch(self.ids)
        if table.events:
            event = Event(MESSAGE, f"message:{message.id}")
            # sudo: who may post may not always read the case (portal)
            rules._fire_events(self.sudo(), {self.id: [event]})

    # ------------------------------------------------------------
    # TIMERS
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        cases = super().create(vals_list)
        rules = self.env["crm.case.rule"]
        if rules._get_table().timed:
            rules._touch(cases.ids, is_new=True)
        return cases

    def _write_multi(self, vals_list):
        """Notice what is stored, computed fields among it, where it is stored."""
        super()._write_multi(vals_list)
        rules = self.env["crm.case.rule"]
        watched = rules._get_table().watched
        if not watched or all(map(watched.isdisjoint, vals_list)):
            return
        rules._touch(self.ids, watched.intersection(set().union(*vals_list)))

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def _compute_rule_run_count(self):
        """Count the firings, in one query."""
        counts = dict(
            self.env["crm.case.rule.run"]._read_group(
                [("case_id", "in", self.ids)], ["case_id"], ["__count"]
            )
        )
        for case in self:
            case.rule_run_count = counts.get(case, 0)

    def action_view_rule_runs(self):
        """Open what rules did with this case, each with what set it off."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_rule_run_action"
        )
        return action | {
            "display_name": self.env._("What rules did with %s", self.display_name),
            "domain": [("case_id", "=", self.id)],
            "context": {"create": False},
        }

    def action_explain_rule(self):
        """Ask why a rule did not fire on this case, or why it did."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Why did this rule not fire?"),
            "res_model": "crm.case.rule.explain",
            "view_mode": "form",
            "target": "new",
            "context": {"default_case_id": self.id},
        }

    def action_hand_to_deputies(self):
        """Give the cases of those who are away to their deputies until they return."""
        # sudo: the system keeps who stood in for whom
        Substitution = self.env["crm.case.substitution"].sudo()
        away = self.user_id._find_absent()
        groups = self.filtered(lambda case: case.user_id in away).grouped(
            lambda case: (case.user_id, case.company_id)
        )
        for (user, company), cases in groups.items():
            if deputy := user._find_stand_in(company):
                cases.user_id = deputy
                Substitution._record(cases, user, deputy)
        return True

    def action_copy_former_level(self):
        """Make those follow escalated cases who worked on them a level below."""
        # sudo: the section below need not be the reader's
        moves = self.sudo().move_ids.filtered("is_escalation")
        latest = {move.case_id.id: move for move in moves.sorted("id")}
        for section, below in (
            moves.browse(move.id for move in latest.values())
            .grouped("section_from_id")
            .items()
        ):
            people = section.member_ids.partner_id | section.user_id.partner_id
            self.browse(below.case_id.ids).message_subscribe(partner_ids=people.ids)
        return True

    # ------------------------------------------------------------
    # WHAT RULES ASK OF A CASE
    # ------------------------------------------------------------

    def _has_values(self, values):
        """Tell whether writing ``values`` would change nothing."""
        self.ensure_one()
        return all(
            (self[name].id if self._fields[name].relational else self[name]) == value
            for name, value in values.items()
        )

    def _get_rule_customer(self):
        """Give whom to write to: the partner, else the address the case came from.

        :return: (res.partner, address)
        """
        if self.partner_id.email:
            return self.partner_id, ""
        return self.env["res.partner"], self.email_from or ""

    def _get_latest_messages(self):
        """Give the latest mail or comment of each case that has one, in one query.

        :return: {case id: mail.message}
        """
        # sudo: who is reminded of a case may read what was said on it
        groups = (
            self.env["mail.message"]
            .sudo()
            ._read_group(
                [
                    ("model", "=", self._name),
                    ("res_id", "in", self.ids),
                    ("message_type", "in", EXCHANGE_TYPES),
                    ("is_internal", "=", False),
                ],
                ["res_id"],
                ["id:max"],
            )
        )
        messages = self.env["mail.message"].sudo().browse(last for _id, last in groups)
        return {message.res_id: message for message in messages}


def _get_events(move):
    """Tell what a stay that has just begun means to rules."""
    if not move.section_from_id and not move.state_from:
        return [
            Event(CREATE, "create", after=move.state),
            Event(ENTER, f"move:{move.id}", after=move.state),
        ]
    if move.is_escalation:
        return [Event(ESCALATE, f"escalate:{move.id}", move.state_from, ESCALATE)]
    if move.state_from != move.state:
        return [Event(MOVE, f"move:{move.id}", move.state_from, move.state)]
    return []
