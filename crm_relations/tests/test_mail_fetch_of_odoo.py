from odoo.addons.mail.tests import test_fetchmail
from odoo.tests import tagged


@tagged("post_install", "-at_install", "crm_relations")
class TestMailFetchOfOdoo(test_fetchmail.TestFetchmail):
    """Odoo's own tests of fetching, for mailboxes that are not of sections.

    They run when `mail` is installed, long before this addon is there: here they run
    with it. The rest of Odoo's mail tests are a job of `make test`.
    """

    allow_inherited_tests_method = True
