from odoo import http
from odoo.http import content_disposition, request

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ProfilingImportController(http.Controller):
    """Files of imports; who may read the record may have them."""

    @http.route(
        "/crm/profiling/questionnaire/<int:questionnaire_id>/template",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def download_template(self, questionnaire_id):
        """Give a spreadsheet to fill in."""
        questionnaire = self._get("crm.profiling.questionnaire", questionnaire_id)
        return request.make_response(
            questionnaire._get_import_template(),
            self._headers(f"{questionnaire.name}.xlsx"),
        )

    @http.route(
        "/crm/profiling/import/<int:import_id>/errors",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def download_errors(self, import_id):
        """Give the rows that were not imported, each with the reason."""
        job = self._get("crm.profiling.import", import_id)
        stream = job._write_errors()
        return http.Response(
            stream,
            headers=self._headers(f"{job.name.rsplit('.', 1)[0]} - errors.xlsx"),
            direct_passthrough=True,
        )

    def _get(self, model, record_id):
        record = request.env[model].browse(record_id).exists()
        if not record:
            raise request.not_found()
        record.check_access("read")
        return record

    def _headers(self, name):
        return [
            ("Content-Type", _XLSX),
            ("Content-Disposition", content_disposition(name)),
            ("X-Content-Type-Options", "nosniff"),
        ]
