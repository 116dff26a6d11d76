from datetime import timedelta

import psycopg2
from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.call_states import OPEN

_PATIENCE = 15  # minutes past a promise, until anybody may keep it
_SHOWN = 5  # former calls on the screen


class CrmProfilingCallDeskMixin(models.AbstractModel):
    """The operator's side of a list: who is next, what is known, whose turn it is.

    A partner is taken in one statement that skips what others are just taking. Two
    unique indexes stand behind it, because a transaction does not see what another one
    took after it had begun: the later one fails, and Odoo repeats it.
    """

    _name = "crm.profiling.call.desk.mixin"
    _description = "Desk of a Calling Operator"

    # ------------------------------------------------------------
    # NEXT
    # ------------------------------------------------------------

    @api.model
    def take_next(self, campaign_id=False):
        """Take the next partner in hand, or stay with the one in hand.

        First what this operator promised, then promises of others that are overdue and
        further tries, then new ones.

        :param campaign_id: one of this operator's campaigns; False: all of them
        :return: as of `get_desk`
        """
        if not self._get_in_hand():
            self._release_lapsed()
            campaigns = self.env["crm.profiling.campaign"]._get_callable(campaign_id)
            for condition, order in campaigns and self._get_turns(campaigns):
                if self._take(condition, order):
                    break
        return self.get_desk(campaign_id)

    def action_take(self):
        """Take this very partner in hand: he rings back, or is asked for by name.

        :return: an action that opens the desk
        :raise UserError: it is not open, or this operator has another one in hand
        """
        self._claim()
        return self.env["ir.actions.client"]._for_xml_id(
            "crm_relations.crm_profiling_call_desk"
        )

    @api.model
    def _get_in_hand(self):
        """Find what this operator has in hand, in whichever of his companies."""
        companies = self.env.user.company_ids.ids
        return self.with_context(allowed_company_ids=companies).search(
            [("user_id", "=", self.env.uid), ("state", "=", "working")]
        )

    @api.model
    def _get_turns(self, campaigns):
        """Give (condition, order) of each kind of partner who may be next, in turn."""
        mine = SQL("(c.user_id = %s OR c.user_id IS NULL)", self.env.uid)
        now = fields.Datetime.now()
        overdue = now - timedelta(minutes=_PATIENCE)
        # a promise is kept at whatever hour it was made for
        yield (
            SQL(
                "c.campaign_id IN %s AND c.state = 'again' AND c.user_id = %s"
                " AND c.date_next <= %s",
                campaigns._ids,
                self.env.uid,
                now,
            ),
            SQL("c.date_next, c.id"),
        )
        listed = [
            SQL(
                "c.campaign_id = %s AND %s",
                campaign.id,
                campaign._get_hours_condition(now),
            )
            for campaign in campaigns
        ]
        yield (
            SQL(
                """(c.state = 'missed' AND c.date_next <= %s AND %s
                    OR c.state = 'again' AND c.date_next <= %s
                       AND (c.user_id IS NULL OR c.date_next <= %s)) AND (%s)""",
                now,
                mine,
                now,
                overdue,
                SQL(" OR ").join(listed),
            ),
            SQL("c.date_next, c.id"),
        )
        # campaign by campaign, so that an index gives the first one at once
        for condition in listed:
            yield (
                SQL(
                    """c.state = 'todo' AND %s AND %s
                        AND (c.date_next IS NULL OR c.date_next <= %s)""",
                    condition,
                    mine,
                    now,
                ),
                SQL("c.id"),
            )

    @api.model
    def _take(self, condition, order):
        """Take the first partner who satisfies a condition, if there is one.

        :raise ConcurrencyError: somebody else was faster; the call is to be repeated
        """
        self.env.flush_all()
        now = fields.Datetime.now()
        # raw SQL: SKIP LOCKED within the statement that takes. It gives this operator
        # a line of campaigns where he may call; `condition` is made by this class
        query = SQL(
            """UPDATE crm_profiling_call t
                  SET state = 'working', user_id = %(user)s, date_taken = %(now)s,
                      date_hold_end = %(now)s
                          + g.minutes_hold * interval '1 minute',
                      write_uid = %(user)s, write_date = %(now)s
                 FROM crm_profiling_campaign g
                WHERE g.id = t.campaign_id AND t.id = (
                    SELECT c.id
                      FROM crm_profiling_call c
                      JOIN res_partner p ON p.id = c.partner_id
                     WHERE %(condition)s AND p.active AND p.do_not_call IS NOT TRUE
                       AND NOT EXISTS (
                            SELECT FROM crm_profiling_call h
                             WHERE h.partner_id = c.partner_id AND h.state = 'working')
                     ORDER BY %(order)s LIMIT 1
                       FOR UPDATE OF c SKIP LOCKED)
            RETURNING t.id""",
            user=self.env.uid,
            now=now,
            condition=condition,
            order=order,
        )
        try:
            # no error in the log: the caller is repeated
            self.env.cr.execute(query, log_exceptions=False)
        except psycopg2.errors.UniqueViolation as error:
            raise ConcurrencyError("a partner was taken at the same time") from error
        found = self.browse(key for (key,) in self.env.cr.fetchall())
        found.invalidate_recordset()
        return found

    @api.model
    def _release_lapsed(self):
        """Give back what operators who vanished have had in hand for too long."""
        # sudo: lists of campaigns that this operator does not see
        lapsed = self.sudo().search(
            Domain("state", "=", "working")
            & Domain("date_hold_end", "<", fields.Datetime.now())
            & Domain("user_id", "!=", self.env.uid)
        )
        lapsed.try_lock_for_update()._give_back()

    def _claim(self):
        """Make sure that this operator has it in hand, taking it if it is open.

        :return: the call, as superuser: operators change lists by results only
        :raise UserError: it is ended, or somebody else's
        """
        self.ensure_one()
        self.check_access("read")
        # sudo: what is in hand, of whom, may concern other campaigns' lists
        call = self.sudo()
        if call.state == "working" and call.user_id.id == self.env.uid:
            return call
        call._check_claimable(self.env.user)
        if not call._take(SQL("c.id = %s", call.id), SQL("c.id")):
            raise UserError(
                self.env._(
                    "Partner: %s is being called by somebody else, or is not to be"
                    " called.",
                    call.partner_id.name,
                )
            )
        return call

    def _check_claimable(self, user):
        if user not in self.campaign_id.operator_ids:
            raise UserError(
                self.env._(
                    "Operators: you do not call for “%s”.", self.campaign_id.name
                )
            )
        if held := self.with_user(user)._get_in_hand():
            raise UserError(
                self.env._(
                    "Partner: you have %s in hand. Say first what came of it, or hand"
                    " it back.",
                    held.partner_id.name,
                )
            )
        if self.state == "working":
            raise UserError(
                self.env._(
                    "Partner: %(partner)s is in the hands of %(user)s.",
                    partner=self.partner_id.name,
                    user=self.user_id.name,
                )
            )
        if self.state not in OPEN:
            raise UserError(
                self.env._("Partner: nothing is left to ask %s.", self.partner_id.name)
            )

    # ------------------------------------------------------------
    # DESK
    # ------------------------------------------------------------

    @api.model
    def get_desk(self, campaign_id=False):
        """Give what an operator's screen shows.

        :return: {campaigns, campaign_id, call, today, waiting}: `call` is False while
            nobody is in hand; then `waiting` says how many are left, and until when
        """
        campaigns = self.env["crm.profiling.campaign"]._get_callable()
        chosen = campaigns.filtered(lambda campaign: campaign.id == campaign_id)
        call = self._get_in_hand()
        return {
            "campaigns": [{"id": c.id, "name": c.name} for c in campaigns],
            "campaign_id": chosen.id,
            "call": bool(call) and call._prepare_call(),
            "today": self._get_today(),
            "waiting": not call and self._get_waiting(chosen or campaigns),
        }

    @api.model
    def _get_today(self):
        """Give {result: calls} of this operator since the morning."""
        return dict(
            self.env["crm.profiling.attempt"]._read_group(
                [
                    ("user_id", "=", self.env.uid),
                    ("date", ">=", "today"),
                ],
                ["result"],
                ["__count"],
            )
        )

    @api.model
    def _get_waiting(self, campaigns):
        """Tell what is left for this operator, due or not."""
        [(count, date)] = self._read_group(
            Domain("campaign_id", "in", campaigns.ids)
            & Domain("state", "in", OPEN)
            & Domain("user_id", "in", (False, self.env.uid)),
            [],
            ["__count", "date_next:min"],
        )
        return {"count": count, "date": date and fields.Datetime.to_string(date)}

    def _prepare_call(self):
        """Give all that the screen shows of the partner in hand."""
        partner = self.partner_id
        return {
            "id": self.id,
            "partner_id": partner.id,
            "name": partner.name,
            "company": partner.commercial_partner_id.name
            if partner.commercial_partner_id != partner
            else "",
            "function": partner.function or "",
            "phone": self.phone or "",
            "email": partner.email or "",
            "place": ", ".join(filter(None, (partner.city, partner.country_id.name))),
            "tz": partner.tz or "",
            "campaign": self.campaign_id.name,
            "questionnaire": self.campaign_id.questionnaire_id.name,
            "opening": self.campaign_id.questionnaire_id.description or "",
            "note": self.note or "",
            "missed_count": self.missed_count,
            "max_attempts": self.campaign_id.max_attempts,
            "figures": partner.relation_figures,
            "known": self._get_known(),
            "history": [
                {
                    "id": attempt.id,
                    "date": fields.Datetime.to_string(attempt.date),
                    "user": attempt.user_id.name or "",
                    "result": attempt.result,
                    "note": attempt.note or "",
                }
                for attempt in self.attempt_ids[:_SHOWN]
            ],
        }

    def _get_known(self):
        """Give what the partner has answered of the questions to ask."""
        questions = self.campaign_id.questionnaire_id.question_ids
        answers = self.partner_id.answer_ids.grouped("question_id")
        return [
            {
                "id": question.id,
                "question": question.name,
                "answer": ", ".join(answers[question].mapped("name")),
            }
            for question in questions
            if question in answers
        ]

    def action_ask(self, note=""):
        """Open the questions; when they are answered to the end, the call is done.

        :param note: what is noted then
        :return: the client action of the dialog
        """
        call = self._claim()
        # a long talk is no absence
        call.date_hold_end = fields.Datetime.now() + timedelta(
            minutes=call.campaign_id.minutes_hold
        )
        questionnaire = call.campaign_id.questionnaire_id
        return {
            "type": "ir.actions.client",
            "tag": "crm_relations.profiling_fill",
            "name": self.env._("Ask %s", call.partner_id.display_name),
            "target": "new",
            "params": {
                "partner_id": call.partner_id.id,
                "questionnaires": questionnaire.sudo(False).read(["name"]),
                "call_id": call.id,
                "call_note": note,
            },
        }
