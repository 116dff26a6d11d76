from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

DAYS, PERIODS, FACTOR, DEFAULT, DROP = 90, 3, 0.8, 5.0, 1.0
_PREFIX = "crm_relations.sentiment_"


class SentimentSettings(NamedTuple):
    """How marks become one value; set under Settings, Relations."""

    days: int  # length of a period
    periods: int
    factor: float  # 0 to 1: how much a period moves the value
    default: float  # 0 to 10: where a partner begins
    drop: float  # from how many points on a fall is told


class CrmPartnerSentiment(models.Model):
    """How a partner feels about a company now, and how a period ago.

    Made of the marks that people and customers gave, by one SQL statement: for the
    partner concerned at once when a mark changes, and for all of them at night, because
    periods pass by themselves. A partner without a row has the default. Apart from
    `res.partner`, so that the night pass neither rewrites nor locks partners.
    """

    _name = "crm.partner.sentiment"
    _description = "Partner Sentiment"
    _order = "score, id"
    _rec_name = "partner_id"
    _log_access = False

    partner_id = fields.Many2one(
        "res.partner", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, ondelete="cascade"
    )
    score = fields.Float(readonly=True, aggregator="avg")
    score_before = fields.Float("A Period Ago", readonly=True, aggregator="avg")
    mark_count = fields.Integer("Marks", readonly=True)
    is_cooling = fields.Boolean("Cools Down", readonly=True)

    _partner_uniq = models.UniqueIndex("(partner_id, company_id)")
    _score_idx = models.Index("(company_id, score)")
    _cooling_idx = models.Index("(company_id, partner_id) WHERE is_cooling")

    # ------------------------------------------------------------
    # SETTINGS
    # ------------------------------------------------------------

    @api.model
    def _get_settings(self):
        """Give the `SentimentSettings`; what makes no sense is the default."""
        # sudo: settings that are the same for everybody
        get_param = self.env["ir.config_parameter"].sudo().get_param

        def read(name, default, low, high):
            try:
                value = type(default)(get_param(_PREFIX + name, default))
            except ValueError:
                return default
            return value if low <= value <= high else default

        return SentimentSettings(
            days=read("days", DAYS, 1, 36500),
            periods=read("periods", PERIODS, 1, 1000),
            factor=read("factor", FACTOR, 0, 1),
            default=read("default", DEFAULT, 0, 10),
            drop=read("drop", DROP, 0.01, 10),
        )

    # ------------------------------------------------------------
    # MARKS
    # ------------------------------------------------------------

    @api.model
    def _get_mark_queries(self):
        """Give the SQL of every source of marks; bridges may add theirs.

        :return: list of SQL, each with the columns `partner_id`,
            `commercial_partner_id`, `company_id`, `date` (naive UTC) and `value` (0 to
            10)
        """
        return [
            SQL(
                "SELECT partner_id, commercial_partner_id, company_id, date, "
                "sentiment::float8 AS value FROM crm_partner_event "
                "WHERE sentiment IS NOT NULL"
            ),
            SQL(
                "SELECT partner_id, commercial_partner_id, company_id, "
                "date_sentiment AS date, sentiment::float8 AS value FROM crm_case "
                "WHERE sentiment IS NOT NULL AND partner_id IS NOT NULL"
            ),
            # Odoo's ratings are 1 to 5; 0 is no answer
            SQL(
                "SELECT c.partner_id, c.commercial_partner_id, c.company_id, "
                "COALESCE(r.rated_on, r.write_date) AS date, "
                "(r.rating - 1) * 2.5 AS value FROM rating_rating r "
                "JOIN crm_case c ON r.res_model = 'crm.case' AND r.res_id = c.id "
                "WHERE r.consumed IS TRUE AND r.rating >= 1 "
                "AND c.partner_id IS NOT NULL"
            ),
        ]

    @api.model
    def _get_marks_sql(self, settings, now, partner_ids):
        """Give all marks of the window, each for the partner and for his company.

        :param partner_ids: tuple of ids, or None for everybody
        """
        among = SQL("TRUE")
        if partner_ids is not None:
            among = SQL(
                "(partner_id IN %s OR commercial_partner_id IN %s)",
                partner_ids,
                partner_ids,
            )
        window = SQL(
            "date <= %s AND date > %s::timestamp - %s * interval '1 day'",
            now,
            now,
            settings.days * (settings.periods + 1),
        )
        marks = SQL(" UNION ALL ").join(
            SQL("SELECT * FROM (%s) mark WHERE %s AND %s", query, window, among)
            for query in self._get_mark_queries()
        )
        of_company = SQL(
            "SELECT holder.id AS partner_id, company_id, date, value FROM mark, "
            "LATERAL (SELECT partner_id AS id UNION SELECT commercial_partner_id) "
            "holder WHERE holder.id IS NOT NULL"
        )
        if partner_ids is not None:
            of_company = SQL("%s AND holder.id IN %s", of_company, partner_ids)
        return SQL("mark AS (%s), held AS (%s)", marks, of_company)

    @api.model
    def _get_scores_sql(self, now, partner_ids=None, settings=None):
        """Give the formula as SQL, a row per partner and company.

        From the default, oldest first, each period with marks moves the value to value
        x (1 - factor) + mean x factor. Unrolled: a period's mean counts factor x
        (1 - factor) ^ (number of later periods with marks), and the default what
        remains. Period 0 is the latest.

        :param settings: `SentimentSettings`, those of Settings if not given
        :return: SQL with `partner_id`, `company_id`, `score`, `before` (the value of
            one period ago) and `marks` (their number)
        """
        settings = settings or self._get_settings()
        keep = 1 - settings.factor
        scores = [
            SQL(
                "COALESCE(SUM(mean * %(factor)s * %(keep)s ^ %(later)s) "
                "FILTER (WHERE %(among)s), 0) "
                "+ %(default)s * %(keep)s ^ COUNT(*) FILTER (WHERE %(among)s)",
                factor=settings.factor,
                keep=SQL("%s::float8", keep),
                later=later,
                among=among,
                default=settings.default,
            )
            for later, among in (
                (SQL("later"), SQL("period < %s", settings.periods)),
                (SQL("later_before"), SQL("period >= 1")),
            )
        ]
        return SQL(
            """
            WITH %(marks)s, by_period AS (
                SELECT partner_id, company_id, AVG(value) AS mean, COUNT(*) AS marks,
                       FLOOR(EXTRACT(EPOCH FROM %(now)s::timestamp - date)
                             / %(seconds)s)::int AS period
                  FROM held GROUP BY partner_id, company_id, period
            ), ranked AS (
                SELECT *, COUNT(*) OVER sofar - 1 AS later,
                       COUNT(*) FILTER (WHERE period >= 1) OVER sofar - 1
                           AS later_before
                  FROM by_period
                WINDOW sofar AS (PARTITION BY partner_id, company_id ORDER BY period)
            )
            SELECT partner_id, company_id, %(score)s AS score, %(before)s AS before,
                   COALESCE(SUM(marks) FILTER (WHERE period < %(periods)s), 0)::int
                       AS marks
              FROM ranked GROUP BY partner_id, company_id
            """,
            marks=self._get_marks_sql(settings, now, partner_ids),
            now=now,
            seconds=settings.days * 86400,
            score=scores[0],
            before=scores[1],
            periods=settings.periods,
        )

    # ------------------------------------------------------------
    # COMPUTATION
    # ------------------------------------------------------------

    @api.model
    def _update_partners(self, partners):
        """Compute partners and their companies again, after a mark of theirs changed.

        Three queries whatever the number of partners.
        """
        partners = partners.exists()
        if partners:
            # sudo: the value counts all marks, whoever gave the one that changed
            holders = partners.sudo() | partners.sudo().commercial_partner_id
            self.sudo()._compute_scores(tuple(holders.ids))

    @api.model
    def _compute_scores(self, partner_ids=None):
        """Compute these partners, or everybody, in one statement.

        What has not changed is not written. SQL: five million marks are no records.
        """
        self.env.flush_all()
        settings = self._get_settings()
        among = SQL("TRUE")
        if partner_ids is not None:
            among = SQL("old.partner_id IN %s", partner_ids)
        rows = self.env.execute_query(
            SQL(
                """
                WITH scored AS MATERIALIZED (
                    SELECT partner_id, company_id, score, before, marks,
                           before - score >= %(drop)s AS is_cooling
                      FROM (%(scores)s) AS computed
                ), was AS MATERIALIZED (
                    SELECT old.partner_id, old.company_id
                      FROM crm_partner_sentiment old
                     WHERE old.is_cooling AND %(among)s
                ), gone AS (
                    DELETE FROM crm_partner_sentiment old
                     WHERE %(among)s AND NOT EXISTS (
                           SELECT FROM scored
                            WHERE scored.partner_id = old.partner_id
                              AND scored.company_id = old.company_id)
                ), written AS (
                    INSERT INTO crm_partner_sentiment AS old (
                           partner_id, company_id, score, score_before, mark_count,
                           is_cooling)
                    SELECT partner_id, company_id, score, before, marks, is_cooling
                      FROM scored
                        ON CONFLICT (partner_id, company_id) DO UPDATE
                       SET score = EXCLUDED.score, score_before = EXCLUDED.score_before,
                           mark_count = EXCLUDED.mark_count,
                           is_cooling = EXCLUDED.is_cooling
                     WHERE (old.score, old.score_before, old.mark_count,
                            old.is_cooling)
                        IS DISTINCT FROM (EXCLUDED.score, EXCLUDED.score_before,
                                          EXCLUDED.mark_count, EXCLUDED.is_cooling)
                )
                SELECT scored.company_id, ARRAY_AGG(scored.partner_id)
                  FROM scored
                 WHERE is_cooling AND NOT EXISTS (
                       SELECT FROM was WHERE was.partner_id = scored.partner_id
                          AND was.company_id = scored.company_id)
                 GROUP BY scored.company_id
                """,
                drop=settings.drop,
                scores=self._get_scores_sql(fields.Datetime.now(), partner_ids),
                among=among,
            )
        )
        self.env["res.partner"].invalidate_model(
            ["sentiment_score", "sentiment_trend", "sentiment_count"]
        )
        self.invalidate_model()
        for company_id, dropped in rows:
            company = self.env["res.company"].browse(company_id)
            partners = self.env["res.partner"].with_company(company).browse(dropped)
            partners._on_sentiment_drop()

    @api.model
    def _cron_compute(self):
        """Let the periods pass: compute every partner, in one pass a night."""
        self._compute_scores()
