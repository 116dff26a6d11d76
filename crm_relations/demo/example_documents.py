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
    def _find_goods(self, prices, **values):
        """Give a product for each name, made if it is not there yet.

        :param dict prices: {name: price of one piece}
        :param values: of new products
        :return: {name: product.product}
        """
        Product = self.env["product.product"]
        found = Product.search([("name", "in", list(prices))])
        goods = {product.name: product for product in found}
        missing = [name for name in prices if name not in goods]
        made = Product.create(
            [{"name": name[0].upper() + name[1:], **values} for name in missing]
        )
        return goods | dict(zip(missing, made, strict=True))
