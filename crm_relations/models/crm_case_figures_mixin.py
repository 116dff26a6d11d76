from contextlib import suppress

from odoo import api, fields, models
from odoo.exceptions import MissingError
from odoo.tools import SQL, ormcache
from odoo.tools.sql import column_exists, create_column

from ..exceptions import WorkingTimeError
from ..fields import OptionalFloat
from ..tools import transitions
from ..tools.local_day import get_local_day
from ..tools.working_time import WorkingTime
from .crm_case_mail_recipients_mixin import EXCHANGE_TYPES

# columns that are filled by SQL for the cases there are when they are added
_COLUMNS = {
    "day_created": "date",
    "day_closed": "date",
    "hours_working_first_response": "double precision",
    "hours_working_close": "double precision",
    "message_count": "int4",
    "reopen_count": "int4",
    "rating_value": "double precision",
}


class CrmCaseFiguresMixin(models.AbstractModel):
    """What statistics need to know of a case and nothing else kept.

    Days and working hours are reckoned when it happens, by the calendar of the section
    that has the case then, else of its company: nobody's time zone changes a figure,
    nor does a new calendar change the past.
    """

    _name = "crm.case.figures.mixin"
    _description = "Figures of a Case"

    day_created = fields.Date(
        "Day of Creation",
        compute="_compute_day_created",
        store=True,
        precompute=True,
        copy=False,
        index=True,
        help="In the time zone of the section's working hours.",
    )
    day_closed = fields.Date(
        "Day of Closing",
        compute="_compute_day_closed",
        store=True,
        precompute=True,
        copy=False,
        index="btree_not_null",
        help="In the time zone of the section's working hours.",
    )
    hours_working_first_response = OptionalFloat(
        "Working Hours to First Response",
        compute="_compute_hours_working_first_response",
        store=True,
        precompute=True,
        copy=False,
    )
    hours_working_close = OptionalFloat(
        "Working Hours to Close",
        compute="_compute_hours_working_close",
        store=True,
        precompute=True,
        copy=False,
    )
    message_count = fields.Integer(
        "Number of Messages",
        default=0,
        readonly=True,
        copy=False,
        aggregator="avg",
        help="Mails and comments; what is only noted by the system does not count.",
    )
    reopen_count = fields.Integer(
        "Times Reopened", default=0, readonly=True, copy=False, aggregator="sum"
    )
    rating_value = OptionalFloat(
        "Rating (1-5)",
        readonly=True,
        copy=False,
        help="The customer's latest rating.",
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    # nothing that they depend on may change them later
    def _compute_day_created(self):
        for case in self:
            case.day_created = case._get_day(case.create_date or self.env.cr.now())

    @api.depends("date_closed")
    def _compute_day_closed(self):
        for case in self:
            case.day_closed = case._get_day(case.date_closed)

    @api.depends("date_first_response")
    def _compute_hours_working_first_response(self):
        for case in self:
            case.hours_working_first_response = case._get_working_hours_until(
                case.date_first_response
            )

    @api.depends("date_closed")
    def _compute_hours_working_close(self):
        for case in self:
            case.hours_working_close = case._get_working_hours_until(case.date_closed)

    def _get_day(self, instant):
        """Give the day on the wall, where the case is, at a naive UTC datetime."""
        if not instant:
            return False
        _calendar, tz = self._get_figures_calendar()
        return get_local_day(instant, tz)

    def _get_working_hours_until(self, instant):
        """Give the working hours from creation to ``instant``; None if there is none.

        None as well if the calendar has no working time.
        """
        if not instant:
            return None
        calendar_id, _tz = self._get_figures_calendar()
        created = self.create_date or self.env.cr.now()
        if calendar_id:
            schedule = self.env["resource.calendar"]._get_kept_schedule(calendar_id)
            if not schedule:
                return None
            seconds = WorkingTime(schedule).between(created, instant)
        else:
            seconds = (instant - created).total_seconds()
        # an import may carry a date before the moment of the import
        return max(seconds / 3600, 0.0)

    def _get_figures_calendar(self):
        """Give the calendar that this case's figures go by; no query as a rule.

        :return: (id or False, name of a time zone)
        """
        return self._get_section_calendar(
            self.section_id._origin.id, self.company_id._origin.id
        )

    @api.model
    @ormcache("section_id", "company_id")
    def _get_section_calendar(self, section_id, company_id):
        # sudo: nothing but working hours is read
        section = self.env["crm.case.section"].sudo().browse(section_id or [])
        company = self.env["res.company"].sudo().browse(company_id or [])
        calendar = section.resource_calendar_id or company.resource_calendar_id
        return calendar.id, calendar.tz or company.partner_id.tz or "UTC"

    # ------------------------------------------------------------
    # WHAT IS COUNTED
    # ------------------------------------------------------------

    def _after_moves(self, moves):
        """Count reopenings where moves are recorded: only real ones come here."""
        moves = super()._after_moves(moves)
        for move in moves:
            if move.state_from in transitions.CLOSED and (
                move.state not in transitions.CLOSED
            ):
                move.case_id.reopen_count += 1
        return moves

    @api.model
    def _count_messages(self, counts):
        """Add new messages to cases, without a query of its own.

        :param dict counts: {case id: number of new messages}
        """
        field = self._fields["message_count"]
        # sudo: whoever may post counts, though he may not write the case (portal)
        for case in self.sudo().browse(counts):
            # a message may be about a case that is gone
            with suppress(MissingError):
                # past `write`, whose rules and clocks this does not concern; it is
                # stored together with what the message changes in the case anyway
                field.write(case, case.message_count + counts[case.id])

    def _recount(self):
        """Count messages, reopenings and ratings of these cases anew; one query.

        For what adds none: merging, deleting, ratings, and who brings moves along.
        """
        self._update_counts(SQL("c.id = ANY(%s)", self.ids))

    @api.model
    def _update_counts(self, where):
        """See `_recount`.

        :param SQL where: a condition on ``c``, crm_case
        """
        self.env.flush_all()
        # SQL: for any number of cases at once; nobody's rights decide what is counted
        self.env.cr.execute(
            SQL(
                """UPDATE crm_case c SET
                    message_count = x.messages, reopen_count = x.reopenings,
                    rating_value = x.rating
                FROM (
                    SELECT c.id,
                        (SELECT count(*) FROM mail_message
                            WHERE model = 'crm.case' AND res_id = c.id
                            AND message_type IN %(types)s) AS messages,
                        (SELECT count(*) FROM crm_case_move
                            WHERE case_id = c.id AND state_from IN %(closed)s
                            AND state NOT IN %(closed)s) AS reopenings,
                        (SELECT rating FROM rating_rating
                            WHERE res_model = 'crm.case' AND res_id = c.id
                            AND consumed AND rating >= 1
                            ORDER BY rated_on DESC NULLS LAST, id DESC LIMIT 1
                        ) AS rating
                    FROM crm_case c WHERE %(where)s
                ) AS x
                WHERE c.id = x.id AND (c.message_count, c.reopen_count, c.rating_value)
                    IS DISTINCT FROM (x.messages, x.reopenings, x.rating)""",
                types=EXCHANGE_TYPES,
                closed=transitions.CLOSED,
                where=where,
            )
        )
        names = ["message_count", "reopen_count", "rating_value"]
        self.env["crm.case"].invalidate_model(names, flush=False)

    # ------------------------------------------------------------
    # CASES THAT ARE THERE ALREADY
    # ------------------------------------------------------------

    def _auto_init(self):
        """Fill new columns by SQL: one by one would take hours for a million cases."""
        cr = self.env.cr
        is_new = not self._abstract and not column_exists(cr, self._table, _NEWEST)
        if is_new and column_exists(cr, self._table, "create_date"):
            for name, column_type in _COLUMNS.items():
                if not column_exists(cr, self._table, name):
                    create_column(cr, self._table, name, column_type)
            self.pool.post_init(self._fill_figures)
        return super()._auto_init()

    @api.model
    def _fill_figures(self, where=None):
        """Reckon the figures that cases lack, by the calendar they go by now.

        :param SQL where: a condition on ``c``, crm_case; all of them without it
        """
        where = where or SQL("TRUE")
        self.env.flush_all()
        calendars = self.env["resource.calendar"].sudo()
        calendars = calendars.with_context(active_test=False).search(
            [("id", "!=", False)]  # few: calendars, not cases
        )
        [(first, last)] = self.env.execute_query(
            SQL(
                """SELECT min(c.create_date),
                    max(GREATEST(c.create_date, c.date_closed, c.date_first_response))
                FROM crm_case c WHERE %s""",
                where,
            )
        )
        if first is None:
            return
        usable = calendars.filtered(lambda one: one._has_working_time(0, first, last))
        # SQL: see `_update_counts`
        self.env.cr.execute(
            self._get_fill_sql(where, usable._get_working_from_sql(first, last))
        )
        self.env["crm.case"].invalidate_model(flush=False)
        self._update_counts(where)

    @api.model
    def _get_fill_sql(self, where, work):
        """Give the statement that fills what is missing.

        A calendar that has no working time gives no working hours.
        """

        def hours(date):
            seconds = self.env["resource.calendar"]._get_working_between_sql(
                SQL("c.create_date"), date
            )
            return SQL(
                """CASE WHEN %s IS NOT NULL AND k.id IS NOT DISTINCT FROM
                    work.calendar_id THEN GREATEST(%s / 3600, 0) END""",
                date,
                seconds,
            )

        def day(date):
            tz = SQL("COALESCE(k.tz, p.tz, 'UTC')")
            return SQL("(%s AT TIME ZONE 'UTC' AT TIME ZONE %s)::date", date, tz)

        return SQL(
            """UPDATE crm_case SET
                day_created = COALESCE(crm_case.day_created, x.day_created),
                day_closed = COALESCE(crm_case.day_closed, x.day_closed),
                hours_first_response = CASE WHEN date_first_response IS NOT NULL
                    THEN crm_case.hours_first_response END,
                hours_close = CASE WHEN date_closed IS NOT NULL
                    THEN crm_case.hours_close END,
                hours_working_first_response = COALESCE(
                    crm_case.hours_working_first_response, x.first_response),
                hours_working_close = COALESCE(
                    crm_case.hours_working_close, x.close)
            FROM (
                SELECT c.id, %(created)s AS day_created, %(closed)s AS day_closed,
                    %(first_response)s AS first_response, %(close)s AS close
                FROM crm_case c
                JOIN crm_case_section s ON s.id = c.section_id
                JOIN res_company o ON o.id = c.company_id
                JOIN res_partner p ON p.id = o.partner_id
                LEFT JOIN resource_calendar k
                    ON k.id = COALESCE(s.resource_calendar_id, o.resource_calendar_id)
                LEFT JOIN %(work)s ON work.calendar_id IS NOT DISTINCT FROM k.id
                WHERE %(where)s
            ) AS x
            WHERE x.id = crm_case.id""",
            created=day(SQL("c.create_date")),
            closed=day(SQL("c.date_closed")),
            first_response=hours(SQL("c.date_first_response")),
            close=hours(SQL("c.date_closed")),
            work=work,
            where=where,
        )


_NEWEST = list(_COLUMNS)[-1]


class ResourceCalendar(models.Model):
    """Keeps hours and days off from one request to the next, for figures of cases."""

    _inherit = "resource.calendar"

    @api.model
    @ormcache("calendar_id")
    def _get_kept_schedule(self, calendar_id):
        """Give the working time of a calendar as a value; None if it has none.

        :return: tools.working_time.Schedule
        """
        try:
            return self.browse(calendar_id)._get_working_time().schedule
        except WorkingTimeError:
            return None

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        result = super().write(vals)
        if not vals.keys().isdisjoint(self._get_working_time_fields()):
            self.env.registry.clear_cache()
        return result

    def _tell_working_time_change(self):
        if self:
            self.env.registry.clear_cache()
        return super()._tell_working_time_change()


class CrmCaseSection(models.Model):
    """Tells the figures of its cases that it goes by another calendar."""

    _inherit = "crm.case.section"

    def write(self, vals):
        result = super().write(vals)
        if "resource_calendar_id" in vals:
            self.env.registry.clear_cache()
        return result


class ResCompany(models.Model):
    """Tells the figures of its cases that it goes by another calendar."""

    _inherit = "res.company"

    def write(self, vals):
        result = super().write(vals)
        if "resource_calendar_id" in vals:
            self.env.registry.clear_cache()
        return result


class ResPartner(models.Model):
    """Tells a company without a calendar that its days begin elsewhere."""

    _inherit = "res.partner"

    def write(self, vals):
        result = super().write(vals)
        if "tz" in vals:
            # sudo: whether it is a company of this database is no secret
            companies = self.env["res.company"].sudo()
            if companies.search_count([("partner_id", "in", self.ids)], limit=1):
                self.env.registry.clear_cache()
        return result
