"""Tells cases what is said and how they are rated."""

from collections import Counter

from odoo import api, models

from .crm_case_mail_recipients_mixin import EXCHANGE_TYPES


class MailMessage(models.Model):
    """Counts on its case."""

    _inherit = "mail.message"

    @api.model_create_multi
    def create(self, vals_list):
        # before: Odoo forgets `res_id` of what it creates and would read it again
        about = [vals.get("res_id") for vals in vals_list]
        messages = super().create(vals_list)
        counts = Counter(
            case_id or message.res_id
            for message, case_id in zip(messages, about, strict=True)
            if message._is_exchanged()
        )
        counts.pop(False, None)  # about no case in particular
        if counts:
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

    def _is_exchanged(self):
        """Tell whether people said this about a case."""
        return self.model == "crm.case" and self.message_type in EXCHANGE_TYPES

    def _get_exchanged_case_ids(self):
        """Give the id of the case of each message that counts."""
        return [message.res_id for message in self if message._is_exchanged()]

    @api.model
    def _recount_cases(self, case_ids):
        if case_ids:
            self.env["crm.case"].browse(case_ids)._recount()


class RatingRating(models.Model):
    """Is kept on the case that it rates."""

    _inherit = "rating.rating"

    def _update_sentiment(self):
        result = super()._update_sentiment()
        # sudo: customers rate, who may not read cases
        self.sudo()._get_cases()._recount()
        return result

    def unlink(self):
        cases = self._get_cases()
        result = super().unlink()
        cases._recount()
        return result
