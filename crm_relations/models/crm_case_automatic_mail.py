from collections import Counter
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.constants import GC_UNLINK_LIMIT

from ..tools.mail_automatic import ANSWER
from .mail_in_hand import DOUBTFUL, INVITED, OUTSIDER

# Unless crm_relations.automatic_mail_hour, _day, _colleague or _domain say otherwise.
# A customer is thanked and reminded a few times a day; a program that answers each
# mail with a new one gets no further.
PER_HOUR = 3
PER_DAY = 10
COLLEAGUE_PER_HOUR = 60
DOMAIN_PER_HOUR = 60  # set off by received mails: responders may change their address
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class CrmCaseAutomaticMail(models.Model):
    """One automatic mail to one address, kept for a day: the budget of such mails.

    Written in the transaction that queues the mail. A loop needs a program that
    answers and one that answers that; ours stops here.
    """

    _name = "crm.case.automatic.mail"
    _description = "Automatic Mail"
    _order = "date desc, id desc"
    _rec_name = "address"
    _log_access = False

    # normalized; or @ and a domain, for what received mails have set off
    address = fields.Char(required=True, readonly=True)
    date = fields.Datetime(required=True, readonly=True)
    turn = fields.Integer(
        readonly=True, help="How many went there before, of outsiders"
    )

    _address_date_idx = models.Index("(address, date)")
    _date_idx = models.Index("(date)")
    # two workers that mail one outsider at once meet here: the later one begins anew
    # and counts the earlier one's mail
    _turn_uniq = models.UniqueIndex("(address, turn) WHERE turn IS NOT NULL")

    # ------------------------------------------------------------
    # SPEND
    # ------------------------------------------------------------

    @api.model
    def _spend(self, mails, hand=None):
        """Enter automatic mails that are about to be queued, as far as they may be.

        Three queries whatever the number of mails; to a colleague nobody waits for
        another worker, and a few mails more do no harm.

        :param mails: list of sets of normalized addresses, one set per mail
        :param MailInHand hand: the received mail that set them off, if one did
        :return: list of {address: why it gets none}, one per mail
        """
        addresses = set().union(*mails)
        if not addresses:
            return [{} for _mail in mails]
        colleagues = self._find_colleagues(addresses)
        refused = self._get_general_refusals(addresses, colleagues, hand)
        counts = _Counts(self._count(addresses - refused.keys(), hand))
        limits = self._get_limits()
        reasons, rows = [], []
        for mail in mails:
            reasons.append({one: refused[one] for one in mail if one in refused})
            for address in sorted(mail - refused.keys()):
                keys = self._get_keys(address, address in colleagues, hand)
                over = next((key for key in keys if counts.is_over(key, limits)), None)
                if over:
                    reasons[-1][address] = self._format_over(over, limits[over[1]])
                else:
                    rows += [counts.take(*key) for key in keys]
        self._enter(rows)
        return reasons

    @api.model
    def _get_limits(self):
        """Give how many mails are allowed: {kind of address: (an hour, a day)}."""
        get_limit = self.env["crm.mail.intake"]._get_limit
        colleague = get_limit("automatic_mail_colleague", COLLEAGUE_PER_HOUR)
        domain = get_limit("automatic_mail_domain", DOMAIN_PER_HOUR)
        return {
            "outsider": (
                get_limit("automatic_mail_hour", PER_HOUR),
                get_limit("automatic_mail_day", PER_DAY),
            ),
            "colleague": (colleague, colleague * 24),
            "domain": (domain, domain * 3),
        }

    @api.model
    def _get_keys(self, address, is_colleague, hand):
        """Give what an address counts for: list of (key, kind)."""
        if is_colleague:
            return [(address, "colleague")]
        keys = [(address, "outsider")]
        if hand is not None:
            keys.append((_get_domain(address), "domain"))
        return keys

    @api.model
    def _find_colleagues(self, addresses):
        # sudo: who is a colleague, whoever sets a rule off
        partners = self.env["res.partner"].sudo()
        found = partners.search_fetch(
            [
                ("email_normalized", "in", list(addresses)),
                ("partner_share", "=", False),
            ],
            ["email_normalized"],
        )
        return set(found.mapped("email_normalized"))

    @api.model
    def _get_general_refusals(self, addresses, colleagues, hand):
        """Tell who gets no automatic mail now, however few there were.

        :return: {address: reason}
        """
        is_inbound = self.env["mail.alias"]._is_inbound
        outsiders = addresses - colleagues
        refused = {}
        if hand is not None:
            everybody, others = self._get_refusals_by_mail(hand)
            refused |= dict.fromkeys(outsiders, others) if others else {}
            refused |= dict.fromkeys(addresses, everybody) if everybody else {}
        ours = self.env._("it is an address of ours, and the mail would come back.")
        return refused | {one: ours for one in addresses if is_inbound(one)}

    @api.model
    def _get_refusals_by_mail(self, hand):
        """Say what the received mail in hand forbids: (to everybody, to outsiders)."""
        if hand.is_quiet:
            return self.env._("too many mails came for this case lately."), None
        automatic = self.env["crm.mail.intake"].sudo().browse(int(hand)).automatic
        if automatic == ANSWER:
            return self.env._("an automatic answer set it off."), None
        if automatic:
            return None, self.env._("a mail that a program sent set it off.")
        if not {OUTSIDER, INVITED, DOUBTFUL}.isdisjoint(hand.standings.values()):
            # what a responder with an address of its own answers to a mail of ours
            return None, self.env._(
                "a mail set it off that names another case, whose sender takes no "
                "part in that."
            )
        return None, None

    @api.model
    def _count(self, addresses, hand):
        """Count what was sent: {key: (within an hour, within a day, last turn)}."""
        keys = list(addresses)
        if hand is not None:
            keys += {_get_domain(address) for address in addresses}
        now = fields.Datetime.now()
        # SQL: one pass for both spans; only figures leave it
        query = SQL(
            """SELECT address, count(*) FILTER (WHERE date > %s),
                      count(*) FILTER (WHERE date > %s), coalesce(max(turn), 0)
                 FROM crm_case_automatic_mail WHERE address = ANY(%s)
                GROUP BY address""",
            now - HOUR,
            now - DAY,
            keys,
        )
        return {key: tuple(found) for key, *found in self.env.execute_query(query)}

    @api.model
    def _enter(self, rows):
        """Write rows of (key, turn or None)."""
        if not rows:
            return
        addresses, turns = zip(*rows, strict=True)
        # SQL: nobody writes the budget but this. A turn that another worker has taken
        # since this transaction began is an error of serialization, not of the index
        self.env.execute_query(
            SQL(
                """INSERT INTO crm_case_automatic_mail (address, turn, date)
                SELECT *, %s FROM unnest(%s::text[], %s::int[])
                    ON CONFLICT (address, turn) WHERE turn IS NOT NULL DO NOTHING
                RETURNING id""",
                fields.Datetime.now(),
                list(addresses),
                list(turns),
            )
        )

    @api.model
    def _format_over(self, key, limits):
        address, kind = key
        if kind == "domain":
            return self.env._(
                "received mails have set off %(hour)s automatic mails to %(domain)s "
                "within an hour, or %(day)s within a day.",
                hour=limits[0],
                day=limits[1],
                domain=address,
            )
        return self.env._(
            "%(hour)s automatic mails went there within an hour, or %(day)s within a "
            "day.",
            hour=limits[0],
            day=limits[1],
        )

    # ------------------------------------------------------------
    # CLEAN UP
    # ------------------------------------------------------------

    @api.autovacuum
    def _gc_old(self):
        """Forget what no budget counts any more.

        :return: (number removed, whether there is more)
        """
        limit = fields.Datetime.now() - DAY
        old = self.search(
            [("date", "<", limit)], order="date, id", limit=GC_UNLINK_LIMIT
        )
        old.unlink()
        return len(old), int(len(old) == GC_UNLINK_LIMIT)


class _Counts:
    """What was sent, with what is about to be."""

    def __init__(self, found):
        self.found = found
        self.more = Counter()

    def is_over(self, key, limits):
        hour, day, _turn = self.found.get(key[0], (0, 0, 0))
        more = self.more[key[0]]
        of_hour, of_day = limits[key[1]]
        return hour + more >= of_hour or day + more >= of_day

    def take(self, address, kind):
        """Count one more.

        :return: its row, see `_enter`
        """
        self.more[address] += 1
        if kind != "outsider":
            return address, None
        return address, self.found.get(address, (0, 0, 0))[2] + self.more[address]


def _get_domain(address):
    return f"@{address.rpartition('@')[2]}"
