from itertools import pairwise

from odoo import SUPERUSER_ID, Command, models
from odoo.tools import formataddr

from .example_calendar import to_utc

DOMAIN = "example.com"
# kind of message -> message_type, subtype
_KINDS = {
    "email": ("email", "mail.mt_comment"),
    "comment": ("comment", "mail.mt_comment"),
    "note": ("comment", "mail.mt_note"),
    "created": ("notification", "crm_relations.mail_message_subtype_case_new"),
    "state": ("notification", "crm_relations.mail_message_subtype_case_state"),
    "section": ("notification", "crm_relations.mail_message_subtype_case_section"),
}
_TRACKED = ("stage_id", "state", "section_id", "user_id")


class CrmRelationsExampleDiscussion(models.AbstractModel):
    """Writes what people said in the example company's cases, with the past dates."""

    _name = "crm.relations.example.discussion"
    _description = "Discussions of the Example Company"

    def _create_messages(self, cases, stories):
        """Write messages and logged moves of all cases in the order they happened.

        A discussion is shown by descending id, so the order of creation counts.
        """
        prepared = sorted(
            (
                (step["date"], case.id, step["step"], values)
                for case, story in zip(cases, stories, strict=True)
                for step, values in self._prepare_discussion(case, story)
            ),
            key=lambda entry: entry[:3],
        )
        self.env["mail.message"].create([values for *_order, values in prepared])

    def _prepare_discussion(self, case, story):
        for message in story.messages:
            yield message, self._prepare_message(case, story, message)
        for old, new in pairwise(story.moves):
            yield new, self._prepare_move_log(case, old, new)

    def _prepare_message(self, case, story, message):
        user = message["user"]
        author = user.partner_id if user else case.partner_id
        sender = author.email_formatted or formataddr(
            (case.contact_name, case.email_from)
        )
        return self._prepare_any_message(
            case,
            message["kind"],
            message,
            author_id=author.id,
            email_from=sender,
            subject=case.name if message["kind"] == "email" else False,
            body=message["body"],
        )

    def _prepare_move_log(self, case, old, new):
        """Log a move as the tracking of fields would have done."""
        author = self._get_author(new["author_id"]).partner_id
        kind = "note"
        if old["section_id"] != new["section_id"]:
            kind = "section"
        if old["state"] != new["state"]:
            kind = "state"
        return self._prepare_any_message(
            case,
            kind,
            new,
            message_type="notification",
            author_id=author.id,
            email_from=author.email_formatted,
            body="",
            tracking_value_ids=[
                Command.create(values)
                for values in self._prepare_tracking(case, old, new)
            ],
        )

    def _prepare_any_message(self, case, kind, step, **values):
        message_type, subtype = _KINDS[kind]
        subtype = self.env["mail.message.subtype"].browse(self._ref_id(subtype))
        moment = to_utc(step["date"])
        # given here so that nothing is looked up for each of some thousand messages
        return {
            "model": "crm.case",
            "res_id": case.id,
            "record_name": case.name,
            "date": moment,
            "create_date": moment,
            "message_type": message_type,
            "subtype_id": subtype.id,
            "is_internal": subtype.internal,
            "message_id": f"<example-{case.number}-{step['step']}@{DOMAIN}>",
            "reply_to": case.section_id.alias_email,
            **values,
        }

    def _prepare_tracking(self, case, old, new):
        columns = self._get_tracked_columns()
        Tracking = self.env["mail.tracking.value"]
        for name, column in columns.items():
            if old[name] != new[name]:
                yield Tracking._create_tracking_values(
                    old[name], new[name], name, column, case
                )

    def _get_tracked_columns(self):
        return self.env["crm.case"].fields_get(
            _TRACKED, attributes=("string", "type", "selection")
        )

    def _get_author(self, user):
        """Give who did it; what nobody did by hand, the mail gateway did as root."""
        return user or self.env["res.users"].browse(SUPERUSER_ID)

    def _ref_id(self, xml_id):
        """Give an id from the cache; `ref` would query for each of many messages."""
        return self.env["ir.model.data"]._xmlid_to_res_id(
            xml_id, raise_if_not_found=True
        )
