from typing import NamedTuple

from odoo import fields, models


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

    def _compute_relation_figures(self):
        figures = self._get_relation_figures() if self else {}
        for partner in self:
            rows = sorted(figures.get(partner.id, []), key=lambda row: row.sequence)
            partner.relation_figures = [row._asdict() for row in rows]

    def _get_relation_figures(self):
        """Give the figures of the card, for all of ``self`` at once.

        As the reader may see them: a bridge whose documents he may not read adds
        nothing. The number of queries does not depend on the number of partners.

        :return: {partner id: list of `RelationFigure`}, a list for each partner
        """
        return {partner.id: [] for partner in self}
