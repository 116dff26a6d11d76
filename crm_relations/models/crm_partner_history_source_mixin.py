from typing import NamedTuple

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.mail import html_to_inner_content

SUMMARY_LENGTH = 160  # characters of a text that a line shows
_TEXT_LENGTH = 4000  # characters of HTML that are looked at for them

# mail to and from partners, beside what is said about cases
_PARTNER_TYPES = ("comment", "email", "email_outgoing", "sms")
_CASE_TYPES = ("comment", "email", "email_outgoing")


class HistorySource(NamedTuple):
    """One source of the timeline: rows of one model, as its reader may see them.

    `columns` hold SQL over the table of `model` (its alias is its own name) and over
    what `join` adds. Those of `crm.partner.history` may be given; `date`, `partner_id`
    and `name` must be. Left out, `id` and `res_id` are the model's own, `model` is the
    model, and `commercial_partner_id` is looked up from the partner.
    """

    number: int  # unique and for ever: the ids of lines contain it
    kind: str  # one of the history's kinds
    model: str  # whose ACL and record rules decide what the reader sees
    columns: dict[str, SQL]
    domain: Domain = Domain.TRUE
    join: SQL = SQL()
    where: SQL = SQL("TRUE")
    summary: str = ""  # method of the history: `(ids of source rows) -> {id: text}`


class CrmPartnerHistorySourceMixin(models.AbstractModel):
    """What the core knows of a partner: events, mails, moves and marks of cases."""

    _name = "crm.partner.history.source.mixin"
    _description = "Sources of the Partner History"

    @api.model
    def _get_sources(self):
        """Give what the timeline is made of; bridges add theirs.

        Numbers below 20 are the core's; bridges: 20 account, 30 sale, 40 purchase,
        50 stock, and up to nine more each.

        :return: list of `HistorySource`
        """
        return [
            self._get_event_source(),
            self._get_case_mail_source(),
            self._get_partner_mail_source(),
            self._get_move_source(),
            self._get_mark_source(),
            self._get_rating_source(),
        ]

    @api.model
    def _get_event_source(self):
        names = "date partner_id commercial_partner_id channel_id direction name"
        names += " company_id user_id sentiment currency_id"
        columns = self._get_plain_columns("crm_partner_event", names)
        return HistorySource(
            number=1,
            kind="event",
            model="crm.partner.event",
            domain=Domain("is_on_timeline", "=", True),
            columns=columns
            | {
                "event_kind_id": SQL("crm_partner_event.kind_id"),
                # a plan is what the company hopes for less what it costs
                "amount": SQL(
                    "NULLIF(COALESCE(crm_partner_event.planned_revenue, 0) "
                    "- COALESCE(crm_partner_event.planned_cost, 0), 0)"
                ),
            },
            summary="_get_event_summaries",
        )

    @api.model
    def _get_plain_columns(self, table, names):
        return {name: SQL.identifier(table, name) for name in names.split()}

    @api.model
    def _get_case_columns(self):
        return self._get_plain_columns(
            "crm_case", "partner_id commercial_partner_id company_id"
        ) | {
            "name": SQL("CONCAT('[', crm_case.number, '] ', crm_case.name)"),
            "res_id": SQL("crm_case.id"),
        }

    # ------------------------------------------------------------
    # MAIL
    # ------------------------------------------------------------

    @api.model
    def _get_message_columns(self):
        mail_channel = self.env["ir.model.data"]._xmlid_to_res_id(
            "crm_relations.crm_case_channel_mail"
        )
        return {
            "id": SQL("mail_message.id"),
            "date": SQL("mail_message.date"),
            "author_id": SQL("mail_message.author_id"),
            "channel_id": SQL(
                "CASE WHEN mail_message.message_type LIKE 'email%%' THEN %s::int END",
                mail_channel or None,
            ),
            # whoever is no colleague speaks for the partner
            "direction": SQL(
                "CASE WHEN mail_message.message_type IN ('email_outgoing', 'sms') "
                "THEN 'out' WHEN history_author.id IS NULL "
                "OR history_author.partner_share THEN 'in' ELSE 'out' END"
            ),
        }

    @api.model
    def _get_message_join(self, model, column, types):
        """Join the messages about a table's rows that are no internal notes."""
        return SQL(
            "JOIN mail_message ON mail_message.model = %s "
            "AND mail_message.res_id = %s AND mail_message.message_type IN %s "
            "AND mail_message.is_internal IS NOT TRUE "
            # what is sent to many has no subtype, a note has an internal one
            "AND (mail_message.message_type IN ('email_outgoing', 'sms') "
            "OR mail_message.subtype_id IN (SELECT id FROM mail_message_subtype "
            "WHERE internal IS NOT TRUE)) "
            "LEFT JOIN res_partner history_author "
            "ON history_author.id = mail_message.author_id",
            model,
            column,
            types,
        )

    @api.model
    def _get_case_mail_source(self):
        return HistorySource(
            number=2,
            kind="mail",
            model="crm.case",
            domain=Domain("partner_id", "!=", False),
            columns=self._get_case_columns() | self._get_message_columns(),
            join=self._get_message_join("crm.case", SQL("crm_case.id"), _CASE_TYPES),
            summary="_get_mail_summaries",
        )

    @api.model
    def _get_partner_mail_source(self):
        name = "COALESCE(NULLIF(mail_message.subject, ''), res_partner.name)"
        columns = self._get_message_columns() | {
            "name": SQL(name),
            "partner_id": SQL("res_partner.id"),
            "commercial_partner_id": SQL("res_partner.commercial_partner_id"),
            "company_id": SQL("res_partner.company_id"),
        }
        return HistorySource(
            number=3,
            kind="mail",
            model="res.partner",
            columns=columns,
            join=self._get_message_join(
                "res.partner", SQL("res_partner.id"), _PARTNER_TYPES
            ),
            summary="_get_mail_summaries",
        )

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    @api.model
    def _get_move_source(self):
        columns = self._get_case_columns() | {
            "id": SQL("crm_case_move.id"),
            "date": SQL("crm_case_move.date"),
            "user_id": SQL("crm_case_move.author_id"),
        }
        return HistorySource(
            number=4,
            kind="move",
            model="crm.case",
            domain=Domain("partner_id", "!=", False),
            columns=columns,
            join=SQL("JOIN crm_case_move ON crm_case_move.case_id = crm_case.id"),
            # not who became responsible, which is our own business
            where=SQL(
                "(crm_case_move.state_from IS DISTINCT FROM crm_case_move.state "
                "OR crm_case_move.is_escalation)"
            ),
            summary="_get_move_summaries",
        )

    @api.model
    def _get_mark_source(self):
        columns = self._get_case_columns() | {
            "date": SQL("crm_case.date_sentiment"),
            "sentiment": SQL("crm_case.sentiment"),
            "user_id": SQL("crm_case.user_id"),
            "channel_id": SQL("crm_case.channel_id"),
        }
        return HistorySource(
            number=5,
            kind="mark",
            model="crm.case",
            domain=Domain("partner_id", "!=", False) & Domain("sentiment", "!=", False),
            columns=columns,
        )

    @api.model
    def _get_rating_source(self):
        columns = self._get_case_columns() | {
            "id": SQL("rating_rating.id"),
            "date": SQL("COALESCE(rating_rating.rated_on, rating_rating.write_date)"),
            "direction": SQL("'in'"),
            "sentiment": SQL("ROUND((rating_rating.rating - 1) * 2.5)"),
            "author_id": SQL("rating_rating.partner_id"),
        }
        return HistorySource(
            number=6,
            kind="rating",
            model="crm.case",
            domain=Domain("partner_id", "!=", False),
            columns=columns,
            join=SQL(
                "JOIN rating_rating ON rating_rating.res_model = 'crm.case' "
                "AND rating_rating.res_id = crm_case.id "
                "AND rating_rating.consumed IS TRUE AND rating_rating.rating >= 1"
            ),
            summary="_get_rating_summaries",
        )

    # ------------------------------------------------------------
    # SUMMARIES
    # ------------------------------------------------------------

    @api.model
    def _get_text_start(self, html):
        text = " ".join(html_to_inner_content((html or "")[:_TEXT_LENGTH]).split())
        cut = text[:SUMMARY_LENGTH]
        return f"{cut}…" if len(text) > SUMMARY_LENGTH else cut

    @api.model
    def _get_event_summaries(self, row_ids):
        # sudo: of lines the reader may see, as his timeline has just found them
        events = self.env["crm.partner.event"].sudo().browse(row_ids)
        return {event.id: self._get_text_start(event.description) for event in events}

    @api.model
    def _get_mail_summaries(self, row_ids):
        # sudo: as in `_get_event_summaries`; Odoo would check each document again
        mails = self.env["mail.message"].sudo().browse(row_ids)
        return {mail.id: self._get_text_start(mail.body) for mail in mails}

    @api.model
    def _get_rating_summaries(self, row_ids):
        # sudo: as in `_get_event_summaries`
        ratings = self.env["rating.rating"].sudo().browse(row_ids)
        return {rating.id: rating.feedback or "" for rating in ratings}

    @api.model
    def _get_move_summaries(self, row_ids):
        # sudo: as in `_get_event_summaries`
        moves = self.env["crm.case.move"].sudo().browse(row_ids)
        labels = dict(moves._fields["state"]._description_selection(self.env))
        return {move.id: self._get_move_words(move, labels) for move in moves}

    @api.model
    def _get_move_words(self, move, labels):
        target = labels[move.state]
        if move.is_escalation:
            return self.env._(
                "Escalated to %(section)s", section=move.section_id.display_name
            )
        if not move.state_from:
            return self.env._("New: %(state)s", state=target)
        return f"{labels[move.state_from]} → {target}"
