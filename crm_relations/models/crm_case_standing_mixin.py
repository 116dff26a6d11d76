import re

from markupsafe import Markup
from odoo import api, models
from odoo.tools import email_normalize, email_normalize_all

from .mail_in_hand import DOUBTFUL, INVITED, OUTSIDER, PARTICIPANT, STAFF

MAX_CORRESPONDENCE = 200  # messages that are looked at


class CrmCaseStandingMixin(models.AbstractModel):
    """What the sender of a mail may do in a case.

    Who takes no part in a case is not kept from writing (people have several
    addresses), but gets nothing from it: his words stay among colleagues, nobody
    outside is told, he becomes no watcher, brings nobody in and moves nothing. With a
    token he is the guest of somebody who had our mail: his words are heard like the
    customer's, and that is all.
    """

    _name = "crm.case.standing.mixin"
    _description = "Standing of Senders in a Case"

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
        return super(CrmCaseStandingMixin, case).message_post(**kwargs)

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
