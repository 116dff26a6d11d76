"""What Odoo calls when the addon comes or goes."""


def uninstall_hook(env):
    """Take away what the addon made outside its own tables.

    Section menus, their actions and groups are ordinary records made by users, not
    by data files, so Odoo does not know that they belong to the addon.
    """
    sections = env["crm.case.section"].with_context(active_test=False).search([])
    sections._remove_menus()
