import ast
from typing import NamedTuple

from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from .segment_facts import Facts


class Criterion(NamedTuple):
    """One thing that all members have, as SQL over `Facts` and in words."""

    text: str
    condition: SQL
    values: tuple = ()  # SQL of the figures behind it
    labels: tuple = ()  # and their names
    readings: tuple = ()  # what it rests on, see `crm.segment.mark.mixin`


class CrmSegmentCriteriaMixin(models.AbstractModel):
    """What makes a partner a member: one query for any number of segments.

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

    def _get_criteria(self, facts):
        """Give all criteria, inherited ones first.

        :param Facts facts: what they read is added there
        :return: list of `Criterion`
        """
        self.ensure_one()
        criteria = []
        for segment in self._get_chain():
            criteria += segment._get_answer_criteria(facts)
            criteria += segment._get_figure_criteria(facts)
            criteria += segment._get_filter_criteria(facts, self)
        return criteria

    # ------------------------------------------------------------
    # ANSWERS
    # ------------------------------------------------------------

    def _get_answer_criteria(self, facts):
        criteria = []
        for question, answers in self.answer_yes_ids.grouped("question_id").items():
            text = self._get_question_words(question, self._join_words(answers))
            condition = facts.has_any(answers.ids)
            reading = facts.get_answer_reading()
            criteria.append(Criterion(text, condition, readings=(reading,)))
        if self.answer_no_ids:
            texts = [
                self._get_question_words(
                    question, self.env._("not %s", self._join_words(answers))
                )
                for question, answers in self.answer_no_ids.grouped(
                    "question_id"
                ).items()
            ]
            criteria.append(
                Criterion(
                    ", ".join(texts),
                    SQL("NOT %s", facts.has_any(self.answer_no_ids.ids)),
                    readings=(facts.get_answer_reading(),),
                )
            )
        return criteria

    @api.model
    def _get_question_words(self, question, words):
        """Put what is asked for after the question, as people write it."""
        is_asking = question.name.endswith(("?", "？", "؟"))
        return f"{question.name}{'' if is_asking else ':'} {words}"

    def _join_words(self, answers):
        words = answers.sorted().mapped("name")
        return f" {self.env._('or')} ".join(words)

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    def _get_figure_criteria(self, facts):
        mandatory = self.line_ids.filtered("mandatory")
        optional = self.line_ids - mandatory
        groups = [*mandatory, optional] if optional else list(mandatory)
        return [self._get_lines_criterion(lines, facts) for lines in groups]

    def _get_lines_criterion(self, lines, facts):
        """Make one criterion of lines of which one must hold."""
        text = f" {self.env._('or')} ".join(line._get_sentence() for line in lines)
        # whoever may not read invoices is told whether it holds, not by how much
        shown = lines.filtered(lambda line: line._is_measure_readable())
        return Criterion(
            text,
            SQL("(%s)", SQL(" OR ").join(line._get_condition(facts) for line in lines)),
            tuple(line._get_value(facts) for line in shown),
            tuple(line._get_measure().label for line in shown),
            tuple(one for line in lines for one in line._get_readings(facts)),
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

    def _get_filter_criteria(self, facts, member_of):
        """Compile the filter, for the company of the segment that is computed.

        What asks for more than columns of the partner is joined: as a subquery of a
        condition it would be run for each partner once it outgrows the memory.
        """
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
        condition = query.where_clause or SQL("TRUE")
        reading = facts.get_partner_reading(condition)
        if "SELECT" in condition.code or query.from_clause.code != '"res_partner"':
            column = SQL("%s AS partner_id", SQL.identifier("res_partner", "id"))
            rows = query.select(column)
            alias, reading = facts.join(rows), facts.get_rows_reading(rows)
            condition = SQL("%s IS NOT NULL", SQL.identifier(alias, "partner_id"))
        text = self._get_filter_words()
        return [Criterion(text, SQL("(%s)", condition), readings=(reading,))]

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
            self._get_condition_words(
                labels.get(one.field_expr, {}).get("string", one.field_expr), one
            )
            for one in conditions
        )

    @api.model
    def _get_condition_words(self, label, condition):
        """Say one condition: *Is a Company: yes*, *Email: none*, *Reference = x*."""
        field = self.env["res.partner"]._fields.get(condition.field_expr)
        if condition.operator not in ("=", "!=") or not isinstance(
            condition.value, bool
        ):
            return f"{label} {condition.operator} {condition.value}"
        holds = condition.value == (condition.operator == "=")
        if field and field.type == "boolean":
            words = self.env._("yes") if holds else self.env._("no")
        else:
            words = self.env._("any") if holds else self.env._("none")
        return f"{label}: {words}"

    # ------------------------------------------------------------
    # QUERY
    # ------------------------------------------------------------

    def _get_target(self, ids=None):
        """Give the SQL of the members that these segments should have.

        :param ids: ids of the partners it is about, to read no more; None means all
        :return: SQL of rows (segment_id, partner_id)
        """
        facts = Facts(ids)
        found = {one: one._get_conditions(facts) for one in self}
        # 6. of the class: who asks for nothing has no members
        found = {one.id: conditions for one, conditions in found.items() if conditions}
        if not found:
            return SQL("SELECT 0 AS segment_id, 0 AS partner_id WHERE FALSE")
        members, where = self._get_members_column(found)
        if ids is not None:
            where = [SQL("res_partner.id = ANY(%s)", facts.ids), *where]
        return SQL(
            "SELECT %s AS segment_id, res_partner.id AS partner_id FROM %s WHERE %s",
            members,
            facts.get_tables(),
            SQL(" AND ").join([SQL("res_partner.active"), *where]),
        )

    def _get_members_column(self, found):
        """Give the segments of a partner as a column, and further conditions.

        One segment alone can use indexes; several are decided partner by partner.
        """
        if len(found) == 1:
            [(segment_id, where)] = found.items()
            return SQL("%s::int", segment_id), where
        cases = (
            SQL("CASE WHEN %s THEN %s END", SQL(" AND ").join(conditions), segment_id)
            for segment_id, conditions in found.items()
        )
        column = SQL(
            "unnest(array_remove(ARRAY[%s]::int[], NULL))", SQL(", ").join(cases)
        )
        return column, []

    def _get_conditions(self, facts):
        """Give the SQL conditions of one segment; none if it asks for nothing."""
        conditions = [one.condition for one in self._get_criteria(facts)]
        if not conditions:
            return []
        if company := self.sudo().company_id:
            conditions.insert(
                0,
                SQL(
                    "(res_partner.company_id IS NULL OR res_partner.company_id = %s)",
                    company.id,
                ),
            )
        return conditions

    def _examine(self, partner):
        """Ask each criterion about one partner, in one query.

        :return: list of (`Criterion`, whether it holds, values of its figures)
        """
        facts = Facts(partner.ids)
        criteria = self._get_criteria(facts)
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
                "SELECT %s FROM %s WHERE res_partner.id = %s",
                SQL(", ").join(columns),
                facts.get_tables(),
                partner.id,
            )
        )
        found = iter(rows[0])
        return [
            (one, next(found), [next(found) for _value in one.values])
            for one in criteria
        ]
