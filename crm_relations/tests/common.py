from unittest.mock import patch

from odoo import Command
from odoo.addons.mail.tests.common import MailCommon, mail_new_test_user
from odoo.tests import tagged


@tagged("post_install", "-at_install", "crm_relations")
class CrmRelationsCommon(MailCommon):
    """The cast of most tests.

    Sections (mail goes to <alias>@test.mycompany.com):

    ============ ============ =========== ==================== =========
    section      parent       manager     members              alias
    ============ ============ =========== ==================== =========
    Support 2    –            susan       senior               support2
    Support 1    Support 2    –           agent, colleague     support
    Quality      –            –           quality              quality
    Foreign      –            –           foreigner            foreign (company 2)
    ============ ============ =========== ==================== =========

    Logins are the names, but senior's is "expert", quality's "inspector": the example
    company has people of those names, and the tests run beside it as well.

    Roles: agent, colleague, quality: user · senior, susan: section · boss: manager ·
    employee (from MailCommon): internal, no role · foreigner: section in company 2.
    Customers: jane (ACME), bob (ACME), walter (alone), a stranger is no contact at all.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._setup_users()
        cls._setup_sections()
        cls._setup_partners()

    @classmethod
    def _setup_users(cls):
        cls.agent = cls._new_user("agent", "user")
        cls.colleague = cls._new_user("colleague", "user")
        cls.quality_user = cls._new_user("inspector", "user")
        cls.senior = cls._new_user("expert", "section")
        cls.susan = cls._new_user("susan", "section")
        cls.boss = cls._new_user("boss", "manager")
        cls.foreigner = cls._new_user("foreigner", "section", cls.company_2)

    @classmethod
    def _new_user(cls, login, role, company=None):
        company = company or cls.env.company
        return mail_new_test_user(
            cls.env,
            login=login,
            name=login.capitalize(),
            email=f"{login}@test.mycompany.com",
            groups=f"crm_relations.crm_relations_group_{role}",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
            notification_type="email",
            signature=f"-- {login}",
        )

    @classmethod
    def _setup_sections(cls):
        cls.support2 = cls._new_section(
            "Support 2", "support2", user_id=cls.susan.id, members=cls.senior
        )
        cls.support1 = cls._new_section(
            "Support 1",
            "support",
            parent_id=cls.support2.id,
            members=cls.agent | cls.colleague,
        )
        cls.quality = cls._new_section("Quality", "quality", members=cls.quality_user)
        cls.foreign = cls._new_section(
            "Foreign", "foreign", members=cls.foreigner, company_id=cls.company_2.id
        )

    @classmethod
    def _new_section(cls, name, alias, members=None, **values):
        member_ids = members.ids if members else []
        return cls.env["crm.case.section"].create(
            {
                "name": name,
                "alias_name": alias,
                "member_ids": [Command.set(member_ids)],
                **values,
            }
        )

    @classmethod
    def _setup_partners(cls):
        cls.acme, cls.walter = cls.env["res.partner"].create(
            [
                {"name": "ACME", "is_company": True, "email": "info@acme.example"},
                {
                    "name": "Walter",
                    "email": "walter@alone.example",
                    "phone": "+1 555 1",
                },
            ]
        )
        cls.jane, cls.bob = cls.env["res.partner"].create(
            [
                {
                    "name": name,
                    "parent_id": cls.acme.id,
                    "email": f"{name.lower()}@acme.example",
                }
                for name in ("Jane", "Bob")
            ]
        )

    @classmethod
    def _new_case(cls, name="Printer on fire", section=None, **values):
        """Open a case in Support 1, unassigned unless told otherwise."""
        return cls.env["crm.case"].create(
            {
                "name": name,
                "section_id": (section or cls.support1).id,
                "user_id": False,
                **values,
            }
        )

    def _run_scheduled(self, run, rounds=None):
        """Run a scheduled action; it is out of time after so many commits.

        :param run: method without arguments
        :param rounds: commits it has time for; None for all
        """
        left = [rounds]

        def commit_progress(_cron, _processed=0, **_values):
            self.env.flush_all()
            if left[0] is None:
                return 60.0
            left[0] -= 1
            return 60.0 if left[0] >= 0 else 0

        cron_class = self.env.registry["ir.cron"]
        # a commit would end the test's own transaction
        with patch.object(cron_class, "_commit_progress", commit_progress):
            run()
        self.env.invalidate_all()
