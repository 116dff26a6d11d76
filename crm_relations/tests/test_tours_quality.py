from odoo.tests import HttpCase

from .quality_common import QualityCommon


class TestToursQuality(QualityCommon, HttpCase):
    """Supplier quality in the browser."""

    def test_from_a_score_to_a_follow_up(self):
        self._new_fault()
        # suppliers of the example company would stand beside ACME
        self.Score.search([]).unlink()
        self.env.flush_all()
        self.start_tour(
            "/odoo/crm-supplier-quality", "crm_relations_supplier", login="boss"
        )
        actions = self.env["crm.quality.action"].search(
            [("partner_id", "=", self.acme.id)], order="id"
        )
        self.assertEqual(actions.mapped("state"), ["done", "open"])
        self.assertEqual(actions[0].check_result, "ineffective")
        self.assertEqual(actions[1].origin_id, actions[0])
        self.assertEqual(self.acme.quality_class, "a")
