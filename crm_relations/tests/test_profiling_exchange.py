from odoo import Command
from odoo.tests import tagged

from .profiling_common import ProfilingCommon


@tagged("crm_relations_import")
class TestProfilingExchange(ProfilingCommon):
    """Odoo's own export and import of what profiles are made of, by external id."""

    def _export(self, records, *fields):
        # as texts: what a file has, and what `load` takes
        rows = records.export_data(list(fields))["datas"]
        return [[str(cell) for cell in row] for row in rows]

    def _round_trip(self, records, *fields):
        """Export records, load them, and check that nothing has changed."""
        before = self._export(records, *fields)
        found = records.browse().search_count([])
        result = records.browse().load(list(fields), before)
        self.assertFalse(result["messages"])
        self.assertEqual(records.browse().search_count([]), found)
        self.env.invalidate_all()
        self.assertEqual(self._export(records, *fields), before)
        return before

    def _load(self, model, fields, *rows):
        result = self.env[model].load(list(fields), [list(row) for row in rows])
        self.assertFalse(result["messages"])
        return self.env[model].browse(result["ids"])

    def test_questions_with_their_answers(self):
        questions = self.questions["budget"] | self.questions["topics"]
        rows = self._round_trip(
            questions,
            "id",
            "name",
            "kind",
            "days_valid",
            "condition_answer_ids/id",
            "answer_ids/id",
            "answer_ids/name",
            "answer_ids/points",
            "answer_ids/sequence",
        )
        self.assertEqual(len(rows), 6, "a row for each answer")

    def test_answers(self):
        self._round_trip(
            self.questions["budget"].answer_ids,
            "id",
            "name",
            "points",
            "sequence",
            "question_id/id",
        )

    def test_questionnaires_keep_their_order(self):
        self._round_trip(
            self.fair,
            "id",
            "name",
            "order",
            "line_ids/id",
            "line_ids/sequence",
            "line_ids/question_id/id",
        )
        self.assertEqual(self.fair.question_ids.mapped("name"), list(self.questions))

    def test_responses(self):
        responses = self._save(self.walter, "sector services", "topics mail")
        self._round_trip(
            responses,
            "id",
            "partner_id/id",
            "answer_id/id",
            "date",
            "questionnaire_id/id",
            "active",
        )

    def test_segments(self):
        category = self.env["res.partner.category"].create({"name": "Earned"})
        segments = self.env["crm.segment"]
        for name in ("Parent", "Child"):
            segments |= segments.create(
                {
                    "name": name,
                    "parent_id": segments[:1].id,
                    "category_id": category.id,
                    "answer_yes_ids": [
                        Command.set(self.answers["sector services"].ids)
                    ],
                    "filter_domain": "[('is_company', '=', True)]",
                    "line_ids": [
                        Command.create(
                            {
                                "measure": "profiling_score",
                                "operator": ">",
                                "value": 3,
                            }
                        )
                    ],
                }
            )
        self._round_trip(
            segments,
            "id",
            "name",
            "parent_id/id",
            "category_id/id",
            "exclusive",
            "answer_yes_ids/id",
            "answer_no_ids/id",
            "filter_domain",
            "line_ids/id",
            "line_ids/measure",
            "line_ids/operator",
            "line_ids/value",
            "line_ids/days",
            "line_ids/mandatory",
        )

    def test_all_of_it_is_loaded_anew(self):
        """From a file that somebody wrote by hand, ids of his own."""
        question = self._load(
            "crm.profiling.question",
            ("id", "name", "kind", "answer_ids/id", "answer_ids/name"),
            ("fair.size", "How many?", "One answer", "fair.few", "Few"),
            ("", "", "", "fair.many", "Many"),
        )
        few, many = question.answer_ids
        self.assertEqual(many, self.env.ref("fair.many"))
        questionnaire = self._load(
            "crm.profiling.questionnaire",
            ("id", "name", "line_ids/question_id/id"),
            ("fair.sheet", "Sheet", "fair.size"),
        )
        self.assertEqual(questionnaire.question_ids, question)
        segment = self._load(
            "crm.segment",
            ("id", "name", "answer_yes_ids/id"),
            ("fair.large", "Large", "fair.many"),
        )
        fields = ("id", "partner_id", "answer_id/id", "questionnaire_id/id", "date")
        row = ("fair.first", "Walter", "fair.many", "fair.sheet", "2024-01-01 10:00:00")
        first = self._load("crm.profiling.response", fields, row)
        self.assertEqual(self.walter.answer_ids, many)
        self.assertEqual(self.walter.segment_ids, segment)
        # once more is an update, another answer replaces
        self.assertEqual(self._load("crm.profiling.response", fields, row), first)
        second = self._load(
            "crm.profiling.response",
            fields,
            ("fair.second", "Walter", "fair.few", "fair.sheet", "2024-02-01 10:00:00"),
        )
        self.assertEqual(self.walter.answer_ids, few)
        self.assertEqual((first.active, second.active), (False, True))
        self.assertFalse(self.walter.segment_ids)
