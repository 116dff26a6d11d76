from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools.misc import format_date, formatLang


class RelationFigure(NamedTuple):
    """One line of the card that tells at a glance where a relationship stands."""

    key: str  # what it is, for tests and styles
    label: str  # in the reader's language
    value: str  # as it is to be shown, in the reader's language
    action: str = ""  # public method of res.partner that opens what is behind it
    mood: str = ""  # "success", "warning", "danger", or nothing
    sequence: int = 50  # bridges: 60 to 90


class ResPartnerFiguresMixin(models.AbstractModel):
    """The card on partners and cases: who is this, in one glance."""

    _name = "res.partner.figures.mixin"
    _description = "Figures of a Relationship"

    relation_figures = fields.Json(
        compute="_compute_relation_figures",
        groups="crm_relations.crm_relations_group_user",
    )

    @api.depends_context("uid", "allowed_company_ids", "lang", "tz")
    def _compute_relation_figures(self):
        figures = self._origin._get_relation_figures()
        for partner in self:
            rows = figures.get(partner._origin.id, [])
            rows = sorted(rows, key=lambda row: row.sequence)
            partner.relation_figures = [row._asdict() for row in rows]

    def _get_relation_figures(self):
        """Give the figures of the card, for all of ``self`` at once.

        As the reader may see them: a bridge whose documents he may not read adds
        nothing. The number of queries does not depend on the number of partners.

        :return: {partner id: list of `RelationFigure`}, a list for each partner
        """
        contacts = self._get_last_contacts()
        return {
            partner.id: [
                partner._get_since_figure(contacts[partner.id]),
                partner._get_case_figure(),
                *partner._get_contact_figures(contacts[partner.id]),
                partner._get_sentiment_figure(),
            ]
            for partner in self
        }

    def _get_since_figure(self, contacts):
        # an import may know of contacts before the partner was entered
        since = min(
            filter(None, (self.create_date, contacts.get("first"))), default=False
        )
        since = format_date(self.env, since, date_format="MMM y")
        return RelationFigure("since", self.env._("Known since"), since, sequence=10)

    def _get_case_figure(self):
        return RelationFigure(
            "cases",
            self.env._("Open cases"),
            self.env._(
                "%(open)s of %(all)s", open=self.open_case_count, all=self.case_count
            ),
            "action_view_cases",
            "warning" if self.open_case_count else "",
            20,
        )

    def _get_contact_figures(self, contacts):
        labels = {
            "in": self.env._("Last heard of"),
            "out": self.env._("Last written or called"),
        }
        return [
            RelationFigure(
                f"last_{direction}",
                label,
                self._get_contact_words(contacts.get(direction)),
                "action_view_history",
                sequence=30,
            )
            for direction, label in labels.items()
        ]

    def _get_contact_words(self, moment):
        """Say when it was, as people would."""
        if not moment:
            return self.env._("never")
        local = fields.Datetime.context_timestamp(self, moment).date()
        days = (fields.Date.context_today(self) - local).days
        if days <= 0:
            return self.env._("today")
        if days == 1:
            return self.env._("yesterday")
        if days < 31:
            return self.env._("%s days ago", days)
        return format_date(self.env, local)

    def _get_sentiment_figure(self):
        label = self.env._("Sentiment")
        if not self.sentiment_count:
            return RelationFigure(
                "sentiment", label, self.env._("not known"), sequence=40
            )
        trend = self.sentiment_trend
        arrow = " ↗" if trend >= 0.1 else " ↘" if trend <= -0.1 else ""
        value = formatLang(self.env, self.sentiment_score, digits=1)
        return RelationFigure(
            "sentiment",
            label,
            f"{value}{arrow}",
            "action_view_sentiment",
            self._get_sentiment_mood(),
            40,
        )

    def _get_sentiment_mood(self):
        if self.is_cooling or self.sentiment_score < 4:
            return "danger"
        return "success" if self.sentiment_score >= 7 else "warning"
