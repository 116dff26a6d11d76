from odoo import models

_STATES = ("certain", "possible", "excluded")


class CrmSegmentOutcomeMixin(models.AbstractModel):
    """What an interview can tell about segments before anything is saved."""

    _name = "crm.segment.outcome.mixin"
    _description = "Outcome of Interviews for Segments"

    def _get_interviewed(self):
        """Give the segments that ask for answers and have a category to earn."""
        # sudo: an interview shows their outcome to whoever asks
        segments = self.sudo().search([("category_id", "!=", False)])
        return segments.filtered(lambda one: one._get_profile().groups)

    def _get_profile(self):
        """Give the answers it asks for, inherited ones included.

        :return: `tools.profile_information.Profile`, keys are ids of answers
        """
        return self._get_rules()[self.id].profile

    def _get_outcome_state(self, answers, open_questions):
        """Tell what the answers given so far mean for membership.

        :return: certain, possible or excluded; with figures or a filter, which an
            interview does not see, never certain
        """
        rule, given = self._get_rules()[self.id], set(answers.ids)
        profile = rule.profile
        missing = [group for group in profile.groups if group.isdisjoint(given)]
        may_come = set(open_questions.answer_ids.ids) - given
        if not profile.excluded.isdisjoint(given) or any(
            group.isdisjoint(may_come) for group in missing
        ):
            return "excluded"
        unsure = not profile.excluded.isdisjoint(may_come)
        return "possible" if missing or unsure or rule.asks_more else "certain"

    def _get_outcome(self, answers, open_questions):
        """Give one dict per segment, as `res.partner._get_profile_outcome` does."""
        found = [
            {
                "name": segment.name,
                "state": segment._get_outcome_state(answers, open_questions),
                "detail": segment._get_next_step(),
            }
            for segment in self
        ]
        return sorted(found, key=lambda one: _STATES.index(one["state"]))

    def _get_next_step(self):
        if self.join_section_id:
            return self.env._(
                "%(category)s: a case in %(section)s",
                category=self.category_id.display_name or self.name,
                section=self.join_section_id.display_name,
            )
        return self.category_id.display_name or ""
