"""What Odoo calls when the addon comes or goes."""

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG


def uninstall_hook(env):
    """Take away what the addon made outside its own tables.

    Section menus, their actions and groups are ordinary records made by users, not
    by data files, so Odoo does not know that they belong to the addon. Cases and events
    go first: Odoo deletes the shipped stages and kinds before it drops the tables that
    refer to them.
    """
    # the second: as Odoo says while it uninstalls, when no guard of ours applies
    everything = {"active_test": False, MODULE_UNINSTALL_FLAG: True}
    env["crm.case.section"].with_context(**everything).search([])._remove_menus()
    env["crm.partner.event"].with_context(**everything).search([]).unlink()
    env["crm.partner.event"].with_context(**everything).search([]).unlink()
    # their activities are of a shipped type
    env["crm.quality.action"].with_context(**everything).search([]).unlink()
    env["crm.case"].with_context(**everything).search([]).unlink()
    env["crm.case.figure"]._drop_tables()
