from typing import NamedTuple

from odoo import api, models, tools
from odoo.tools import SQL

from ..tools.profile_information import Profile
from .segment_facts import Facts


class SegmentRule(NamedTuple):
    """What a segment asks for, as far as answers tell."""

    profile: Profile  # its key is the id of the segment
    company_id: int
    asks_more: bool  # figures or a filter, which the database has to tell
    is_empty: bool  # it asks for nothing, and has no members

    def may_have(self, answer_ids, company_id):
        """Tell whether a partner with these answers meets all that is known here."""
        return (
            not self.is_empty
            and (not self.company_id or company_id in (None, self.company_id))
            and self.profile.is_met(answer_ids)
        )


class CrmSegmentInstantMixin(models.AbstractModel):
    """Brings all segments up to date for the few partners whose answers were saved.

    Answers are compared here, with rules that are remembered between transactions; the
    database is asked only for segments with figures or a filter whose answers match.
    """

    _name = "crm.segment.instant.mixin"
    _description = "Computation of Segments at Once"

    @api.model
    def _update_partners(self, partners):
        """Bring all segments up to date for a few partners.

        1 statement if nothing changes, 1 more if figures or filters decide, about 10
        for changes, whatever the number of partners and segments.
        Segments that wait for a person are left alone.
        """
        # sudo: who saves answers need not be allowed to change segments
        segments = self.sudo()
        self.env.flush_all()
        changes = segments._find_changes(partners.ids)
        if not changes:
            return
        involved = segments.browse({segment_id for segment_id, *_rest in changes})
        # one set of rows for all: what they say of themselves is read together
        involved = involved.with_prefetch(involved.ids)
        columns = [list(column) for column in zip(*changes, strict=True)]
        differences = SQL(
            "SELECT * FROM unnest(%s::int[], %s::int[], %s::bool[]) "
            "AS d(segment_id, partner_id, is_joining)",
            *columns,
        )
        involved._apply_differences(differences, partners.ids)
        involved._run_joining()

    def _find_changes(self, partner_ids):
        """Give who is to join or leave.

        :return: list of (id of the segment, id of the partner, whether he joins)
        """
        rows = self._read_partners(partner_ids)
        if not rows:
            return []
        rules = self._get_current_rules(set(rows[0][-1] or ()))
        expected = {
            (rule.profile.key, partner_id)
            for partner_id, active, company_id, answers, *_rest in rows
            if active
            for known in [frozenset(answers)]
            for rule in rules.values()
            if rule.may_have(known, company_id)
        }
        unsure = {pair for pair in expected if rules[pair[0]].asks_more}
        expected -= unsure - self._ask_database(unsure)
        current = {
            (segment_id, partner_id)
            for partner_id, *_rest, segment_ids, _all in rows
            for segment_id in segment_ids
            if segment_id in rules
        }
        return [(*pair, True) for pair in sorted(expected - current)] + [
            (*pair, False) for pair in sorted(current - expected)
        ]

    def _read_partners(self, partner_ids):
        """Read all that is needed, in one statement.

        :return: rows (partner, active, company, ids of answers, ids of segments he is
            in, ids of all segments that may change)
        """
        return self.env.execute_query(
            SQL(
                """SELECT p.id, p.active, p.company_id,
                    ARRAY(SELECT r.answer_id FROM crm_profiling_response r
                        WHERE r.partner_id = p.id AND %s),
                    ARRAY(SELECT m.segment_id FROM crm_segment_membership m
                        WHERE m.partner_id = p.id AND m.date_end IS NULL),
                    (SELECT array_agg(id) FROM crm_segment
                        WHERE active AND NOT COALESCE(is_waiting, FALSE))
                FROM res_partner p WHERE p.id = ANY(%s)""",
                Facts().get_valid(),
                list(partner_ids),
            )
        )

    def _ask_database(self, pairs):
        """Give those of the pairs (segment, partner) whose figures and filter hold."""
        if not pairs:
            return set()
        segment_ids, partner_ids = (set(column) for column in zip(*pairs, strict=True))
        found = self.env.execute_query(
            self.browse(sorted(segment_ids))._get_target(sorted(partner_ids))
        )
        return pairs.intersection(found)

    # ------------------------------------------------------------
    # RULES
    # ------------------------------------------------------------

    def _get_current_rules(self, segment_ids):
        """Give the rules of these segments, {id: `SegmentRule`}."""
        rules = self._get_rules()
        if not segment_ids <= rules.keys():
            # remembered by a transaction that has not seen the newest ones
            self.env.registry.clear_cache()
            rules = self._get_rules()
        return {key: rule for key, rule in rules.items() if key in segment_ids}

    @api.model
    @tools.ormcache()
    def _get_rules(self):
        """Give the rules of all segments; forgotten whenever criteria change.

        :return: {id of the segment: `SegmentRule`}
        """
        # sudo: the same for all users. Few, and written by people
        segments = self.sudo().search([])  # pylint: disable=no-search-all
        return {segment.id: segment._make_rule() for segment in segments}

    @api.model
    @tools.ormcache("self.env.lang")
    def _get_reasons(self):
        """Give what each segment asks for, in words; forgotten as the rules are.

        :return: {id of the segment: text}
        """
        # sudo: as in `_get_rules`
        segments = self.sudo().search([])  # pylint: disable=no-search-all
        return {segment.id: segment.criteria_text for segment in segments}

    def _make_rule(self):
        chain = self._get_chain()
        groups = tuple(
            frozenset(answers.ids)
            for segment in chain
            for answers in segment.answer_yes_ids.grouped("question_id").values()
        )
        excluded = frozenset(chain.answer_no_ids.ids)
        asks_more = bool(chain.line_ids) or any(one._has_filter() for one in chain)
        return SegmentRule(
            Profile(self.id, groups, excluded),
            self.company_id.id,
            asks_more,
            not (groups or excluded or asks_more),
        )


class CrmProfilingAnswer(models.Model):
    """Answers that are renamed, moved or deleted change what is remembered."""

    _inherit = "crm.profiling.answer"

    def write(self, vals):
        if {"name", "question_id"} & vals.keys():
            self.env.registry.clear_cache()  # see `crm.segment._get_rules`
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()


class CrmProfilingQuestion(models.Model):
    """Questions that are renamed change the words that are remembered."""

    _inherit = "crm.profiling.question"

    def write(self, vals):
        if "name" in vals:
            self.env.registry.clear_cache()  # see `crm.segment._get_reasons`
        return super().write(vals)
