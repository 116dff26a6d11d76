"""Tells cases what is said and how they are rated."""

from collections import Counter

from odoo import api, models

from .crm_case_mail_recipients_mixin import EXCHANGE_TYPES


class MailMessage(models.Model):
    """Counts on its case."""

    _inherit = "mail.message"

    @api.model_create_multi
    def create(self, vals_list):
        messages = super().create(vals_list)
        if counts := Counter(messages._get_exchanged_case_ids()):
            self.env["crm.case"]._count_messages(counts)
        return messages

    def write(self, vals):
        if vals.keys().isdisjoint(("model", "res_id", "message_type")):
            return super().write(vals)
        before = set(self._get_exchanged_case_ids())
        result = super().write(vals)
        self._recount_cases(before.union(self._get_exchanged_case_ids()))
        return result

    def unlink(self):
        before = set(self._get_exchanged_case_ids())
        result = super().unlink()
        self._recount_cases(before)
        return result

    def _get_exchanged_case_ids(self):
        """Give the id of the case of each message that counts; no query as a rule."""
        return [
            message.res_id
            for message in self
            if message.model == "crm.case"
            and message.res_id
            and message.message_type in EXCHANGE_TYPES
        ]

    @api.model
    def _recount_cases(self, case_ids):
        if case_ids:
            self.env["crm.case"].browse(case_ids)._recount()


class RatingRating(models.Model):
    """Is kept on the case that it rates."""

    _inherit = "rating.rating"

    def _update_sentiment(self):
        super()._update_sentiment()
        # sudo: customers rate, who may not read cases
        self.sudo()._get_cases()._recount()

    def unlink(self):
        cases = self._get_cases()
        result = super().unlink()
        cases._recount()
        return result
