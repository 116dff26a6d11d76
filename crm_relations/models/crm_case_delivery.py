from odoo import api, fields, models
from odoo.tools import ormcache

from ..tools import mail_report

RETRY, FAILED, BOUNCE = "retry", "failed", "bounce"

# what went wrong before any other mail server was asked; else the code is a status
CONNECTION, ADDRESS, SENDER = "connection", "address", "sender"


class CrmCaseDelivery(models.Model):
    """One address that mail about one case did not reach, and why.

    Made when the outgoing server does not take a mail, or when a delivery report says
    that it did not arrive. Gone when the mail got through after all, when a mail comes
    from that address, or when a person dismisses it. People only read these rows.
    """

    _name = "crm.case.delivery"
    _description = "Undelivered Mail"
    _order = "id desc"
    _rec_name = "email"

    case_id = fields.Many2one(
        "crm.case", required=True, readonly=True, index=True, ondelete="cascade"
    )
    kind = fields.Selection(
        [
            (RETRY, "Will be sent again"),
            (FAILED, "Could not be sent"),
            (BOUNCE, "Came back"),
        ],
        required=True,
        readonly=True,
    )
    email = fields.Char(
        "Address", readonly=True, help="Empty: the report does not say which."
    )
    name = fields.Char("Recipient", readonly=True)
    code = fields.Char(
        readonly=True, help="The status that mail servers tell each other, as 5.1.1."
    )
    detail = fields.Text("What the Mail Server Said", readonly=True)
    reason = fields.Char(compute="_compute_reason")
    date = fields.Datetime(readonly=True, default=fields.Datetime.now, required=True)
    date_next_try = fields.Datetime("Next Try", readonly=True)
    mail_id = fields.Many2one(
        "mail.mail", readonly=True, index="btree_not_null", ondelete="set null"
    )
    is_told = fields.Boolean(
        "Told", readonly=True, help="Somebody has an activity about it."
    )

    _bounce_uniq = models.UniqueIndex(
        "(case_id, COALESCE(email, '')) WHERE kind = 'bounce'",
        "Address: that its mail comes back is known already.",
    )
    _email_idx = models.Index("(email) WHERE kind = 'bounce'")
    _untold_idx = models.Index("(id) WHERE kind = 'failed' AND is_told IS NOT TRUE")

    @api.depends("code")
    @api.depends_context("lang")
    def _compute_reason(self):
        for row in self:
            row.reason = self._get_words(row.code)

    @api.depends("email", "name")
    def _compute_display_name(self):
        for row in self:
            row.display_name = (
                row.email or row.name or self.env._("an address it does not name")
            )

    # ------------------------------------------------------------
    # WORDS
    # ------------------------------------------------------------

    @api.model
    def _get_words(self, code):
        """Say in plain words what a status means, in the reader's language.

        :param code: as ``5.1.1``, one of the constants above, or empty
        """
        code = code or ""
        words = self._get_own_words().get(code)
        if words:
            return words
        status_class, _dot, detail = code.partition(".")
        words = self._get_status_words().get(detail)
        if not words and detail.startswith("7."):
            words = self.env._(
                "its mail server refuses our mail, as spam or by its own rules"
            )
        if not words and status_class == "4":
            words = self.env._("its mail server does not take the mail for now")
        if not words and status_class == "5":
            words = self.env._("its mail server refuses the mail")
        words = words or self.env._("for a reason that was not told")
        return f"{words} ({code})" if code and not code.endswith(".0.0") else words

    @api.model
    def _get_own_words(self):
        return {
            CONNECTION: self.env._("our outgoing mail server could not be reached"),
            ADDRESS: self.env._("there is no valid address"),
            SENDER: self.env._("the sender's address is not valid"),
        }

    @api.model
    def _get_status_words(self):
        _ = self.env._
        unknown = _("there is no such mailbox")
        unreachable = _("its domain does not exist or has no mail server")
        silent = _("its mail server does not answer")
        too_large = _("the mail is too large for it")
        return {
            "1.0": unknown,
            "1.1": unknown,
            "1.6": _("the mailbox has moved"),
            "1.10": _("its domain takes no mail"),
            "1.2": unreachable,
            "4.4": unreachable,
            "1.3": _("the address is not written as addresses are"),
            "2.1": _("the mailbox is switched off"),
            "2.2": _("the mailbox is full"),
            "2.3": too_large,
            "3.4": too_large,
            "3.1": _("its mail server has no room left"),
            "4.1": silent,
            "4.2": silent,
            "4.6": _("mail to it goes round in circles"),
            "4.7": _("it could not be delivered in time"),
        }

    def _get_sentence(self):
        """Say what is wrong with one address, as the case's banner shows it."""
        self.ensure_one()
        values = {"address": self.display_name, "reason": self.reason}
        if self.kind == BOUNCE:
            return self.env._(
                "Mail to %(address)s does not arrive: %(reason)s.", **values
            )
        if self.kind == RETRY:
            return self.env._(
                "Mail to %(address)s could not be sent yet: %(reason)s. It is tried "
                "again by itself.",
                **values,
            )
        return self.env._(
            "Mail to %(address)s was not sent, and is not tried any more: %(reason)s.",
            **values,
        )

    # ------------------------------------------------------------
    # MARK
    # ------------------------------------------------------------

    @api.model
    def _mark_bounces(self, case, recipients):
        """Mark addresses whose mail came back.

        :param case: crm.case
        :param recipients: list of (address, `mail_report.Recipient` or None)
        :return: the rows, one for each address
        """
        known = {
            row.email or "": row
            for row in self.search([("case_id", "=", case.id), ("kind", "=", BOUNCE)])
        }
        rows = self.browse()
        for address, recipient in recipients:
            values = {
                "code": recipient.status if recipient else False,
                "detail": recipient.diagnostic if recipient else False,
                "date": fields.Datetime.now(),
            }
            row = known.get(address)
            if row:
                row.write(values)
            else:
                row = known[address] = self.create(
                    {"case_id": case.id, "kind": BOUNCE, "email": address or False}
                    | values
                )
            rows |= row
        return rows

    @api.model
    def _mark_unsent(self, mail, unreached, next_try):
        """Mark those whom a mail did not reach, and take off the others' marks.

        :param mail: mail.mail about a case
        :param unreached: {(address, name): (code, detail)}
        :param next_try: datetime; False when it is not tried any more
        """
        rows = self.search([("mail_id", "=", mail.id), ("kind", "!=", BOUNCE)])
        case = self.env["crm.case"].browse(mail.res_id).exists()
        values = {
            "kind": RETRY if next_try else FAILED,
            "date": fields.Datetime.now(),
            "date_next_try": next_try,
        }
        left = rows
        for (email, name), (code, detail) in unreached.items():
            found = left.filtered(
                lambda row, key=(email, name): (row.email or "", row.name or "") == key
            )[:1]
            left -= found
            said = values | {"code": code, "detail": detail}
            if found:
                found.write(said)
            elif case:
                self.create(
                    said
                    | {
                        "case_id": case.id,
                        "mail_id": mail.id,
                        "email": email,
                        "name": name,
                    }
                )
        left.unlink()

    @api.model
    def _unmark_bounces(self, email):
        """Take off the marks of an address that has written: it is alive.

        No query as long as no address at all is marked.
        """
        if self._has_bounces():
            # sudo: the marks are the system's, whoever brings the mail
            rows = self.sudo().search([("email", "=", email), ("kind", "=", BOUNCE)])
            rows.unlink()

    @api.model
    @ormcache()
    def _has_bounces(self):
        # sudo: nothing but whether there is any mark
        return bool(self.sudo().search_count([("kind", "=", BOUNCE)], limit=1))

    @api.model_create_multi
    def create(self, vals_list):
        rows = super().create(vals_list)
        if not self._has_bounces() and any(row.kind == BOUNCE for row in rows):
            self.env.registry.clear_cache()
        return rows

    # ------------------------------------------------------------
    # WHO IS TOLD
    # ------------------------------------------------------------

    @api.model
    def _tell_given_up(self):
        """Give the responsible, else the section's manager, one activity per case."""
        rows = self.search([("kind", "=", FAILED), ("is_told", "=", False)])
        kind = self.env.ref(
            "crm_relations.mail_activity_type_undelivered", raise_if_not_found=False
        )
        if not rows or not kind:
            return
        told = self.env["mail.activity"].search(
            [
                ("activity_type_id", "=", kind.id),
                ("res_model", "=", "crm.case"),
                ("res_id", "in", rows.case_id.ids),
            ]
        )
        for case, own in rows.grouped("case_id").items():
            if case.id not in told.mapped("res_id"):
                case._schedule_undelivered_activity(kind, own)
        rows.is_told = True


def read_smtp_error(said):
    """Tell what our outgoing server's refusal means.

    :return: (code, what was said); without a status the connection broke
    """
    said = said.strip()[: mail_report.DIAGNOSTIC_LIMIT]
    return mail_report.find_status(said) or CONNECTION, said
