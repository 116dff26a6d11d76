import io
import json
import zipfile

from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from .crm_mail_intake import IGNORED, WAITING

# what of a partner says who he is; what he is worth to us are figures and stays
_PERSONAL_FIELDS = (
    "email",
    "phone",
    "street",
    "street2",
    "city",
    "zip",
    "website",
    "function",
    "comment",
    "ref",
    "vat",
    "company_name",
    "image_1920",
)
_CASE_TEXTS = ("description", "contact_name", "email_from", "phone", "email_cc")
_EXPORTED = {
    "res.partner": "name email phone street street2 city zip function website comment"
    " create_date",
    "crm.case": "number name description email_from contact_name phone email_cc state"
    " sentiment date create_date date_closed planned_revenue planned_cost",
    "crm.partner.event": "name date direction duration sentiment description",
    "mail.message": "date subject email_from body model res_id",
    "rating.rating": "rating feedback rated_on",
    "crm.mail.intake": "date_received email_from email_to subject state",
    "crm.profiling.call": "campaign_id state note date_next",
    "crm.profiling.attempt": "date user_id result note",
}


class ResPartnerPrivacyMixin(models.AbstractModel):
    """What is kept of one person: handed over as files, or erased but for figures."""

    _name = "res.partner.privacy.mixin"
    _description = "Privacy of a Person"

    def _get_personal_records(self):
        """Find everything about one person in this addon, as the user may see it.

        :return: {model name: records}
        """
        self.ensure_one()
        # archived ones too: out of sight is not gone
        env = self.with_context(active_test=False).env
        address = self.email_normalized
        of_person = Domain("partner_id", "=", self.id)
        cases = env["crm.case"].search(
            of_person | Domain("email_normalized", "=", address)
            if address
            else of_person
        )
        events = env["crm.partner.event"].search(of_person)
        # sudo: what is said in the cases and events found, and by the person himself
        sudo = env(su=True)
        messages = sudo["mail.message"].search(
            Domain("author_id", "=", self.id)
            | Domain("model", "=", "res.partner") & Domain("res_id", "=", self.id)
            | Domain("model", "=", "crm.case") & Domain("res_id", "in", cases.ids)
            | Domain("model", "=", "crm.partner.event")
            & Domain("res_id", "in", events.ids)
        )
        of_mail = Domain("case_ids", "in", cases.ids)
        if address:
            of_mail |= Domain("email_normalized", "=", address)
        return {
            "res.partner": self.with_env(env),
            "crm.case": cases,
            "crm.partner.event": events,
            "mail.message": messages,
            "rating.rating": sudo["rating.rating"].search(
                of_person
                | Domain("res_model", "=", "crm.case")
                & Domain("res_id", "in", cases.ids)
            ),
            "crm.mail.intake": env["crm.mail.intake"].search(of_mail),
        }

    def _get_personal_files(self, records):
        """Give the files of the records found, those of messages included."""
        # sudo: the files of records the user may see
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                Domain("res_field", "=", False)
                & Domain.OR(
                    Domain("res_model", "=", name) & Domain("res_id", "in", found.ids)
                    for name, found in records.items()
                )
            )
            | records["mail.message"].attachment_ids
        )

    # ------------------------------------------------------------
    # EXPORT
    # ------------------------------------------------------------

    def _export_person(self):
        """Pack what is kept of the person, as far as the user may see it.

        :return: bytes of a zip: `person.json`, `files/` and `mails/` as received
        """
        records = self._get_personal_records()
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            data = {
                name: found.read(_EXPORTED[name].split())
                for name, found in records.items()
            }
            text = json.dumps(data, indent=2, default=str, ensure_ascii=False)
            archive.writestr("person.json", text)
            for file in self._get_personal_files(records):
                name = (file.name or "file").replace("/", "_")
                archive.writestr(f"files/{file.id}-{name}", file.raw or b"")
            for mail in records["crm.mail.intake"]:
                archive.writestr(f"mails/{mail.id}.eml", mail.raw or b"")
        return stream.getvalue()

    # ------------------------------------------------------------
    # ERASURE
    # ------------------------------------------------------------

    def _check_erasable(self, records):
        """Refuse what cannot be erased whole.

        :raise UserError: the person is a user, or a company
        :raise AccessError: some of it lies in companies the user does not work in
        """
        if self.is_company:
            raise UserError(
                self.env._(
                    "Partner: “%s” is a company. Erase its contacts one by one.",
                    self.name,
                )
            )
        # sudo: whether there are users at all, archived ones too
        if self.sudo().with_context(active_test=False).user_ids:
            raise UserError(
                self.env._("Partner: “%s” is a user. Delete the user first.", self.name)
            )
        everything = self.sudo()._get_personal_records()
        if any(everything[name] - records[name] for name in records):
            raise AccessError(
                self.env._(
                    "Partner: there are cases or events of “%s” that you may not see. "
                    "Ask somebody who sees all companies.",
                    self.name,
                )
            )

    def _erase_person(self):
        """Erase who the person is and what was written; states and figures stay.

        Texts, addresses, files and the originals of mails go. Cases, events, marks and
        dates stay with a partner without a name, so that statistics do not change.

        :raise UserError: see `_check_erasable`
        """
        self.ensure_one()
        records = self._get_personal_records()
        self._check_erasable(records)
        count = {name: len(found) for name, found in records.items()}
        # sudo: everything was seen to be the user's to see; erasing needs no more
        records = {name: found.sudo() for name, found in records.items()}
        self._get_personal_files(records).unlink()
        self._erase_watcher(records["res.partner"].email_normalized)
        self._erase_messages(records["mail.message"])
        self._erase_mails(records["crm.mail.intake"])
        self._erase_cases(records["crm.case"])
        self._erase_events(records["crm.partner.event"])
        self._erase_ratings(records["rating.rating"])
        self._erase_partner(records["res.partner"])
        return count

    def _erase_messages(self, messages):
        tracked = self.env["mail.tracking.value"].sudo()
        tracked.search([("mail_message_id", "in", messages.ids)]).unlink()
        mails = self.env["mail.mail"].sudo()
        mails.search([("mail_message_id", "in", messages.ids)]).unlink()
        messages.write(
            {
                "body": False,
                "subject": False,
                "email_from": False,
                "reply_to": False,
            }
        )

    def _erase_mails(self, mails):
        """Take the bytes and addresses out of the ledger; its keys and ends stay.

        What has not been processed yet never will be.
        """
        waiting = mails.filtered(lambda mail: mail.state in (*WAITING, "quarantine"))
        waiting.write({"state": IGNORED})
        mails.write(
            {
                "raw": b"\n",
                "size": 0,
                "email_from": False,
                "email_normalized": False,
                "email_to": False,
                "subject": self.env._("(erased)"),
                "reason": self.env._("The person was erased."),
                "error_detail": False,
            }
        )

    def _erase_cases(self, cases):
        self.env["crm.case.delivery"].sudo().search(
            [("case_id", "in", cases.ids)]
        ).unlink()
        # no line about it in the discussion, and no mail to watchers
        silent = cases.with_context(tracking_disable=True)
        silent.write(
            {"name": self.env._("(erased)"), **dict.fromkeys(_CASE_TEXTS, False)}
        )
        for case in cases.filtered("activity_ids"):
            # what a case is called is stored there once more
            case.activity_ids.write(
                {"summary": False, "note": False, "res_name": case.display_name}
            )

    def _erase_ratings(self, ratings):
        ratings.write({"feedback": False})
        self.env.add_to_compute(ratings._fields["res_name"], ratings)

    def _erase_watcher(self, address):
        """Take an address out of the watchers of other people's cases."""
        if not address:
            return
        # sudo: as in `_erase_person`
        cases = self.env["crm.case"].sudo().with_context(active_test=False)
        for case in cases.search([("email_cc", "ilike", address)]):
            watchers = case._mail_cc_sanitized_raw_dict(case.email_cc)
            watchers.pop(address, None)
            case.with_context(tracking_disable=True).email_cc = ", ".join(
                watchers.values()
            )

    def _erase_events(self, events):
        for kind, same in events.grouped("kind_id").items():
            same.write({"name": kind.name, "description": False})

    def _erase_partner(self, partner):
        partner.with_context(tracking_disable=True).write(
            {
                "name": self.env._("Erased person %s", partner.id),
                "active": False,
                # else the address is that of the company, which keeps it
                "type": "other",
                **dict.fromkeys(_PERSONAL_FIELDS, False),
            }
        )
        partner.message_ids.unlink()
