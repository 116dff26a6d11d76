from odoo import api, models


class RatingRating(models.Model):
    _inherit = "rating.rating"

    @api.model_create_multi
    def create(self, vals_list):
        ratings = super().create(vals_list)
        ratings.filtered("consumed")._update_sentiment()
        return ratings

    def write(self, vals):
        result = super().write(vals)
        if not vals.keys().isdisjoint(("rating", "consumed", "res_id")):
            self._update_sentiment()
        return result

    def unlink(self):
        cases = self._get_cases()
        result = super().unlink()
        cases.exists()._update_sentiment()
        return result

    def _get_cases(self):
        ours = self.filtered(lambda rating: rating.res_model == "crm.case")
        return self.env["crm.case"].browse(ours.mapped("res_id"))

    def _update_sentiment(self):
        # sudo: customers rate, who may not read cases
        self.sudo()._get_cases().exists()._update_sentiment()
