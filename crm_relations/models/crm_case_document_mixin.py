from odoo import api, fields, models


class CrmCaseDocumentMixin(models.AbstractModel):
    """A document that cases can be about: how many there are, and opening one.

    For models of addons above this one, such as an invoice: add this to what they
    inherit from, and the button and the smart button to their form. A case is about a
    document when its `reference` points to it; what a case may point to is whatever has
    a discussion of its own, so that nothing needs to be declared.
    """

    _name = "crm.case.document.mixin"
    _description = "Document with Cases"

    case_count = fields.Integer(
        "Cases",
        compute="_compute_case_count",
        groups="crm_relations.crm_relations_group_user",
    )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_case_count(self):
        """Count the cases the reader may see, in one query."""
        marks = {document: document._get_case_reference() for document in self}
        counts = dict(
            self.env["crm.case"]._read_group(
                [("reference", "in", list(marks.values()))],
                ["reference"],
                ["__count"],
            )
        )
        for document, mark in marks.items():
            document.case_count = counts.get(mark, 0)

    def _get_case_reference(self):
        """Give what stands in a case's `reference`: the model and the id."""
        return f"{self._name},{self._origin.id or 0}"

    def _get_case_section(self):
        """Give the section where cases about this document begin: one of the user's."""
        # the document's company may be another one than that the user looks at
        return self.env["crm.case"].with_company(self.company_id)._default_section_id()

    def _prepare_case(self):
        """Give the values of a new case about this document."""
        return {
            "name": self.display_name,
            "partner_id": self.partner_id.id,
            "reference": self._get_case_reference(),
            "section_id": self._get_case_section().id,
        }

    def action_open_case(self):
        """Open the form of a new case about this document; nothing is saved yet."""
        self.ensure_one()
        defaults = self._prepare_case()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New case"),
            "res_model": "crm.case",
            "view_mode": "form",
            "context": {f"default_{name}": value for name, value in defaults.items()},
        }

    def action_view_cases(self):
        """Open the cases about this document, closed ones too."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        defaults = self._prepare_case()
        return action | {
            "display_name": self.env._("Cases about %s", self.display_name),
            "domain": [("reference", "=", defaults["reference"])],
            "context": {f"default_{name}": value for name, value in defaults.items()},
        }
