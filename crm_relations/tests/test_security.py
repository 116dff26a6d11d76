from contextlib import closing

from odoo import Command
from odoo.exceptions import AccessError
from odoo.service.model import call_kw

from .common import CrmRelationsCommon

_VERBS = ("read", "search", "write", "create", "unlink")

# what each persona may do with which cases; every verb alike
_CASES = """
persona    own  free  team  sub_free  sub_team  other_free  other_team  abroad
employee    -    -     -       -         -          -           -          -
agent       x    x     -       x         -          -           -          -
senior      x    x     x       x         x          -           -          -
boss        x    x     x       x         x          x           x          -
foreigner   x    x     x       x         x          -           -          -
portal      -    -     -       -         -          -           -          -
public      -    -     -       -         -          -           -          -
"""

# r read, w write, c create, d delete
_MODELS = """
model                                employee  agent  senior  boss  portal  public
crm.case.section                        -        r      r     rwcd    -       -
crm.case.category                       -        r      r     rwcd    -       -
crm.case.stage                          -        r      r     rwcd    -       -
crm.case.channel                        -        r      r     rwcd    -       -
crm.case.merge                          -      rwcd   rwcd    rwcd    -       -
crm.case.transfer                       -      rwcd   rwcd    rwcd    -       -
crm.case.section.create.menus           -        -      -     rwcd    -       -
crm.partner.event.kind                  -        r      r     rwcd    -       -
crm.partner.event.log                   -      rwcd   rwcd    rwcd    -       -
crm.partner.privacy                     -        -      -     rwcd    -       -
crm.partner.sentiment                   -        r      r      r      -       -
crm.profiling.campaign                  -        r      r     rwcd    -       -
crm.profiling.campaign.add              -        -      -     rwcd    -       -
crm.profiling.operator                  -        r      r     rwcd    -       -
crm.profiling.call                      -        r      r     rwcd    -       -
crm.profiling.attempt                   -        r      r      r      -       -
"""


def _parse(table):
    """Read a table of text as {row: {column: cell}}."""
    head, *rows = [line.split() for line in table.strip().splitlines()]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


class TestSecurity(CrmRelationsCommon):
    """Each persona on each verb.

    Columns of the cases' table: own = the persona is responsible, in a section that
    is not his · free = unassigned in his section · team = a colleague's in his section
    · sub_… = the same in a section below · other_… = in another section · abroad = of
    another company.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.desk = cls._new_section("Desk", "desk", parent_id=cls.support1.id)
        cls.abroad2 = cls._new_section(
            "Abroad 2",
            "abroad2",
            parent_id=cls.foreign.id,
            company_id=cls.company_2.id,
        )
        cls.abroad3 = cls._new_section(
            "Abroad 3", "abroad3", company_id=cls.company_2.id
        )
        cls.foreign_colleague = cls._new_user("stranger", "user", cls.company_2)
        cls._create_portal_user()
        cls.personas = {
            "employee": cls.user_employee,
            "agent": cls.agent,
            "senior": cls.senior,
            "boss": cls.boss,
            "foreigner": cls.foreigner,
            "portal": cls.user_portal,
            "public": cls.user_public,
        }

    def _attempt(self, gesture):
        """Tell whether a gesture is allowed, and undo it."""
        try:
            with closing(self.env.cr.savepoint(flush=False)):
                done = gesture()
                self.env.flush_all()
        except AccessError:
            return False
        finally:
            self.env.invalidate_all()
        return bool(done)

    # ------------------------------------------------------------
    # CASES
    # ------------------------------------------------------------

    def _places(self, user):
        """Give (section, responsible) of each kind of case, as seen by ``user``."""
        nobody = self.env["res.users"]
        if user == self.foreigner:
            mine, below, other = self.foreign, self.abroad2, self.abroad3
            colleague, abroad = self.foreign_colleague, self.support1
        elif user == self.senior:
            mine, below, other = self.support2, self.support1, self.quality
            colleague, abroad = self.colleague, self.foreign
        else:
            mine, below, other = self.support1, self.desk, self.quality
            colleague, abroad = self.colleague, self.foreign
        return {
            "own": (other, user),
            "free": (mine, nobody),
            "team": (mine, colleague),
            "sub_free": (below, nobody),
            "sub_team": (below, colleague),
            "other_free": (other, nobody),
            "other_team": (other, colleague),
            "abroad": (abroad, nobody),
        }

    def _case_gestures(self, user, section, responsible):
        vals = {
            "name": "Case",
            "section_id": section.id,
            "user_id": responsible.id,
        }
        case = self.env["crm.case"].create(vals)
        self.env.flush_all()
        own = case.with_user(user)
        return {
            "read": lambda: own.read(["name", "state", "section_id"]),
            "search": lambda: own.search([("id", "=", case.id)]),
            "write": lambda: own.write({"name": "Changed"}),
            "create": lambda: own.browse().create(vals),
            "unlink": own.unlink,
        }

    def test_cases(self):
        for persona, expected in _parse(_CASES).items():
            user = self.personas[persona]
            for kind, (section, responsible) in self._places(user).items():
                gestures = self._case_gestures(user, section, responsible)
                self.assertEqual(tuple(gestures), _VERBS)
                for verb, gesture in gestures.items():
                    with self.subTest(persona=persona, case=kind, verb=verb):
                        self.assertEqual(self._attempt(gesture), expected[kind] == "x")

    def test_moves_are_read_with_their_case(self):
        for persona, expected in _parse(_CASES).items():
            user = self.personas[persona]
            for kind, (section, responsible) in self._places(user).items():
                with self.subTest(persona=persona, case=kind):
                    case = self._new_case(section=section, user_id=responsible.id)
                    self.env.flush_all()
                    moves = case.move_ids.with_user(user)
                    for gesture in (
                        lambda moves=moves: moves.read(["state", "hours"]),
                        lambda moves=moves, case=case: moves.search(
                            [("case_id", "=", case.id)]
                        ),
                    ):
                        self.assertEqual(self._attempt(gesture), expected[kind] == "x")

    def test_discussion_is_read_with_its_case(self):
        for persona in ("employee", "agent", "senior", "boss", "foreigner"):
            user, expected = self.personas[persona], _parse(_CASES)[persona]
            for kind, (section, responsible) in self._places(user).items():
                with self.subTest(persona=persona, case=kind):
                    case = self._new_case(section=section, user_id=responsible.id)
                    note = case.message_post(body="Between us")
                    file = self.env["ir.attachment"].create(
                        {"name": "x", "res_model": "crm.case", "res_id": case.id}
                    )
                    self.env.flush_all()
                    for record in (note, file):
                        gesture = record.with_user(user).check_access
                        self.assertEqual(
                            self._attempt(lambda g=gesture: g("read") or True),
                            expected[kind] == "x",
                        )

    def test_card_of_a_company_the_user_switched_off_is_hidden(self):
        self.boss.company_ids = [Command.link(self.company_2.id)]
        case = self._new_case(section=self.foreign)
        for companies, seen in (
            (self.env.company, False),
            (self.company_2, True),
            (self.env.company | self.company_2, True),
        ):
            with self.subTest(companies=companies.ids):
                Case = (
                    self.env["crm.case"]
                    .with_user(self.boss)
                    .with_context(allowed_company_ids=companies.ids)
                )
                self.assertEqual(bool(Case.search([("id", "=", case.id)])), seen)

    # ------------------------------------------------------------
    # OTHER MODELS
    # ------------------------------------------------------------

    def _call_values(self, name):
        """Give values of what is about calls, on a list of agent and senior."""
        campaign = self.env["crm.profiling.campaign"].create(
            {
                "name": name,
                "questionnaire_id": self.env["crm.profiling.questionnaire"]
                .create({"name": name})
                .id,
                "operator_ids": [Command.set((self.agent | self.senior).ids)],
            }
        )
        listed = {"campaign_id": campaign.id, "partner_id": self.jane.id}
        call = self.env["crm.profiling.call"].create(listed)
        return {
            "crm.profiling.campaign": {
                "name": name,
                "questionnaire_id": campaign.questionnaire_id.id,
            },
            "crm.profiling.campaign.add": {
                "campaign_id": campaign.id,
                "partner_ids": [Command.set(self.bob.ids)],
            },
            "crm.profiling.operator": {
                "campaign_id": campaign.id,
                "user_id": self.boss.id,
            },
            "crm.profiling.call": listed | {"partner_id": self.walter.id},
            "crm.profiling.attempt": {"call_id": call.id, "result": "missed"},
        }

    def _model_values(self, model, name):
        case = self._new_case(user_id=False)
        return {
            **self._call_values(name),
            "crm.case.section": {"name": name},
            "crm.case.category": {"name": name},
            "crm.case.stage": {"name": name, "state": "open"},
            "crm.case.channel": {"name": name},
            "crm.case.merge": {
                "case_ids": [Command.set(case.ids)],
                "into_id": case.id,
            },
            "crm.case.transfer": {
                "case_ids": [Command.set(case.ids)],
                "section_id": self.quality.id,
            },
            "crm.partner.event.kind": {"name": name},
            "crm.partner.event.log": {
                "name": name,
                "partner_ids": [
                    Command.set(case.env["res.partner"].create({"name": name}).ids)
                ],
            },
            "crm.partner.privacy": {"partner_id": self.walter.id},
            "crm.partner.sentiment": {
                "partner_id": case.env["res.partner"].create({"name": name}).id,
                "company_id": self.env.company.id,
            },
            "crm.case.section.create.menus": {
                "name": name,
                "section_id": self.quality.id,
            },
        }[model]

    def _model_gestures(self, model, user):
        # sudo: made for the persona, who owns it; a wizard belongs to who opened it
        own = (
            self.env[model]
            .with_user(user)
            .sudo()
            .create(self._model_values(model, user.login))
            .sudo(False)
        )
        vals = self._model_values(model, f"Of {user.login}")
        return {
            "r": lambda: own.read(["display_name"]),
            "w": lambda: own.write(vals),
            "c": lambda: own.browse().create(vals),
            "d": own.unlink,
        }

    def test_other_models(self):
        for model, row in _parse(_MODELS).items():
            for persona, expected in row.items():
                gestures = self._model_gestures(model, self.personas[persona])
                for verb, gesture in gestures.items():
                    with self.subTest(model=model, persona=persona, verb=verb):
                        self.assertEqual(self._attempt(gesture), verb in expected)

    def test_sections_and_categories_of_another_company_are_hidden(self):
        category = self.env["crm.case.category"].create(
            {"name": "Foreign", "section_id": self.foreign.id}
        )
        for record in (self.foreign, category):
            for user in (self.agent, self.boss):
                with self.subTest(model=record._name, user=user.login):
                    own = record.with_user(user)
                    self.assertFalse(own.search([("id", "=", record.id)]))
                    self.assertFalse(self._attempt(lambda o=own: o.read(["name"])))

    def test_mailboxes_and_menu_groups_are_for_administrators(self):
        secret = {"fetchmail_server_ids", "menu_ids", "group_id"}
        for user in (self.agent, self.boss):
            with self.subTest(user=user.login):
                fields = self.env["crm.case.section"].with_user(user).fields_get()
                self.assertFalse(secret & fields.keys())

    # ------------------------------------------------------------
    # REMOTE CALLS
    # ------------------------------------------------------------

    def _call(self, user, record, method, *args):
        # a call comes alone: nothing that others have read is in the cache
        self.env.flush_all()
        self.env.invalidate_all()
        model = self.env[record._name].with_user(user)
        return call_kw(model, method, [record.ids, *args], {})

    def test_methods_refuse_people_without_rights_on_the_case(self):
        into = self._new_case(user_id=self.agent.id)
        case = self._new_case(user_id=self.colleague.id)
        methods = [
            ("action_open",),
            ("action_pending",),
            ("action_close",),
            ("action_cancel",),
            ("action_draft",),
            ("action_escalate",),
            ("action_assign_to_me",),
            ("action_merge", into.id),
            ("action_archive",),
            ("copy",),
            ("message_post",),
            ("message_subscribe", self.jane.ids),
            ("web_save", {"name": "Mine"}, {}),
        ]
        for persona in ("employee", "agent", "foreigner", "portal", "public"):
            for method, *args in methods:
                with (
                    self.subTest(persona=persona, method=method),
                    self.assertRaises(AccessError),
                ):
                    self._call(self.personas[persona], case, method, *args)
        self.assertEqual((case.state, case.user_id), ("draft", self.colleague))
        self.assertEqual(case.section_id, self.support1)

    def test_private_methods_are_not_called_from_outside(self):
        case = self._new_case()
        for method in (
            "_move_to",
            "_reopen",
            "_escalate_to",
            "_transfer_to",
            "_record_moves",
            "_assign_by_section",
            "_next_numbers",
        ):
            with self.subTest(method=method), self.assertRaises(AccessError):
                self._call(self.boss, case, method)

    def test_section_methods_refuse_people_without_rights(self):
        for persona, method in (
            ("employee", "action_view_cases"),
            ("portal", "action_view_cases"),
            ("foreigner", "action_view_cases"),
            ("agent", "action_remove_menus"),
            ("senior", "action_remove_menus"),
            ("foreigner", "action_remove_menus"),
        ):
            with (
                self.subTest(persona=persona, method=method),
                self.assertRaises(AccessError),
            ):
                self._call(self.personas[persona], self.support1, method)
