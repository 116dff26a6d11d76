import mimetypes

from odoo import api, models

from ..tools.mail_form import Aside

BATCH_BYTES = 1 << 20  # of files that are in memory at a time


class MailThreadForm(models.AbstractModel):
    """What Odoo's gateway makes of a mail that it did not see all of."""

    _inherit = "mail.thread"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def message_parse(self, message, save_original=False):
        """Add what was kept from Odoo's parser; see `crm.mail.intake.form.mixin`."""
        hand = self.env["crm.mail.intake"]._get_hand()
        form = hand is not None and hand.form
        if not form:
            return super().message_parse(message, save_original=save_original)
        is_whole = form.raw is form.mail.raw
        values = super().message_parse(
            message, save_original=save_original and is_whole
        )
        self.env["crm.mail.intake"]._get_current()._complete_parsed(values, form)
        if save_original and not is_whole:
            values["attachments"].append(
                self._Attachment("original_email.eml", form.mail.raw, {})
            )
        return values

    @api.model
    def _message_parse_post_process(self, message, message_dict, routes):
        """Let a mail of several writers, or of nobody, have no author."""
        values = super()._message_parse_post_process(message, message_dict, routes)
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is not None and hand.form and hand.form.senders != 1:
            values["author_id"] = message_dict["author_id"] = False
        return values

    def _message_compute_author(self, author_id=None, email_from=None):
        """Sign a mail of nobody with what stands in its place, not as the system."""
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is None or not hand.form or author_id or email_from:
            return super()._message_compute_author(author_id, email_from)
        return False, hand.form.sender_text or self.env._("Unknown sender")

    def _create_attachments_for_post(self, values_list, extra_list):
        """Decode the files set aside here, few at a time."""
        files = [(extra[3] or {}).get("crm_mail_file") for extra in extra_list]
        thread = self
        if self.env["crm.mail.intake"]._get_hand() is not None:
            # pictures stay as they were sent: making them smaller opens them, and a
            # small file can be a picture of gigabytes
            thread = self.with_context(image_no_postprocess=True, crm_mail_file=True)
        if not any(isinstance(file, Aside) for file in files):
            return super(MailThreadForm, thread)._create_attachments_for_post(
                values_list, extra_list
            )
        found, batch, extras, size = self.env["ir.attachment"].sudo(), [], [], 0
        for values, extra, file in zip(values_list, extra_list, files, strict=True):
            batch.append(_fill_in(values, file))
            extras.append(extra)
            size += file.size if isinstance(file, Aside) else len(values["datas"])
            if size >= BATCH_BYTES or len(extras) == len(values_list):
                found |= super(MailThreadForm, thread)._create_attachments_for_post(
                    batch, extras
                )
                batch, extras, size = [], [], 0
        if batch:
            found |= super(MailThreadForm, thread)._create_attachments_for_post(
                batch, extras
            )
        return found


def _fill_in(values, file):
    if not isinstance(file, Aside):
        return values
    values = {key: value for key, value in values.items() if key != "datas"}
    content = file.read()
    # by its name or what the sender says: looking into archives can take long
    kind = mimetypes.guess_type(file.name)[0] or file.mimetype
    if kind == "application/octet-stream" and content[:2] == b"PK":
        kind = "application/zip"
    return values | {"raw": content, "mimetype": kind}
