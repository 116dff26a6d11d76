from collections import defaultdict
from datetime import timedelta
from random import Random, randrange

from dateutil.relativedelta import relativedelta
from odoo import fields
from odoo.tests import tagged

from .quality_common import QualityCommon

_MEASURES = {
    # measure: (100 points for, 0 points for, weight)
    "case_count": (0, 12, 20),
    "cost": (0, 900, 10),
    "ppm": (0, 50000, 25),
    "case_rate": (0, 60, 5),
    "response_hours": (10, 400, 10),
    "resolution_hours": (20, 900, 10),
    "repeat_rate": (0, 80, 5),
    "overdue_rate": (0, 70, 5),
    "effective_rate": (100, 30, 5),
    "on_time_rate": (100, 60, 5),
}


@tagged("crm_relations_quality")
class TestQualityOracle(QualityCommon):
    """Every figure and every score, against slow and obvious loops."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.quality.score.criterion"].search([]).active = False
        for measure, (best, worst, weight) in _MEASURES.items():
            cls._new_criterion(measure, best=best, worst=worst, weight=weight)
        cls.seed = randrange(10**6)
        cls.random = Random(cls.seed)
        cls.now = fields.Datetime.now()
        cls.suppliers = cls.env["res.partner"].create(
            [{"name": f"Supplier {index}", "is_company": True} for index in range(8)]
        )
        cls.people = cls.env["res.partner"].create(
            [{"name": "Contact", "parent_id": one.id} for one in cls.suppliers]
        )
        for _index in range(90):
            cls._draw_case()
        for _index in range(60):
            cls._draw_action()
        cls.env.flush_all()
        draw = cls.random.randint
        cls.hooks = {
            "received_quantities": {
                one.id: draw(0, 3) * 500.0 for one in cls.suppliers[:6]
            },
            "order_counts": {one.id: draw(5, 20) for one in cls.suppliers[2:]},
            "on_time_rates": {one.id: draw(50, 100) for one in cls.suppliers[::2]},
        }

    @classmethod
    def _draw_case(cls):
        random = cls.random
        case = cls._new_fault(
            random.uniform(0, 800),
            random.choice(cls.suppliers | cls.people),
            category_id=random.choice((cls.scratch.id, cls.crack.id, False)),
            planned_cost=random.choice((0, 50, 80)),
            actual_cost=random.choice((0, 0, 70)),
            defective_quantity=random.choice((0, 3, 20)),
            state=random.choice(("draft", "open", "pending", "done", "cancel")),
        )
        if case.state == "done":
            age = (cls.now - case.create_date).total_seconds()
            closed = case.create_date + timedelta(seconds=random.uniform(0, age))
            case.date_closed = closed.replace(microsecond=0)
        cls.env.flush_all()
        cls._draw_stays(case)

    @classmethod
    def _draw_stays(cls, case):
        """Give it stays one after the other, the last of which lasts."""
        Move = cls.env["crm.case.move"]
        case.move_ids.unlink()
        moment, last = case.create_date.replace(microsecond=0), None
        states = ["draft", "pending", "open", "pending", "open"]
        for state in states[: cls.random.randint(1, 5)]:
            if last:
                last.date_end = moment
                last.flush_recordset()
            last = Move.create(
                {
                    "case_id": case.id,
                    "date": moment,
                    "state": state,
                    "section_id": case.section_id.id,
                    "company_id": case.company_id.id,
                }
            )
            moment += timedelta(hours=cls.random.randint(1, 300))
            if moment >= cls.now:
                break

    @classmethod
    def _draw_action(cls):
        random = cls.random
        state = random.choice(("open", "check", "done", "done", "cancel"))
        action = cls._new_action(
            random.randint(-800, 20),
            partner_id=random.choice(cls.suppliers | cls.people).id,
            state=state,
            active=random.random() < 0.9,
        )
        if state in ("check", "done"):
            action.date_done = action.date_deadline + timedelta(random.randint(-9, 9))
        if state == "done":
            action.date_checked = action.date_deadline + timedelta(
                random.randint(9, 40)
            )
            action.check_result = random.choice(("effective", "ineffective"))

    # ------------------------------------------------------------
    # THE ORACLE
    # ------------------------------------------------------------

    def _expect(self, supplier, until):
        """Give the figures of one supplier over the year that ends ``until``."""
        since = until - relativedelta(months=12)
        mine = self.env["crm.case"].search(
            [("partner_id", "child_of", supplier.id), ("state", "!=", "cancel")],
            order="create_date, id",
        )
        opened = [case for case in mine if since <= case.create_date < until]
        found = {
            "case_count": len(opened),
            "cost": sum(case.actual_cost or case.planned_cost for case in opened),
            "repeat_rate": self._share(
                [self._is_repeat(case, mine) for case in opened]
            ),
        }
        for name, hook in (
            ("received", "received_quantities"),
            ("orders", "order_counts"),
            ("on_time_rate", "on_time_rates"),
        ):
            found[name] = self.hooks[hook].get(supplier.id)
        defective = sum(case.defective_quantity for case in opened)
        if found["received"]:
            found["ppm"] = defective / found["received"] * 1_000_000
        if found["orders"]:
            found["case_rate"] = len(opened) / found["orders"] * 100
        found["response_hours"] = self._mean(self._list_waits(mine, since, until))
        found["resolution_hours"] = self._mean(
            [
                (case.date_closed - case.create_date).total_seconds() / 3600
                for case in mine
                if case.state == "done" and since <= case.date_closed < until
            ]
        )
        return found | self._expect_of_actions(supplier, since, until)

    def _is_repeat(self, case, mine):
        return any(
            case.category_id
            and other.category_id == case.category_id
            and other != case
            and timedelta()
            <= case.create_date - other.create_date
            <= timedelta(days=90)
            for other in mine
        )

    def _list_waits(self, cases, since, until):
        for move in cases.move_ids:
            if move.state == "pending" and since <= move.date < until:
                end = min(move.date_end or until, until)
                yield (end - move.date).total_seconds() / 3600

    def _expect_of_actions(self, supplier, since, until):
        since, until = since.date(), until.date()
        actions = self.env["crm.quality.action"].search(
            [("partner_id", "child_of", supplier.id), ("state", "!=", "cancel")]
        )
        due = [one for one in actions if since <= one.date_deadline < until]
        checked = [
            one
            for one in actions
            if one.date_checked and since < one.date_checked <= until
        ]
        return {
            "overdue_rate": self._share(
                [not one.date_done or one.date_done > one.date_deadline for one in due]
            ),
            "effective_rate": self._share(
                [one.check_result == "effective" for one in checked]
            ),
        }

    def _share(self, truths):
        return sum(truths) / len(truths) * 100 if truths else None

    def _mean(self, values):
        values = list(values)
        return sum(values) / len(values) if values else None

    def _expect_score(self, found):
        total = weights = 0
        for measure, (best, worst, weight) in _MEASURES.items():
            value = found.get(measure)
            if value is not None:
                points = (value - worst) / (best - worst) * 100
                total += min(max(points, 0), 100) * weight
                weights += weight
        return total / weights

    # ------------------------------------------------------------
    # TESTS
    # ------------------------------------------------------------

    def test_every_figure_and_score(self):
        with self._knowing(**self.hooks):
            self._compute()
        compared = defaultdict(int)
        for supplier in self.suppliers:
            row = self._row(supplier)
            found = self._expect(supplier, row.date_until)
            with self.subTest(seed=self.seed, supplier=supplier.name):
                for measure in _MEASURES:
                    self._compare(row, measure, found.get(measure))
                    compared[measure] += found.get(measure) is not None
                score = self._expect_score(found)
                self.assertAlmostEqual(row.score, score, places=4)
                before = self._expect(supplier, row.date_from)
                if row.trend is not False:
                    former = self._expect_score(before)
                    self.assertAlmostEqual(row.trend, score - former, places=4)
        self.assertTrue(all(compared[name] for name in _MEASURES), compared)

    def _compare(self, row, measure, expected):
        value = row[measure]
        if expected is None:
            self.assertIs(value, False, measure)
        else:
            self.assertAlmostEqual(value, expected, 3, measure)
