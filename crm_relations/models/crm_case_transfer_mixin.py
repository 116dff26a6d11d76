from markupsafe import Markup
from odoo import api, fields, models
from odoo.tools import plaintext2html

from ..exceptions import CaseEscalationError, CaseMergeError
from ..tools import transitions


class CrmCaseTransferMixin(models.AbstractModel):
    """Handing cases on: to the parent section, to a colleague, into another case."""

    _name = "crm.case.transfer.mixin"
    _description = "Case Transfer"

    escalation_level = fields.Integer(
        copy=False,
        aggregator="max",
        readonly=True,
        help="How often the case was handed to the parent section.",
    )
    can_escalate = fields.Boolean(compute="_compute_can_escalate")
    merged_into_id = fields.Many2one(
        "crm.case",
        "Merged into",
        index="btree_not_null",
        copy=False,
        readonly=True,
        ondelete="set null",
    )
    merged_ids = fields.One2many("crm.case", "merged_into_id", "Merged Cases")

    @api.depends("section_id.parent_id", "state")
    def _compute_can_escalate(self):
        for case in self:
            # sudo: the parent section may lie outside what the reader may see
            parent = case.section_id.sudo().parent_id
            case.can_escalate = bool(parent) and case.state in transitions.UNCLOSED

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    def write(self, vals):
        if "section_id" in vals and "category_id" not in vals:
            self._release_foreign_categories(vals["section_id"])
        result = super().write(vals)
        if "section_id" in vals:
            self._release_foreign_users()
        return result

    def _release_foreign_categories(self, section_id):
        """Take off categories that only the company a case is leaving knows."""
        company = self.env["crm.case.section"].browse(section_id).sudo().company_id
        # sudo: the reader may know neither company; nothing but ids are compared
        if company:
            self.filtered(
                lambda case: case.category_id.sudo().company_id - company
            ).category_id = False

    def _release_foreign_users(self):
        """Unassign people who may not work in the company a case has moved to."""
        # sudo: which companies a colleague has is not everybody's to read
        self.filtered(
            lambda case: (
                case.user_id and case.company_id not in case.user_id.sudo().company_ids
            )
        ).user_id = False

    # ------------------------------------------------------------
    # ESCALATION
    # ------------------------------------------------------------

    def action_escalate(self):
        """Hand the cases to the parent section and its manager.

        The former responsible stays a follower, so that he learns how it ends;
        discussion, files, watchers and history stay with the case.

        :raise CaseEscalationError: a case is closed or its section has no parent
        :return: True, or an action that leaves a case the user may no longer see
        """
        self._check_can_escalate()
        for section, cases in self.grouped("section_id").items():
            cases._escalate_to(section.sudo().parent_id)
        return self._action_after_handing_on()

    def _check_can_escalate(self):
        for case in self:
            if case.state not in transitions.UNCLOSED:
                labels = dict(self._fields["state"]._description_selection(self.env))
                raise CaseEscalationError(
                    self.env._(
                        "State: “%(case)s” is %(state)s; only draft, open and "
                        "pending cases can be escalated.",
                        case=case.display_name,
                        state=labels[case.state],
                    )
                )
            # sudo: see `_compute_can_escalate`
            if not case.section_id.sudo().parent_id:
                raise CaseEscalationError(
                    self.env._(
                        "Section: “%(case)s” cannot be escalated, “%(section)s” is "
                        "at the top and has no parent section.",
                        case=case.display_name,
                        section=case.section_id.display_name,
                    )
                )

    def _escalate_to(self, parent):
        """Move cases of one section up; access was checked on them as they were."""
        self.check_access("write")
        # sudo: whoever works below need not have access to the section above, yet
        # may hand his own case up; that he may write the case was checked just now
        cases = self.sudo().with_context(crm_case_escalation=True)
        cases._subscribe_responsibles()
        manager = parent._find_present_manager()
        levels = cases.grouped("escalation_level")
        for level, same_level in levels.items():
            same_level.write(
                {
                    "section_id": parent.id,
                    "user_id": manager.id,
                    "escalation_level": level + 1,
                }
            )
        if manager != parent.user_id:
            self.env["crm.case.substitution"].sudo()._record(
                cases, parent.user_id, manager
            )

    def _subscribe_responsibles(self):
        """Make each responsible follow his case, in a few queries for any number.

        Odoo subscribes some people to some records, all to all; a rule that escalates
        a thousand cases of fifty people would call it fifty times.
        """
        partners = {
            case.id: case.user_id.partner_id.id for case in self if case.user_id
        }
        Followers = self.env["mail.followers"]
        following = Followers.search_fetch(
            [("res_model", "=", self._name), ("res_id", "in", list(partners))],
            ["res_id", "partner_id"],
        )
        known = {(one.res_id, one.partner_id.id) for one in following}
        default, _internal, _external = self.env[
            "mail.message.subtype"
        ].default_subtypes(self._name)
        Followers.create(
            [
                {
                    "res_model": self._name,
                    "res_id": case_id,
                    "partner_id": partner_id,
                    "subtype_ids": [(6, 0, default.ids)],
                }
                for case_id, partner_id in partners.items()
                if (case_id, partner_id) not in known
            ]
        )

    # ------------------------------------------------------------
    # TRANSFER
    # ------------------------------------------------------------

    def _transfer_to(self, section, user, note=None):
        """Hand the cases over to another section and, if named, to a person in it.

        Nothing is lost: discussion, files, watchers, number and history stay, the
        state is kept on the new section's board. Without ``user`` the section
        assigns as it does for mail.

        :param section: one crm.case.section
        :param user: res.users, may be empty
        :param str note: posted on each case as an internal note
        """
        self.check_access("write")
        # sudo: the user need not work in the section that gets the case; that he may
        # write the case as it is was checked just now
        cases = self.sudo()
        if note:
            for case in cases:
                case.message_post(
                    body=plaintext2html(note),
                    author_id=self.env.user.partner_id.id,
                    subtype_xmlid="mail.mt_note",
                )
        cases.write({"section_id": section.id, "user_id": user.id})
        if not user:
            cases._assign_by_section()
        return self._action_after_handing_on()

    def _action_after_handing_on(self):
        """Leave a form that would now answer with an access error."""
        self.invalidate_recordset()
        if self.has_access("read"):
            return True
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_relations.crm_case_action_my"
        )
        return action | {"target": "main"}

    def action_assign_to_me(self):
        """Make the current user responsible."""
        self.user_id = self.env.user
        return True

    # ------------------------------------------------------------
    # MERGE
    # ------------------------------------------------------------

    def action_merge(self, into):
        """Merge these cases into another one, which keeps everything they held.

        Discussion, files, followers, watchers and activities go over; the merged
        cases stay as cancelled, archived records that point to it. A constant
        number of queries per kind of thing moved.

        :param into: one crm.case, the one that stays; remote callers give its id
        :raise CaseMergeError: nothing to merge, a case into itself, or into one
            that was merged itself
        :return: an action that opens ``into``
        """
        if isinstance(into, int):
            into = self.browse(into)
        into.ensure_one()
        self._check_can_merge(into)
        (self | into).check_access("write")
        # sudo: messages and files follow the case they belong to; that the user may
        # write both sides was checked just now
        cases, target = self.sudo(), into.sudo()
        target.email_cc = self._join_emails(target, cases)
        if not target.email_from:
            # a customer brings his address along, which must not replace a sender's
            target.partner_id = target.partner_id or cases.partner_id[:1]
        target.message_subscribe(partner_ids=cases.message_partner_ids.ids)
        cases._move_documents_to(target)
        cases._log_merge(target)
        unclosed = cases.filtered(lambda case: case.state in transitions.UNCLOSED)
        unclosed.write({"state": transitions.CANCEL})
        cases.write({"merged_into_id": target.id, "active": False})
        return into.get_formview_action()

    def _check_can_merge(self, into):
        if not self or into in self:
            raise CaseMergeError(
                self.env._("Merge into: choose a case other than those to merge.")
            )
        if into.merged_into_id:
            raise CaseMergeError(
                self.env._(
                    "Merge into: “%(case)s” was itself merged into “%(target)s”.",
                    case=into.display_name,
                    target=into.merged_into_id.display_name,
                )
            )
        if self.company_id - into.company_id:
            raise CaseMergeError(
                self.env._("Merge into: the cases belong to different companies.")
            )

    def _move_documents_to(self, target):
        """Hang messages, files, activities and earlier mergers on ``target``."""
        on_cases = [("res_id", "in", self.ids)]
        of_model = [("model", "=", self._name)]
        self.env["mail.message"].search(of_model + on_cases).res_id = target.id
        self.env["ir.attachment"].search(
            [("res_model", "=", self._name), ("res_field", "=", False), *on_cases]
        ).res_id = target.id
        self.env["mail.activity"].search(
            [("res_model", "=", self._name), *on_cases]
        ).res_id = target.id
        self.with_context(active_test=False).merged_ids.merged_into_id = target
        self._move_deliveries_to(target)

    @api.model
    def _join_emails(self, target, cases):
        """Collect the watchers of all, and the senders whom ``target`` lacks."""
        addresses = target._mail_cc_sanitized_raw_dict(
            ", ".join(
                filter(None, [*cases.mapped("email_from"), *cases.mapped("email_cc")])
            )
        )
        known = target._mail_cc_sanitized_raw_dict(target.email_cc)
        addresses.pop(target.email_normalized, None)
        return ", ".join((known | addresses).values()) or False

    def _log_merge(self, target):
        names = Markup("<br/>").join(case._get_html_link() for case in self)
        target._message_log(
            body=Markup("<p>%s<br/>%s</p>")
            % (self.env._("Merged into this case:"), names)
        )
        link = target._get_html_link()
        self._message_log_batch(
            bodies={
                case.id: Markup("<p>%s %s</p>") % (self.env._("Merged into"), link)
                for case in self
            }
        )
