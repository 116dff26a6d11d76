from datetime import timedelta
from random import Random

from odoo import api, models

from ..tools import transitions

# what is agreed, by the first word of the subject: containment, corrective, preventive
_AGREED = {
    "Wrong": (
        "Block the lot and measure all pieces",
        "Change the worn tool and count its strokes",
        "Measure the first piece of each shift",
    ),
    "Transport": (
        "Sort out the crushed pieces",
        "Edge protection on each pallet",
        "Drop test for new packaging",
    ),
    "Short": (
        "Deliver the missing pieces by express",
        "Weigh each box before it is closed",
        "Scale with print-out at the packing place",
    ),
    "Failures": (
        "Test the whole stock again",
        "New soldering profile for the line",
        "Burn-in test of each lot",
    ),
    "Scratched": (
        "Pick out the scratched pieces",
        "Paper between the layers",
        "Packing instruction with photos",
    ),
    "Late": (
        "Daily call until all is here",
        "Order confirmation within two days",
        "Safety stock at the supplier's",
    ),
}
_OTHER = (
    "Send the missing papers",
    "Check list for each delivery",
    "Audit of the process in spring",
)
_CAUSES = (
    "The tool was worn: nobody counted its strokes.",
    "The instruction was written for another box.",
    "A new colleague had not been trained on the gauge.",
)
_KINDS = ("containment", "corrective", "preventive")
_DAYS = (3, 21, 45)  # from the case to the due date of each kind
_CHECKED_AFTER = 30  # days


class CrmRelationsExampleQuality(models.AbstractModel):
    """What was done about the suppliers' faults, and what the suppliers are worth."""

    _inherit = "crm.relations.example"

    @api.model
    def _load_quality_actions(self):
        """Give the cases about suppliers their cost and actions, once."""
        Action = self.env["crm.quality.action"]
        cases = self.env["crm.case"].search([("is_quality", "=", True)], order="id")
        if Action.search_count([], limit=1):
            return
        today = self.env.company._get_today()
        vals_list = []
        for case in cases:
            random = Random(case.number)
            self._set_damage(case, random)
            if case.state != transitions.CANCEL and random.random() < 0.7:
                vals_list += self._agree_on_actions(case, random, today)
        actions = Action.with_context(tracking_disable=True).create(vals_list)
        failed = actions.filtered(lambda one: one.check_result == "ineffective")
        Action.with_context(tracking_disable=True).create(
            [one._prepare_follow_up() for one in failed]
        )

    def _set_damage(self, case, random):
        if case.name.startswith(("Late", "Certificates", "Change")):
            return
        case.defective_quantity = max(1, round(random.lognormvariate(0.4, 0.6)))
        if case.state == transitions.DONE:
            factor = random.uniform(0.7, 1.4)
            case.actual_cost = round(case.planned_cost * factor, -1)

    def _agree_on_actions(self, case, random, today):
        agreed = _AGREED.get(case.name.split()[0], _OTHER)
        cause = random.choice(_CAUSES)
        for kind, name, days in zip(_KINDS, agreed, _DAYS, strict=True):
            if kind == "preventive" and random.random() < 0.5:
                continue
            due = case.create_date.date() + timedelta(days=days)
            done = due + timedelta(days=round(random.gauss(-2, 5)))
            yield {
                "name": name,
                "kind": kind,
                "case_id": case.id,
                "user_id": (case.user_id or self._ref("res_users_quality")).id,
                "check_user_id": self._ref("res_users_general").id,
                "date_deadline": due,
                "root_cause": kind != "containment" and cause,
                **self._tell_course(kind, due, done, today, random),
            }

    def _tell_course(self, kind, due, done, today, random):
        """Say how far an action has come; some of them drag on."""
        if done >= today or random.random() < 0.06:
            return {"state": "open"}
        told = {"date_done": done, "work_done": self.env._("Done as agreed.")}
        if kind == "containment":
            return told | {"state": "done"}
        check = due + timedelta(days=_CHECKED_AFTER)
        if check >= today or random.random() < 0.08:
            return told | {"state": "check", "date_check": check}
        is_effective = random.random() < 0.85
        return told | {
            "state": "done",
            "date_check": check,
            "date_checked": check,
            "check_result": "effective" if is_effective else "ineffective",
        }

    @api.model
    def _load_scores(self):
        """Judge the suppliers of the year, month by month."""
        company = self.env.ref("base.main_company")
        # half of the year, so that there is another half to compare it with
        company.quality_months = 6
        Score = self.env["crm.quality.score"]
        # from the beginning: bridges know more of the past than was known before
        Score.search([("company_id", "=", company.id)]).unlink()
        Score._compute_company(company)
