from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

MAILBOX, PIPED, OUTGOING = "mailbox", "piped", "outgoing"
OK, WARNING, CRITICAL = "ok", "warning", "critical"
LEVELS = (OK, WARNING, CRITICAL)

# minutes, unless system parameters say otherwise
WARNING_MINUTES = 15  # crm_relations.mail_health_warning_minutes
CRITICAL_MINUTES = 60  # crm_relations.mail_health_critical_minutes
# a mailbox is late when it was not read for this many of the rounds that it should be
LATE_ROUNDS = 3


class CrmMailHealth(models.Model):
    """One way by which mail comes or goes, as it stands this moment.

    A mailbox, what mail servers hand in, or all that is sent about cases. Nothing is
    stored: three passes over what waits, over the last day and over what failed, each
    along an index, however much the ledger holds.
    """

    _name = "crm.mail.health"
    _description = "Mail Health"
    _auto = False
    _order = "kind, name, id"
    _depends = {
        "crm.mail.intake": ["server_id", "state", "date_received"],
        "crm.case.delivery": ["kind", "code", "date"],
        "fetchmail.server": [
            *("name", "active", "state", "server_type", "section_id", "object_id"),
            *("date", "date_last_success", "failures", "error_message"),
        ],
    }

    name = fields.Char(readonly=True)
    kind = fields.Selection(
        [
            (MAILBOX, "Mailbox"),
            (OUTGOING, "Outgoing mail"),
            (PIPED, "Handed in by a mail server"),
        ],
        readonly=True,
    )
    server_id = fields.Integer("Mailbox Number", readonly=True, aggregator=None)
    section_id = fields.Many2one("crm.case.section", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    date_created = fields.Datetime(readonly=True)
    date_last_visit = fields.Datetime("Last Visit", readonly=True)
    date_last_success = fields.Datetime("Last Success", readonly=True)
    failures = fields.Integer("Failures in a Row", readonly=True, aggregator=None)
    error = fields.Text("Last Error", readonly=True)
    waiting = fields.Integer(readonly=True, help="Mails that are not processed yet.")
    date_oldest = fields.Datetime("Oldest Waiting", readonly=True)
    quarantine = fields.Integer("In Quarantine", readonly=True)
    received_hour = fields.Integer("In the Last Hour", readonly=True)
    received_day = fields.Integer("In the Last Day", readonly=True)
    given_up = fields.Integer(readonly=True, help="Addresses that were not reached.")
    is_cut_off = fields.Boolean(
        readonly=True, help="Our own outgoing server could not be reached."
    )
    status = fields.Selection(
        [(OK, "All is well"), (WARNING, "Look at it"), (CRITICAL, "Does not work")],
        compute="_compute_status",
    )
    reason = fields.Text(compute="_compute_status")

    @property
    def _table_query(self):
        now = fields.Datetime.now()
        return SQL(
            """
            WITH waiting AS (
                SELECT server_id, COUNT(*) AS number, MIN(date_received) AS oldest
                FROM crm_mail_intake WHERE state IN ('new', 'working', 'retry')
                GROUP BY server_id
            ), quarantine AS (
                SELECT server_id, COUNT(*) AS number
                FROM crm_mail_intake WHERE state = 'quarantine' GROUP BY server_id
            ), received AS (
                SELECT server_id, COUNT(*) AS day,
                    COUNT(*) FILTER (WHERE date_received >= %(hour_ago)s) AS hour
                FROM crm_mail_intake WHERE date_received >= %(day_ago)s
                GROUP BY server_id
            ), door AS (
                SELECT server.id + 10 AS id, server.id AS server_id, 'mailbox' AS kind,
                    server.name, server.section_id, section.company_id,
                    server.create_date AS date_created, server.date AS date_last_visit,
                    server.date_last_success, server.failures,
                    server.error_message AS error
                FROM fetchmail_server server
                LEFT JOIN crm_case_section section ON section.id = server.section_id
                WHERE server.active AND server.state = 'done'
                    AND server.server_type != 'local'
                    AND (server.section_id IS NOT NULL OR server.object_id = %(model)s)
                UNION ALL
                SELECT 1, NULL, 'piped', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
            )
            SELECT door.*, COALESCE(waiting.number, 0) AS waiting,
                waiting.oldest AS date_oldest,
                COALESCE(quarantine.number, 0) AS quarantine,
                COALESCE(received.hour, 0) AS received_hour,
                COALESCE(received.day, 0) AS received_day,
                0 AS given_up, FALSE AS is_cut_off
            FROM door
            LEFT JOIN waiting ON waiting.server_id IS NOT DISTINCT FROM door.server_id
            LEFT JOIN quarantine
                ON quarantine.server_id IS NOT DISTINCT FROM door.server_id
            LEFT JOIN received
                ON received.server_id IS NOT DISTINCT FROM door.server_id
            UNION ALL
            SELECT 2, NULL, 'outgoing', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                COUNT(*) FILTER (WHERE kind = 'retry'),
                MIN(create_date) FILTER (WHERE kind = 'retry'),
                0, 0, 0, COUNT(*) FILTER (WHERE kind = 'failed'),
                COALESCE(BOOL_OR(kind = 'retry' AND code = 'connection'), FALSE)
            FROM crm_case_delivery WHERE kind != 'bounce'
            """,
            hour_ago=now - timedelta(hours=1),
            day_ago=now - timedelta(days=1),
            model=self.env["ir.model"]._get_id("crm.case"),
        )

    @api.depends("name", "kind")
    def _compute_display_name(self):
        labels = dict(self._fields["kind"]._description_selection(self.env))
        for door in self:
            door.display_name = door.name or labels.get(door.kind)

    # ------------------------------------------------------------
    # STATUS
    # ------------------------------------------------------------

    @api.depends(lambda self: [name for name in self._fields if name in _FIGURES])
    @api.depends_context("lang")
    def _compute_status(self):
        limits = self._get_limits()
        for door in self:
            found = door._get_problems(limits)
            door.status = max(
                (level for level, _text in found), key=LEVELS.index, default=OK
            )
            door.reason = "\n".join(text for _level, text in found) or False

    @api.model
    def _get_limits(self):
        """Give the minutes after which something is late.

        :return: {level: minutes} and, as ``round``, that between visits of a mailbox
        """
        # sudo: settings, and how often a scheduled action runs
        settings = self.env["ir.config_parameter"].sudo()
        cron = self.env.ref("mail.ir_cron_mail_gateway_action").sudo()
        rounds = {"minutes": 1, "hours": 60, "days": 1440, "weeks": 10080}
        return {
            WARNING: int(
                settings.get_param(
                    "crm_relations.mail_health_warning_minutes", WARNING_MINUTES
                )
            ),
            CRITICAL: int(
                settings.get_param(
                    "crm_relations.mail_health_critical_minutes", CRITICAL_MINUTES
                )
            ),
            "round": cron.interval_number * rounds.get(cron.interval_type, 43200),
        }

    def _get_problems(self, limits):
        """List what is wrong, as (level, sentence) each."""
        self.ensure_one()
        problems = []
        if self.kind == MAILBOX:
            problems += self._get_visit_problems(limits)
        if self.kind == OUTGOING:
            problems += self._get_outgoing_problems(limits)
        elif level := _get_level(_get_minutes(self.date_oldest), limits):
            text = self.env._(
                "Waiting mails: %(number)s, the oldest for %(span)s.",
                number=self.waiting,
                span=self._get_span(_get_minutes(self.date_oldest)),
            )
            problems.append((level, text))
        if self.quarantine:
            text = self.env._(
                "In quarantine, waiting for a decision: %s.",
                self.quarantine,
            )
            problems.append((WARNING, text))
        return problems

    def _get_visit_problems(self, limits):
        since = self.date_last_success or self.date_created
        least = LATE_ROUNDS * limits["round"]
        minutes = _get_minutes(since)
        late = {level: max(limits[level], least) for level in (WARNING, CRITICAL)}
        error = (self.error or "").strip().partition("\n")[0]
        if level := _get_level(minutes, late):
            if self.failures:
                text = self.env._(
                    "Not read for %(span)s; failed visits: %(number)s, the last with: "
                    "%(error)s",
                    span=self._get_span(minutes),
                    number=self.failures,
                    error=error,
                )
            else:
                text = self.env._("Not read for %s.", self._get_span(minutes))
            return [(level, text)]
        if self.failures:
            text = self.env._(
                "Failed visits: %(number)s, the last with: %(error)s",
                number=self.failures,
                error=error,
            )
            return [(WARNING, text)]
        return []

    def _get_outgoing_problems(self, limits):
        problems = []
        if level := _get_level(_get_minutes(self.date_oldest), limits):
            if self.is_cut_off:
                text = self.env._(
                    "The outgoing mail server could not be reached. Waiting: %s.",
                    self.waiting,
                )
            else:
                # somebody else's server may well take its time
                level = WARNING
                text = self.env._(
                    "Addresses not reached yet, which are tried again: %s.",
                    self.waiting,
                )
            problems.append((level, text))
        if self.given_up:
            text = self.env._(
                "Addresses not reached, which are not tried any more: %s.",
                self.given_up,
            )
            problems.append((WARNING, text))
        return problems

    @api.model
    def _get_span(self, minutes):
        """Say a span of time in the largest unit that fits it."""
        if minutes < 3 * 60:
            return self.env._("%s minutes", minutes)
        if minutes < 3 * 24 * 60:
            return self.env._("%s hours", minutes // 60)
        return self.env._("%s days", minutes // (24 * 60))

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_mails(self):
        """Open what the card is about: its mails, or the cases not reached."""
        self.ensure_one()
        if self.kind == OUTGOING:
            action = self.env["ir.actions.act_window"]._for_xml_id(
                "crm_relations.crm_case_action"
            )
            return action | {
                "domain": [("delivery_ids", "!=", False)],
                "view_mode": "list,form",
                "views": [(False, "list"), (False, "form")],
                "display_name": self.env._("Not Delivered"),
            }
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_mail_intake_action"
        )
        return action | {
            "domain": [("server_id", "=", self.server_id or False)],
            "display_name": self.display_name,
        }


_FIGURES = (
    *("kind", "date_created", "date_last_success", "failures", "error", "waiting"),
    *("date_oldest", "quarantine", "given_up", "is_cut_off"),
)


def _get_minutes(since):
    """Give the whole minutes since a date, 0 without one."""
    if not since:
        return 0
    return max(int((fields.Datetime.now() - since).total_seconds() // 60), 0)


def _get_level(minutes, limits):
    """Give the level that a wait of so many minutes reaches, or None."""
    return next((at for at in (CRITICAL, WARNING) if minutes >= limits[at]), None)
