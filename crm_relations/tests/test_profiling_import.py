from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .profiling_import_common import HEADERS, ProfilingImportCommon


@tagged("crm_relations_import")
class TestProfilingImport(ProfilingImportCommon):
    """Answers from a spreadsheet, from the file to the partners."""

    # ------------------------------------------------------------
    # COLUMNS
    # ------------------------------------------------------------

    def test_columns_are_recognized(self):
        data = self._csv([[*HEADERS, "Date", "sector?", "Shoe size"], ["x"] * 11])
        job = self._new_import(data, separator=False)
        job.action_read_columns()
        self.assertEqual(
            [(c.question_id.name, c.field_name) for c in job.column_ids],
            [
                (False, "name"),
                (False, "company_name"),
                (False, "email"),
                (False, "ref"),
                (False, "id"),
                ("sector", False),
                ("topics", False),
                ("budget", False),
                (False, "answers.date"),
                (False, False),  # the question has its column
                (False, False),
            ],
        )
        self.assertEqual((job.encoding, job.separator), ("utf-8-sig", ","))
        self.assertEqual(job.column_ids[0].sample, "x")

    def test_question_is_known_by_its_name_in_any_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        sector = self.questions["sector"]
        sector.with_context(lang="fr_FR").name = "Secteur"
        self.answers["sector services"].with_context(lang="fr_FR").name = "Métiers"
        job = self._preview(
            {"Mail": self.walter.email, "Secteur": "MÉTIERS"},
            headers=("Mail", "Secteur"),
        )
        job.action_apply()
        self.assertEqual(self._answers_of(self.walter), ["sector services"])

    def test_columns_are_corrected_by_hand(self):
        job = self._new_import(
            self._csv([["Who", "What"], ["walter@alone.example", "2"]])
        )
        job.action_read_columns()
        with self.assertRaisesRegex(UserError, "none of them is a question"):
            job.action_preview()
        who, what = job.column_ids
        what.question_id = self.questions["sector"]
        with self.assertRaisesRegex(UserError, "who a row is about"):
            job.action_preview()
        who.field_name = "email"
        job.action_preview()
        job.action_apply()
        self.assertEqual(self._answers_of(self.walter), ["sector industry"])

    def test_column_means_one_thing_and_a_thing_has_one_column(self):
        job = self._new_import(self._csv(self._rows({"Mail": "a@b.example"})))
        job.action_read_columns()
        with self.assertRaisesRegex(ValidationError, "not both"):
            job.column_ids[5].field_name = "phone"
        job.column_ids[6].question_id = self.questions["sector"]
        with self.assertRaisesRegex(ValidationError, "topics.*means the same"):
            job.action_preview()

    # ------------------------------------------------------------
    # PREVIEW
    # ------------------------------------------------------------

    def test_preview_tells_what_will_happen_and_writes_nothing(self):
        self.env["ir.model.data"]._update_xmlids(
            [{"xml_id": "__import__.jane", "record": self.jane}]
        )
        self.bob.ref = "B-1"
        self.env["res.partner"].create(
            [{"name": "Twin", "email": "twin@x.example"} for _ in range(2)]
        )
        partners = self.env["res.partner"].search_count([])
        job = self._preview(
            {"ID": "jane", "Mail": "other@mail.example", "sector": "industry"},
            {"Mail": "Walter <WALTER@alone.example>", "sector": "1"},
            {"Reference": "B-1", "sector": "services"},
            {"Name": "New", "Mail": "new@x.example", "sector": "services"},
            {"Mail": "twin@x.example", "sector": "services"},
            {"Mail": "walter@alone.example", "sector": "industry"},
            {"Mail": "new@x.example", "sector": "industry"},
            {"Name": "Wrong", "Mail": "wrong at x", "sector": "industry"},
            {"sector": "industry"},
            {"ID": "base.group_user", "Name": "Thief", "sector": "industry"},
        )
        self.assertEqual(job.state, "preview")
        self.assertEqual(
            self._findings(job),
            {
                2: ("xmlid", "todo"),
                3: ("email", "todo"),
                4: ("ref", "todo"),
                5: ("new", "todo"),
                6: ("several", "skipped"),
                7: ("double", "skipped"),
                8: ("double", "skipped"),
                9: ("mail", "skipped"),
                10: ("invalid", "skipped"),
                11: ("invalid", "skipped"),
            },
        )
        self.assertEqual(job.row_ids[:3].partner_id, self.jane | self.walter | self.bob)
        self.assertEqual(job.row_ids[4].problem, "Twin / Twin")
        self.assertIn("row 3", job.row_ids[5].problem)
        self.assertIn("row 5", job.row_ids[6].problem)
        self.assertEqual(
            [job.found_count, job.new_count, job.several_count, job.double_count],
            [3, 1, 1, 2],
        )
        self.assertEqual([job.mail_count, job.invalid_count], [1, 2])
        self.assertEqual([job.todo_count, job.left_count], [4, 6])
        self.assertEqual(self.env["res.partner"].search_count([]), partners)
        self.assertFalse(self.walter.response_ids)

    def test_vat_is_compared_without_its_dots(self):
        self.env.cr.execute(
            "UPDATE res_partner SET vat = 'BE 0477.47.27.01' WHERE id = %s",
            [self.walter.id],
        )
        job = self._preview(
            {"Tax ID": "be0477472701", "sector": "1"}, headers=("Tax ID", "sector")
        )
        self.assertEqual(job.row_ids.partner_id, self.walter)

    def test_unknown_answers_are_told_by_cell_with_the_nearest(self):
        job = self._preview(
            {"Mail": "a@x.example", "sector": "servises", "topics": "mail; fax"},
            {"Mail": "b@x.example", "sector": "services; industry", "topics": "Fax"},
            {"Mail": "c@x.example", "sector": "Servises"},
        )
        self.assertEqual(
            {
                (v.column_id.name, v.name.lower()): (v.row_count, v.row_numbers)
                for v in job.value_ids
            },
            {
                ("sector", "servises"): (2, "2, 4"),
                ("sector", "services; industry"): (1, "3"),
                ("topics", "fax"): (2, "2, 3"),
            },
        )
        misspelt = job.value_ids.filtered(lambda v: v.name == "Servises")
        self.assertEqual(misspelt.proposal_ids, self.answers["sector services"])

    def test_file_that_says_nothing_is_refused(self):
        for data, reason in (
            (b" \n", "nothing in it"),
            (b"Mail,sector\n", "rows below"),
            (b"\xd0\xcf\x11\xe0" + b"x" * 600, "old Excel"),
            (b"PK\x03\x04 no archive", "damaged"),
            (b'Mail,sector\n"' + b"x" * 1_200_000, "damaged"),
            (b"Mail" + b"," * 400 + b"x\na", "more than"),
        ):
            with self.subTest(reason), self.assertRaisesRegex(UserError, reason):
                self._new_import(data).action_read_columns()

    # ------------------------------------------------------------
    # DECISIONS
    # ------------------------------------------------------------

    def test_text_is_decided_once_for_all_rows(self):
        job = self._preview(
            {"Mail": "a@x.example", "sector": "servises", "topics": "fax;mail"},
            {"Mail": "b@x.example", "sector": "SERVISES"},
        )
        unknown = {value.name.lower(): value for value in job.value_ids}
        unknown["servises"].action_take_nearest()
        job.action_apply()
        a, b = self._find(email="a@x.example"), self._find(email="b@x.example")
        self.assertEqual(self._answers_of(a), ["sector services", "topics mail"])
        self.assertEqual(self._answers_of(b), ["sector services"])
        self.assertEqual(job.row_ids[0].problem, "topics: fax")
        self.assertFalse(job.row_ids[1].problem)

    def test_manager_adds_an_answer_when_he_accepts(self):
        job = self._preview({"Mail": "a@x.example", "topics": "fax"}, user=self.boss)
        job.value_ids.is_added = True
        self.assertEqual(len(self.questions["topics"].answer_ids), 3)
        job.action_apply()
        self.assertEqual(self.questions["topics"].answer_ids[-1].name, "fax")
        self.assertEqual(
            self._answers_of(self._find(email="a@x.example")), ["topics fax"]
        )

    def test_user_adds_no_answers(self):
        job = self._preview({"Mail": "a@x.example", "topics": "fax"})
        with self.assertRaises(AccessError):
            job.value_ids.is_added = True

    def test_decision_is_an_answer_of_that_question(self):
        job = self._preview({"Mail": "a@x.example", "topics": "fax"})
        with self.assertRaisesRegex(ValidationError, "does not answer"):
            job.value_ids.answer_id = self.answers["sector services"]

    def test_partner_is_chosen_where_several_were_found(self):
        twins = self.env["res.partner"].create(
            [{"name": "Twin", "email": "twin@x.example"} for _ in range(2)]
        )
        job = self._preview({"Mail": "twin@x.example", "sector": "services"})
        self.assertFalse(job.todo_count)
        with self.assertRaisesRegex(UserError, "none to import"):
            job.action_apply()
        job.row_ids.partner_id = twins[1]
        job.action_apply()
        self.assertEqual(self._answers_of(twins[1]), ["sector services"])
        self.assertFalse(twins[0].answer_ids)

    # ------------------------------------------------------------
    # RESULT
    # ------------------------------------------------------------

    def test_partners_are_created_with_what_the_file_says(self):
        job = self._preview(
            {
                "Name": "Eve",
                "Company": "Paradise",
                "Mail": "eve@paradise.example",
                "Phone": "+1 555",
                "City": "Eden",
                "Language": "English (US)",
                "ID": "eve",
                "topics": "1;figures",
            },
            {"Company": "Nameless Ltd", "Language": "Klingon", "topics": "1"},
            headers=(*HEADERS, "Phone", "City", "Language"),
        )
        job.action_apply()
        self.assertEqual(job.state, "done")
        eve = self.env.ref("__import__.eve")
        self.assertEqual(
            [eve.name, eve.company_name, eve.phone, eve.city, eve.lang],
            ["Eve", "Paradise", "+1 555", "Eden", "en_US"],
        )
        self.assertEqual(self._answers_of(eve), ["topics cases", "topics figures"])
        self.assertEqual(eve.response_ids.user_id, self.agent)
        self.assertEqual(eve.response_ids.questionnaire_id, self.fair)
        self.assertEqual(eve.create_uid, self.agent)
        self.assertEqual(job.failed_count, 1)
        self.assertRegex(job.row_ids[1].problem, "Language.*Klingon")
        self.assertFalse(self._find(name="Nameless Ltd"))

    def test_partner_found_is_not_changed_but_by_answers(self):
        self._save(self.walter, "sector industry", "contact phone")
        job = self._preview(
            {"Name": "Other", "Mail": self.walter.email, "sector": "services"}
        )
        job.action_apply()
        self.assertEqual(self.walter.name, "Walter")
        self.assertEqual(
            self._answers_of(self.walter), ["contact phone", "sector services"]
        )
        self.assertEqual(
            len(self.walter.with_context(active_test=False).response_ids), 3
        )

    def test_answers_have_their_date_and_older_ones_replace_nothing(self):
        self._save(self.walter, "sector industry", date="2024-03-01 10:00:00")
        self._save(self.bob, "sector industry", date="2024-01-01 10:00:00")
        headers = ("Mail", "Date", "sector", "contact")
        tomorrow = fields.Date.to_string(fields.Date.today() + timedelta(days=2))
        job = self._preview(
            {
                "Mail": self.walter.email,
                "Date": "2024-02-01",
                "sector": "services",
                "contact": "phone",
            },
            {"Mail": self.bob.email, "Date": "02/01/2024 09:30", "sector": "services"},
            {"Mail": self.jane.email, "Date": tomorrow, "sector": "services"},
            {"Mail": "x@x.example", "Date": "some day", "sector": "services"},
            headers=headers,
        )
        job.action_apply()
        self.assertEqual(
            self._answers_of(self.walter), ["contact phone", "sector industry"]
        )
        self.assertIn("newer", job.row_ids[0].problem)
        [answer] = self.bob.response_ids
        self.assertEqual(answer.answer_id, self.answers["sector services"])
        self.assertEqual(str(answer.date), "2024-02-01 09:30:00")
        self.assertEqual(
            job.row_ids.mapped("state"), ["done", "done", "failed", "failed"]
        )

    def test_segments_follow_in_the_same_transaction(self):
        segment = self.env["crm.segment"].create(
            {
                "name": "Services",
                "answer_yes_ids": [Command.set(self.answers["sector services"].ids)],
            }
        )
        job = self._preview({"Mail": self.walter.email, "sector": "services"})
        job.action_apply()
        self.assertEqual(self.walter.segment_ids, segment)

    def test_partner_made_in_the_meantime_is_found(self):
        job = self._preview({"Mail": "late@x.example", "sector": "services"})
        late = self.env["res.partner"].create({"name": "L", "email": "late@x.example"})
        job.action_apply()
        self.assertEqual(self._find(email="late@x.example"), late)
        self.assertEqual(self._answers_of(late), ["sector services"])

    def test_row_that_fails_stops_no_other(self):
        partners = type(self.env["res.partner"])
        job = self._preview(
            *(
                {"Name": name, "Mail": f"{name}@x.example", "sector": "services"}
                for name in ("Good", "Bad", "Better")
            )
        )
        create = partners.create

        def create_or_refuse(records, vals_list):
            if any(vals["name"] == "Bad" for vals in vals_list):
                raise RuntimeError("Not this one.")
            return create(records, vals_list)

        self.patch(partners, "create", create_or_refuse)
        job.action_apply()
        self.assertEqual(
            [(row.state, row.problem) for row in job.row_ids],
            [
                ("done", False),
                ("failed", "RuntimeError: Not this one."),
                ("done", False),
            ],
        )
        self.assertFalse(self._find(name="Bad"))
        self.assertEqual(job.state, "done")

    # ------------------------------------------------------------
    # COST, AND AFTERWARDS
    # ------------------------------------------------------------

    def test_cost_of_a_batch_does_not_grow_with_its_rows(self):
        def cost(turn, count):
            job = self._preview(
                *(
                    {
                        "Name": f"N{n}",
                        "Mail": f"n{n}.{turn}@x.example",
                        "sector": "services",
                        "topics": "cases;mail",
                    }
                    for n in range(count)
                )
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            job.action_apply()
            self.env.flush_all()
            self.assertEqual(job.done_count, count)
            return self.env.cr.sql_log_count - before

        cost("warm", 3)
        few = cost("few", 10)
        self.assertLessEqual(cost("many", 60), few)

    def test_old_imports_are_deleted_with_what_they_know_of_people(self):
        old, new = (
            self._preview({"Mail": f"{n}@x.example", "sector": "services"})
            for n in range(2)
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_profiling_import SET write_date = now() - interval '61 days'"
            " WHERE id = %s",
            [old.id],
        )
        self.env.invalidate_all()
        rows = old.row_ids
        self.assertEqual(self.env["crm.profiling.import"]._gc_imports(), (1, False))
        self.assertFalse(old.exists())
        self.assertFalse(rows.exists())
        self.assertTrue(new.exists())
