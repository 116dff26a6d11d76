from ast import literal_eval

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from ..exceptions import NoStageError
from ..tools import transitions


class CrmCaseSection(models.Model):
    """A kind of work with its people and its mail address.

    Sections form a tree. A case that is escalated goes to the parent section;
    whoever works in a section also works in those below it.
    """

    _name = "crm.case.section"
    _description = "Case Section"
    _inherit = [
        "mail.alias.mixin",
        "mail.thread",
        "crm.case.section.intake.mixin",
        "crm.case.section.service.mixin",
        "crm.case.section.team.mixin",
        "crm.case.section.trend.mixin",
    ]
    _order = "sequence, complete_name, id"
    _parent_store = True
    _rec_name = "complete_name"
    _rec_names_search = ["complete_name", "code"]
    _check_company_auto = True

    name = fields.Char(required=True, translate=True, tracking=True)
    complete_name = fields.Char(
        "Path", compute="_compute_complete_name", recursive=True, store=True
    )
    code = fields.Char(copy=False, help="Short name for imports and scripts.")
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    color = fields.Integer(aggregator=None)
    company_id = fields.Many2one(
        "res.company", index=True, default=lambda self: self.env.company
    )
    parent_id = fields.Many2one(
        "crm.case.section",
        "Parent Section",
        index=True,
        ondelete="restrict",
        check_company=True,
        tracking=True,
        help="Where a case goes when it is escalated.",
    )
    parent_path = fields.Char(index=True)
    child_ids = fields.One2many("crm.case.section", "parent_id", "Sub-sections")

    # People
    user_id = fields.Many2one(
        "res.users",
        "Manager",
        domain="[('share', '=', False)]",
        check_company=True,
        tracking=True,
        help="Takes over the cases that are escalated to this section.",
    )
    member_ids = fields.Many2many(
        "res.users",
        "crm_case_section_member_rel",
        "section_id",
        "user_id",
        "Members",
        domain="[('share', '=', False)]",
        check_company=True,
    )
    staff_ids = fields.Many2many(
        "res.users",
        "crm_case_section_staff_rel",
        "section_id",
        "user_id",
        compute="_compute_staff_ids",
        recursive=True,
        store=True,
        compute_sudo=True,
        help="Managers and members of this section and of those above it.",
    )

    # Work
    resource_calendar_id = fields.Many2one(
        "resource.calendar",
        "Working Time",
        check_company=True,
        help="Empty: the company's.",
    )
    stage_ids = fields.Many2many(
        "crm.case.stage",
        string="Own Board",
        copy=False,
        help="Columns of this section's board. Empty: the shared board.",
    )
    board_stage_ids = fields.Many2many(
        "crm.case.stage", string="Board", compute="_compute_board_stage_ids"
    )
    category_ids = fields.One2many("crm.case.category", "section_id", "Categories")
    default_view = fields.Selection(
        [("kanban", "Board"), ("list", "List"), ("calendar", "Calendar")],
        string="Opens as",
        required=True,
        default="kanban",
    )
    allow_unlink = fields.Boolean(
        "Cases can be deleted",
        help="Without this, only drafts can be deleted; others are cancelled.",
    )

    # Mail
    alias_id = fields.Many2one(
        help="Mail sent to this address opens a case of this section."
    )
    fetchmail_server_ids = fields.One2many(
        "fetchmail.server",
        "section_id",
        "Mailboxes",
        groups="base.group_system",
    )
    mail_server_id = fields.Many2one(
        "ir.mail_server",
        "Outgoing Server",
        # a person's own server sends only that person's mail
        domain="[('owner_user_id', '=', False)]",
        ondelete="set null",
        groups="base.group_system",
        help="Sends the mail about cases of this section. Empty: whichever Odoo finds.",
    )
    staff_reply_state = fields.Selection(
        [
            ("none", "Stays as it is"),
            (transitions.PENDING, "Pending"),
            (transitions.DONE, "Closed"),
        ],
        "When the responsible answers",
        required=True,
        default="none",
        help="What a case becomes when its responsible answers by mail.",
    )
    use_tagged_reply = fields.Boolean(
        "Personal Reply Address",
        help="Answers go to support+<token>@… instead of support@…, so that they find "
        "their case whatever mail programs do. Only for mail servers that deliver such "
        "addresses; try it first.",
    )
    reopen_on_reply = fields.Boolean(
        "Reopen on reply",
        default=True,
        help="A customer's answer to a closed or cancelled case opens it again.",
    )

    rating_template_id = fields.Many2one(
        "mail.template",
        "Ask for a Rating",
        domain="[('model', '=', 'crm.case')]",
        ondelete="set null",
        help="Mail sent to the customer when a case is closed, with three faces to "
        "click. Empty: nobody is asked.",
    )

    # Cards of the overview
    open_count = fields.Integer("Unclosed", compute="_compute_case_counts")
    unassigned_count = fields.Integer("Unassigned", compute="_compute_case_counts")
    late_count = fields.Integer("Late", compute="_compute_case_counts")
    my_count = fields.Integer("Mine", compute="_compute_case_counts")
    undelivered_count = fields.Integer("Not Delivered", compute="_compute_case_counts")

    # Menus made by the wizard
    menu_ids = fields.Many2many(
        "ir.ui.menu", string="Menus", copy=False, groups="base.group_system"
    )
    has_menus = fields.Boolean(compute="_compute_has_menus")
    group_id = fields.Many2one(
        "res.groups",
        "Menu Group",
        copy=False,
        ondelete="set null",
        groups="base.group_system",
        help="Who sees this section's menus; kept equal to its staff.",
    )

    _code_company_uniq = models.UniqueIndex(
        "(code, company_id) WHERE code IS NOT NULL AND code != ''",
        "Code: another section of this company has it already.",
    )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("name", "parent_id.complete_name")
    def _compute_complete_name(self):
        for section in self:
            parent = section.parent_id.complete_name
            section.complete_name = (
                f"{parent} / {section.name}" if parent else section.name
            )

    @api.depends("complete_name", "name")
    @api.depends_context("hierarchical_naming", "lang")
    def _compute_display_name(self):
        # a tree shows the parent already, it asks for the bare name
        bare = not self.env.context.get("hierarchical_naming", True)
        for section in self:
            section.display_name = section.name if bare else section._get_path_name()

    def _get_path_name(self):
        """Give the path in the user's language; the stored one is for searching."""
        names, section = [], self
        while section:
            names.append(section.sudo().name or "")
            section = section.sudo().parent_id
        return " / ".join(reversed(names))

    @api.depends("user_id", "member_ids", "parent_id.staff_ids")
    def _compute_staff_ids(self):
        for section in self:
            section.staff_ids = (
                section.user_id | section.member_ids | section.parent_id.staff_ids
            )

    @api.depends("stage_ids")
    def _compute_board_stage_ids(self):
        Stage = self.env["crm.case.stage"]
        boards = Stage._get_boards()
        for section in self:
            own = boards.own.get(section._origin.id)
            if not isinstance(section.id, int):  # a form that is being filled in
                own = section.stage_ids.filtered("active").ids
            section.board_stage_ids = Stage.browse(own or boards.shared)

    def _compute_has_menus(self):
        for section in self:
            # sudo: whether there are any tells nothing about them
            section.has_menus = bool(section.sudo().menu_ids)

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_case_counts(self):
        """Count the cases that the reader may see, in one query per figure."""
        Case = self.env["crm.case"]
        in_sections = Domain("section_id", "in", self.ids)
        for name, kind in Case._get_card_domains().items():
            counts = dict(
                Case._read_group(in_sections & kind, ["section_id"], ["__count"])
            )
            for section in self:
                section[name] = counts.get(section, 0)

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        sections = super().create(vals_list)
        sections._store_staff()
        if any("stage_ids" in vals for vals in vals_list):
            self.env["crm.case.stage"]._forget_boards()
        return sections

    def write(self, vals):
        if vals.get("parent_id"):
            self._check_parent(vals["parent_id"])
        result = super().write(vals)
        if {"user_id", "member_ids", "parent_id", "active"} & vals.keys():
            self._store_staff()
            # staff of the sections below depends on this one's
            self.search([("id", "child_of", self.ids)])._sync_menu_group()
        if "company_id" in vals:
            self._release_foreign_users()
        if "stage_ids" in vals:
            self.env["crm.case.stage"]._forget_boards()
        return result

    def unlink(self):
        self._remove_menus()
        self.env["crm.case.stage"]._forget_boards()
        return super().unlink()

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        for section, vals in zip(self, vals_list, strict=True):
            vals.setdefault("name", section.name)
            if "name" not in (default or {}):
                vals["name"] = self.env._("%s (copy)", section.name)
        return vals_list

    @api.model
    def _store_staff(self):
        """Make access rules see a change of staff at once.

        Searching a computed many2many does not flush it, so that until the end of
        the transaction the rules on cases would still see the former staff.
        """
        self.flush_model(["staff_ids"])

    def _check_parent(self, parent_id):
        """Refuse a cycle by name, before Odoo says no more than "recursion".

        :raise ValidationError: the parent stands below one of these sections
        """
        # sudo: the path is read for its ids only
        path = self.sudo().browse(parent_id).exists().parent_path or ""
        if not {str(section_id) for section_id in self.ids}.isdisjoint(path.split("/")):
            raise ValidationError(
                self.env._(
                    "Parent Section: a section cannot stand below itself or below "
                    "one of its own sub-sections."
                )
            )

    def _release_foreign_users(self):
        """Unassign who may not work in the company that a section has moved to.

        The cases' own company follows by itself.
        """
        # sudo: also cases of the section that the writer may not see
        self.env["crm.case"].sudo().with_context(active_test=False).search(
            [
                ("section_id", "in", self.filtered("company_id").ids),
                ("user_id", "!=", False),
            ]
        )._release_foreign_users()

    # ------------------------------------------------------------
    # MAIL
    # ------------------------------------------------------------

    def _alias_get_creation_values(self):
        values = super()._alias_get_creation_values()
        values["alias_model_id"] = self.env["ir.model"]._get_id("crm.case")
        if self.id:
            defaults = literal_eval(self.alias_defaults or "{}")
            values["alias_defaults"] = defaults | {"section_id": self.id}
        return values

    def _get_reply_address(self):
        """Give the address that brings an answer back to this section, or False."""
        self.ensure_one()
        return self.env["mail.alias"]._get_inbound().replies.get(self.id, False)

    # ------------------------------------------------------------
    # BOARD
    # ------------------------------------------------------------

    def _get_stage(self, state):
        """Give the first stage in ``state`` on the board, else on the shared one.

        :param str state: one of `transitions.STATES`
        :raise NoStageError: neither board has such a stage
        """
        self.ensure_one()
        boards = self.env["crm.case.stage"]._get_boards()
        board = (*boards.own.get(self.id, ()), *boards.shared)
        stage_id = next((one for one in board if boards.states[one] == state), None)
        if not stage_id:
            label = dict(
                self.env["crm.case.stage"]
                ._fields["state"]
                ._description_selection(self.env)
            ).get(state, state)
            raise NoStageError(
                self.env._(
                    "Stage: section “%(section)s” has no stage in the state "
                    "“%(state)s”. Add one under Configuration, Stages.",
                    section=self.display_name,
                    state=label,
                )
            )
        return self.env["crm.case.stage"].browse(stage_id)

    @api.model
    def _get_default_section(self):
        """Give the first section of the current company, maybe none."""
        return self.search(
            [("company_id", "in", [self.env.company.id, False])],
            limit=1,
        )

    # ------------------------------------------------------------
    # MENUS
    # ------------------------------------------------------------

    def _sync_menu_group(self):
        """Let exactly the staff of each section see its menus."""
        # sudo: groups belong to administrators; this one only shows menus
        for section in self.sudo().filtered("group_id"):
            section.group_id.user_ids = section.staff_ids

    def _get_menu_group(self):
        """Give the group that sees this section's menus; make it if need be."""
        self.ensure_one()
        # sudo: as in `_sync_menu_group`; a section's menus are asked for by people
        # who manage sections but not users
        section = self.sudo()
        if not section.group_id:
            section.group_id = (
                self.env["res.groups"]
                .sudo()
                .create({"name": self.env._("Section: %s", section.complete_name)})
            )
            section._sync_menu_group()
        return section.group_id

    def _remove_menus(self):
        """Remove the menus, their actions and the group made for these sections."""
        # sudo: only records that the wizard made for these sections
        sections = self.sudo().with_context(active_test=False)
        menus = sections.menu_ids
        self.env["ir.actions.act_window"].sudo().union(
            *(menu.action for menu in menus if menu.action)
        ).unlink()
        menus.unlink()
        sections.group_id.unlink()

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_remove_menus(self):
        """Remove the menus that the wizard made for these sections."""
        self.check_access("write")
        self._remove_menus()
        return {"type": "ir.actions.client", "tag": "reload"}

    def action_view_cases(self):
        """Open the section's cases; ``card`` in the context picks one figure.

        A figure opens as a list: a board folds columns and a calendar shows one
        month, so neither would show as many cases as the card has promised.
        """
        self.ensure_one()
        # the path is read with sudo and would tell the name to anybody who calls
        self.check_access("read")
        kinds = self.env["crm.case"]._get_card_domains()
        card = self.env.context.get("card")
        domain = Domain("section_id", "=", self.id) & kinds.get(card, Domain.TRUE)
        name, first = self.display_name, self.default_view
        if card in kinds:
            label = self._fields[card]._description_string(self.env)
            name, first = f"{name}: {label}", "list"
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action"
        )
        views = [first] + [
            view for view in action["view_mode"].split(",") if view != first
        ]
        return action | {
            "display_name": name,
            "domain": list(domain),
            "context": {"default_section_id": self.id},
            "view_mode": ",".join(views),
            "views": [(False, view) for view in views],
        }
