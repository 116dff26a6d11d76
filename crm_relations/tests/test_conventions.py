import ast
import re
from pathlib import Path

from odoo.addons import crm_relations
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from .common import CrmRelationsCommon

_ROOT = Path(crm_relations.__file__).parent
_VIEW_TYPES = "search|list|kanban|form|calendar|pivot|graph|activity"
_ABOVE = "account|sale|purchase|stock"

# what other addons, scripts and checks call: DESIGN, section 3
_CONTRACT = {
    "crm.case.section": """
        name code parent_id child_ids user_id member_ids alias_id alias_name company_id
        resource_calendar_id stage_ids category_ids assignment staff_reply_state
        reopen_on_reply fetchmail_server_ids""",
    "crm.case.section.create.menus": """
        name parent_menu_id section_id view_mode action_create_menus""",
    "crm.case": """
        name number description section_id category_id stage_id state priority user_id
        partner_id email_from email_cc channel_id sentiment date duration date_deadline
        date_open date_first_response date_last_action date_closed planned_revenue
        planned_cost probability weighted_revenue currency_id hours_first_response
        hours_close reference company_id active escalation_level action_open
        action_pending action_close action_cancel action_draft action_escalate
        action_assign_to_me action_merge sla_policy_id sla_first_response_deadline
        sla_resolution_deadline sla_state""",
    "crm.sla.policy": """
        name hours_first_response hours_resolution pause_states resource_calendar_id
        section_id category_id user_id partner_id partner_category_id priority_min
        priority_max min_messages subject_pattern body_pattern filter_domain explain""",
    "fetchmail.server": "section_id",
    "res.partner": """
        case_ids case_count open_case_count event_ids response_ids answer_ids
        profiling_score segment_ids sentiment_score action_view_cases
        action_view_history action_fill_questionnaire""",
    "crm.partner.event": """
        name partner_id date user_id channel_id direction sentiment planned_revenue
        planned_cost reference""",
    "crm.partner.history": "date partner_id kind channel_id direction name",
    "crm.profiling.question": "name kind answer_ids condition_answer_ids",
    "crm.profiling.answer": "name question_id points",
    "crm.profiling.questionnaire": "name question_ids",
    "crm.profiling.response": """
        partner_id question_id answer_id date user_id questionnaire_id active""",
    "crm.profiling.fill": """
        partner_id questionnaire_id get_step action_answer action_back action_save""",
    "crm.segment": """
        name parent_id category_id exclusive answer_yes_ids answer_no_ids filter_domain
        line_ids sentiment_days sentiment_periods sentiment_factor sentiment_default
        join_section_id join_user_id join_template_id action_compute explain
        action_preview""",
    "crm.segment.line": "measure operator value days mandatory",
    "crm.segment.membership": "segment_id partner_id date reason",
    "crm.quality.indicator": """
        measure period section_id centre lower_limit upper_limit signal_ids""",
}


@tagged("crm_relations_conventions")
class TestConventions(CrmRelationsCommon):
    """What the registry and the files look like, so that the next part does too."""

    def _own_models(self, transient=True):
        """Give the models that this addon makes, abstract ones left out."""
        for name, model in sorted(self.env.registry.items()):
            own = model._original_module == "crm_relations"
            if own and not model._abstract and (transient or not model._transient):
                yield self.env[name]

    def _own_records(self, model):
        """Give (name of the XML id, record) of this addon's records of a model."""
        for data in self.env["ir.model.data"].search(
            [("module", "=", "crm_relations"), ("model", "=", model)]
        ):
            yield data.name, self.env[model].browse(data.res_id)

    def _sources(self, folders, *patterns):
        for folder in folders:
            for pattern in patterns:
                yield from sorted((_ROOT / folder).glob(pattern))

    # ------------------------------------------------------------
    # MODELS
    # ------------------------------------------------------------

    def test_contract_is_kept(self):
        for name, members in _CONTRACT.items():
            model = self.env[name]
            for member in members.split():
                with self.subTest(model=name, member=member):
                    self.assertTrue(hasattr(type(model), member))

    def test_every_model_says_what_it_is(self):
        for model in self._own_models():
            with self.subTest(model=model._name):
                self.assertNotEqual(model._description, model._name)

    def test_every_order_is_total(self):
        # else a page of a list may repeat or lose rows of the page before
        for model in self._own_models():
            with self.subTest(model=model._name):
                last = model._order.split(",")[-1].split()[0]
                self.assertEqual(last, "id")

    def test_every_model_has_its_access_rows(self):
        for model in self._own_models():
            with self.subTest(model=model._name):
                rows = self.env["ir.model.access"].search(
                    [("model_id.model", "=", model._name)]
                )
                self.assertTrue(rows)
                prefix = f"crm_relations.access_{model._table}_"
                for xml_id in rows._get_external_ids().values():
                    self.assertTrue(xml_id[0].startswith(prefix), xml_id)
                self.assertTrue(all(rows.mapped("group_id")), "open to everybody")

    def test_companies_are_apart(self):
        for model in self._own_models(transient=False):
            with self.subTest(model=model._name):
                if "company_id" in model._fields:
                    rules = self.env["ir.rule"].search(
                        [("model_id.model", "=", model._name), ("groups", "=", False)]
                    )
                    self.assertTrue(
                        [rule for rule in rules if "company_ids" in rule.domain_force]
                    )

    def test_every_inverse_is_indexed(self):
        for model in self.env.values():
            for field in model._fields.values():
                if (
                    field.type != "one2many"
                    or field._module != "crm_relations"
                    or model._abstract
                ):
                    continue
                with self.subTest(field=str(field)):
                    inverse = self.env[field.comodel_name]._fields[field.inverse_name]
                    self.assertTrue(inverse.index)

    def test_public_methods_are_documented(self):
        """Whatever has no underscore can be called from outside.

        Overrides of Odoo's own methods are documented there.
        """
        for name, model in sorted(self.env.registry.items()):
            ours, theirs = [], set()
            for cls in model.__mro__:
                if cls.__module__.startswith(crm_relations.__name__):
                    ours.append(cls)
                else:
                    theirs.update(vars(cls))
            for cls in ours:
                for method, function in vars(cls).items():
                    public = callable(function) and not method.startswith("_")
                    if public and method not in theirs:
                        with self.subTest(model=name, method=method):
                            self.assertTrue(function.__doc__)

    # ------------------------------------------------------------
    # RECORDS
    # ------------------------------------------------------------

    def _model_of(self, xml_id, kind):
        """Give the model that an XML id names before ``_<kind>``, the longest one."""
        tables = {model._table: name for name, model in self.env.items()}
        names = [
            tables.get(xml_id[: match.start()])
            for match in re.finditer(rf"_{kind}(?=_|$)", xml_id)
        ]
        return next(filter(None, reversed(names)), None)

    def test_view_ids_name_model_and_type(self):
        for xml_id, view in self._own_records("ir.ui.view"):
            if view.type == "qweb":
                continue  # templates show no model
            with self.subTest(xml_id=xml_id):
                match = re.fullmatch(rf"(\w+?)_view_({_VIEW_TYPES})(_\w+)?", xml_id)
                self.assertTrue(match, "<model>_view_<type>[_<detail>]")
                self.assertEqual(match[1], self.env[view.model]._table)
                self.assertEqual(match[2], view.type)
                self.assertTrue(
                    view.name.startswith(xml_id.replace("_", ".")), view.name
                )

    def test_action_and_rule_ids_name_their_model(self):
        for xml_id, action in self._own_records("ir.actions.act_window"):
            with self.subTest(xml_id=xml_id):
                self.assertEqual(self._model_of(xml_id, "action"), action.res_model)
        for xml_id, rule in self._own_records("ir.rule"):
            with self.subTest(xml_id=xml_id):
                self.assertEqual(self._model_of(xml_id, "rule"), rule.model_id.model)

    def test_every_action_can_be_reached(self):
        menus = self.env["ir.ui.menu"].search([])
        from_menus = {menu.action for menu in menus if menu.action}
        archs = "".join(self.env["ir.ui.view"].search([]).mapped("arch_db"))
        code = "".join(path.read_text() for path in self._sources(["models"], "*.py"))
        for xml_id, action in self._own_records("ir.actions.act_window"):
            with self.subTest(xml_id=xml_id):
                self.assertTrue(
                    action in from_menus
                    or action.binding_model_id
                    or f'name="{action.id}"' in archs
                    or xml_id in code
                )

    def test_every_menu_opens_something(self):
        for xml_id, menu in self._own_records("ir.ui.menu"):
            with self.subTest(xml_id=xml_id):
                self.assertTrue(menu.action or menu.child_id)

    def test_domains_and_contexts_of_actions_evaluate(self):
        variables = {"uid": self.env.uid, "active_id": 0, "active_ids": []}
        for xml_id, action in self._own_records("ir.actions.act_window"):
            with self.subTest(xml_id=xml_id):
                domain = safe_eval(action.domain or "[]", variables)
                self.env[action.res_model].search(domain, limit=1)
                self.assertIsInstance(
                    safe_eval(action.context or "{}", variables), dict
                )

    # ------------------------------------------------------------
    # FILES
    # ------------------------------------------------------------

    def test_core_knows_nothing_above_it(self):
        # models, modules and fields of theirs; not the words in a sentence
        theirs = re.compile(
            rf"""\b({_ABOVE})[._]\w+ | ["']({_ABOVE})["'] | _({_ABOVE})\b""", re.X
        )
        folders = ["", "models", "wizard", "tools", "views", "data", "security"]
        for path in self._sources(folders, "*.py", "*.xml", "*.csv"):
            with self.subTest(file=path.name):
                self.assertFalse(theirs.search(path.read_text()))

    def test_tools_import_nothing_of_odoo(self):
        for path in self._sources(["tools"], "*.py"):
            with self.subTest(file=path.name):
                for node in ast.walk(ast.parse(path.read_text())):
                    if isinstance(node, ast.Import):
                        for alias in node.names:
                            self.assertFalse(alias.name.startswith("odoo"))
                    elif isinstance(node, ast.ImportFrom):
                        self.assertFalse((node.module or "").startswith("odoo"))
                        # nothing but neighbours in the folder
                        self.assertLessEqual(node.level, 1)

    def test_every_test_file_is_imported(self):
        tests = _ROOT / "tests"
        imported = [
            alias.name
            for node in ast.parse((tests / "__init__.py").read_text()).body
            for alias in node.names
        ]
        files = sorted(path.stem for path in tests.glob("test_*.py"))
        self.assertEqual(imported, files)

    def test_every_data_file_is_in_the_manifest(self):
        manifest = ast.literal_eval((_ROOT / "__manifest__.py").read_text())
        listed = manifest["data"]
        files = {
            str(path.relative_to(_ROOT))
            for folder in ("data", "security", "views", "wizard")
            for path in (_ROOT / folder).iterdir()
            if path.suffix in (".xml", ".csv")
        }
        self.assertEqual(set(listed), files)
        self.assertEqual(len(listed), len(files))
