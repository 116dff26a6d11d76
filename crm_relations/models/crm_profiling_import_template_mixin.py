import io

import xlsxwriter
from odoo import models

_PARTNER_HEADERS = ("name", "company_name", "email", "phone", "ref", "id")
_VALIDATED_ROWS = 1000  # rows of the template whose cells offer a list to choose from


class CrmProfilingQuestionnaire(models.Model):
    """A spreadsheet to fill in, whose headers an import recognizes."""

    # of its own, because a questionnaire knows nothing of imports
    _inherit = "crm.profiling.questionnaire"  # pylint: disable=consider-merging-classes-inherited

    def action_download_template(self):
        """Download a spreadsheet with the right headers and the allowed answers."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/crm/profiling/questionnaire/{self.id}/template",
            "target": "download",
        }

    def action_import_answers(self):
        """Open a new import of answers to this questionnaire."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_profiling_import_action"
        )
        return action | {
            "views": [(False, "form")],
            "context": {"default_questionnaire_id": self.id},
        }

    def _get_import_template(self):
        """Give the bytes of an XLSX: a sheet to fill in, and one of allowed answers."""
        stream = io.BytesIO()
        book = xlsxwriter.Workbook(
            stream, {"in_memory": True, "strings_to_formulas": False}
        )
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet(self.env._("Prospects"))
        answers = book.add_worksheet(self.env._("Allowed Answers"))
        labels = dict(self.env["crm.profiling.import.column"]._selection_field_name())
        headers = [labels[name] for name in _PARTNER_HEADERS if name in labels]
        questions = self.question_ids
        for place, header in enumerate([*headers, *questions.mapped("name")]):
            sheet.write_string(0, place, header, bold)
        sheet.set_column(0, len(headers) + len(questions), 22)
        sheet.freeze_panes(1, 0)
        answers.set_column(0, len(questions), 30)
        for place, question in enumerate(questions):
            self._write_answers(answers, place, question, bold)
            if question.kind == "single":
                # with several answers, a cell holds a list of them: nothing to choose
                last = xlsxwriter.utility.xl_col_to_name(place)
                count = len(question.answer_ids)
                sheet.data_validation(
                    1,
                    len(headers) + place,
                    _VALIDATED_ROWS,
                    len(headers) + place,
                    {
                        "validate": "list",
                        "source": f"='{answers.name}'!${last}$3:${last}${count + 2}",
                        "error_type": "warning",
                    },
                )
        book.close()
        return stream.getvalue()

    def _write_answers(self, sheet, place, question, bold):
        sheet.write_string(0, place, question.name, bold)
        several = question.kind == "multiple"
        sheet.write_string(
            1,
            place,
            self.env._("several, with ; between them") if several else "",
        )
        for row, answer in enumerate(question.answer_ids, 2):
            sheet.write_string(row, place, answer.name)
