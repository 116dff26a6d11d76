import base64
import io

import openpyxl
from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .profiling_import_common import ProfilingImportCommon


@tagged("crm_relations_import")
class TestProfilingImportRights(ProfilingImportCommon, HttpCase):
    """Who may import what, and the files that go out."""

    # ------------------------------------------------------------
    # RIGHTS
    # ------------------------------------------------------------

    def test_import_is_its_users_own(self):
        job = self._preview({"Mail": "a@x.example", "sector": "services"})
        records = (job, job.row_ids, job.column_ids)
        for user, allowed in (
            (self.agent, True),
            (self.colleague, False),
            (self.boss, True),
            (self.foreigner, False),
            (self.user_employee, False),
        ):
            for record in records:
                with self.subTest(user=user.login, model=record._name):
                    self.assertEqual(record.with_user(user).has_access("read"), allowed)
        with self.assertRaises(AccessError):
            job.with_user(self.colleague).action_apply()
        with self.assertRaises(AccessError):
            self._new_import(b"a", user=self.user_employee)

    def test_nobody_imports_in_the_name_of_another(self):
        job = self._new_import(b"Mail,sector", user_id=self.boss.id)
        self.assertEqual(job.user_id, self.agent)
        with self.assertRaises(AccessError):
            job.user_id = self.boss
        taken = self._preview({"Mail": "a@x.example", "sector": "services"})
        taken.with_user(self.boss).action_apply()
        self.assertEqual(taken.user_id, self.boss)
        self.assertEqual(taken.row_ids.partner_id.response_ids.user_id, self.boss)

    def test_partners_of_other_companies_are_neither_found_nor_told(self):
        self.walter.company_id = self.company_2
        self.env["ir.model.data"]._update_xmlids(
            [{"xml_id": "__import__.walter", "record": self.walter}]
        )
        job = self._preview(
            {"Mail": self.walter.email, "sector": "services"},
            {"ID": "walter", "Name": "W", "sector": "services"},
        )
        self.assertEqual(
            self._findings(job), {2: ("new", "todo"), 3: ("invalid", "skipped")}
        )
        self.assertFalse(job.row_ids.partner_id)
        job.action_apply()
        self.assertFalse(self.walter.response_ids)
        self.assertEqual(self.env.ref("__import__.walter"), self.walter)

    def test_rows_are_not_forged(self):
        job = self._preview({"Mail": self.bob.email, "sector": "services"})
        row = job.row_ids
        for values in (
            {"partner_id": self.jane.id},
            {"state": "done"},
            {"cells": ["x"]},
        ):
            with self.subTest(values), self.assertRaises(AccessError):
                row.write(values)
        with self.assertRaises(AccessError):
            row.create({"import_id": job.id, "number": 9, "state": "todo"})

    def test_partner_chosen_by_hand_is_one_the_user_sees(self):
        self.env["res.partner"].create(
            [{"name": "Twin", "email": "twin@x.example"} for _ in range(2)]
        )
        job = self._preview({"Mail": "twin@x.example", "sector": "services"})
        self.walter.company_id = self.company_2
        with self.assertRaises(AccessError):
            job.row_ids.partner_id = self.walter

    def test_who_loses_his_rights_imports_no_more(self):
        job = self._preview({"Mail": self.bob.email, "sector": "services"})
        job.sudo().state = "working"
        self.agent.group_ids = [Command.set(self.env.ref("base.group_user").ids)]
        self._run_cron()
        self.assertFalse(self.bob.response_ids)
        self.assertEqual(job.sudo().state, "preview")
        self.assertIn("Profiling Response", job.sudo().message)

    def _run_cron(self):
        self.patch(
            self.env.registry["ir.cron"],
            "_commit_progress",
            lambda *_args, **_values: self.env.flush_all() or 60.0,
        )
        self.patch(
            self.env.registry["crm.profiling.import"], "_roll_back", lambda job: None
        )
        self.env["crm.profiling.import"]._cron_process()

    def test_person_who_is_erased_is_erased_here_too(self):
        job = self._preview(
            {"Name": "Secret", "Mail": "secret@x.example", "sector": "services"},
            {"Name": "Other", "Mail": "other@x.example", "sector": "services"},
        )
        job.action_apply()
        job.row_ids[0].partner_id.with_user(self.boss)._erase_person()
        self.env.flush_all()
        self.env.invalidate_all()
        for table in ("crm_profiling_import_row", "crm_profiling_import_value"):
            self.env.cr.execute(f"SELECT t.* FROM {table} t")
            self.assertNotIn("ecret", str(self.env.cr.fetchall()))
        self.assertFalse(job.file)
        self.assertEqual(job.row_ids[1].email, "other@x.example")
        self.assertEqual(job.done_count, 2)

    def test_step_that_was_taken_is_not_taken_again(self):
        job = self._preview({"Mail": self.bob.email, "sector": "services"})
        job.action_apply()
        for action in ("action_apply", "action_preview", "action_back"):
            with self.subTest(action), self.assertRaisesRegex(UserError, "Done"):
                getattr(job, action)()
        with self.assertRaisesRegex(UserError, "Done"):
            job.file = base64.b64encode(b"Mail,sector")

    # ------------------------------------------------------------
    # FILES
    # ------------------------------------------------------------

    def _download(self, url, login="agent"):
        self.authenticate(login, login)
        return self.url_open(url)

    def _read_xlsx(self, response):
        self.assertEqual(response.status_code, 200)
        book = openpyxl.load_workbook(io.BytesIO(response.content))
        return [[list(row) for row in sheet.iter_rows()] for sheet in book]

    def test_template_is_recognized_and_its_answers_are_known(self):
        action = self.fair.with_user(self.agent).action_download_template()
        response = self._download(action["url"])
        sheet, answers = self._read_xlsx(response)
        headers = [cell.value for cell in sheet[0]]
        self.assertEqual(headers[-len(self.questions) :], list(self.questions))
        allowed = [cell.value for cell in answers[2]]
        job = self._new_import(
            self._xlsx([headers, ["New", "", "new@x.example", "", "", "", *allowed]]),
            name="template.xlsx",
        )
        job.action_read_columns()
        self.assertTrue(all(c.question_id or c.field_name for c in job.column_ids))
        job.action_preview()
        self.assertFalse(job.value_ids)
        job.action_apply()
        self.assertEqual(len(job.row_ids.partner_id.answer_ids), len(self.questions))

    def test_errors_are_harmless_and_can_be_imported_again(self):
        evil = '=HYPERLINK("http://evil.example")'
        job = self._preview(
            {"Name": evil, "Mail": "no mail", "Reference": "+1", "sector": "services"},
            {"Name": "Good", "Mail": "good@x.example", "sector": "services"},
            {"Name": "-2", "Mail": "good@x.example", "sector": "@x"},
        )
        job.action_apply()
        [sheet] = self._read_xlsx(self._download(job.action_download_errors()["url"]))
        for row in sheet:
            for cell in row:
                self.assertIn(cell.data_type, ("s", "n"))
                self.assertTrue(cell.value is None or isinstance(cell.value, str))
        texts = [[cell.value or "" for cell in row] for row in sheet]
        self.assertEqual([row[0] for row in texts[1:]], [evil, "-2"])
        self.assertEqual(texts[1][-1], "Invalid mail: no mail")
        self.assertIn("row 3", texts[2][-1])
        texts[1][2] = "corrected@x.example"
        again = self._new_import(self._xlsx(texts), name="errors.xlsx")
        again.action_read_columns()
        again.action_preview()
        self.assertEqual(
            self._findings(again), {2: ("new", "todo"), 3: ("email", "todo")}
        )

    def test_files_are_for_those_who_may_read_the_import(self):
        job = self._preview({"Mail": "no mail", "sector": "services"})
        url = job.action_download_errors()["url"]
        with mute_logger("odoo.http"):
            self.assertEqual(self._download(url, "colleague").status_code, 403)
            self.assertEqual(
                self._download("/crm/profiling/import/0/errors").status_code, 404
            )
        self.logout()
        self.assertNotIn("openxml", self.url_open(url).headers["Content-Type"])

    def test_new_file_is_read_anew(self):
        job = self._preview({"Mail": "a@x.example", "sector": "services"})
        data = "Mail\tsector\r\nb@x.example\tservices".encode("utf-16")
        job.file = base64.b64encode(data)
        self.assertEqual(job.state, "draft")
        job.action_read_columns()
        self.assertEqual((job.encoding, job.separator), ("utf-16", "\t"))
        job.action_preview()
        self.assertEqual(job.row_ids.email, "b@x.example")
