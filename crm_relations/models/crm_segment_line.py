from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import transitions
from .segment_facts import sum_up

OPERATORS = [("<", "less than"), ("=", "exactly"), (">", "more than")]


class Measure(NamedTuple):
    """A figure that segments can ask for; see `crm.segment.line._get_measures`."""

    label: str
    build: object  # (line, ids) -> SQL of rows (partner_id, value)
    missing: float | None = 0  # value of partners without a row; None: unknown
    has_period: bool = True
    groups: str = ""  # who may ask for it and read it; empty: whoever sees segments
    readings: object = None  # (line, facts) -> as of `_get_readings`


class CrmSegmentLine(models.Model):
    """One figure that members of a segment must have, within a period."""

    _name = "crm.segment.line"
    _description = "Figure of a Segment"
    _inherit = ["crm.segment.document.mixin"]
    _order = "segment_id, mandatory desc, id"
    _rec_name = "measure"

    segment_id = fields.Many2one(
        "crm.segment", required=True, index=True, ondelete="cascade"
    )
    measure = fields.Selection(
        selection="_selection_measure", required=True, default="open_cases"
    )
    operator = fields.Selection(OPERATORS, required=True, default=">")
    value = fields.Float(required=True, default=0)
    days = fields.Integer(
        "Within Days", help="Only what happened in so many days. 0: ever."
    )
    mandatory = fields.Boolean(
        default=True,
        help="Of the figures that are not mandatory, one must hold.",
    )

    _days_positive = models.Constraint(
        "CHECK(days >= 0)", "Within Days: give 0 (ever) or more."
    )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        # what segments ask for is remembered, see `crm.segment._get_rules`
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    # ------------------------------------------------------------
    # MEASURES
    # ------------------------------------------------------------

    @api.model
    def _get_measures(self):
        """Give the figures there are; addons that know more extend this.

        :return: {name: `Measure`, or (label, builder)}. The builder is called with the
            line and the ids of the partners it is about (None: all), and gives the SQL
            of rows (partner_id, value), one for a partner at most. Who has no row has
            ``missing`` (0); None means unknown, which meets no condition.
        """
        _ = self.env._
        return {
            "open_cases": Measure(_("Open cases"), type(self)._build_open_cases),
            "cases": Measure(_("Cases"), type(self)._build_cases),
            "days_since_contact": Measure(
                _("Days since last contact"),
                type(self)._build_days_since_contact,
                missing=None,
                has_period=False,
            ),
            "profiling_score": Measure(
                _("Points of answers"),
                type(self)._build_profiling_score,
                readings=type(self)._get_profiling_score_readings,
            ),
            "sentiment": Measure(
                _("Sentiment"), type(self)._build_sentiment, has_period=False
            ),
            "sla_missed": Measure(
                _("Cases with a missed service level"), type(self)._build_sla_missed
            ),
        }

    @api.model
    def _selection_measure(self):
        return [
            (name, Measure(*measure).label)
            for name, measure in self._get_measures().items()
        ]

    def _build_cases(self, ids, condition=None, value=None):
        """Count cases as `case_count` of partners does: a company's with its contacts'.

        :param condition: SQL over crm_case c; created within the period unless told
        :param value: SQL of the aggregate, over the same
        """
        if condition is None:
            condition = SQL("TRUE")
        if self.days:
            condition = SQL("%s AND c.create_date >= %s", condition, self._get_start())
        if ids is not None:
            condition = SQL(
                "%s AND (c.partner_id = ANY(%s) OR c.commercial_partner_id = ANY(%s))",
                condition,
                list(ids),
                list(ids),
            )
        company = self.segment_id.company_id
        if company:
            condition = SQL("%s AND c.company_id = %s", condition, company.id)
        return SQL(
            """SELECT k.partner_id, %s AS value FROM crm_case c
                CROSS JOIN LATERAL (SELECT c.partner_id
                    UNION SELECT c.commercial_partner_id) k(partner_id)
                WHERE c.active AND k.partner_id IS NOT NULL AND %s
                GROUP BY k.partner_id""",
            SQL("count(*)") if value is None else value,
            condition,
        )

    def _build_open_cases(self, ids):
        unclosed = SQL("c.state = ANY(%s)", list(transitions.UNCLOSED))
        return self._build_cases(ids, condition=unclosed)

    def _build_sla_missed(self, ids):
        missed = SQL(
            "EXISTS (SELECT FROM crm_sla_status s "
            "WHERE s.case_id = c.id AND s.state = 'missed')"
        )
        return self._build_cases(ids, condition=missed)

    def _build_sentiment(self, ids):
        """The sentiment by the segment's own periods; a start value without marks.

        With several companies' marks, their mean.
        """
        segment = self.segment_id
        Sentiment = self.env["crm.partner.sentiment"]
        settings = Sentiment._get_settings()._replace(
            days=segment.sentiment_days,
            periods=segment.sentiment_periods,
            factor=segment.sentiment_factor,
            default=segment.sentiment_default,
        )
        now = fields.Datetime.now()
        among = company = SQL("TRUE")
        if ids is not None:
            ids = tuple(ids) or (0,)
            among = SQL("p.id IN %s", ids)
        if segment.company_id:
            company = SQL("company_id = %s", segment.company_id.id)
        return SQL(
            """SELECT p.id AS partner_id, COALESCE(AVG(scored.score), %s) AS value
                FROM res_partner p LEFT JOIN (SELECT * FROM (%s) every WHERE %s) scored
                ON scored.partner_id = p.id WHERE %s GROUP BY p.id""",
            settings.default,
            Sentiment._get_scores_sql(now, ids, settings),
            company,
            among,
        )

    def _build_days_since_contact(self, ids):
        """Whole days since anything was said or done in a case of the partner."""
        return self._build_cases(
            ids,
            condition=SQL("c.date_last_action IS NOT NULL"),
            value=SQL(
                "floor(extract(epoch FROM %s - max(c.date_last_action)) / 86400)",
                fields.Datetime.now(),
            ),
        )

    def _build_profiling_score(self, ids):
        conditions = [
            SQL("r.active"),
            SQL("(r.date_expiry IS NULL OR r.date_expiry > %s)", fields.Datetime.now()),
        ]
        if self.days:
            conditions.append(SQL("r.date >= %s", self._get_start()))
        if ids is not None:
            conditions.append(SQL("r.partner_id = ANY(%s)", list(ids)))
        return SQL(
            """SELECT r.partner_id, sum(a.points) AS value
                FROM crm_profiling_response r
                JOIN crm_profiling_answer a ON a.id = r.answer_id
                WHERE %s GROUP BY r.partner_id""",
            SQL(" AND ").join(conditions),
        )

    def _get_start(self):
        """Give the moment at which the period begins."""
        return fields.Datetime.subtract(fields.Datetime.now(), days=self.days)

    # ------------------------------------------------------------
    # CRITERIA
    # ------------------------------------------------------------

    def _get_measure(self):
        return Measure(*self._get_measures()[self.measure])

    def _get_value(self, facts):
        """Give the SQL of the figure of a partner; what it reads is added to facts."""
        missing = self._get_measure().missing
        column = SQL.identifier(facts.join(self._get_rows(facts)), "value")
        return column if missing is None else SQL("COALESCE(%s, %s)", column, missing)

    def _get_rows(self, facts):
        """Build the figure once for these facts: it may depend on the moment."""
        if self not in facts.figures:
            facts.figures[self] = self._get_measure().build(self, facts.ids)
        return facts.figures[self]

    def _get_condition(self, facts):
        # the operator is one of three, checked by the selection
        return SQL(
            "COALESCE(%s::float8 %s %s, FALSE)",
            self._get_value(facts),
            SQL(self.operator),
            self.value,
        )

    def _get_readings(self, facts):
        """Give what the figure rests on: whom its bound holds for, who has a row.

        See `crm.segment.mark.mixin`. The figure is worked out for that, unless its
        measure knows of something that is read faster.
        """
        if readings := self._get_measure().readings:
            return readings(self, facts)
        rows, condition = self._get_rows(facts), self._get_condition(facts)
        return facts.get_rows_reading(rows), facts.get_rows_reading(rows, condition)

    def _get_profiling_score_readings(self, facts):
        within = self.days and SQL("r.date >= %s", self._get_start())
        points = sum_up(SQL("(id::bigint << 32) + points"))
        return (
            facts.get_answer_reading(within or None),
            (SQL("crm_profiling_answer"), points),
        )

    def _get_sentence(self):
        """Say the condition in words, as in *Cases within 90 days more than 5*."""
        measure = self._get_measure()
        operator = dict(self._fields["operator"]._description_selection(self.env))
        values = {
            "measure": measure.label,
            "days": self.days,
            "operator": operator[self.operator],
            "value": f"{self.value:g}",
        }
        if self.days and measure.has_period:
            return self.env._(
                "%(measure)s within %(days)s days %(operator)s %(value)s", **values
            )
        return self.env._("%(measure)s %(operator)s %(value)s", **values)
