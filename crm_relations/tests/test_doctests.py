import doctest
import importlib
import pkgutil

from odoo.addons.crm_relations import tools
from odoo.tests import BaseCase, tagged


@tagged("post_install", "-at_install", "crm_relations")
class TestDoctests(BaseCase):
    """The examples in the plain Python of `tools` are its specification."""

    def test_every_example_holds(self):
        names = [module.name for module in pkgutil.iter_modules(tools.__path__)]
        self.assertIn("transitions", names)
        for name in names:
            with self.subTest(module=name):
                module = importlib.import_module(f"{tools.__name__}.{name}")
                result = doctest.testmod(module)
                self.assertGreater(result.attempted, 0, "no example at all")
                self.assertEqual(result.failed, 0, "see the log for the examples")
