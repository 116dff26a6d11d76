from odoo import Command, api, fields, models

from ..exceptions import MenuEntryError
from ..tools import transitions

_DEFAULT_VIEWS = ["kanban", "list", "calendar", "pivot", "graph", "activity", "form"]


def _state(*states):
    return [("state", "in", list(states))]


_UNCLOSED = _state(*transitions.UNCLOSED)
_UNASSIGNED = [("user_id", "=", False)]
_LATE = [("is_late", "=", True)]


class CrmCaseSectionCreateMenus(models.TransientModel):
    """Make a tree of menus for a section: its cases, sorted as its people need them."""

    _name = "crm.case.section.create.menus"
    _description = "Create Menus for a Section"

    name = fields.Char(
        "Menu Name",
        required=True,
        compute="_compute_from_section",
        store=True,
        readonly=False,
        precompute=True,
    )
    section_id = fields.Many2one(
        "crm.case.section",
        required=True,
        default=lambda self: self._default_section_id(),
    )
    parent_menu_id = fields.Many2one(
        "ir.ui.menu",
        required=True,
        default=lambda self: self.env.ref("crm_relations.crm_relations_menu_root"),
    )
    view_mode = fields.Char(
        "Views, in Order",
        required=True,
        compute="_compute_from_section",
        store=True,
        readonly=False,
        precompute=True,
        help="Separated by commas, the first one opens: kanban, list, calendar, "
        "pivot, graph, activity, form.",
    )
    include_subsections = fields.Boolean(default=True)
    line_ids = fields.One2many(
        "crm.case.section.create.menus.line",
        "wizard_id",
        "Entries",
        default=lambda self: self._default_line_ids(),
    )

    # ------------------------------------------------------------
    # DEFAULTS
    # ------------------------------------------------------------

    def _default_section_id(self):
        if self.env.context.get("active_model") == "crm.case.section":
            return self.env.context.get("active_id")
        return False

    @api.model
    def _get_entries(self):
        """List the entries that can be made.

        :return: {key: (label, domain over crm.case, parent key or None, ticked)};
            ``"uid"`` in a domain stands for the user who opens the menu
        """
        mine = [("user_id", "=", "uid")]
        _ = self.env._
        return {
            "my": (_("My Cases"), mine, None, True),
            "my_unclosed": (_("My Unclosed Cases"), mine + _UNCLOSED, "my", True),
            "my_open": (_("My Open Cases"), mine + _state("open"), "my", True),
            "my_pending": (_("My Pending Cases"), mine + _state("pending"), "my", True),
            "my_draft": (_("My Draft Cases"), mine + _state("draft"), "my", True),
            "my_late": (_("My Late Cases"), mine + _LATE, "my", True),
            "my_closed": (_("My Closed Cases"), mine + _state("done"), "my", False),
            "my_cancel": (
                _("My Cancelled Cases"),
                mine + _state("cancel"),
                "my",
                False,
            ),
            "all": (_("All Cases"), [], None, True),
            "unassigned": (_("Unassigned Cases"), _UNASSIGNED, "all", True),
            "unclosed_unassigned": (
                _("Unclosed and Unassigned Cases"),
                _UNASSIGNED + _UNCLOSED,
                "all",
                True,
            ),
            "late": (_("Late Cases"), _LATE, "all", True),
            "unclosed": (_("Unclosed Cases"), _UNCLOSED, "all", True),
            "open": (_("Open Cases"), _state("open"), "all", True),
            "pending": (_("Pending Cases"), _state("pending"), "all", True),
            "draft": (_("Draft Cases"), _state("draft"), "all", True),
            "closed": (_("Closed Cases"), _state("done"), "all", True),
            "cancel": (_("Cancelled Cases"), _state("cancel"), "all", True),
            "calendar": (_("Calendar"), [], None, True),
            "new": (_("New Case"), [], None, True),
        }

    def _default_line_ids(self):
        return [
            Command.create({"key": key, "name": label, "is_selected": ticked})
            for key, (label, _domain, _parent, ticked) in self._get_entries().items()
        ]

    @api.depends("section_id")
    def _compute_from_section(self):
        for wizard in self:
            first = wizard.section_id.default_view or _DEFAULT_VIEWS[0]
            views = [first, *(view for view in _DEFAULT_VIEWS if view != first)]
            wizard.view_mode = wizard.view_mode or ",".join(views)
            wizard.name = wizard.name or wizard.section_id.name

    @api.onchange("section_id")
    def _onchange_section_id(self):
        # another section, another proposal; what was typed for the first is gone
        self.update({"name": False, "view_mode": False})
        self._compute_from_section()

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_create_menus(self):
        """Make the menus and show them.

        Running it again for the same section replaces its menus.

        :raise MenuEntryError: an unknown view, or no entry is ticked
        """
        self.ensure_one()
        views = self._get_views()
        lines = self.line_ids.filtered("is_selected")
        if not lines:
            raise MenuEntryError(self.env._("Entries: tick at least one."))
        self.section_id.check_access("write")
        self.section_id._remove_menus()
        self._create_menus(lines, views)
        return {"type": "ir.actions.client", "tag": "reload"}

    def _get_views(self):
        views = [view.strip() for view in (self.view_mode or "").split(",")]
        unknown = [view for view in views if view not in _DEFAULT_VIEWS]
        if unknown:
            raise MenuEntryError(
                self.env._(
                    "Views, in Order: “%(view)s” is no view of cases; choose from "
                    "%(known)s.",
                    view=unknown[0],
                    known=", ".join(_DEFAULT_VIEWS),
                )
            )
        twice = [view for view in views if views.count(view) > 1]
        if twice:
            raise MenuEntryError(
                self.env._("Views, in Order: “%s” stands there twice.", twice[0])
            )
        # a list whose rows cannot be opened helps nobody
        return views if "form" in views else [*views, "form"]

    def _create_menus(self, lines, views):
        section = self.section_id
        groups = section._get_menu_group() | self.env.ref(
            "crm_relations.crm_relations_group_manager"
        )
        # sudo: menus and actions belong to administrators; a manager of sections may
        # make these because they only open cases, under the reader's own rights
        Menu = self.env["ir.ui.menu"].sudo()
        shared = {"group_ids": [Command.set(groups.ids)]}
        root = menus = Menu.create(
            {
                "name": self.name,
                "parent_id": self.parent_menu_id.id,
                "sequence": 20 + section.sequence,
                **shared,
            }
        )
        parents = {line.key: self._get_entries()[line.key][2] for line in lines}
        branches = {}
        for position, line in enumerate(lines):
            # an entry whose branch is not wanted moves up
            branch = branches.get(parents[line.key], root)
            values = {"name": line.name, "sequence": position, **shared}
            if line.key in parents.values():
                # the web client opens no menu that has others below it, so the
                # entry itself stands inside the branch that bears its name
                branch = Menu.create({**values, "parent_id": branch.id})
                branches[line.key] = branch
                menus |= branch
            action = self._create_action(line, views)
            values["action"] = f"{action._name},{action.id}"
            menus |= Menu.create({**values, "parent_id": branch.id})
        section.sudo().menu_ids = menus

    def _create_action(self, line, views):
        """Make the window action of one entry."""
        _label, domain, _parent, _ticked = self._get_entries()[line.key]
        if line.key == "calendar":
            views = ["calendar", *(view for view in views if view != "calendar")]
        elif line.key == "new":
            views = ["form"]
        # sudo: see `_create_menus`
        return (
            self.env["ir.actions.act_window"]
            .sudo()
            .create(
                {
                    "name": f"{self.name}: {line.name}",
                    "res_model": "crm.case",
                    "view_mode": ",".join(views),
                    "domain": self._format_domain(domain),
                    "context": repr({"default_section_id": self.section_id.id}),
                    "search_view_id": self.env.ref(
                        "crm_relations.crm_case_view_search"
                    ).id,
                }
            )
        )

    def _format_domain(self, domain):
        """Write the domain as the web client reads it: ``uid`` stays a variable."""
        operator = "child_of" if self.include_subsections else "="
        leaves = [f"('section_id', '{operator}', {self.section_id.id})"]
        for field, comparison, value in domain:
            shown = value if value == "uid" else repr(value)
            leaves.append(f"({field!r}, {comparison!r}, {shown})")
        return f"[{', '.join(leaves)}]"


class CrmCaseSectionCreateMenusLine(models.TransientModel):
    """One entry of the tree: kept or left out, under this name."""

    _name = "crm.case.section.create.menus.line"
    _description = "Menu Entry of a Section"
    _order = "sequence, id"

    wizard_id = fields.Many2one(
        "crm.case.section.create.menus", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer(default=10)
    key = fields.Char(required=True)
    name = fields.Char(required=True)
    is_selected = fields.Boolean("Make", default=True)
