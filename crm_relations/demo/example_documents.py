from datetime import timedelta
from random import Random

from odoo import api, fields, models

from .example_calendar import DAYS, previous_working_day

_SATURDAY = 5


class CrmRelationsExampleDocuments(models.AbstractModel):
    """What the bridges' examples share: with whom, and when.

    Each bridge loads a year of its documents (invoices, orders…) for the same companies
    as the cases, and nothing where the example company is not there.
    """

    _name = "crm.relations.example.documents"
    _description = "Documents of the Example Company"

    @api.model
    def _find_companies(self, kind):
        """Give the example's companies of a kind, the busiest first; maybe none.

        :param str kind: "customer", "prospect" or "supplier"
        """
        category = self.env.ref(
            f"crm_relations.res_partner_category_{kind}", raise_if_not_found=False
        )
        if not category:
            return self.env["res.partner"]
        domain = [("category_id", "child_of", category.id), ("is_company", "=", True)]
        return self.env["res.partner"].search(domain, order="id")

    @api.model
    def _plan_documents(self, partners, busiest, since=DAYS, until=0):
        """Spread documents over the days from ``since`` to ``until`` days ago.

        :param int busiest: how many the first partner has; the others have fewer
        :return: list of (partner, naive datetime at noon, Random), the oldest first
        """
        planned = []
        for rank, partner in enumerate(partners):
            random = Random(partner.email)
            for _number in range(max(1, round(busiest / (rank + 1) ** 0.5))):
                days = random.uniform(until, since)
                planned.append((partner, self._find_working_day(days), random))
        return sorted(planned, key=lambda plan: (plan[1], plan[0].id))

    def _find_working_day(self, days):
        noon = fields.Datetime.now().replace(hour=12, minute=0, second=0)
        moment = noon - timedelta(days=round(days))
        if moment.weekday() >= _SATURDAY:
            return previous_working_day(moment)
        return moment

    @api.model
    def _make_goods(self, names, **values):
        """Make a product for each name; for addons that bring products.

        :param values: of the products
        :return: {name: product.product}
        """
        products = self.env["product.product"].create(
            [{"name": name[0].upper() + name[1:], **values} for name in names]
        )
        return dict(zip(names, products, strict=True))
