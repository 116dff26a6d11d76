from collections import defaultdict
from random import Random

from odoo import api, fields, models

from ..tools import transitions
from .example_calendar import to_local, to_utc
from .example_discussion import DOMAIN
from .example_plan import PLANS, Cast, Storyteller
from .example_topics import SUPPLIES

_LOGINS = ("general", "sales", "support", "senior", "quality")
_BUYER_KINDS = ("customer", "prospect")
_SILENT = {
    "tracking_disable": True,  # past changes are written with their own dates
    "mail_notify_force_send": False,
    "mail_activity_quick_update": True,  # no mail about assigned activities
}
# what is to do next, and in how many days
_ACTIVITIES = (
    ("mail.mail_activity_data_call", "Call back: is everything all right?", -4),
    ("mail.mail_activity_data_call", "Call about the open questions", -1),
    ("mail.mail_activity_data_todo", "Check that what was promised is done", 0),
    ("mail.mail_activity_data_call", "Ask the colleague who knows the device", 1),
    ("mail.mail_activity_data_email", "Send the documents again", 2),
    ("mail.mail_activity_data_call", "Follow-up call", 5),
    ("mail.mail_activity_data_todo", "Prepare the next answer", 7),
)
_BUSY_CASES = 18  # unclosed cases with an activity


class CrmRelationsExample(models.AbstractModel):
    """Loads the year of the example company; called from the demo data only.

    People, sections and partners are ordinary demo records, `example_plan` makes the
    stories of the cases, this writes them: about 400 cases in a few large creates,
    with their past dates. Dates of creation are accepted by the ORM because demo
    data is loaded as superuser while the registry is not ready. No mail leaves and
    none is queued.
    """

    _name = "crm.relations.example"
    _description = "Example Company"
    _inherit = ["crm.relations.example.discussion"]

    @api.model
    def _load_company(self):
        """Give the main company the mail domain example.com, if it has none."""
        company = self.env.ref("base.main_company")
        if "iap_enrich_auto_done" in company._fields:
            # Odoo would ask a service in the internet about the company's logo at the
            # first login, and log a warning where there is none
            company.iap_enrich_auto_done = True
        Domain = self.env["mail.alias.domain"]
        if not company.alias_domain_id:
            found = Domain.search([("name", "=", DOMAIN)], limit=1)
            company.alias_domain_id = found or Domain.create({"name": DOMAIN})
        self._free_addresses()

    def _free_addresses(self):
        """Rename what has a section's address: in Odoo's example a journal does."""
        names = [plan.section for plan in PLANS]
        taken = self.env["mail.alias"].search(
            [("alias_name", "in", names), ("alias_model_id.model", "!=", "crm.case")]
        )
        for alias in taken:
            owner = alias.alias_model_id.model.replace(".", "-")
            alias.alias_name = f"{alias.alias_name}-{owner}"

    @api.model
    def _load_cases(self):
        """Create the cases of the last twelve months, once."""
        cast = self._get_cast()
        Case = self.env["crm.case"]
        sections = [section.id for section in cast.sections.values()]
        if Case.search_count([("section_id", "in", sections)], limit=1):
            return
        now = to_local(fields.Datetime.now())
        stories = Storyteller(now, cast).tell()
        self._set_stages(stories)
        company = self.env.ref("base.main_company")
        silent = self.with_company(company).with_context(**_SILENT)
        cases = silent._create_cases(stories)
        silent._create_moves(cases, stories)
        silent._create_messages(cases, stories)
        # the moves were brought along, not made
        cases._recount()
        silent._create_activities(cases)

    # ------------------------------------------------------------
    # RECORDS THE STORIES ARE ABOUT
    # ------------------------------------------------------------

    def _get_cast(self):
        topics = {topic.category for plan in PLANS for topic in plan.topics}
        return Cast(
            people=self._get_records("res_users", _LOGINS)
            | {"admin": self.env.ref("base.user_admin")},
            sections=self._get_records("crm_case_section", [p.section for p in PLANS]),
            categories=self._get_records("crm_case_category", topics),
            buyers={kind: self._get_companies(kind) for kind in _BUYER_KINDS},
            suppliers=self._get_records(
                "res_partner", {supplier for supplier, _price in SUPPLIES.values()}
            ),
        )

    def _get_records(self, prefix, names):
        return {name: self._ref(f"{prefix}_{name}") for name in names}

    def _get_companies(self, kind):
        """Give the companies of a kind; their order decides who is busiest."""
        category = self._ref(f"res_partner_category_{kind}")
        return self.env["res.partner"].search(
            [("category_id", "child_of", category.id), ("is_company", "=", True)],
            order="id",
        )

    def _ref(self, name):
        return self.env.ref(f"crm_relations.{name}")

    # ------------------------------------------------------------
    # CASES AND MOVES
    # ------------------------------------------------------------

    def _set_stages(self, stories):
        """Add the stage to each stay; looked up once per section and state."""
        stages = {}
        for move in (move for story in stories for move in story.moves):
            key = move["section_id"], move["state"]
            if key not in stages:
                stages[key] = move["section_id"]._get_stage(move["state"])
            move["stage_id"] = stages[key]

    def _create_cases(self, stories):
        cases = self.env["crm.case"].create([self._prepare_case(s) for s in stories])
        by_user = defaultdict(self.env["crm.case"].browse)
        for case in cases:
            by_user[case.user_id] += case
        for user, own in by_user.items():
            own.message_subscribe(partner_ids=user.partner_id.ids)
        return cases

    def _prepare_case(self, story):
        values = story.values
        last_action = to_utc(story.date_last_action)
        return {
            "name": values["name"],
            "description": values["description"],
            "section_id": story.section.id,
            "category_id": values["category_id"].id,
            "channel_id": self._ref_id(
                f"crm_relations.crm_case_channel_{values['channel']}"
            ),
            "priority": values["priority"],
            "state": story.state,
            "user_id": story.user and story.user.id,
            "partner_id": values["partner"] and values["partner"].id,
            "contact_name": values["contact_name"],
            "email_from": values["email_from"],
            "email_cc": values.get("email_cc"),
            "phone": values.get("phone"),
            "sentiment": values.get("sentiment"),
            "date_sentiment": "sentiment" in values and last_action,
            "date": to_utc(values.get("date", story.created)),
            "duration": values.get("duration", 1.0),
            "date_deadline": _utc(values.get("date_deadline")),
            "planned_revenue": values.get("planned_revenue", 0.0),
            "planned_cost": values.get("planned_cost", 0.0),
            "probability": values["probability"],
            "escalation_level": story.escalations,
            "date_open": _utc(story.date_open),
            "date_closed": _utc(story.date_closed),
            "date_first_response": _utc(story.first_response),
            "date_last_action": last_action,
            "create_date": to_utc(story.created),
            "create_uid": self._get_author(story.author).id,
            "write_date": last_action,
        }

    def _create_moves(self, cases, stories):
        """Replace the stays that creation began just now by those of the stories."""
        # the superuser alone may write moves, as loading demo data is
        cases.move_ids.unlink()
        self.env["crm.case.move"].create(
            [
                values
                for case, story in zip(cases, stories, strict=True)
                for values in self._prepare_moves(case, story)
            ]
        )

    def _prepare_moves(self, case, story):
        ends = [move["date"] for move in story.moves[1:]] + [None]
        previous = {}
        for move, end in zip(story.moves, ends, strict=True):
            before = previous.get("section_id")
            yield {
                "case_id": case.id,
                "date": to_utc(move["date"]),
                "date_end": _utc(end),
                "author_id": self._get_author(move["author_id"]).id,
                "is_escalation": move["is_escalation"],
                "state_from": previous.get("state"),
                "state": move["state"],
                "stage_id": move["stage_id"].id,
                "section_from_id": before and before.id,
                "section_id": move["section_id"].id,
                "user_id": move["user_id"] and move["user_id"].id,
                "company_id": case.company_id.id,
            }
            previous = move

    # ------------------------------------------------------------
    # ACTIVITIES
    # ------------------------------------------------------------

    def _create_activities(self, cases):
        """Plan what is to do next on some of the unclosed cases, some of it overdue."""
        random = Random("activities")
        meetings = self._ref("crm_case_section_meetings").category_ids
        unclosed = cases.filtered(
            lambda case: (
                case.state in transitions.UNCLOSED
                and case.user_id
                and case.category_id not in meetings
            )
        )
        busy = random.sample(list(unclosed), min(_BUSY_CASES, len(unclosed)))
        model_id = self.env["ir.model"]._get_id("crm.case")
        self.env["mail.activity"].create(
            [
                self._prepare_activity(case, _ACTIVITIES[index % len(_ACTIVITIES)])
                | {"res_model_id": model_id}
                for index, case in enumerate(busy)
            ]
        )

    def _prepare_activity(self, case, activity):
        kind, summary, days = activity
        return {
            "activity_type_id": self._ref_id(kind),
            "summary": summary,
            "date_deadline": fields.Date.add(fields.Date.today(), days=days),
            "user_id": case.user_id.id,
            "res_id": case.id,
        }


def _utc(moment):
    return to_utc(moment) if moment else False
