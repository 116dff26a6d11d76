from contextlib import contextmanager
from datetime import timedelta

from freezegun import freeze_time
from odoo import Command, fields

from .common import CrmRelationsCommon


class SegmentCommon(CrmRelationsCommon):
    """Two questions, and short ways to answer and to make segments."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # those of the example company would join in
        cls.env["crm.segment"].search([]).active = False
        cls.budget, (cls.budget_low, cls.budget_middle, cls.budget_high) = (
            cls._new_question("Budget?", Low=1, Middle=5, High=10)
        )
        _question, (cls.new_customer, cls.old_customer) = cls._new_question(
            "Customer?", New=0, Old=2
        )

    @classmethod
    def _new_question(cls, name, **answers):
        question = cls.env["crm.profiling.question"].create(
            {
                "name": name,
                "answer_ids": [
                    Command.create({"name": answer, "points": points})
                    for answer, points in answers.items()
                ],
            }
        )
        return question, question.answer_ids.sorted("id")

    @classmethod
    def _answer(cls, partners, *answers):
        cls.env["crm.profiling.response"].create(
            [
                {"partner_id": partner.id, "answer_id": answer.id}
                for partner in partners
                for answer in answers
            ]
        )

    @classmethod
    def _new_segment(cls, **values):
        for name in ("answer_yes_ids", "answer_no_ids"):
            if name in values:
                values[name] = [Command.set(values[name].ids)]
        return cls.env["crm.segment"].create({"name": "Segment", **values})

    @classmethod
    def _new_figures(cls, lines, **values):
        keys = ("measure", "operator", "value", "days", "mandatory")
        return cls._new_segment(
            line_ids=[
                Command.create(dict(zip(keys, line, strict=True))) for line in lines
            ],
            **values,
        )

    def _read_figures(self, measure, days=0, partners=None, **values):
        """Give {id of a partner: figure} as a segment reads it, and end the segment.

        :param partners: the only ones to look at; None: all, as at night
        """
        segment = self._new_figures([(measure, ">", 0, days, True)], **values)
        line = segment.line_ids
        self.env.flush_all()
        rows = self.env.execute_query(
            line._get_measure().build(line, partners and partners.ids)
        )
        self.assertEqual(len(dict(rows)), len(rows), "a partner has one figure")
        segment.unlink()
        return dict(rows)

    @classmethod
    def _new_category(cls):
        return cls.env["res.partner.category"].create({"name": "Earned"})

    @contextmanager
    def _days_later(self, days):
        with freeze_time(fields.Datetime.now() + timedelta(days=days)):
            yield

    def _run_night(self, rounds=None):
        self._run_scheduled(self.env["crm.segment"]._cron_compute, rounds)
