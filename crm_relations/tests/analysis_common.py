from collections import defaultdict
from datetime import date
from statistics import fmean, median
from unittest.mock import patch

from odoo.addons.crm_relations.models import crm_case_figure_keeping_mixin

from .common import CrmRelationsCommon

QUICK = {"crm_case_quick_figures": True}
PEOPLE = ("agent", "expert", "susan", "boss", "inspector", "foreigner")
MEASURES = (
    "__count",
    "planned_revenue:sum",
    "planned_cost:sum",
    "weighted_revenue:sum",
    "hours_close:avg",
    "hours_working_close:avg",
    "hours_first_response:avg",
    "message_count:avg",
    "reopen_count:sum",
    "reopened:sum",
    "escalated:sum",
    "sla_met_share:avg",
    "rating_value:avg",
    "sentiment:avg",
    "currency_id:array_agg_distinct",
    "planned_revenue:sum_currency",
)
SPREAD = (
    "hours_close_median:avg",
    "hours_close_p90:avg",
    "hours_working_close_p90:avg",
)
# (groupings, whether they are kept)
GROUPINGS = (
    ("day_created:month", "user_id"),
    ("day_created:year", "section_id"),
    ("day_created:quarter", "stage_id", "state"),
    ("day_closed:month", "company_id"),
    ("day_closed:month", "user_id", "category_id"),
    ("category_id", "section_id"),
    ("priority",),
    ("channel_id", "day_created:month_number"),
    ("sla_state", "user_id"),
    ("state", "category_id"),
    ("section_id.parent_id",),
)
LIVE_GROUPINGS = (
    ("day_created:week",),
    ("partner_id",),
    ("partner_category_ids", "user_id"),
    ("segment_ids",),
    ("top_section_id", "state"),
    ("compared_year",),
    ("priority", "channel_id"),
)
DOMAINS = (
    lambda test: [],
    lambda test: [("user_id", "=", test.agent.id)],
    lambda test: [("user_id", "=", False)],
    lambda test: [("section_id", "child_of", test.support2.id)],
    lambda test: [("state", "in", ["draft", "open", "pending"])],
    lambda test: [("day_created", ">=", "2025-06-01")],
    lambda test: [
        ("day_created", ">=", "2025-02-01"),
        ("day_created", "<=", "2025-10-31"),
    ],
    lambda test: ["!", ("day_created", "<", "2025-06-01")],
    lambda test: [("day_closed", "!=", False)],
    lambda test: [("day_closed", "=", False)],
    lambda test: [("day_closed", ">", "2025-05-31")],
    lambda test: [("active", "in", [True, False])],
    lambda test: [("active", "=", False)],
    lambda test: [("category_id", "=", False)],
    lambda test: ["|", ("priority", "=", "3"), ("user_id", "!=", False)],
    lambda test: [("sla_state", "=", "met")],
    lambda test: [("section_id.parent_id", "!=", False)],
    lambda test: [("section_id.name", "ilike", "support")],
    # what only the cases know
    lambda test: [("day_created", ">=", "2025-06-02")],
    lambda test: [("day_closed", "<=", "2025-06-29")],
    lambda test: [("name", "ilike", "1")],
    lambda test: [("partner_id", "child_of", test.acme.id)],
    lambda test: [("is_late", "=", False)],
)
LIVE_DOMAINS = 5


class AnalysisCommon(CrmRelationsCommon):
    """Cases with a past, and three ways to count them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.support1.allow_unlink = cls.quality.allow_unlink = True
        cls.category = cls.env["crm.case.category"].create({"name": "Fault"})
        cls.channel = cls.env["crm.case.channel"].create({"name": "Pigeon"})
        cls.tag = cls.env["res.partner.category"].create({"name": "Key account"})
        cls.jane.category_id = cls.tag
        euro = cls.env.ref("base.EUR")
        euro.active = True
        cls.company_2.currency_id = euro
        cls.case_model = cls.env["crm.case"].with_context(
            tracking_disable=True, mail_create_nosubscribe=True, mail_create_nolog=True
        )

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    def _create(self, drawn):
        """Make cases, and give them a past by SQL, as imports do."""
        cases = self.case_model.create([self._prepare(row) for row in drawn])
        self.env.flush_all()
        for case, row in zip(cases, drawn, strict=True):
            month, day, length = row["days"]
            closed = case.state in ("done", "cancel")
            self.env.cr.execute(
                """UPDATE crm_case SET day_created = %(day)s, sla_state = %(sla)s,
                    rating_value = %(rating)s, message_count = %(hours)s %% 7,
                    day_closed = CASE WHEN %(closed)s
                        THEN %(day)s::date + %(length)s END,
                    hours_close = CASE WHEN %(closed)s THEN %(hours)s END,
                    hours_working_close = CASE WHEN %(closed)s
                        THEN %(hours)s / 3.0 END
                WHERE id = %(id)s""",
                {
                    **row,
                    "id": case.id,
                    "day": date(2025, month, day),
                    "length": length,
                    "closed": closed,
                },
            )
        self.env.invalidate_all()
        return cases

    def _prepare(self, row):
        section = getattr(self, row["section"])
        is_foreign = section == self.foreign
        user = row["user"] and not is_foreign and getattr(self, row["user"])
        partner = row["partner"] and getattr(self, row["partner"])
        return {
            "name": f"Case {row['hours']}",
            "section_id": section.id,
            "user_id": user.id if user else False,
            "state": row["state"],
            "priority": row["priority"],
            "category_id": row["category"] and self.category.id,
            "channel_id": row["channel"] and self.channel.id,
            "partner_id": partner and partner.id,
            "active": row["active"],
            "planned_revenue": row["revenue"],
            "planned_cost": row["revenue"] / 3,
            "probability": 40,
            "sentiment": row["sentiment"],
        }

    def _do(self, gesture, index):
        Figure = self.env["crm.case.figure"]
        if gesture == "fold":
            self.env.flush_all()
            with patch.object(crm_case_figure_keeping_mixin, "_FOLD_FROM", 0):
                self.assertTrue(Figure._fold())
            return
        cases = self.case_model.with_context(active_test=False).search(
            [("company_id", "=", self.env.company.id)], order="id"
        )
        if not cases:
            return
        case = cases[index % len(cases)]
        unclosed = case.state in ("draft", "open", "pending")
        if gesture == "move":
            case.state = "cancel" if unclosed else "draft"
        elif gesture == "escalate" and unclosed and case.can_escalate:
            case.action_escalate()
        elif gesture == "transfer":
            case.section_id = (self.support1, self.quality)[index % 2]
        elif gesture == "assign":
            case.user_id = (self.agent, self.env["res.users"])[index % 2]
        elif gesture == "value":
            case.planned_revenue = index % 1000
        elif gesture == "archive":
            case.active = not case.active
        elif gesture == "delete" and case.section_id.allow_unlink:
            case.unlink()

    # ------------------------------------------------------------
    # THE SAME FIGURES THREE TIMES
    # ------------------------------------------------------------

    def _sets(self, specs):
        return [list(specs[:end]) for end in range(len(specs) + 1)]

    def _both(self, model, domain, sets, measures):
        order = ", ".join(dict.fromkeys(spec for specs in sets for spec in specs))
        return [
            model.with_context(crm_case_quick_figures=quick)._read_grouping_sets(
                domain, sets, measures, order
            )
            for quick in (True, False)
        ]

    def _assert_same(self, kept, live, message):
        self.assertEqual(len(kept), len(live), message)
        for one, other in zip(kept, live, strict=True):
            for left, right in zip(one, other, strict=True):
                if isinstance(left, float) or isinstance(right, float):
                    self.assertAlmostEqual(left or 0, right or 0, 4, message)
                    self.assertEqual(left is False, right is False, message)
                else:
                    self.assertEqual(left or 0, right or 0, message)

    def _oracle(self, model, domain, specs):
        """Group cases one by one.

        :return: {group: [number, revenue, mean hours, median, 90th percentile]}
        """
        groups = defaultdict(list)
        for case in model.search(domain):
            groups[tuple(self._value(case, spec) for spec in specs)].append(case)
        return {
            key: self._measure(model.union(*cases)) for key, cases in groups.items()
        }

    def _value(self, case, spec):
        path, _colon, granularity = spec.partition(":")
        value = case.sudo()
        for name in path.split("."):
            value = value[name]
        if granularity == "month_number":
            return value.month if value else False
        if granularity and value:
            month = {"month": value.month, "year": 1}.get(
                granularity, (value.month - 1) // 3 * 3 + 1
            )
            return value.replace(month=month, day=1)
        return value.id if hasattr(value, "ids") else value

    def _measure(self, cases):
        hours = sorted(
            case.hours_close for case in cases if case.hours_close is not False
        )
        count, revenue = len(cases), sum(cases.mapped("planned_revenue"))
        if not hours:
            return [count, revenue, False, False, False]
        place = 0.9 * (len(hours) - 1)
        low = hours[int(place)]
        high = hours[min(int(place) + 1, len(hours) - 1)]
        p90 = low + (high - low) * (place - int(place))
        return [count, revenue, fmean(hours), median(hours), p90]

    def _check(self, person, domain, specs, is_kept):
        model = self.env["crm.case"].with_user(person)
        message = f"{person.login} {domain} {specs}"
        found = model.with_context(**QUICK)._get_figures(domain, specs, MEASURES, "")
        self.assertEqual(found[0] is not None, is_kept, message)
        kept, live = self._both(model, domain, self._sets(specs), MEASURES)
        for one, other in zip(kept, live, strict=True):
            self._assert_same(one, other, message)
        quick = model.with_context(**QUICK)
        self._assert_same(
            quick._read_group(domain, specs, MEASURES, order=", ".join(specs)),
            live[-1],
            message,
        )
        if not any(name.endswith(("_ids", ":week")) for name in specs):
            self._check_oracle(model, domain, specs, message)

    def _check_oracle(self, model, domain, specs, message):
        measures = [*MEASURES[:2], "hours_close:avg", *SPREAD[:2]]
        rows = model._read_group(domain, specs, measures)
        expected = self._oracle(model, domain, specs)
        self.assertEqual(len(rows), len(expected), message)
        for row in rows:
            key = tuple(
                value.id if hasattr(value, "ids") else value
                for value in row[: len(specs)]
            )
            self._assert_same([row[len(specs) :]], [expected[key]], message)

    def _sample(self):
        """Give one case for each way in which the drawn ones may differ, and more."""
        sections = ("support1", "support2", "quality", "foreign")
        users = (None, "agent", "colleague", "senior")
        states = ("draft", "open", "pending", "done", "cancel")
        return [
            {
                "section": sections[index % 4],
                "user": users[index % 3],
                "state": states[index % 5],
                "priority": str(index % 4),
                "category": index % 3 == 0,
                "channel": index % 2 == 0,
                "partner": (None, "jane", "walter")[index % 3],
                "active": index % 7 != 0,
                "revenue": 10 * index,
                "sentiment": (False, 0, 7)[index % 3],
                "days": (1 + index % 12, 1 + index % 28, index),
                "hours": index * index % 97,
                "sla": ("none", "met", "missed", "on_track")[index // 2 % 4],
                "rating": (None, 1, 5)[index % 3],
            }
            for index in range(60)
        ]
