from ast import literal_eval
from typing import NamedTuple

from odoo import api, models
from odoo.tools import ormcache

from ..tools import mail_token


class Door(NamedTuple):
    """What an alias does with mail."""

    alias_id: int
    model: str
    thread_id: int
    defaults: str
    contact: str


class Inbound(NamedTuple):
    """All addresses whose mail comes to this database."""

    full: dict[str, tuple[Door, ...]]
    local: dict[str, tuple[Door, ...]]  # the same by the part before the @
    reserved: frozenset[str]  # bounce, catchall and sender addresses of the domains
    catchall: frozenset[str]
    mailboxes: frozenset[str]  # that we read
    domains: frozenset[str]
    bounces: frozenset[str]
    replies: dict[int, str]  # crm.case.section id: where answers come back to it


class MailAlias(models.Model):
    """Knowing our own addresses without asking the database for each mail."""

    _inherit = "mail.alias"

    @api.model_create_multi
    def create(self, vals_list):
        aliases = super().create(vals_list)
        self._forget_inbound()
        return aliases

    def write(self, vals):
        result = super().write(vals)
        if vals.keys() - {"alias_status"}:
            self._forget_inbound()
        return result

    def unlink(self):
        self._forget_inbound()
        return super().unlink()

    @api.model
    def _forget_inbound(self):
        self.env.registry.clear_cache()

    @api.model
    @ormcache()
    def _get_inbound(self):
        """Give all addresses that come back to us, as an `Inbound`. No query, usually.

        As many entries as there are aliases; they change seldom.
        """
        # sudo: aliases, domains and mailboxes are for administrators; only addresses
        # are taken, and those stand in every mail
        full, local = {}, {}
        aliases = self.sudo().search_fetch(
            [("alias_name", "!=", False)],
            [
                *("alias_name", "alias_full_name", "alias_incoming_local"),
                *("alias_model_id", "alias_force_thread_id", "alias_defaults"),
                "alias_contact",
            ],
        )
        for alias in aliases:
            door = Door(
                alias.id,
                alias.alias_model_id.model,
                alias.alias_force_thread_id,
                alias.alias_defaults,
                alias.alias_contact,
            )
            names = {(alias.alias_full_name or "").lower(): full}
            if alias.alias_incoming_local:
                names |= {alias.alias_name.lower(): local}
            for name, table in names.items():
                table[name] = (*table.get(name, ()), door)
        domains = self.env["mail.alias.domain"].sudo().search([("name", "!=", False)])
        servers = self.env["fetchmail.server"].sudo()
        servers = servers.search_fetch(
            [("user", "=like", "%@%")], ["user", "section_id"]
        )
        sections = self.env["crm.case.section"].sudo().with_context(active_test=False)
        replies = {
            server.section_id.id: server.user for server in reversed(servers)
        } | {
            section.id: section.alias_email
            for section in sections.search([("alias_id.alias_name", "!=", False)])
            if section.alias_email
        }
        bounces = frozenset(filter(None, domains.mapped("bounce_email")))
        catchall = frozenset(filter(None, domains.mapped("catchall_email")))
        senders = frozenset(filter(None, domains.mapped("default_from_email")))
        return Inbound(
            full=full,
            local=local,
            reserved=bounces | catchall | senders,
            catchall=catchall,
            mailboxes=frozenset(user.lower() for user in servers.mapped("user")),
            domains=frozenset(filter(None, domains.mapped("name"))),
            bounces=bounces,
            replies=replies,
        )

    @api.model
    def _find_inbound(self, addresses):
        """Tell which aliases some addresses mean.

        :param addresses: normalized addresses, tagged ones too
        :return: list of `Door`, in the order of the aliases
        """
        inbound, found = self._get_inbound(), set()
        for address in map(mail_token.drop_tag, addresses):
            found.update(inbound.full.get(address, ()))
            local = self._get_open_local_part(address)
            found.update(inbound.local.get(local, ()))
        return sorted(found)

    @api.model
    def _is_inbound(self, address, mailboxes=True):
        """Tell whether a normalized address comes back to us.

        :param mailboxes: whether those count that we read and that are no alias
        """
        inbound, address = self._get_inbound(), mail_token.drop_tag(address or "")
        return bool(
            address in inbound.full
            or address in inbound.reserved
            or (mailboxes and address in inbound.mailboxes)
            or self._get_open_local_part(address) in inbound.local
        )

    @api.model
    def _get_open_local_part(self, address):
        """Give the part before the @ where it is enough, as Odoo's setting says."""
        # sudo: a setting the gateway reads for whoever brings a mail
        allowed = (
            self.env["ir.config_parameter"]
            .sudo()
            .get_param("mail.catchall.domain.allowed")
        )
        local, _at, domain = address.rpartition("@")
        if not allowed or domain in self._get_inbound().domains:
            return local
        return local if domain in allowed.split(",") else ""

    @api.model
    def _get_case_route(self, door, user_id):
        """Give the route through a door, as Odoo writes one for an alias.

        An alias that lets everybody in need not be read any more.
        """
        alias = None
        if door.contact != "everyone":
            # sudo: aliases are not readable for everybody
            alias = self.sudo().browse(door.alias_id)
        values = literal_eval(door.defaults)
        return ("crm.case", door.thread_id, values, user_id, alias)

    def _alias_bounce_incoming_email(self, message, message_dict, set_invalid=True):
        """Do not ask senders to try again while the ledger does it for them."""
        if set_invalid and self.env["crm.mail.intake"]._get_current():
            return None
        return super()._alias_bounce_incoming_email(
            message, message_dict, set_invalid=set_invalid
        )


class MailAliasDomain(models.Model):
    """The same for the addresses of a domain."""

    _inherit = "mail.alias.domain"

    @api.model_create_multi
    def create(self, vals_list):
        domains = super().create(vals_list)
        self.env["mail.alias"]._forget_inbound()
        return domains

    def write(self, vals):
        result = super().write(vals)
        self.env["mail.alias"]._forget_inbound()
        return result

    def unlink(self):
        self.env["mail.alias"]._forget_inbound()
        return super().unlink()

    @api.model
    def _find_aliases(self, email_list):
        """Answer from memory while a mail of the ledger is in hand.

        Odoo asks several times for each mail.
        """
        if not self.env["crm.mail.intake"]._get_current():
            return super()._find_aliases(email_list)
        is_inbound = self.env["mail.alias"]._is_inbound
        return [email for email in email_list if email and is_inbound(email, False)]
