from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import formataddr

from ..tools import mail_forward, mail_reference, mail_token, transitions
from .mail_in_hand import DOUBTFUL, PARTICIPANT, STAFF

REOPEN_DAYS = 90  # unless crm_relations.mail_reopen_days says otherwise


class CrmCaseRouteMixin(models.AbstractModel):
    """Which case a mail answers, or which new ones it opens.

    ============================ =======================================================
    what the mail shows          where it goes
    ============================ =======================================================
    a Message-ID we know         its case, whoever writes (see `_get_standing`)
    a token of ours              its case: the id was lost, yet somebody had our mail
    ``[101]`` in the subject     case 101, if the sender takes part in it; else a new
                                 case that refers to it
    nothing                      a new case in each section it is addressed to
    ============================ =======================================================
    """

    _name = "crm.case.route.mixin"
    _description = "Case Routing of Mail"
    _inherit = ["crm.case.token.mixin", "crm.case.standing.mixin"]

    origin_id = fields.Many2one(
        "crm.case",
        "Follows",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="An older case: the first mail of this one answers it, or names it.",
    )
    follow_up_ids = fields.One2many(
        "crm.case", "origin_id", "Follow-ups", readonly=True, copy=False
    )

    follow_up_count = fields.Integer(
        "Number of Follow-ups", compute="_compute_follow_up_count"
    )

    @api.depends("follow_up_ids")
    def _compute_follow_up_count(self):
        for case in self:
            case.follow_up_count = len(case.follow_up_ids)

    def action_view_follow_ups(self):
        """Open the cases that began where this one had ended."""
        return self.follow_up_ids._get_records_action(name=self.env._("Follow-ups"))

    # ------------------------------------------------------------
    # FIND
    # ------------------------------------------------------------

    @api.model
    def _route_mail(self, hand, message, message_dict, routes):
        """Say where a mail goes that no other model can claim.

        :param MailInHand hand: what is known of it
        :param message: email.message.EmailMessage
        :param message_dict: what Odoo read of it
        :param routes: those for new cases, one per section it is addressed to
        :return: the routes to take
        """
        sections = self._get_route_sections(routes)
        hand.tokens = self._check_tokens(hand.find_tokens())
        cases = self._find_by_reference(hand, sections)
        if not cases:
            cases = self._find_by_token(hand, message_dict)
        named = self.browse()
        if not cases:
            cases, named = self._find_by_number(hand, message_dict)
        late = cases.filtered(lambda case: case._is_over_for(hand))
        answered = cases._find_living_cases() - late._find_living_cases()
        if answered:
            return answered._get_answer_routes(hand, message_dict, routes)
        # the second answer to an old case joins what the first one began
        begun = late._find_begun(hand)
        if begun:
            return begun._get_answer_routes(hand, message_dict, routes)
        hand.author = self._choose_author(hand)
        if late:
            # where the discussion was, whatever address the answer found
            section, origin = late[:1].section_id, late[:1]._find_living_cases()
            values = {"section_id": section.id, **origin._get_follow_up(message_dict)}
            return [(self._name, 0, values, self.env.uid, None)]
        extra = self._get_forwarded_values(hand, message, message_dict)
        if named:
            extra |= named._get_follow_up(message_dict)
        return [
            (model, thread_id, dict(values or {}, **extra), *rest)
            for model, thread_id, values, *rest in routes
        ]

    @api.model
    def _get_forwarded_values(self, hand, message, message_dict):
        """Let a case that a colleague forwards be the customer's.

        :return: dict, empty if it is no such mail
        """
        row = self.env["crm.mail.intake"]._get_current()
        if row.sender_verdict == "failed" or not self._find_colleagues(hand):
            return {}
        found = mail_forward.original_sender(
            message_dict.get("subject") or "",
            mail_forward.visible_text(str(message_dict.get("body") or "")),
            mail_forward.attached_mail(message),
        )
        if not found or self.env["mail.alias"]._is_inbound(found.address):
            return {}
        # sudo: contacts are looked up for who brings the mail, as Odoo does
        customer = self.sudo()._partner_find_from_emails_single(
            [found.address], no_create=True
        )
        if customer and not customer.partner_share:
            return {}
        return {
            "email_from": formataddr((found.name, found.address)),
            "partner_id": customer.id,
            "name": found.subject or self.env._("(no subject)"),
        }

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """Open a case for whom ``custom_values`` name as its sender, if anybody.

        Odoo itself takes the sender of the mail in any case.
        """
        values = dict(custom_values or {})
        customer = values.pop("email_from", None)
        if customer:
            author_id = values.get("partner_id")
            msg_dict = msg_dict | {"email_from": customer, "author_id": author_id}
        return super().message_new(msg_dict, values)

    def _find_begun(self, hand):
        """Find the unclosed case that follows one of these and is the sender's own."""
        return self.follow_up_ids.filtered(
            lambda case: (
                case.active
                and case.state in transitions.UNCLOSED
                and hand.sender
                and case.email_normalized == hand.sender
            )
        )[:1]

    def _get_follow_up(self, message_dict):
        """Give the values of a case that follows this one; it has its own number."""
        name = message_dict.get("subject") or ""
        for case in self:
            name = mail_reference.drop_mark(name, case.number)
        values = {"origin_id": self[:1].id}
        return values | {"name": name} if name else values

    def _get_answer_routes(self, hand, message_dict, routes):
        """Lead a mail into these cases, and note what it may do in each."""
        for case in self:
            hand.standings.setdefault(case.id, case._get_standing(hand))
        hand.author = self[:1]._choose_author(hand)
        if any(token.kind == mail_token.NOTE for token in hand.tokens):
            message_dict["is_internal"] = True
        # its rules on who may write are checked for answers, too
        alias = next((route[4] for route in routes if route[4]), None)
        return [(self._name, case.id, {}, self.env.uid, alias) for case in self]

    @api.model
    def _get_route_sections(self, routes):
        values = [route[2] or {} for route in routes if route[0] == self._name]
        return self.env["crm.case.section"].browse(
            dict.fromkeys(filter(None, (one.get("section_id") for one in values)))
        )

    @api.model
    def _fetch_mail_cases(self, ids):
        """Give those of some cases that exist, in the same order; one query."""
        # sudo: who writes a mail has no rights, it is looked at what he may do
        cases = self.sudo().with_context(active_test=False)
        # all columns, as the first access to any field would
        columns = [
            name
            for name, field in self._fields.items()
            if field.column_type and field.prefetch is True
        ]
        cases = cases.search_fetch([("id", "in", list(ids))], columns)
        return cases.browse(case_id for case_id in ids if case_id in set(cases.ids))

    @api.model
    def _find_by_reference(self, hand, sections):
        """Find the cases whose mails are answered: one for each section addressed.

        A mail to two sections has one Message-ID in two cases; who answers it at one
        address means the case there.
        """
        ids = {}
        for known in hand.known:
            if known.model == self._name and known.res_id:
                ids.setdefault(known.mail_id, []).append(known.res_id)
        groups = [ids[name] for name in hand.references if name in ids]
        if not groups:
            return self.browse()
        cases = self._fetch_mail_cases(dict.fromkeys(sum(groups, [])))
        newest = next(
            (found for group in groups if (found := cases.browse(group) & cases)),
            self.browse(),
        )
        chosen = newest._choose_addressed(sections)
        # an answer to all reaches the case of each section, and opens none
        for section in sections - chosen._find_living_cases().section_id:
            chosen |= (cases - chosen).filtered(
                lambda case, section=section: (
                    case._find_living_cases().section_id == section
                )
            )[:1]
        return chosen

    def _choose_addressed(self, sections):
        """Choose, of cases that share a mail, those that an address means."""
        if len(self._find_living_cases()) < 2:
            return self
        meant = self.filtered(
            lambda case: case._find_living_cases().section_id in sections
        )
        if meant:
            return meant
        moves = self.env["crm.case.move"].sudo()  # sudo: see `_fetch_mail_cases`
        moves = moves.search(
            [("case_id", "in", self.ids), ("section_id", "in", sections.ids)], limit=1
        )
        return self & moves.case_id or self[:1]

    @api.model
    def _find_by_token(self, hand, message_dict):
        hand.tokens = hand.tokens or self._check_tokens(
            mail_token.find_tokens(message_dict.get("body") or "")
        )
        return self._fetch_mail_cases([token.case_id for token in hand.tokens[:1]])

    @api.model
    def _find_by_number(self, hand, message_dict):
        """Find the case that the subject names.

        :return: (the case to enter, a case only to refer to), one of them empty
        """
        nobody = self.browse()
        marks = mail_reference.find_marks(message_dict.get("subject") or "")
        if not marks:
            return nobody, nobody
        # sudo: see `_fetch_mail_cases`
        found = self.sudo().with_context(active_test=False)
        found = found.search([("number", "in", marks)])
        found = found.sorted(lambda case: marks.index(case.number))[:1]
        living = found._find_living_cases()
        if not found:
            return nobody, nobody
        standing = living._get_standing(hand, by_number=True)
        hand.standings[living.id] = standing
        if standing in (STAFF, PARTICIPANT, DOUBTFUL):
            return found, nobody
        return nobody, living

    def _is_over_for(self, hand):
        """Tell whether an answer to this case opens a new one.

        It was archived, or closed or merged longer ago than the setting says. What a
        program answers opens nothing, and colleagues may have a last word.
        """
        living = self._find_living_cases()
        if not living.active:
            return True
        row = self.env["crm.mail.intake"]._get_current()
        if row.automatic or self._find_colleagues(hand):
            return False
        limit = fields.Datetime.now() - timedelta(days=self._get_reopen_days())
        return any(
            case.date_closed
            and case.date_closed < limit
            and (case.state in transitions.CLOSED or not case.active)
            for case in self | living
        )

    @api.model
    def _get_reopen_days(self):
        # sudo: a setting the gateway reads for whoever brings a mail
        settings = self.env["ir.config_parameter"].sudo()
        return int(settings.get_param("crm_relations.mail_reopen_days", REOPEN_DAYS))

    def _message_compute_parent_id(self, parent_id):
        """Do not look for what the first mail of a case could answer."""
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is not None and not parent_id and self.id not in hand.standings:
            return parent_id
        return super()._message_compute_parent_id(parent_id)
