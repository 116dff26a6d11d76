from datetime import timedelta
from random import Random

from odoo import api, fields, models

# kind, direction, summary; what people note down after they have hung up
_EVENTS = (
    ("call", "out", "Asked whether everything runs"),
    ("call", "in", "Wanted to know about the next delivery"),
    ("call", "out", "Went through the open points"),
    ("visit", "out", "Yearly talk at their place"),
    ("visit", "out", "Showed the new devices"),
    ("letter", "out", "Season's greetings"),
    ("fair", "in", "Came to our stand"),
    ("web", "in", "Asked for the price list"),
)
_DAYS = 360
# how a relationship goes: the marks of its year, oldest first
_MOODS = (
    (6, 7, 7, 8, 8, 9),
    (8, 8, 7, 8, 7, 8),
    (9, 8, 8, 6, 4, 2),
    (5, 5, 6, 5, 6, 6),
    (3, 4, 6, 7, 8, 8),
)


class CrmRelationsExampleEvents(models.AbstractModel):
    """What the example company's people noted about partners in the last year."""

    _inherit = "crm.relations.example"

    @api.model
    def _load_events(self):
        """Log calls, visits and fairs with all companies, once."""
        Event = self.env["crm.partner.event"]
        if Event.search_count([("kind_id.is_automatic", "=", False)], limit=1):
            return
        cast = self._get_cast()
        companies = sum(cast.buyers.values(), self.env["res.partner"])
        companies |= sum(cast.suppliers.values(), self.env["res.partner"])
        random = Random("events")
        Event.create(
            [
                values
                for index, company in enumerate(companies)
                for values in self._tell_year(company, _MOODS[index % 5], random)
            ]
        )

    def _tell_year(self, company, mood, random):
        """Give the events of one company's year, its mood changing as told."""
        people = company.child_ids or company
        users = [self._ref(f"res_users_{name}") for name in ("sales", "support")]
        now = fields.Datetime.now().replace(minute=0, second=0)
        for place, mark in enumerate(mood):
            kind, direction, name = random.choice(_EVENTS)
            days = _DAYS - (place + random.random()) * _DAYS / len(mood)
            hours = random.choice((0.25, 0.5, 1.0)) if kind in ("call", "visit") else 0
            yield {
                "name": name,
                "kind_id": self._ref_id(f"crm_relations.crm_partner_event_kind_{kind}"),
                "direction": direction,
                "partner_id": random.choice(people).id,
                "date": now.replace(hour=9) - timedelta(days=int(days) + 1),
                "duration": hours,
                "user_id": random.choice(users).id,
                "company_id": self.env.ref("base.main_company").id,
                "sentiment": mark,
            }
