from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools.mail_automatic import ANSWER

# Unless crm_relations.mail_flood_sender and .mail_quiet_case say otherwise. Sixty mails
# of one web form are sixty cases; twenty mails an hour in one case are no conversation.
FLOOD_PER_SENDER = 1000  # new cases of one address an hour
QUIET_PER_CASE = 20  # mails into one case an hour
DAY_FACTOR = 3  # as many times as much in a day
FLOOD_FACTOR = 50  # as many times as much in an hour, and they are held


class CrmMailIntakeLoopMixin(models.AbstractModel):
    """No talking with programs: what is held, and when nobody is mailed any more.

    A loop needs two who write and one of them is us. So beyond a rate that people do
    not reach, a mail still enters its case but sets nothing in motion; it does not
    matter who writes, since some responders change their address each time. Far beyond
    it, mails wait in the ledger.
    """

    _name = "crm.mail.intake.loop.mixin"
    _description = "Loops of Mail"

    @api.model
    def _get_limit(self, name, default):
        # sudo: a setting the gateway reads for whoever brings a mail
        settings = self.env["ir.config_parameter"].sudo()
        return int(settings.get_param(f"crm_relations.{name}", default))

    def _refuse_unwanted(self, hand, routes):
        """Hold what would open a case and is no request: see the reasons.

        :return: the routes that are left
        """
        if not routes or self.is_released:
            return routes
        if hand.head.get("X-CRM-Relations") == self.env["crm.case"]._get_loop_mark():
            self._hold(self.env._("A mail of ours that came back."))
            return []
        new = [route for route in routes if route[0] == "crm.case" and not route[1]]
        reason = self._get_refusal(hand) if new else None
        if not reason:
            return routes
        left = [route for route in routes if route not in new]
        if not left:
            self._hold(reason)
        return left

    def _get_refusal(self, hand):
        """Say why a mail opens no case, None if it does."""
        if self.automatic == ANSWER:
            return self.env._(
                "An automatic answer, such as an out-of-office notice, to no case that "
                "is known."
            )
        is_ours = self.env["mail.alias"]._is_inbound(hand.sender)
        if is_ours and not self.env["crm.case"]._find_colleagues(hand):
            return self.env._(
                "It came from %s, an address of ours: sections do not open cases with "
                "each other.",
                hand.sender,
            )
        return None

    def _detect_flood(self, hand, routes):
        """Hold a mail that is one of too many; silence one that is one of many.

        One query for an answer, none else.

        :return: whether it was held
        """
        cases = [route[1] for route in routes if route[1]]
        if cases:
            return self._detect_case_flood(hand, cases)
        limit = self._get_limit("mail_flood_sender", FLOOD_PER_SENDER)
        if not hand.sender or hand.sent_lately < limit:
            return False
        # sudo: Odoo's list of senders who may
        allowed = self.env["mail.gateway.allowed"].sudo()
        if allowed.search_count([("email_normalized", "=", hand.sender)], limit=1):
            return False
        self._hold(
            self.env._(
                "More than %(limit)s mails of this sender came within an hour.",
                limit=limit,
            )
        )
        return True

    def _detect_case_flood(self, hand, case_ids):
        now = fields.Datetime.now()
        self.flush_model(["case_ids", "date_received"])
        # SQL: one pass for both spans; only counts leave it
        query = SQL(
            "SELECT COUNT(*) FILTER (WHERE mail.date_received >= %s), COUNT(*) "
            "FROM crm_mail_intake_case_rel link "
            "JOIN crm_mail_intake mail ON mail.id = link.intake_id "
            "WHERE link.case_id = ANY(%s) AND mail.date_received >= %s "
            "GROUP BY link.case_id",
            now - timedelta(hours=1),
            list(case_ids),
            now - timedelta(days=1),
        )
        counts = self.env.execute_query(query)
        limit = self._get_limit("mail_quiet_case", QUIET_PER_CASE)
        of_hour = max((row[0] for row in counts), default=0)
        of_day = max((row[1] for row in counts), default=0)
        if of_hour >= limit * FLOOD_FACTOR:
            self._hold(
                self.env._(
                    "More than %(limit)s mails came for the same case within an hour.",
                    limit=limit * FLOOD_FACTOR,
                )
            )
            return True
        hand.is_quiet = of_hour >= limit or of_day >= limit * DAY_FACTOR
        if hand.is_quiet:
            hand.remark = self.env._(
                "Many mails came for this case within a short time: nobody was mailed, "
                "and it moved nothing."
            )
        return False
