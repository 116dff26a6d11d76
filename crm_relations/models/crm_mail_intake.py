import json
from datetime import timedelta

import psycopg2
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, email_normalize
from odoo.tools.constants import GC_UNLINK_LIMIT

from ..fields import PIECE, RawBinary
from ..tools import mail_address, mail_automatic, mail_identity

NEW, WORKING, RETRY, QUARANTINE = "new", "working", "retry", "quarantine"
DONE, DUPLICATE, BOUNCE, HELD, IGNORED = (
    "done",
    "duplicate",
    "bounce",
    "held",
    "ignored",
)
WAITING = (NEW, WORKING, RETRY)  # the scheduled action takes these
ENDED = (DONE, DUPLICATE, BOUNCE, HELD, IGNORED)  # purged by age, quarantine never is

KEEP_DAYS = 180  # unless crm_relations.mail_intake_keep_days says otherwise


def _get_sender(text):
    """Give the one address in a From header, normalized, or None."""
    # Odoo's own function raises on some texts, and this is where mail is stored
    found = {address for _name, address in mail_address.find_addresses(text)}
    return (email_normalize(found.pop()) or None) if len(found) == 1 else None


class CrmMailIntake(models.Model):
    """One received mail, from its arrival to its end.

    The row is committed before the mailbox hears that the mail was taken; everything
    else is work on the row, which may fail, be interrupted or be repeated. The bytes,
    the transport key and the date of arrival never change.

    ``new`` → ``working`` → ``done``, ``duplicate``, ``bounce`` or ``held``; on trouble
    ``retry`` and back, or ``quarantine``; a person may end any of them as ``ignored``.
    """

    _name = "crm.mail.intake"
    _description = "Incoming Mail"
    _inherit = [
        "crm.mail.intake.queue.mixin",
        "crm.mail.intake.sender.mixin",
        "crm.mail.intake.entry.mixin",
        "crm.mail.intake.form.mixin",
        # before the loop mixin: it adds to its reasons
        "crm.mail.intake.bounce.mixin",
        "crm.mail.intake.loop.mixin",
        "crm.mail.intake.health.mixin",
    ]
    _order = "id desc"
    _rec_name = "subject"

    # What was received
    transport_key = fields.Char(
        required=True,
        readonly=True,
        help="What the mailbox calls this mail. The same key is never stored twice.",
    )
    raw = RawBinary("Original", readonly=True, required=True)
    raw_file = fields.Binary(
        "Original Mail", compute="_compute_raw_file", compute_sudo=True
    )
    raw_name = fields.Char(compute="_compute_raw_name")
    header = fields.Text("Headers", compute="_compute_header", compute_sudo=True)
    size = fields.Integer(readonly=True, aggregator="sum", help="In bytes.")
    server_id = fields.Many2one(
        "fetchmail.server",
        "Mailbox",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="Empty: handed in by a mail server.",
    )
    options = fields.Json(
        readonly=True, help="How the mail server asked for the mail to be taken in."
    )
    date_received = fields.Datetime(
        "Received on", default=fields.Datetime.now, required=True, readonly=True
    )

    # What it says of itself
    message_id = fields.Char("Message-ID", readonly=True, index="btree_not_null")
    content_key = fields.Char(
        readonly=True,
        help="Digest of sender, date, subject and content, whatever way it came.",
    )
    email_from = fields.Char("From", readonly=True)
    email_normalized = fields.Char("Sender", readonly=True)
    email_to = fields.Char("To", readonly=True)
    subject = fields.Char(readonly=True)
    sender_verdict = fields.Selection(
        [
            ("verified", "Verified"),
            ("plausible", "Plausible"),
            ("none", "Not checked"),
            ("failed", "Failed"),
        ],
        default="none",
        required=True,
        readonly=True,
        help="How far the sender's address is to be believed.",
    )

    automatic = fields.Selection(
        [
            (mail_automatic.ANSWER, "Automatic answer"),
            (mail_automatic.GENERATED, "Sent by a program"),
        ],
        readonly=True,
        help="What the headers say; empty for a mail that a person sent.",
    )

    # What became of it
    state = fields.Selection(
        [
            (NEW, "New"),
            (WORKING, "Working"),
            (DONE, "Done"),
            (DUPLICATE, "Duplicate"),
            (BOUNCE, "Bounce"),
            (HELD, "Held"),
            (RETRY, "Retry"),
            (QUARANTINE, "Quarantine"),
            (IGNORED, "Ignored"),
        ],
        default=NEW,
        required=True,
        readonly=True,
    )
    reason = fields.Text(readonly=True, help="Why it ended so, or what went wrong.")
    error_detail = fields.Text("Technical Detail", readonly=True)
    attempts = fields.Integer(readonly=True, aggregator=None)
    date_next_try = fields.Datetime("Next Try", readonly=True)
    is_released = fields.Boolean(
        "Released",
        readonly=True,
        help="A person wants it in: loops are not looked for.",
    )
    section_id = fields.Many2one(
        "crm.case.section", readonly=True, index="btree_not_null", ondelete="set null"
    )
    company_id = fields.Many2one(
        "res.company", related="section_id.company_id", store=True, index=True
    )
    case_ids = fields.Many2many(
        "crm.case",
        "crm_mail_intake_case_rel",
        "intake_id",
        "case_id",
        "Cases",
        readonly=True,
        # a case merged into another is archived, and still has the mail
        context={"active_test": False},
    )
    case_count = fields.Integer("Number of Cases", compute="_compute_case_count")

    _transport_uniq = models.UniqueIndex(
        "(COALESCE(server_id, 0), transport_key)",
        "Transport Key: this mail is in the ledger already.",
    )
    # the queue stays as small as what waits, whatever the ledger holds
    _waiting_idx = models.Index(
        "(attempts, id) WHERE state IN ('new', 'working', 'retry')"
    )
    _quarantine_idx = models.Index("(section_id) WHERE state = 'quarantine'")
    _date_received_idx = models.Index("(date_received, state)")
    # how much one sender has sent lately
    _sender_idx = models.Index("(email_normalized, date_received)")

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("subject", "email_from")
    def _compute_display_name(self):
        for mail in self:
            mail.display_name = mail.subject or self.env._(
                "Mail from %s", mail.email_from or self.env._("nobody")
            )

    @api.depends("raw")
    def _compute_raw_file(self):
        # read() writes base64, which is what a download wants
        for mail in self.with_context(bin_size=False):
            mail.raw_file = mail.read(["raw"])[0]["raw"]

    def _compute_raw_name(self):
        for mail in self:
            mail.raw_name = f"mail-{mail.id}.eml"

    @api.depends("raw")
    def _compute_header(self):
        # SQL: the ORM knows no parts of values, and the rest may be very large
        query = SQL(
            "SELECT id, substring(raw FROM 1 FOR %s) FROM crm_mail_intake "
            "WHERE id = ANY(%s)",
            mail_identity.HEADER_LIMIT,
            self.ids,
        )
        self.flush_recordset(["raw"])
        heads = dict(self.env.execute_query(query))
        for mail in self:
            head = mail_identity.header_block(bytes(heads.get(mail.id, b"")))
            mail.header = head.decode("utf-8", "replace").replace("\0", "")

    @api.depends("case_ids")
    def _compute_case_count(self):
        for mail in self:
            mail.case_count = len(mail.case_ids)

    # ------------------------------------------------------------
    # STORE
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Fill in what the bytes themselves say."""
        return super().create(
            [self._prepare_stored(vals["raw"]) | vals for vals in vals_list]
        )

    @api.model
    def _prepare_stored(self, raw, key=None):
        """Give the values of a row; needs nothing of the mail to be readable."""
        envelope = mail_identity.read_envelope(raw)
        return {
            "transport_key": key or mail_identity.transport_key(raw),
            "size": len(raw),
            "message_id": envelope.message_id or None,
            "email_from": envelope.email_from or None,
            "email_normalized": _get_sender(envelope.email_from),
            "email_to": envelope.email_to or None,
            "subject": envelope.subject or None,
            "raw": raw,
        }

    @api.model
    def _store(self, messages, server, section, options=None):
        """Put mails into the ledger, each transport key once.

        One statement, and for each large mail a stream.

        :param messages: list of (transport key, bytes)
        :param server: fetchmail.server, maybe none
        :param section: crm.case.section, maybe none
        :param options: dict for `message_process`; None: it came from a mailbox and is
            identified when it is processed, so that storing stays fast
        :return: the rows that were not there yet, in the order given
        """
        if not messages:
            return self.browse()
        common = {
            "server_id": server.id or None,
            "section_id": section.id or None,
            "company_id": section.company_id.id or None,
            # a caller in Python may pass what JSON does not know
            "options": json.dumps(options, default=str) if options else None,
            # nobody else sees a row before the transaction that works on it is over
            "state": WORKING if options else NEW,
            "attempts": 1 if options else 0,
            "sender_verdict": "none",
            "date_received": fields.Datetime.now(),
            "create_uid": self.env.uid,
            "write_uid": self.env.uid,
            "create_date": self.env.cr.now(),
            "write_date": self.env.cr.now(),
        }
        rows = [common | self._prepare_stored(raw, key) for key, raw in messages]
        if options:
            for row in rows:
                row.update(self._get_identity(row["raw"], row["message_id"]))
        # SQL: ON CONFLICT is what makes a second delivery harmless, also when both
        # come at once; the names are those of our own columns
        query = SQL(
            "INSERT INTO crm_mail_intake (%s) VALUES %s "
            "ON CONFLICT (COALESCE(server_id, 0), transport_key) DO NOTHING "
            "RETURNING id, transport_key",
            SQL(", ").join(map(SQL.identifier, rows[0])),
            SQL(", ").join(
                tuple(
                    psycopg2.Binary(value if len(value) <= PIECE else b"")
                    if isinstance(value, bytes)
                    else value
                    for value in row.values()
                )
                for row in rows
            ),
        )
        stored = self.env.execute_query(query)
        self._store_bytes(dict(messages), stored)
        mails = self.browse(row_id for row_id, _key in stored)
        if options and mails:
            mails._remember(rows[0])
        return mails

    def _store_bytes(self, raws, stored):
        """Stream the large mails among those stored."""
        for row_id, key in stored:
            if len(raws[key]) > PIECE:
                self._fields["raw"].write_stream(self.browse(row_id), raws[key])

    def _remember(self, values):
        """Spare reading a row that was just written and is in hand.

        :param values: as they were written
        """
        empty = {
            name: False
            for name, field in self._fields.items()
            if field.store and (field.column_type or field.type == "many2many")
        }
        written = {name: value or False for name, value in values.items()}
        options = {"options": json.loads(values["options"])}
        self._update_cache(empty | written | options, validate=False)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def _check_manager(self):
        """Let managers act on mails they see; nobody may write rows otherwise.

        :return: the same rows, writable
        """
        self.check_access("read")
        if not self.env.su and not self.env.user.has_group(
            "crm_relations.crm_relations_group_manager"
        ):
            raise UserError(self.env._("Only managers may decide about incoming mail."))
        # sudo: rights were just checked; ACLs let nobody write, so that what was
        # received cannot be rewritten, only acted upon
        return self.sudo()

    def action_replay(self):
        """Process the mails again, now.

        What was held back passes. What ended well stays as it is: a replay makes
        nothing twice, unless the case it made has been deleted since.
        """
        for mail in self._check_manager()._get_free():
            if mail.state in (DONE, DUPLICATE) and mail.case_ids:
                continue
            if mail.state in (DONE, DUPLICATE):
                mail._forget_entries()
            if mail.state != BOUNCE:
                mail.is_released = True
                mail._process_inline()
        self.sudo()._sync_quarantine_activities()
        return True

    def action_make_case(self):
        """Open a case from each mail, whatever was decided about it before."""
        cases = self.env["crm.case"]
        for mail in self._check_manager()._get_free():
            cases |= mail._enter(self.env["crm.case"])
        self.sudo()._sync_quarantine_activities()
        return cases.with_env(self.env)._get_records_action()

    def action_attach_to_case(self, case=None):
        """Put the mails into a case's discussion, each once.

        :param case: crm.case or its id; without one, a dialog asks for it
        """
        if not case:
            return self._action_dialog("crm.mail.intake.attach")
        if isinstance(case, int):
            case = self.env["crm.case"].browse(case)
        case.ensure_one().check_access("write")
        for mail in self._check_manager()._get_free():
            if mail.state != DONE or case not in mail.case_ids:
                mail._enter(case.sudo())
        self.sudo()._sync_quarantine_activities()
        return True

    def action_ignore(self, reason=None):
        """End the mails without a case.

        :param reason: why; without one, a dialog asks for it
        """
        reason = (reason or "").strip()
        if not reason:
            return self._action_dialog("crm.mail.intake.ignore")
        mails = self._check_manager()._get_free()
        mails.filtered(lambda mail: mail.state not in (DONE, IGNORED)).write(
            {
                "state": IGNORED,
                "date_next_try": False,
                "reason": self.env._(
                    "%(user)s: %(reason)s", user=self.env.user.name, reason=reason
                ),
            }
        )
        self.sudo()._sync_quarantine_activities()
        return True

    def _get_free(self):
        """Lock the mails against the scheduled action.

        :raise UserError: it is at work on one of them this moment
        """
        if len(self.try_lock_for_update(allow_referencing=True)) != len(self):
            raise UserError(
                self.env._("This mail is being processed. Try again in a moment.")
            )
        return self

    def _action_dialog(self, model):
        return {
            "type": "ir.actions.act_window",
            "name": self.env[model]._description,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_intake_ids": self.ids},
        }

    def action_view_cases(self):
        """Open the cases this mail went into."""
        return self.case_ids._get_records_action()

    # ------------------------------------------------------------
    # PURGE
    # ------------------------------------------------------------

    @api.autovacuum
    def _gc_ended(self):
        """Forget mails that ended long ago; the cases keep what they made of them.

        :return: (number removed, whether there is more)
        """
        # sudo: a setting, read by the system's own clean-up
        days = int(
            self.env["ir.config_parameter"]
            .sudo()
            .get_param("crm_relations.mail_intake_keep_days", KEEP_DAYS)
        )
        if days <= 0:
            return 0, 0
        limit = fields.Datetime.now() - timedelta(days=days)
        mails = self.search(
            [
                ("state", "in", ENDED),
                ("date_received", "<", limit),
                # what no case has is nowhere else
                ("is_partial", "=", False),
            ],
            order="date_received, id",
            limit=GC_UNLINK_LIMIT,
        )
        mails.unlink()
        return len(mails), int(len(mails) == GC_UNLINK_LIMIT)
