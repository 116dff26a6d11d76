from odoo.tests import Form

from .common import CrmRelationsCommon


class TestCaseSentiment(CrmRelationsCommon):
    """0 is a mark, the worst one; no mark is no mark."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.none = cls._new_case("Not asked")
        cls.zero = cls._new_case("Furious", sentiment=0)
        cls.ten = cls._new_case("Delighted", sentiment=10)
        cls.cases = cls.none | cls.zero | cls.ten
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.env.invalidate_all()

    def _is_none(self, value):
        # not by comparing: in Python 0 equals False
        return value is False

    def test_none_and_zero_are_read_apart(self):
        self.assertTrue(self._is_none(self.none.sentiment))
        self.assertFalse(self._is_none(self.zero.sentiment))
        self.assertEqual(self.zero.sentiment, 0)
        marks = [row["sentiment"] for row in self.cases.web_read({"sentiment": {}})]
        self.assertEqual(list(map(self._is_none, marks)), [True, False, False])
        self.assertEqual(marks[1:], [0, 10])

    def test_stored_as_null_and_zero(self):
        self.env.cr.execute(
            "SELECT sentiment FROM crm_case WHERE id IN %s ORDER BY id",
            [self.cases._ids],
        )
        self.assertEqual([mark for (mark,) in self.env.cr.fetchall()], [None, 0, 10])

    def test_found_apart(self):
        table = [
            ([("sentiment", "=", 0)], self.zero),
            ([("sentiment", "=", False)], self.none),
            ([("sentiment", "!=", False)], self.zero | self.ten),
            ([("sentiment", "<=", 5)], self.zero),
            ([("sentiment", ">=", 0)], self.zero | self.ten),
            ([("sentiment", "in", [0, 10])], self.zero | self.ten),
            ([("sentiment", "in", [False, 10])], self.none | self.ten),
        ]
        among = [("id", "in", self.cases.ids)]
        for domain, expected in table:
            with self.subTest(domain=domain):
                found = self.env["crm.case"].search(among + domain)
                self.assertEqual(set(found), set(expected))
                self.assertEqual(self.cases.filtered_domain(domain), expected)

    def test_average_leaves_out_who_was_not_asked(self):
        among = [("id", "in", self.cases.ids)]
        groups = self.env["crm.case"].formatted_read_group(
            among, ["section_id"], ["sentiment:avg"]
        )
        self.assertEqual(groups[0]["sentiment:avg"], 5.0)

    def test_grouped_apart(self):
        groups = self.env["crm.case"]._read_group(
            [("id", "in", self.cases.ids)], ["sentiment"], ["__count"]
        )
        self.assertEqual(len(groups), 3)

    def test_saved_apart(self):
        table = [(0, 0), (False, False), (7, 7), (False, False), (0, 0)]
        for given, expected in table:
            with self.subTest(given=given):
                row = self.none.web_save({"sentiment": given}, {"sentiment": {}})[0]
                self.assertEqual(row["sentiment"], expected)
                self.assertEqual(
                    self._is_none(row["sentiment"]), self._is_none(expected)
                )
                self.env.invalidate_all()
                self.assertEqual(
                    self._is_none(self.none.sentiment), self._is_none(expected)
                )

    def test_exported_and_imported_apart(self):
        rows = self.cases.export_data(["sentiment"])["datas"]
        self.assertEqual([str(mark) for (mark,) in rows], ["", "0", "10"])
        result = self.env["crm.case"].load(
            ["name", "section_id/.id", "sentiment"],
            [
                [f"Imported {mark}", str(self.support1.id), mark]
                for mark in ("", "0", "10")
            ],
        )
        self.assertEqual(result["messages"], [])
        marks = self.env["crm.case"].browse(result["ids"]).mapped("sentiment")
        self.assertEqual(list(map(self._is_none, marks)), [True, False, False])

    def test_form_tells_them_apart(self):
        for case in self.cases:
            with self.subTest(case=case.name):
                mark = case.sentiment
                with Form(case) as form:
                    form.name = f"{case.name} still"
                self.assertEqual(case.sentiment, mark)
                self.assertEqual(self._is_none(case.sentiment), self._is_none(mark))
