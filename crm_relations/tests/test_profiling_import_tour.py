from odoo.tests import HttpCase, tagged

from .profiling_import_common import ProfilingImportCommon


@tagged("crm_relations_import")
class TestProfilingImportTour(ProfilingImportCommon, HttpCase):
    """The import in the browser; what it leaves behind is checked on the server."""

    def test_user_imports_a_file(self):
        self.start_tour(
            f"/odoo/crm-questionnaires/{self.fair.id}",
            "crm_relations_import",
            login="agent",
        )
        eve = self._find(email="eve@new.example")
        self.assertEqual(self._answers_of(eve), ["sector services", "topics mail"])
        self.assertEqual(
            self._answers_of(self.jane), ["sector services", "topics cases"]
        )
