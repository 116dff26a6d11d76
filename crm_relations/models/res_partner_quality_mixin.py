from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.misc import formatLang

from ..fields import OptionalFloat
from .res_partner_figures_mixin import RelationFigure

_USER = "crm_relations.crm_relations_group_user"
_MOODS = {"a": "success", "b": "warning", "c": "danger"}
STEADY = 1.0  # points: a smaller change is no trend


class ResPartnerQualityMixin(models.AbstractModel):
    """What a supplier is worth: of the user's company, and as all its people know it.

    Kept beside `res.partner`, in the rows of `crm.quality.score`: the night pass
    neither rewrites nor locks partners, and each company reads its own. A contact has
    the score of his company.
    """

    _name = "res.partner.quality.mixin"
    _description = "Quality of a Supplier"

    quality_score = OptionalFloat(
        "Supplier Score",
        compute="_compute_quality",
        search="_search_quality_score",
        digits=(5, 1),
        groups=_USER,
        help="0 to 100, from cases about quality, receipts and actions; empty for who "
        "is no supplier.",
    )
    quality_class = fields.Selection(
        [("a", "A"), ("b", "B"), ("c", "C")],
        "Supplier Class",
        compute="_compute_quality",
        search="_search_quality_class",
        groups=_USER,
    )
    quality_trend = OptionalFloat(
        "Trend of the Supplier",
        compute="_compute_quality",
        search="_search_quality_trend",
        digits=(5, 1),
        groups=_USER,
        help="Change of the score against the time before.",
    )
    quality_action_count = fields.Integer(
        "Corrective and Preventive Actions",
        compute="_compute_quality_action_count",
        groups=_USER,
        help="Those that are not done yet.",
    )

    # ------------------------------------------------------------
    # WHAT BRIDGES KNOW
    # ------------------------------------------------------------

    def _get_received_quantities(self, since, until):
        """Give the units that the environment's company received from suppliers.

        All of them if ``self`` is empty. For the superuser: no access is checked.

        :param since: naive UTC datetime; from then on
        :param until: naive UTC datetime; before then
        :return: {id of the commercial partner: float}, nobody with 0
        """
        return {}

    def _get_order_counts(self, since, until):
        """Count the orders to suppliers; see `_get_received_quantities`.

        :return: {id of the commercial partner: int}
        """
        return {}

    def _get_on_time_rates(self, since, until):
        """Give the share of receipts on time; see `_get_received_quantities`.

        :return: {id of the commercial partner: per cent}
        """
        return {}

    # ------------------------------------------------------------
    # FIELDS
    # ------------------------------------------------------------

    @api.depends_context("company")
    def _compute_quality(self):
        """Read the current scores; one query whatever the number of partners."""
        rows = self._get_quality_rows()
        for partner in self:
            row = rows.get(partner.commercial_partner_id._origin.id)
            partner.quality_score = row.score if row else False
            partner.quality_class = row.quality_class if row else False
            partner.quality_trend = row.trend if row else False

    def _get_quality_rows(self):
        # sudo: score and class are for all who see the partner; the figures are not
        Score = self.env["crm.quality.score"].sudo()
        return Score._get_current(self.commercial_partner_id._origin.ids)

    def _find_by_quality(self, domain):
        # sudo: as in `_get_quality_rows`
        Score = self.env["crm.quality.score"].sudo()
        return Score._get_current_domain(
            "commercial_partner_id", domain, self.env.company
        )

    def _search_quality_number(self, field, operator, value):
        if operator not in ("in", "<", "<=", ">", ">="):
            return NotImplemented
        if operator == "in" and False in value:
            # set or not set: who has no row has none
            known = self._find_by_quality(Domain(field, "!=", False))
            others = [one for one in value if one is not False]
            return ~known | self._find_by_quality(Domain(field, "in", others))
        return self._find_by_quality(Domain(field, operator, value))

    def _search_quality_score(self, operator, value):
        return self._search_quality_number("score", operator, value)

    def _search_quality_trend(self, operator, value):
        return self._search_quality_number("trend", operator, value)

    def _search_quality_class(self, operator, value):
        if operator != "in":
            return NotImplemented
        # sudo: as in `_get_quality_rows`
        Score = self.env["crm.quality.score"].sudo()
        return Score._get_class_domain("commercial_partner_id", value, self.env.company)

    def _field_to_sql(self, alias, field_expr, query=None):
        """Let lists sort and group by what another table holds."""
        columns = {
            "quality_score": "score",
            "quality_class": "quality_class",
            "quality_trend": "trend",
        }
        if field_expr not in columns or query is None:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        joined = query.make_alias(alias, "quality")
        condition = SQL(
            "%s = %s AND %s = %s AND %s",
            SQL.identifier(joined, "partner_id"),
            SQL.identifier(alias, "commercial_partner_id"),
            SQL.identifier(joined, "company_id"),
            self.env.company.id,
            SQL.identifier(joined, "is_current"),
        )
        query.add_join("LEFT JOIN", joined, "crm_quality_score", condition)
        return SQL.identifier(joined, columns[field_expr])

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_quality_action_count(self):
        self.quality_action_count = 0
        counts = self.env["crm.quality.action"]._read_group(
            [
                ("commercial_partner_id", "in", self.commercial_partner_id.ids),
                ("state", "in", ("open", "check")),
            ],
            ["commercial_partner_id"],
            ["__count"],
        )
        counts = {partner.id: count for partner, count in counts}
        for partner in self:
            partner.quality_action_count = counts.get(
                partner.commercial_partner_id._origin.id, 0
            )

    # ------------------------------------------------------------
    # THE CARD
    # ------------------------------------------------------------

    def _get_relation_figures(self):
        """Add the class of those who are suppliers; one query."""
        figures = super()._get_relation_figures()
        rows = self._get_quality_rows()
        for partner in self:
            row = rows.get(partner.commercial_partner_id.id)
            if row:
                figures[partner.id].append(partner._get_quality_figure(row))
        return figures

    def _get_quality_figure(self, row):
        trend = row.trend or 0.0
        arrow = " ↗" if trend >= STEADY else " ↘" if trend <= -STEADY else ""
        score = formatLang(self.env, row.score, digits=0)
        name = (row.quality_class or "").upper()
        can_open = self.env["crm.quality.score"].has_access("read")
        return RelationFigure(
            "quality_class",
            self.env._("Supplier class"),
            f"{name} · {score}{arrow}",
            "action_view_quality_score" if can_open else "",
            _MOODS.get(row.quality_class, ""),
            45,
        )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_quality_score(self):
        """Open how the partner's score as a supplier arises."""
        self.ensure_one()
        company = self.commercial_partner_id
        row = self.env["crm.quality.score"]._get_current(company.ids).get(company.id)
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_quality_score_action"
        )
        if row:
            return action | {"views": [(False, "form")], "res_id": row.id}
        return action | {"domain": [("partner_id", "=", company.id)]}

    def action_view_quality_actions(self):
        """Open the corrective and preventive actions of the partner's company."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_quality_action_action"
        )
        company = self.commercial_partner_id
        return action | {
            "display_name": self.env._("Actions of %s", company.display_name),
            "domain": [("commercial_partner_id", "=", company.id)],
            "context": {"default_partner_id": self.id},
        }

    def action_send_scorecard(self):
        """Open the composer with the scorecards of these suppliers attached."""
        template = self.env.ref("crm_relations.mail_template_scorecard")
        return self._compose_with(template)

    def _compose_with(self, template, **context):
        """Open Odoo's composer for these partners, each in his language."""
        mode = "comment" if len(self) == 1 else "mass_mail"
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send by Mail"),
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_model": self._name,
                "default_res_ids": self.ids,
                "default_composition_mode": mode,
                "default_template_id": template.id,
                **context,
            },
        }

    # ------------------------------------------------------------
    # THE SCORECARD
    # ------------------------------------------------------------

    def _get_scorecard(self):
        """Give what the printed scorecard shows; None if the partner has no score.

        Read as the user, so that it lists the cases he may see and no others. For the
        supplier: no notes, no cost of a single case, nobody else.
        """
        self.ensure_one()
        company = self.commercial_partner_id
        row = self.env["crm.quality.score"]._get_current(company.ids).get(company.id)
        if not row:
            return None
        actions = self.env["crm.quality.action"].search(
            [
                ("commercial_partner_id", "=", company.id),
                ("company_id", "=", row.company_id.id),
                ("state", "in", ("open", "check")),
            ]
        )
        return row._get_explanation_values() | {
            "row": row,
            "trend": row._format_trend(),
            "bounds": row._get_bounds(),
            "cases": self.env["crm.case"].search(
                row._get_case_domain(), order="create_date desc, id desc"
            ),
            "actions": actions,
        }
