import xmlrpc.client as xmlrpclib
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL

from ..tools import mail_copy, mail_form, mail_identity
from .mail_in_hand import Known, MailInHand

# for a mail that is answered by another and still being processed
MAX_WAITS, WAIT_SECONDS = 3, 5
MAX_RECIPIENTS = 200  # looked for among the contacts


class Decision(dict):
    """Where a person wants a mail to enter; of its own type as `MailInHand` is."""


class CrmMailIntakeEntryMixin(models.AbstractModel):
    """How one mail of the ledger becomes an entry: in Odoo's own gateway, once.

    The gateway is called as always. What it decides is written into the row from
    inside (`mail.thread` asks for the row of the mail in hand), and each route is
    allowed only to the mail that gets the receipt for it.
    """

    _name = "crm.mail.intake.entry.mixin"
    _description = "Entry of Incoming Mails"

    # ------------------------------------------------------------
    # PIPED IN
    # ------------------------------------------------------------

    @api.model
    def _takes_piped(self, model, raw):
        """Tell whether a mail handed to `message_process` is one of ours."""
        if model == "crm.case":
            return True
        recipients = mail_identity.read_addresses(
            mail_identity.read_head(raw), mail_identity.RECIPIENT_HEADERS
        )
        doors = self.env["mail.alias"]._find_inbound(recipients)
        return any(door.model == "crm.case" for door in doors)

    @api.model
    def _take_piped(self, thread, raw, options):
        """Take in a mail inside the caller's transaction.

        :param thread: mail.thread as the caller called it
        :param options: the other arguments of `message_process`
        :return: what `message_process` answers, an id or False
        """
        # never empty: what came from a mailbox has none
        options = {
            name: value for name, value in options.items() if value or name == "model"
        }
        server_id = self.env.context.get("default_fetchmail_server_id")
        server = self.env["fetchmail.server"].browse(server_id or [])
        key = mail_identity.transport_key(raw, options)
        mail = self._store([(key, raw)], server, server.section_id, options)
        if mail:
            return mail._try_inline(thread) or False
        # handed in again, byte for byte: only what waits still needs a try
        mail = self.search(
            [
                ("transport_key", "=", key),
                ("server_id", "=", server.id),
                ("state", "in", ("new", "working", "retry")),
            ]
        ).try_lock_for_update(allow_referencing=True)
        return (mail and mail._process_inline()) or False

    @api.model
    def _read_message(self, message):
        """Give the bytes of what `message_process` was given."""
        if isinstance(message, xmlrpclib.Binary):
            message = message.data
        return message.encode() if isinstance(message, str) else bytes(message)

    # ------------------------------------------------------------
    # ENTER
    # ------------------------------------------------------------

    def _enter_by_itself(self, thread=None):
        """Let the mail find its place; the row says what became of it.

        :param thread: mail.thread on whose behalf, the system's if not given
        :return: what `message_process` answers
        """
        self.ensure_one()
        raw = self._identify()
        hand = MailInHand(self.id, raw)
        self._look_around(hand)
        if self._waits_for_another(hand):
            return False
        message_id = self._choose_message_id(hand)
        if not message_id:
            return False
        options = {"model": "crm.case"} | (self.options or {})
        gateway = self._get_gateway(hand, thread)
        result = self._hand_over(
            hand,
            raw,
            message_id,
            lambda message: gateway.message_process(message=message, **options),
        )
        self._conclude(result, hand)
        return result

    def _identify(self):
        """Write down which mail it is, unless that is known.

        :return: its bytes
        """
        raw = self.with_context(bin_size=False).raw or b""
        if not (self.content_key and self.message_id):
            self.write(self._get_identity(raw, self.message_id))
        return raw

    @api.model
    def _get_identity(self, raw, message_id):
        key = mail_identity.content_key(raw)
        # derived from the content, a replay is the same mail
        message_id = message_id or mail_identity.derive_message_id(key)
        verdict = self._judge_sender(raw)
        return {"content_key": key, "message_id": message_id, "sender_verdict": verdict}

    def _look_around(self, hand):
        """Find out what is known of a mail and of who stands in it, in two queries.

        With how many mails of its sender have entered within an hour.
        """
        self.flush_model(["message_id", "state", "case_ids"])
        # SQL: discussions and ledger in one query; only ids leave it. The ledger knows
        # what entered under another id, and what waits still.
        query = SQL(
            "SELECT message_id, id, model, res_id, NULL, NULL FROM mail_message "
            "WHERE message_id = ANY(%(ids)s) "
            "UNION ALL SELECT mail.message_id, NULL, 'crm.case', link.case_id, "
            "mail.id, mail.state FROM crm_mail_intake mail "
            "LEFT JOIN crm_mail_intake_case_rel link ON link.intake_id = mail.id "
            "WHERE mail.message_id = ANY(%(ids)s) AND mail.id != %(self)s "
            "UNION ALL SELECT NULL, COUNT(*), NULL, NULL, NULL, NULL "
            "FROM crm_mail_intake WHERE email_normalized = %(sender)s "
            "AND date_received >= %(hour_ago)s AND state = 'done' "
            "ORDER BY 2 DESC NULLS LAST, 5",
            ids=[self.message_id, *hand.references],
            self=self.id,
            sender=hand.sender,
            hour_ago=fields.Datetime.now() - timedelta(hours=1),
        )
        self.env["mail.message"].flush_model(["message_id", "model", "res_id"])
        rows = [Known(*row) for row in self.env.execute_query(query)]
        hand.known = [known for known in rows if known.mail_id]
        hand.sent_lately = next(row.message for row in rows if not row.mail_id)
        is_inbound = self.env["mail.alias"]._is_inbound
        recipients = hand.recipients[:MAX_RECIPIENTS]
        addresses = {hand.sender, *(one for one in recipients if not is_inbound(one))}
        addresses.discard("")
        # sudo: contacts are looked up for who brings the mail, as Odoo does
        hand.partners = self.env["res.partner"].sudo()
        if addresses:
            hand.partners = hand.partners.search_fetch(
                [("email_normalized", "in", list(addresses))],
                [
                    *("email_normalized", "commercial_partner_id", "company_id"),
                    *("partner_share", "message_bounce"),
                ],
                order="id",
            )
        hand.asked = {*addresses, *recipients}
        hand.partner_addresses = set(hand.partners.mapped("email_normalized"))

    def _waits_for_another(self, hand):
        """Put a mail back for a moment if the one it answers is just being processed.

        :return: whether it waits
        """
        is_piped = bool(self.options)
        earlier = [
            known
            for known in hand.known
            if known.mail_id in hand.references and known.state in ("new", "working")
        ]
        if is_piped or not earlier or self.attempts > MAX_WAITS:
            return False
        next_try = fields.Datetime.now() + timedelta(seconds=WAIT_SECONDS)
        self.write(
            {
                "state": "retry",
                "date_next_try": next_try,
                "reason": self.env._("It waits for the mail it answers."),
            }
        )
        self._trigger_queue(next_try)
        return True

    def _choose_message_id(self, hand):
        """Give the id to enter with, or False if the mail has been here already.

        Odoo drops every mail whose id it knows. Ids are not proof: senders reuse them,
        and the same mail may come for another section. Such a mail enters with an id
        derived from what distinguishes it; the receipts say whether it may. So does
        one whose id no mail of ours could carry on.
        """
        same = [known for known in hand.known if known.mail_id == self.message_id]
        twins = self.browse({known.intake for known in same if known.intake})
        message_id = next((known.message for known in same if known.message), None)
        is_usable = mail_identity.is_usable_id(self.message_id)
        if is_usable and not (twins and message_id):
            # if Odoo knows the id from elsewhere it says so, see `_conclude`
            return self.message_id
        # sudo: whoever brings the mail, all messages count
        known = self.env["mail.message"].sudo().browse(message_id or [])
        derived = mail_identity.derive_message_id(
            self.message_id, self.content_key, self.section_id.id
        )
        if not known or known.message_type == "email":
            known = self._find_message(derived)
        if not known:
            return derived
        self._record_duplicate(twins, known)
        return False

    def _find_message(self, message_id):
        # sudo: whoever brings the mail, all messages count
        Message = self.env["mail.message"].sudo()
        return Message.search([("message_id", "=", message_id)], limit=1)

    def _get_gateway(self, hand, thread=None, **context):
        # as the system when nobody hands the mail in: whoever presses a button is not
        # who writes
        thread = thread or self.env["mail.thread"].with_user(SUPERUSER_ID).sudo()
        if self.server_id:
            context["default_fetchmail_server_id"] = self.server_id.id
        return thread.with_context(crm_mail_intake_id=hand, **context)

    def _conclude(self, result, hand):
        """End the row, unless the gateway wrote into it how it ended."""
        if self.state != "working":
            return
        if self.case_ids or result:
            self.write(
                {
                    "state": "done",
                    "reason": hand.remark
                    if self.case_ids
                    else self.env._("It became a document of another application."),
                    "error_detail": False,
                    "section_id": (self.section_id or self.case_ids[:1].section_id).id,
                }
            )
        elif message := self._find_message(self.message_id):
            self._record_duplicate(self.browse(), message)
        else:
            self._hold(
                self.env._(
                    "Odoo's gateway found no place for it: the address does not take "
                    "mail from this sender, or only forwards it."
                )
            )

    # ------------------------------------------------------------
    # WHAT THE GATEWAY TELLS
    # ------------------------------------------------------------

    @api.model
    def _get_hand(self):
        """Give what is known of the mail that the gateway has in hand, or None."""
        hand = self.env.context.get("crm_mail_intake_id")
        return hand if isinstance(hand, MailInHand) else None

    @api.model
    def _get_current(self):
        """Give the row of the mail that Odoo's gateway has in hand, maybe none."""
        hand = self._get_hand()
        # sudo: the gateway works for people who see no ledger
        return self.sudo().browse([] if hand is None else [int(hand)])

    @api.model
    def _get_decision(self):
        """Give the `Decision` of a person about the mail in hand, or None."""
        decision = self.env.context.get("crm_mail_intake_forced")
        return decision if isinstance(decision, Decision) else None

    def _hold(self, reason):
        # what is let in later must find its place free
        self._forget_entries()
        self.write({"state": "held", "reason": reason})

    def _link_cases(self, cases):
        self.write({"case_ids": [(4, case_id) for case_id in cases.ids]})

    def _allow_routes(self, routes):
        """Leave the routes that this mail is the first to take.

        :param routes: (model, thread id, values, user id, alias) each
        :return: a part of ``routes``
        """
        places = [self._get_place(route) for route in routes]
        # in one order for everybody, or two mails could wait for each other
        free = {place for place in sorted(set(places)) if self._get_receipt(place)}
        allowed = [
            route for route, place in zip(routes, places, strict=True) if place in free
        ]
        if routes and not allowed:
            self._record_duplicate(self._find_receipts(places).intake_id)
        return allowed

    def _get_place(self, route):
        model, thread_id, values, _user_id, alias = route
        if thread_id:
            return f"{model},{thread_id}"
        if model == "crm.case":
            section = self.env["crm.case"]._find_mail_section(values or {})
            return f"crm.case.section,{section.id}"
        return f"{model} {alias.id if alias else 0}"

    def _get_receipt(self, place):
        """Enter the mail at a place, if neither it nor a copy of it is there yet.

        The first mail of a Message-ID takes that; another one that reuses the id is
        told apart by its content.

        :return: whether it was not
        """
        if self._claim(*self._get_first_parts(place)):
            return True
        first = self._find_receipts([place])
        if first.content_key == self.content_key or self._is_copy(first.intake_id):
            return False
        return self._claim(*self._get_other_parts(place))

    def _find_receipts(self, places):
        """Find what stands where this mail could enter as the first of its id."""
        keys = [self._get_once_key(*self._get_first_parts(one)) for one in places]
        return self.env["crm.mail.intake.receipt"].search([("key", "in", keys)])

    def _get_first_parts(self, place):
        # some relays write ids in small letters
        return (self.message_id.lower(), place)

    def _get_other_parts(self, place):
        return (self.message_id, self.content_key, place)

    def _is_copy(self, earlier):
        """Tell whether this mail is an earlier one, changed by a list or a scanner."""
        return bool(earlier) and mail_copy.is_copy(
            self.with_context(bin_size=False).raw or b"",
            earlier.with_context(bin_size=False).raw or b"",
        )

    def _record_duplicate(self, twins, message=None):
        """End the mail as one that has been here.

        :param twins: rows of the ledger that may be the same mail
        :param message: mail.message it became, or one of ours that comes back
        """
        same = twins.filtered(
            lambda mail: mail.content_key == self.content_key or self._is_copy(mail)
        )
        cases = same.case_ids
        if message and message.model == "crm.case":
            cases |= self.env["crm.case"].browse(message.res_id).exists()
        self._link_cases(cases)
        self.write(
            {
                "state": "duplicate",
                "reason": self.env._("The same message as number %s.", same[:1].id)
                if same
                else self.env._("This message is in Odoo already."),
            }
        )

    def _forget_entries(self):
        self.env["crm.mail.intake.receipt"].search(
            [("intake_id", "in", self.ids)]
        ).unlink()

    # ------------------------------------------------------------
    # BY A PERSON'S DECISION
    # ------------------------------------------------------------

    def _enter(self, case):
        """Enter the mail into ``case``, or a new one, whatever rules say.

        What Odoo's parser cannot read enters as its text and the original file.

        :param case: crm.case, empty for a new one
        :return: the crm.case
        """
        self.ensure_one()
        self.write(
            {"state": "working", "attempts": self.attempts + 1, "date_next_try": False}
        )
        raw = self._identify()
        known = self.case_ids
        mail = self
        while mail._get_level() < mail_form.BARE:
            try:
                with self.env.cr.savepoint():
                    mail._enter_parsed(raw, case)
                    found = self.case_ids - known or case
                    break
            except Exception as error:
                # whatever the parser makes of it; what is wrong with the database, or
                # may be over, is raised
                lower = mail._with_lower_level(error)
                if not lower:
                    raise
                mail = lower
        else:
            found = self._enter_bare(raw, case)
        self.invalidate_recordset(["case_ids"])
        self._link_cases(found)
        self.write(
            {
                "state": "done",
                "error_detail": False,
                "reason": self.env._("Decided by %s.", self.env.user.name),
            }
        )
        return found

    def _enter_parsed(self, raw, case):
        # an id of its own: the decision stands, even against a duplicate
        message_id = mail_identity.derive_message_id(
            self.message_id, "decided", self.id, self.attempts
        )
        hand = MailInHand(self.id, raw)
        self._look_around(hand)
        gateway = self._get_gateway(
            hand,
            crm_mail_intake_forced=Decision(
                case_id=case.id or False,
                section_id=case.section_id.id or self.section_id.id,
            ),
        )
        self._hand_over(
            hand,
            raw,
            message_id,
            lambda message: gateway.message_process("crm.case", message),
        )

    @api.model
    def _get_forced_routes(self):
        """Give the one route that a person has decided on, or None."""
        forced = self._get_decision()
        if not forced:
            return None
        values = {"section_id": forced["section_id"]} if forced["section_id"] else {}
        return [("crm.case", forced["case_id"], values, self.env.uid, None)]
