from odoo import SUPERUSER_ID, Command, api
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, tagged
from odoo.tools import SQL, config, mute_logger
from psycopg2.errors import LockNotAvailable, SerializationFailure


@tagged("post_install", "-at_install", "crm_relations")
class TestCaseAssignmentRace(BaseCase):
    """Two workers on real connections, their work committed, then cleared away."""

    def setUp(self):
        super().setUp()
        self.registry = Registry(config["db_name"][0])
        with self._cursor() as env:
            users = env["res.users"].create(
                [
                    {
                        "name": name,
                        "login": f"race.{name}@example.com",
                        "group_ids": [
                            Command.link(
                                env.ref("crm_relations.crm_relations_group_user").id
                            )
                        ],
                    }
                    for name in ("one", "two")
                ]
            )
            section = env["crm.case.section"].create(
                {
                    "name": "Race",
                    "assignment": "round_robin",
                    "member_ids": [Command.set(users.ids)],
                }
            )
            self.user_ids, self.section_id = users.ids, section.id
        self.addCleanup(self._clear)

    def _clear(self):
        with self._cursor() as env:
            cases = env["crm.case"].search([("section_id", "=", self.section_id)])
            cases.unlink()
            section = env["crm.case.section"].browse(self.section_id)
            section.unlink()
            env["res.users"].browse(self.user_ids).unlink()

    def _cursor(self):
        return _Work(self.registry)

    def _assign(self, env):
        case = env["crm.case"].create(
            {"name": "Race", "section_id": self.section_id, "user_id": False}
        )
        case._assign_by_section()
        env.flush_all()
        return case.user_id.id

    def _race(self):
        """Let a second worker begin, then a first one be faster; give both results."""
        with self._cursor() as second, self._cursor() as first:
            results = [self._assign(first)]
            # the second one has begun before the first was through…
            second.execute_query(SQL("SELECT 1"))
            second.cr.execute("SET LOCAL lock_timeout = '300ms'")
            with self.assertRaises(LockNotAvailable):  # …and waits for its turn
                self._assign(second)
            second.cr.rollback()
            second.execute_query(SQL("SELECT 1 FROM crm_case LIMIT 1"))
            first.cr.commit()  # pylint: disable=invalid-commit
            with self.assertRaises(SerializationFailure):  # what it knew is old
                self._assign(second)
            second.cr.rollback()
            results.append(self._assign(second))
        return results

    @mute_logger("odoo.sql_db")
    def test_two_workers_never_take_the_same_turn(self):
        self.assertEqual(set(self._race()), set(self.user_ids))

    @mute_logger("odoo.sql_db")
    def test_capacity_holds_for_two_workers(self):
        with self._cursor() as env:
            section = env["crm.case.section"].browse(self.section_id)
            section.member_line_ids[0].unlink()
            section.member_line_ids.capacity = 1
        self.assertEqual(self._race(), [self.user_ids[1], False])


class _Work:
    """An environment on a connection of its own, committed at the end."""

    def __init__(self, registry):
        self.cr = registry.cursor()

    def __enter__(self):
        return api.Environment(self.cr, SUPERUSER_ID, {})

    def __exit__(self, kind, _error, _trace):
        try:
            if kind is None:
                self.cr.commit()  # pylint: disable=invalid-commit
        finally:
            self.cr.close()
