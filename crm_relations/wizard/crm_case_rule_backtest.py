from datetime import timedelta

from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.exceptions import UserError

MAX_DAYS = 366


class CrmCaseRuleBacktest(models.TransientModel):
    """Tries a rule on a period of the past and changes nothing."""

    _name = "crm.case.rule.backtest"
    _description = "Rule on the Past"

    rule_id = fields.Many2one("crm.case.rule", required=True, ondelete="cascade")
    summary = fields.Char(related="rule_id.summary")
    date_from = fields.Date(
        "From", required=True, default=lambda self: self._get_default_date_from()
    )
    date_to = fields.Date("To", required=True, default=fields.Date.context_today)
    is_done = fields.Boolean()
    firing_count = fields.Integer("Firings", readonly=True)
    case_count = fields.Integer("Different Cases", readonly=True)
    user_mail_count = fields.Integer("Mails to Responsibles", readonly=True)
    partner_mail_count = fields.Integer("Mails to Partners", readonly=True)
    watcher_mail_count = fields.Integer("Mails to Watchers", readonly=True)
    other_mail_count = fields.Integer("Mails to Addresses", readonly=True)
    busiest_day = fields.Date(readonly=True)
    busiest_count = fields.Integer("Firings on That Day", readonly=True)
    line_ids = fields.One2many(
        "crm.case.rule.backtest.line", "backtest_id", "Hours", readonly=True
    )
    sample_ids = fields.One2many(
        "crm.case.rule.backtest.sample", "backtest_id", "Latest Cases", readonly=True
    )

    @api.model
    def _get_default_date_from(self):
        return fields.Date.context_today(self) - relativedelta(months=1)

    def action_run(self):
        """Count what the rule would have done in the period."""
        self.ensure_one()
        self._check_period()
        start = fields.Datetime.to_datetime(self.date_from)
        end = fields.Datetime.to_datetime(self.date_to) + timedelta(days=1)
        found = self.rule_id._backtest(start, end)
        self.line_ids.unlink()
        self.sample_ids.unlink()
        self.write(self._prepare_result(found))
        return self._reopen()

    def action_reset(self):
        """Let another period be chosen."""
        self.is_done = False
        return self._reopen()

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Try on the Past"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _check_period(self):
        days = (self.date_to - self.date_from).days
        if days < 0:
            raise UserError(self.env._("To: it lies before the period's begin."))
        if days > MAX_DAYS:
            raise UserError(
                self.env._("To: give a period of at most %s days.", MAX_DAYS)
            )

    def _prepare_result(self, found):
        hours, rule = found["hours"], self.rule_id
        total, users, partners, watchers = (
            sum(row[index] for row in hours) for index in range(1, 5)
        )
        days = {}
        for hour, count, *_rest in hours:
            days[hour.date()] = days.get(hour.date(), 0) + count
        busiest = max(days, key=days.get) if days else False
        # a reminder of a responsible and a mail to him are two
        to_user = rule.remind_user + rule.mail_to_user
        to_partner = rule.remind_partner + rule.mail_to_partner
        named = rule._get_mail_targets() or not rule.mail_template_id
        return {
            "is_done": True,
            "firing_count": total,
            "case_count": found["cases"],
            "user_mail_count": users * to_user,
            "partner_mail_count": partners * to_partner,
            "watcher_mail_count": watchers * rule.mail_to_watchers,
            "other_mail_count": total if rule.mail_to or not named else 0,
            "busiest_day": busiest,
            "busiest_count": days.get(busiest, 0),
            "line_ids": [
                (0, 0, {"date": hour, "count": count}) for hour, count, *_rest in hours
            ],
            "sample_ids": [
                (0, 0, {"case_id": case_id, "date": at})
                for case_id, at in found["samples"]
            ],
        }

    def action_view_hours(self):
        """Show the firings per day, or per hour, as a graph."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Firings of “%s”", self.rule_id.name),
            "res_model": "crm.case.rule.backtest.line",
            "view_mode": "graph,pivot,list",
            "domain": [("backtest_id", "=", self.id)],
        }


class CrmCaseRuleBacktestLine(models.TransientModel):
    """How often a rule would have fired in one hour."""

    _name = "crm.case.rule.backtest.line"
    _description = "Rule on the Past, Hour"
    _order = "date, id"

    backtest_id = fields.Many2one(
        "crm.case.rule.backtest", required=True, index=True, ondelete="cascade"
    )
    date = fields.Datetime("Hour", required=True)
    count = fields.Integer("Firings", aggregator="sum")


class CrmCaseRuleBacktestSample(models.TransientModel):
    """One of the latest cases that a rule would have fired on."""

    _name = "crm.case.rule.backtest.sample"
    _description = "Rule on the Past, Case"
    _order = "date desc, id"

    backtest_id = fields.Many2one(
        "crm.case.rule.backtest", required=True, index=True, ondelete="cascade"
    )
    case_id = fields.Many2one("crm.case", required=True, ondelete="cascade")
    date = fields.Datetime("When", required=True)
