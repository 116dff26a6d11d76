from odoo import api, fields, models
from odoo.tools import SQL

from ..models.crm_profiling_call import UNFINISHED


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    """Merged partners bring their answers, memberships and marks along.

    Odoo moves rows by SQL and stops at unique indexes, of which it does not know:
    what two partners have alike is settled before, and what rests on it afterwards.
    """

    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        self.env.flush_all()
        ids = (src_partners | dst_partner).ids
        self._retire_older_answers(ids)
        self._end_double_memberships(ids)
        self._join_calls(ids)
        # sudo: who merges partners need not have a role here; the marks that the
        # figures are made of are moved, and the figures computed anew
        self.env["crm.partner.sentiment"].sudo().search(
            [("partner_id", "in", ids)]
        ).unlink()
        self.env.flush_all()
        return super()._update_foreign_keys(src_partners, dst_partner)

    @api.model
    def _update_values(self, src_partners, dst_partner):
        """Have segments and sentiment follow what the partner is now."""
        result = super()._update_values(src_partners, dst_partner)
        self.env.flush_all()
        self.env.invalidate_all()
        # sudo: as above
        partner = dst_partner.sudo()
        partner._on_responses_changed()
        self.env["crm.partner.sentiment"].sudo()._update_partners(partner)
        return result

    @api.model
    def _retire_older_answers(self, ids):
        """Keep in force, of each question, what was answered last; the rest is history.

        Several answers to one question belong together: those of the partner who
        answered it last stay.
        """
        # raw SQL: before Odoo's own; no field but one, of these partners only
        self.env.execute_query(
            SQL(
                """UPDATE crm_profiling_response r SET active = FALSE
                FROM (SELECT DISTINCT ON (question_id) question_id, partner_id
                    FROM crm_profiling_response
                    WHERE active AND partner_id = ANY(%(ids)s)
                    ORDER BY question_id, date DESC, id DESC) newest
                WHERE r.active AND r.partner_id = ANY(%(ids)s)
                    AND r.question_id = newest.question_id
                    AND r.partner_id <> newest.partner_id
                RETURNING 1""",
                ids=ids,
            )
        )

    @api.model
    def _end_double_memberships(self, ids):
        """Keep, of each segment, the membership that began first; the rest ends."""
        # raw SQL: as above
        self.env.execute_query(
            SQL(
                """UPDATE crm_segment_membership m
                SET date_end = %(now)s, is_join_due = FALSE
                FROM (SELECT DISTINCT ON (segment_id) segment_id, id
                    FROM crm_segment_membership
                    WHERE date_end IS NULL AND partner_id = ANY(%(ids)s)
                    ORDER BY segment_id, date, id) oldest
                WHERE m.date_end IS NULL AND m.partner_id = ANY(%(ids)s)
                    AND m.segment_id = oldest.segment_id AND m.id <> oldest.id
                RETURNING 1""",
                now=fields.Datetime.now(),
                ids=ids,
            )
        )

    @api.model
    def _join_calls(self, ids):
        """Leave one place on the list of each campaign: that where most has happened.

        Calls made go there, a refusal stays one; and nobody is in the hands of two.
        """
        # sudo: as above; lists of campaigns whoever merges does not see
        calls = (
            self.env["crm.profiling.call"].sudo().search([("partner_id", "in", ids)])
        )
        ended = calls.filtered(lambda call: call.state not in UNFINISHED)
        working = calls.filtered(lambda call: call.state == "working")
        # ended before in hand before open, then the one called most often
        ranked = calls.sorted(
            lambda call: (call not in ended, call not in working, -call.attempt_count)
        )
        doubles = calls.browse()
        for same in ranked.grouped("campaign_id").values():
            rest = same[1:]
            rest.attempt_ids.write({"call_id": same[0].id})
            same[0].attempt_count = sum(same.mapped("attempt_count"))
            doubles |= rest
        doubles.unlink()
        (working - doubles)[1:]._give_back()
