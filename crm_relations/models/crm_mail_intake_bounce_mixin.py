from markupsafe import Markup
from odoo import api, models
from odoo.tools import email_normalize, email_normalize_all

from ..tools import mail_report, mail_token
from ..tools.mail_automatic import ANSWER, automatic_kind
from ..tools.mail_report import DELAYED, DELIVERY, DISPOSITION, FAILED, NOTICE
from .mail_in_hand import Known


class CrmMailIntakeBounceMixin(models.AbstractModel):
    """What a mail of the ledger says of mails we sent: which did not arrive.

    A report counts only if it names a mail of ours by its Message-ID, which nobody
    else can guess, in the part that it returns. Whatever it says, it opens no case,
    moves none, and nobody is mailed about it.
    """

    _name = "crm.mail.intake.bounce.mixin"
    _description = "Delivery Reports"

    # ------------------------------------------------------------
    # WHAT IS A REPORT
    # ------------------------------------------------------------

    def _detect_report(self, message, to_bounce_address):
        """Tell whether the mail in hand is a delivery report.

        :param message: email.message.EmailMessage
        :param to_bounce_address: it was sent to the address for reports. Odoo takes
            more for one: read receipts and complaints about spam.
        """
        kind = mail_report.report_kind(message)
        if kind in (DELIVERY, NOTICE):
            return True
        # programs answer to the envelope's sender, which is the address for reports
        return bool(
            to_bounce_address and not kind and automatic_kind(message) != ANSWER
        )

    def _get_refusal(self, hand):
        """Let no keeper of a mail system open a case: programs write in his name."""
        refusal = super()._get_refusal(hand)
        if not refusal and mail_report.is_from_postmaster(hand.head):
            refusal = self.env._(
                "The keeper of a mail system sent it, and it answers no case that is "
                "known."
            )
        return refusal

    def _read_bounce(self, message):
        """Give what Odoo wants to know of a delivery report.

        :return: the values that `_message_parse_extract_bounce` adds
        """
        report = mail_report.read_report(message)
        bounced = self._find_reported_message(report)
        addresses = [one.address for one in report.recipients if one.action == FAILED]
        email = addresses[0] if addresses else False
        # sudo: whoever brings the mail, all contacts count
        Partner = self.env["res.partner"].sudo()
        return {
            "is_bounce": True,
            "bounced_email": email,
            "bounced_partner": Partner.search([("email_normalized", "=", email)])
            if email and bounced
            else Partner,
            "bounced_msg_ids": list(report.message_ids),
            "bounced_message": bounced,
        }

    def _read_receipt(self, hand, message):
        """Lead a read receipt to its case where its headers do not.

        :param MailInHand hand: what is known of the mail; is completed
        """
        if hand.references or mail_report.report_kind(message) != DISPOSITION:
            return
        read = self._find_reported_message(mail_report.read_report(message))
        for one in read:
            hand.references.append(one.message_id)
            hand.known.append(
                Known(one.message_id, one.id, one.model, one.res_id, None, None)
            )

    def _find_reported_message(self, report):
        """Find the message of ours that a report is about, the surest id first."""
        # sudo: whoever brings the mail, all messages count
        Message = self.env["mail.message"].sudo()
        if not report.message_ids:
            return Message
        found = Message.search([("message_id", "in", report.message_ids)])
        order = {name: place for place, name in enumerate(report.message_ids)}
        # what we only received does not come back to us
        ours = found.filtered(lambda one: one.message_type != "email")
        return (ours or found).sorted(lambda one: order[one.message_id])[:1]

    def _find_reported_case(self, report):
        """Find the case by its token, where a relay has rewritten the Message-ID."""
        Case = self.env["crm.case"]
        tokens = mail_token.find_tokens(" ".join(report.message_ids))
        ids = [token.case_id for token in Case._check_tokens(tokens)[:1]]
        return Case._fetch_mail_cases(ids)._find_living_cases()

    # ------------------------------------------------------------
    # WHAT IT CHANGES
    # ------------------------------------------------------------

    def _take_report(self, message, message_dict, count):
        """End the mail as a delivery report; mark what it proves.

        :param count: Odoo's own handling, which counts the bounces of an address
        """
        report = mail_report.read_report(message)
        bounced = message_dict["bounced_message"]
        case = self.env["crm.case"]
        if bounced.model == "crm.case":
            # sudo: reports come from outside; nothing is told but to colleagues
            case = case.sudo().browse(bounced.res_id).exists()._find_living_cases()
        elif not bounced:
            case = self._find_reported_case(report)
        self._link_cases(case)
        failed = [one for one in report.recipients if one.action == FAILED]
        if not report.kind:
            self._hold(
                self.env._("It came to the address for delivery reports, and is none.")
            )
            return
        reason = self._get_report_text(report, bounced or case)
        if self._is_known_bounce():
            reason = self.env._("%s It was counted before.", reason)
        elif bounced and not case:
            count(message, message_dict)
        elif case and (failed or not report.recipients):
            rows = self._mark_undelivered(case, bounced, failed)
            self._count_bounces(message, message_dict, count, rows)
            reason = "\n".join(row._get_sentence() for row in rows)
            case._message_log(body=self._get_bounce_note(rows))
        self.write({"state": "bounce", "reason": reason})

    def _is_known_bounce(self):
        """Tell whether this delivery report has been counted already."""
        return bool(self) and bool(
            self.search_count(
                [
                    ("message_id", "=", self.message_id),
                    ("content_key", "=", self.content_key),
                    ("state", "=", "bounce"),
                    ("id", "!=", self.id),
                ],
                limit=1,
            )
        )

    def _mark_undelivered(self, case, bounced, failed):
        """Mark on the case whom its mail does not reach.

        :param failed: list of `mail_report.Recipient`; empty: the report names nobody
        :return: crm.case.delivery
        """
        told = self._get_told(case, bounced)
        marks = {}
        for recipient in failed:
            # forwarded mail comes back from where it was forwarded to
            address = next(
                (
                    email
                    for email in (recipient.original, recipient.address)
                    if email in told
                ),
                recipient.address,
            )
            marks.setdefault(address, recipient)
        if not marks:
            outside = {email for email, is_share in told.items() if is_share}
            marks[outside.pop() if len(outside) == 1 else ""] = None
        # sudo: the marks are the system's
        return self.env["crm.case.delivery"].sudo()._mark_bounces(case, marks.items())

    def _get_told(self, case, bounced):
        """List who was told the message that came back.

        :return: {normalized address: whether its owner is outside}
        """
        told = {}
        for notification in bounced.notification_ids:
            partner = notification.res_partner_id
            email = partner.email_normalized or email_normalize(
                notification.mail_email_address
            )
            if email:
                told[email] = partner.partner_share if partner else True
        text = ",".join(
            filter(None, [case.email_cc, case.email_from, bounced.outgoing_email_to])
        )
        known = dict.fromkeys(email_normalize_all(text), True)
        return known | told

    def _count_bounces(self, message, message_dict, count, rows):
        """Let Odoo count each address that really was told, as it does with others."""
        case, bounced = rows.case_id, message_dict["bounced_message"]
        told = self._get_told(case, bounced)
        emails = [email for email in rows.mapped("email") if email in told]
        # sudo: whoever brings the mail, all contacts count
        partners = (
            self.env["res.partner"].sudo().search([("email_normalized", "in", emails)])
        )
        for email in emails:
            own = partners.filtered(
                lambda partner, email=email: partner.email_normalized == email
            )
            count(
                message, message_dict | {"bounced_email": email, "bounced_partner": own}
            )

    # ------------------------------------------------------------
    # WORDS
    # ------------------------------------------------------------

    def _get_report_text(self, report, is_ours):
        """Say what a report says, for the ledger."""
        if report.kind not in (DELIVERY, NOTICE):
            return self.env._("A report that is no delivery report.")
        texts = [self._get_recipient_text(one) for one in report.recipients]
        if not texts:
            texts = [self.env._("A delivery report that does not say for whom.")]
        if not is_ours:
            texts.append(self.env._("It names no mail of ours, so nothing was marked."))
        return "\n".join(texts)

    def _get_recipient_text(self, recipient):
        address = recipient.address
        if recipient.action == FAILED:
            return self.env._(
                "Mail to %(address)s does not arrive: %(reason)s.",
                address=address,
                reason=self.env["crm.case.delivery"]._get_words(recipient.status),
            )
        if recipient.action == DELAYED:
            return self.env._(
                "Mail to %s is delayed; the mail servers go on trying.", address
            )
        return self.env._("Mail to %s has arrived.", address)

    @api.model
    def _get_bounce_note(self, rows):
        lines = []
        for row in rows:
            lines.append(Markup("<p>%s</p>") % row._get_sentence())
            if row.detail:
                lines.append(Markup("<p><i>%s</i></p>") % row.detail)
        return Markup("").join(lines)
