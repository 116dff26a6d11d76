import re
from datetime import timedelta

from markupsafe import Markup
from odoo import api, fields, models
from odoo.tools import (
    consteq,
    email_normalize,
    email_normalize_all,
    formataddr,
    hmac,
    parse_contact_from_email,
)

from ..tools import (
    mail_forward,
    mail_identity,
    mail_reference,
    mail_token,
    transitions,
)
from .mail_in_hand import DOUBTFUL, INVITED, OUTSIDER, PARTICIPANT, STAFF

MAX_CORRESPONDENCE = 200  # messages that are looked at
REOPEN_DAYS = 90  # unless crm_relations.mail_reopen_days says otherwise


class CrmCaseRouteMixin(models.AbstractModel):
    """Which case a mail answers, and what its sender may do there.

    ============================ =======================================================
    what the mail shows          where it goes
    ============================ =======================================================
    a Message-ID we know         its case, whoever writes; see below what he may do
    a token of ours              its case: the id was lost, yet somebody had our mail
    ``[101]`` in the subject     case 101, if the sender takes part in it; else a new
                                 case that refers to it
    nothing                      a new case in each section it is addressed to
    ============================ =======================================================

    Who takes no part in a case is not kept from writing (people have several
    addresses), but gets nothing from it: his words stay among colleagues, nobody
    outside is told, he becomes no watcher, brings nobody in and moves nothing. With a
    token he is the guest of somebody who had our mail: his words are heard like the
    customer's, and that is all.
    """

    _name = "crm.case.route.mixin"
    _description = "Case Routing of Mail"

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
    # TOKENS
    # ------------------------------------------------------------

    def _get_mail_token(self, is_note=False):
        """Give the token that proves to have had mail about this case.

        :param is_note: about its internal notes, so that an answer stays internal
        """
        self.ensure_one()
        kind = mail_token.NOTE if is_note else mail_token.PUBLIC
        # sudo: the database's secret, of which only a digest leaves
        digest = hmac(self.env(su=True), "crm_relations.case", f"{kind}{self.id}")
        return mail_token.write_token(kind, self.id, digest)

    def _notify_by_email_get_base_mail_values(
        self, message, recipients_data, additional_values=None
    ):
        """Let every answer bring a token back, also one to a customer's own mail."""
        values = super()._notify_by_email_get_base_mail_values(
            message, recipients_data, additional_values=additional_values
        )
        if self.id:
            token = message._get_case_token(self)
            domain = mail_identity.DOMAIN
            values["references"] = (
                f"<{token}@{domain}> {values.get('references') or ''}".rstrip()
            )
        return values

    def _notify_by_email_render_layout(
        self, message, recipients_group, msg_vals=False, render_values=None
    ):
        """Print the token small below the text: some programs answer without ids."""
        body = super()._notify_by_email_render_layout(
            message, recipients_group, msg_vals=msg_vals, render_values=render_values
        )
        if not self.id or not body:
            return body
        line = Markup(
            '<div style="font-size:10px;color:#a0a0a0;margin-top:12px">%s</div>'
        ) % self.env._("Reference: %s", message._get_case_token(self))
        head, end, tail = str(body).rpartition("</body>")
        return Markup(head + line + end + tail) if end else Markup(body) + line

    def _notify_get_reply_to_batch(self, defaults=None, author_ids=None):
        """Put the token into the address, where the section says that it arrives."""
        result = super()._notify_get_reply_to_batch(defaults, author_ids)
        # sudo: a setting of the section, whoever writes
        for case in self.sudo().filtered("section_id.use_tagged_reply"):
            name, address = parse_contact_from_email(result.get(case.id) or "")
            if address:
                tagged = mail_token.add_to_address(address, case._get_mail_token())
                result[case.id] = formataddr((name, tagged))
        return result

    @api.model
    def _check_tokens(self, tokens):
        """Leave the tokens that this database made; no query.

        :param tokens: list of `mail_token.Token`
        """
        return [
            token
            for token in tokens
            if consteq(
                self.browse(token.case_id)._get_mail_token(
                    token.kind == mail_token.NOTE
                ),
                f"{token.kind}{token.case_id}.{token.key}",
            )
        ]

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

    # ------------------------------------------------------------
    # WHO WRITES
    # ------------------------------------------------------------

    @api.model
    def _find_senders(self, hand):
        return hand.partners.filtered(
            lambda partner: hand.sender and partner.email_normalized == hand.sender
        )

    @api.model
    def _find_colleagues(self, hand):
        return self._find_senders(hand).filtered(
            lambda partner: not partner.partner_share
        )

    def _get_standing(self, hand, by_number=False):
        """Say what the sender of a mail may do in this case.

        :param by_number: only the subject names the case, which anybody may write
        :return: one of the words of `mail_in_hand`
        """
        self.ensure_one()
        row = self.env["crm.mail.intake"]._get_current()
        if self._find_colleagues(hand):
            is_proven = row.sender_verdict in ("verified", "plausible") or not (
                by_number or row._is_sender_judged()
            )
            is_believed = is_proven and row.sender_verdict != "failed"
            return STAFF if is_believed else DOUBTFUL
        if row.sender_verdict != "failed" and self._has_participant(hand):
            return PARTICIPANT
        ids = (self | self.with_context(active_test=False).merged_ids).ids
        if any(token.case_id in ids for token in hand.tokens):
            return INVITED
        return OUTSIDER

    def _has_participant(self, hand):
        """Tell whether the sender takes part.

        As customer or one of his company, as watcher or follower, or because he was
        written to about it.
        """
        senders = self._find_senders(hand)
        return self._is_participant(hand.sender, senders) or self._has_correspondent(
            hand.sender, senders
        )

    def _is_participant(self, address, partners):
        """Tell whether somebody takes part by what the case itself says."""
        if address and address in (
            self.email_normalized,
            *email_normalize_all(self.email_cc or ""),
        ):
            return True
        if partners & self.partner_id or (
            self.commercial_partner_id
            and self.commercial_partner_id in partners.commercial_partner_id
        ):
            return True
        return bool(partners & self.message_partner_ids)

    def _has_correspondent(self, address, partners):
        """Tell whether somebody was brought into the public discussion before.

        To have written is not enough: a guest would be one only once.
        """
        if not address:
            return False
        # a search knows only parts of texts: % and _ of an address stand for themselves
        text = re.sub(r"([\\%_])", r"\\\1", address)
        by_partner = [
            "|",
            ("partner_ids", "in", partners.ids),
            ("author_id", "in", partners.ids),
        ]
        # sudo: see `_fetch_mail_cases`
        found = (
            self.env["mail.message"]
            .sudo()
            .search(
                [
                    ("model", "=", self._name),
                    ("res_id", "=", self.id),
                    ("is_internal", "=", False),
                    ("subtype_id.internal", "=", False),
                    *(["|"] if partners else []),
                    "|",
                    ("outgoing_email_to", "ilike", text),
                    ("email_from", "ilike", text),
                    *(by_partner if partners else []),
                ],
                limit=MAX_CORRESPONDENCE,
            )
        )
        return any(self._brings_in(message, address, partners) for message in found)

    def _brings_in(self, message, address, partners):
        """Tell whether a message makes somebody take part.

        We, or one who takes part, wrote to him, or the case began with his words.
        """
        sender = email_normalize(message.email_from)
        is_first = message.subtype_id == self._creation_subtype()
        if sender == address or partners & message.author_id:
            return is_first
        is_told = partners & message.partner_ids or address in email_normalize_all(
            message.outgoing_email_to or ""
        )
        is_ours = message.author_id and not message.author_id.partner_share
        return bool(is_told) and (
            is_first or bool(is_ours) or self._is_participant(sender, message.author_id)
        )

    def _choose_author(self, hand):
        """Choose whose mail it is among the partners with the sender's address.

        :return: res.partner, empty for nobody we know or believe to be
        """
        row = self.env["crm.mail.intake"]._get_current()
        senders = self._find_senders(hand)
        if row.sender_verdict == "failed" or hand.standings.get(self.id) == DOUBTFUL:
            senders = senders.filtered("partner_share")
        company = self.company_id or self.env.company
        return senders.sorted(
            lambda partner: (
                partner != self.partner_id,
                partner not in self.message_partner_ids,
                partner.partner_share,
                not partner.user_ids,
                partner.company_id != company,
                bool(partner.company_id),
                partner.id,
            )
        )[:1]

    # ------------------------------------------------------------
    # WHAT HE MAY
    # ------------------------------------------------------------

    def _get_mail_standing(self):
        """Say how the mail in hand stands to this case; None: it opens it."""
        hand = self.env["crm.mail.intake"]._get_hand()
        return hand.standings.get(self.id) if hand else None

    def message_update(self, msg_dict, update_vals=None):
        """Let only who takes part bring others in."""
        if self._get_mail_standing() not in (STAFF, PARTICIPANT, None):
            msg_dict = msg_dict | {"cc": ""}
        return super().message_update(msg_dict, update_vals)

    def message_post(self, **kwargs):
        """Let nobody follow a case by writing to it."""
        case = self
        if self._get_mail_standing() in (INVITED, OUTSIDER, DOUBTFUL):
            case = self.with_context(mail_post_autofollow_author_skip=True)
        return super(CrmCaseRouteMixin, case).message_post(**kwargs)

    def _apply_reply(self, author):
        if self._get_mail_standing() in (OUTSIDER, DOUBTFUL):
            return None
        return super()._apply_reply(author)

    def _prepare_received(self, kwargs):
        """Keep the words of who takes no part among colleagues."""
        standing = self._get_mail_standing()
        if standing not in (OUTSIDER, DOUBTFUL):
            return super()._prepare_received(kwargs)
        notice = self._get_standing_notice(standing, kwargs.get("email_from") or "")
        body = Markup('<p class="text-muted"><i>%s</i></p>%s') % (
            notice,
            Markup(kwargs.get("body") or ""),  # of the gateway, which sanitizes it
        )
        return super()._prepare_received(
            kwargs
            | {
                "body": body,
                "author_id": kwargs.get("author_id") or False,
                "subtype_id": self.env["ir.model.data"]._xmlid_to_res_id(
                    "mail.mt_note"
                ),
                "partner_ids": self.user_id.sudo().partner_id.ids,
            }
        )

    def _message_compute_parent_id(self, parent_id):
        """Do not look for what the first mail of a case could answer."""
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is not None and not parent_id and self.id not in hand.standings:
            return parent_id
        return super()._message_compute_parent_id(parent_id)

    @api.model
    def _get_standing_notice(self, standing, sender):
        if standing == DOUBTFUL:
            return self.env._(
                "Sent in the name of %s, which nothing proves: it moved nothing and "
                "was told to nobody outside.",
                sender,
            )
        return self.env._(
            "From an address that takes no part in this case: it was told to nobody "
            "outside."
        )
