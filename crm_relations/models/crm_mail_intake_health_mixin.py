from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError

from .crm_mail_health import (
    CRITICAL,
    LEVELS,
    MAILBOX,
    OK,
    OUTGOING,
    WARNING,
)


class CrmMailIntakeHealthMixin(models.AbstractModel):
    """What an outside monitor is told of the mail."""

    _name = "crm.mail.intake.health.mixin"
    _description = "Health of Mail"

    @api.model
    @api.readonly
    def get_health(self) -> dict:
        """Tell whether mail comes in and goes out, and what is wrong if not.

        For managers and for users of the group *Monitoring of mail*. Times are in UTC
        and written as in ISO 8601; None where there is none. A constant number of
        queries, whatever the ledger holds; it may run on a replica.

        :return: ``status`` (ok, warning or critical), ``problems`` (list of sentences),
            ``checked_at``, ``backlog``, ``oldest_waiting_seconds``, ``quarantine``,
            ``last_success``, ``outgoing_retrying``, ``outgoing_failures``, ``servers``
            (list of dict, one for each way in; ``id`` is None for mail handed in by a
            mail server)
        :raise AccessError: the user is neither
        """
        self._check_monitor()
        # sudo: figures and names of mailboxes of all companies, for whoever may
        # as many rows as there are mailboxes
        doors = self.env["crm.mail.health"].sudo()
        doors = doors.search([])  # pylint: disable=no-search-all
        ways_in = doors.filtered(lambda door: door.kind != OUTGOING)
        outgoing = doors - ways_in
        found = self._get_cron_problems(ways_in)
        levels = [level for level, _text in found] + doors.mapped("status")
        oldest = min(filter(None, ways_in.mapped("date_oldest")), default=False)
        return {
            "status": max(levels, key=LEVELS.index, default=OK),
            "problems": [text for _level, text in found]
            + [
                f"{door.display_name}: {line}"
                for door in doors
                for line in (door.reason or "").splitlines()
            ],
            "checked_at": _write_date(fields.Datetime.now()),
            "backlog": sum(ways_in.mapped("waiting")),
            "oldest_waiting_seconds": _get_seconds(oldest),
            "quarantine": sum(ways_in.mapped("quarantine")),
            "last_success": _write_date(
                max(filter(None, ways_in.mapped("date_last_success")), default=False)
            ),
            "outgoing_retrying": sum(outgoing.mapped("waiting")),
            "outgoing_failures": sum(outgoing.mapped("given_up")),
            "servers": [self._prepare_health(door) for door in ways_in],
        }

    @api.model
    def _check_monitor(self):
        groups = ("crm_relations_group_manager", "crm_relations_group_monitor")
        if not self.env.su and not any(
            self.env.user.has_group(f"crm_relations.{group}") for group in groups
        ):
            raise AccessError(
                self.env._(
                    "Only managers of relations and users of the group “Monitoring of "
                    "mail” may read the health of mail."
                )
            )

    @api.model
    def _prepare_health(self, door):
        return {
            "id": door.server_id or None,
            "name": door.display_name,
            "status": door.status,
            "problems": (door.reason or "").splitlines(),
            "last_visit": _write_date(door.date_last_visit),
            "last_success": _write_date(door.date_last_success),
            "failures_in_a_row": door.failures,
            "backlog": door.waiting,
            "oldest_waiting_seconds": _get_seconds(door.date_oldest),
            "quarantine": door.quarantine,
            "received_last_hour": door.received_hour,
            "received_last_day": door.received_day,
        }

    @api.model
    def _get_cron_problems(self, ways_in):
        """List the scheduled actions that mail needs and that do not run.

        :return: (level, sentence) each
        """
        names = [
            "crm_relations.ir_cron_mail_intake",
            "crm_relations.ir_cron_mail_outgoing",
        ]
        if any(door.kind == MAILBOX for door in ways_in):
            names.append("mail.ir_cron_mail_gateway_action")
        # sudo: whether they run is what is asked
        found = [self.env.ref(name, raise_if_not_found=False) for name in names]
        crons = self.env["ir.cron"].sudo().union(*filter(None, found)).sudo()
        limits = self.env["crm.mail.health"]._get_limits()
        now = fields.Datetime.now()
        problems = []
        for cron in crons:
            if not cron.active:
                text = self.env._(
                    "The scheduled action “%s” is switched off.", cron.name
                )
                problems.append((CRITICAL, text))
            elif cron.nextcall <= now - timedelta(minutes=limits[WARNING]):
                late = cron.nextcall <= now - timedelta(minutes=limits[CRITICAL])
                text = self.env._(
                    "The scheduled action “%s” is late: is a worker for scheduled "
                    "actions running?",
                    cron.name,
                )
                problems.append((CRITICAL if late else WARNING, text))
        return problems


def _write_date(date):
    return f"{date.isoformat(timespec='seconds')}Z" if date else None


def _get_seconds(since):
    if not since:
        return 0
    return max(int((fields.Datetime.now() - since).total_seconds()), 0)
