import ast
from typing import NamedTuple

from odoo import SUPERUSER_ID, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL


class Criterion(NamedTuple):
    """One thing that all members have, as SQL over ``res_partner p`` and in words."""

    text: str
    condition: SQL
    joins: tuple = ()
    values: tuple = ()  # SQL of the figures behind it
    labels: tuple = ()  # and their names


class CrmSegmentCriteriaMixin(models.AbstractModel):
    """What makes a partner a member, compiled into one query per segment.

    1. Everything the segments above ask for holds as well.
    2. For every question of which answers are listed: one of them was given.
    3. None of the excluded answers was given. Expired answers count as unknown.
    4. Every mandatory figure holds, and one of the optional ones if there are any.
    5. The filter holds.
    6. A segment without any criterion, its parents' included, has no members.
    """

    _name = "crm.segment.criteria.mixin"
    _description = "Criteria of Segments"

    def _get_chain(self):
        """Give the segments whose criteria hold for this one, the topmost first."""
        # sudo: parents of another company count for the children as well
        ids = [int(key) for key in (self.sudo().parent_path or "").split("/") if key]
        prefetch = {*self._prefetch_ids, *ids}
        return self.sudo().browse(ids or self.ids).with_prefetch(prefetch)

    def _get_criteria(self, ids=None):
        """Give all criteria, inherited ones first.

        :param ids: ids of the partners it is about, to read no more; None means all
        :return: list of `Criterion`
        """
        self.ensure_one()
        criteria = []
        for segment in self._get_chain():
            criteria += segment._get_answer_criteria()
            criteria += segment._get_figure_criteria(ids)
            criteria += segment._get_filter_criteria(self)
        return criteria

    # ------------------------------------------------------------
    # ANSWERS
    # ------------------------------------------------------------

    def _get_answer_criteria(self):
        criteria = []
        for question, answers in self.answer_yes_ids.grouped("question_id").items():
            text = self._join_words(answers)
            criteria.append(Criterion(f"{question.name}: {text}", self._given(answers)))
        if self.answer_no_ids:
            texts = [
                f"{question.name}: {self._join_words(answers)}"
                for question, answers in self.answer_no_ids.grouped(
                    "question_id"
                ).items()
            ]
            criteria.append(
                Criterion(
                    self.env._("not %s", ", ".join(texts)),
                    SQL("NOT %s", self._given(self.answer_no_ids)),
                )
            )
        return criteria

    def _join_words(self, answers):
        words = answers.sorted().mapped("name")
        return f" {self.env._('or')} ".join(words)

    def _given(self, answers):
        return SQL(
            """EXISTS (SELECT 1 FROM crm_profiling_response r
                WHERE r.partner_id = p.id AND r.answer_id = ANY(%s) AND r.active
                AND (r.date_expiry IS NULL OR r.date_expiry > %s))""",
            list(answers.ids),
            fields.Datetime.now(),
        )

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    def _get_figure_criteria(self, ids):
        mandatory = self.line_ids.filtered("mandatory")
        optional = self.line_ids - mandatory
        groups = [*mandatory, optional] if optional else list(mandatory)
        return [self._get_lines_criterion(lines, ids) for lines in groups]

    def _get_lines_criterion(self, lines, ids):
        """Make one criterion of lines of which one must hold."""
        text = f" {self.env._('or')} ".join(line._get_sentence() for line in lines)
        # whoever may not read invoices is told whether it holds, not by how much
        shown = lines.filtered(lambda line: line._is_measure_readable())
        return Criterion(
            text,
            SQL("(%s)", SQL(" OR ").join(line._get_condition() for line in lines)),
            tuple(line._get_join(ids) for line in lines),
            tuple(line._get_value() for line in shown),
            tuple(line._get_measure().label for line in shown),
        )

    # ------------------------------------------------------------
    # FILTER
    # ------------------------------------------------------------

    def _get_domain(self):
        """Give the filter as a Domain; always true if there is none.

        :raise ValidationError: it is no domain
        """
        try:
            return Domain(ast.literal_eval(self.filter_domain or "[]"))
        except (ValueError, SyntaxError, TypeError) as error:
            raise ValidationError(
                self.env._(
                    "Filter: “%(filter)s” is no filter (%(error)s).",
                    filter=self.filter_domain,
                    error=error,
                )
            ) from error

    def _get_filter_criteria(self, member_of):
        """Compile the filter, for the company of the segment that is computed."""
        domain = self._get_domain()
        if domain.is_true():
            return []
        # as the system: the nightly run sees what everybody sees. Whoever saved the
        # filter was allowed to read its fields, see `_check_filter_domain`
        partners = self.env["res.partner"].with_user(SUPERUSER_ID)
        partners = partners.with_context(lang=None, active_test=True)
        if member_of.company_id:
            partners = partners.with_company(member_of.company_id)
        query = partners._search(domain, active_test=False, bypass_access=True)
        return [
            Criterion(
                self._get_filter_words(),
                SQL("p.id IN %s", query.subselect()),
            )
        ]

    def _has_filter(self):
        return bool(self.filter_domain) and not self._get_domain().is_true()

    def _get_filter_words(self):
        """Say the filter in words, as far as all its conditions must hold.

        Else the name has to do: what is nested reads better in the filter itself.
        """
        domain = self._get_domain()
        conditions = list(domain.iter_conditions())
        if domain != Domain.AND(conditions):
            return self.env._("filter of “%s”", self.name)
        labels = self.env["res.partner"].fields_get(attributes=["string"])
        return ", ".join(
            f"{labels.get(one.field_expr, {}).get('string', one.field_expr)} "
            f"{one.operator} {one.value}"
            for one in conditions
        )

    # ------------------------------------------------------------
    # QUERY
    # ------------------------------------------------------------

    def _get_target(self, ids=None):
        """Give the SQL of the members that the segment should have: (partner_id).

        :param ids: as in `_get_criteria`
        """
        criteria = self._get_criteria(ids)
        if not criteria:
            return SQL("SELECT NULL::int AS partner_id WHERE FALSE")
        conditions = [SQL("p.active"), *(one.condition for one in criteria)]
        conditions.extend(self._get_scope_conditions(ids))
        joins = [join for one in criteria for join in one.joins]
        return SQL(
            "SELECT p.id AS partner_id FROM res_partner p %s WHERE %s",
            SQL(" ").join(joins),
            SQL(" AND ").join(conditions),
        )

    def _get_scope_conditions(self, ids=None):
        conditions = []
        if ids is not None:
            conditions.append(SQL("p.id = ANY(%s)", list(ids)))
        if company := self.sudo().company_id:
            conditions.append(
                SQL("(p.company_id IS NULL OR p.company_id = %s)", company.id)
            )
        return conditions

    def _examine(self, partner):
        """Ask each criterion about one partner, in one query.

        :return: list of (`Criterion`, whether it holds, values of its figures)
        """
        criteria = self._get_criteria(partner.ids)
        if not criteria:
            return []
        self.env.flush_all()
        # raw SQL: the very conditions of the run; it reads one partner, whom the
        # caller has checked
        columns = [
            column for one in criteria for column in (one.condition, *one.values)
        ]
        rows = self.env.execute_query(
            SQL(
                "SELECT %s FROM res_partner p %s WHERE p.id = %s",
                SQL(", ").join(columns),
                SQL(" ").join(join for one in criteria for join in one.joins),
                partner.id,
            )
        )
        found = iter(rows[0])
        return [
            (one, next(found), [next(found) for _value in one.values])
            for one in criteria
        ]
