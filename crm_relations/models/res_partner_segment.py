from odoo import api, fields, models
from odoo.exceptions import AccessError

from .segment_members_field import SegmentMembers

_GROUP = "crm_relations.crm_relations_group_user"


class ResPartner(models.Model):
    """The segments a partner is in; written by the segments only."""

    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    segment_ids = SegmentMembers(
        "crm.segment",
        "crm_segment_partner_rel",
        "partner_id",
        "segment_id",
        "Segments",
        readonly=True,
        copy=False,
        groups=_GROUP,
    )
    segment_membership_ids = fields.One2many(
        "crm.segment.membership",
        "partner_id",
        "Segments so Far",
        readonly=True,
        copy=False,
        groups=_GROUP,
    )

    @api.model_create_multi
    def create(self, vals_list):
        self._check_segments_untouched(vals_list)
        return super().create(vals_list)

    def write(self, vals):
        self._check_segments_untouched([vals])
        return super().write(vals)

    @api.model
    def _check_segments_untouched(self, vals_list):
        """Refuse to be put into a segment by hand, over the API.

        :raise AccessError: membership is computed
        """
        own = {"segment_ids", "segment_membership_ids"}
        if not self.env.su and any(own & vals.keys() for vals in vals_list):
            raise AccessError(
                self.env._(
                    "Segments: partners join and leave by the criteria of a segment, "
                    "not by hand."
                )
            )

    def _on_responses_changed(self):
        """Bring the segments of these partners up to date, in this transaction."""
        result = super()._on_responses_changed()
        self.env["crm.segment"]._update_partners(self)
        return result

    def _get_profile_outcome(self, answers, open_questions=None):
        found = super()._get_profile_outcome(answers, open_questions)
        if open_questions is None:
            open_questions = self.env["crm.profiling.question"]
        segments = self.env["crm.segment"]._get_interviewed()
        return found + segments._get_outcome(answers, open_questions)

    def _get_profile_candidates(self):
        segments = self.env["crm.segment"]._get_interviewed()
        return super()._get_profile_candidates() + [
            segment._get_profile() for segment in segments
        ]

    def action_explain_segments(self):
        """Open why the partner is, or is not, in each segment."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Segments of %s", self.display_name),
            "res_model": "crm.segment.explain",
            "view_mode": "form",
            "target": "new",
            "context": {"default_partner_id": self.id},
        }
