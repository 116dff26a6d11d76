from datetime import timezone
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import email_normalize

from ..exceptions import MailCommandError
from ..tools import mail_command_value

NOTHING = "-"  # as a value: empty the field
LIST_LIMIT = 15  # values named in an error


class CrmCaseCommandValueMixin(models.AbstractModel):
    """What the value of a command means, to the user who gives it.

    Everything is looked up with that user's rights, in his language and time zone.
    Each reader gives the value to write and how to call it, or raises a
    `MailCommandError` that says what would be allowed.
    """

    _name = "crm.case.command.value.mixin"
    _description = "Values of Mail Commands"

    @api.model
    def _get_command_readers(self):
        """Give the table of commands; extend it to add one.

        :return: {name: (field, reader)}; a reader takes the text and the section that
            the case will have
        """
        return {
            "Set-State": ("state", self._read_command_selection),
            "Set-Priority": ("priority", self._read_command_selection),
            "Set-User": ("user_id", self._read_command_user),
            "Set-Section": ("section_id", self._read_command_section),
            "Set-Category": ("category_id", self._read_command_category),
            "Set-Deadline": ("date_deadline", self._read_command_moment),
            "Set-Cost": ("planned_cost", self._read_command_amount),
            "Set-Revenue": ("planned_revenue", self._read_command_amount),
            "Set-Probability": ("probability", self._read_command_percent),
            "Set-Partner": ("partner_id", self._read_command_partner),
            "Set-Watcher": ("email_cc", self._read_command_watchers),
        }

    @api.model
    def _refuse_value(self, text, allowed):
        """Say that a value is not understood, and which ones are.

        :param allowed: texts, of which only the first are named
        """
        names = [name for name in allowed if name]
        shown = ", ".join(names[:LIST_LIMIT])
        if len(names) > LIST_LIMIT:
            shown = self.env._("%s and others", shown)
        raise MailCommandError(
            self.env._(
                "“%(value)s” is not understood. Allowed: %(allowed)s.",
                value=text,
                allowed=shown or self.env._("nothing"),
            )
        )

    # ------------------------------------------------------------
    # WORDS
    # ------------------------------------------------------------

    def _read_command_selection(self, text, _section, name):
        """Read the technical word of a state or priority, or its label."""
        field = self._fields[name]
        labels = dict(field._description_selection(self.env))
        english = dict(
            field._description_selection(self.with_context(lang="en_US").env)
        )
        for value, label in labels.items():
            known = (value, label, english[value])
            if text.casefold() in map(str.casefold, known):
                return value, label
        return self._refuse_value(
            text, [f"{value} ({label})" for value, label in labels.items()]
        )

    # ------------------------------------------------------------
    # RECORDS
    # ------------------------------------------------------------

    @api.model
    def _pick_record(self, text, found, allowed):
        """Give the one record found, or say why there is none.

        :param allowed: function that lists what would be allowed
        """
        if len(found) > 1:
            raise MailCommandError(
                self.env._(
                    "“%(value)s” means several: %(names)s.",
                    value=text,
                    names=", ".join(
                        f"{one.display_name} ({one.id})" for one in found[:LIST_LIMIT]
                    ),
                )
            )
        if not found:
            self._refuse_value(text, allowed())
        return found.id, found.display_name

    def _read_command_user(self, text, section, _name):
        """Read a colleague: login, address, name, or "me"."""
        if text == NOTHING:
            return False, NOTHING
        if text.casefold() == "me":
            return self.env.user.id, self.env.user.name
        company = section.company_id or self.company_id
        able = Domain("share", "=", False) & Domain("company_ids", "in", company.ids)
        Users = self.env["res.users"]
        found = Users
        for domain in (
            Domain("login", "=ilike", _literal(text)),
            Domain("email_normalized", "=", email_normalize(text) or NOTHING),
            Domain("name", "=ilike", _literal(text)),
        ):
            found = found or Users.search(able & domain, limit=LIST_LIMIT)
        # sudo: names of colleagues in a section that the user may name
        return self._pick_record(
            text, found, lambda: section.sudo().staff_ids.mapped("login")
        )

    def _read_command_section(self, text, _section, _name):
        """Read a section: path, code or name, in the user's language or as stored."""
        sections = self.env["crm.case.section"].search(
            [("company_id", "in", [False, *self.env.companies.ids])]
        )
        wanted = _path(text)
        found = sections.filtered(
            lambda section: wanted in (_path(section.code), _path(section.display_name))
        ) or sections.filtered(
            lambda section: (
                wanted in (_path(section.complete_name), _path(section.name))
            )
        )
        return self._pick_record(text, found, lambda: sections.mapped("display_name"))

    def _read_command_category(self, text, section, _name):
        """Read a category of the section: its name, also in English."""
        if text == NOTHING:
            return False, NOTHING
        categories = self.env["crm.case.category"].search(
            Domain("section_id", "=", False)
            | Domain("section_id", "parent_of", section.id)
        )
        english = categories.with_context(lang="en_US")
        found = categories.browse(
            category.id
            for category, other in zip(categories, english, strict=True)
            if text.casefold() in (category.name.casefold(), other.name.casefold())
        )
        return self._pick_record(text, found, lambda: categories.mapped("name"))

    def _read_command_partner(self, text, section, _name):
        """Read a partner: address, or exact name."""
        if text == NOTHING:
            return False, NOTHING
        company = section.company_id or self.company_id
        able = Domain("company_id", "in", [False, *company.ids])
        address = email_normalize(text)
        named = (
            Domain("email_normalized", "=", address)
            if address
            else Domain("name", "=", text)
        )
        found = self.env["res.partner"].search(able & named, limit=LIST_LIMIT)
        return self._pick_record(
            text,
            found,
            lambda: [self.env._("the address or the exact name of a partner")],
        )

    def _read_command_watchers(self, text, _section, _name):
        """Read addresses to add; ours and those that watch already are none."""
        # the parent drops our own addresses, and the customer's
        new = self._mail_cc_sanitized_raw_dict(text)
        known = self._mail_cc_sanitized_raw_dict(self.email_cc)
        if not email_normalize(text, strict=False) or (not new and "@" not in text):
            self._refuse_value(text, [self.env._("an address")])
        added = {key: value for key, value in new.items() if key not in known}
        return list(added.values()), ", ".join(added) or self.env._("already told")

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    @api.model
    def _get_command_language(self):
        return self.env["res.lang"]._get_data(code=self.env.user.lang or "en_US")

    def _parse_command_number(self, text):
        language = self._get_command_language()
        point, mark = language.decimal_point or ".", language.thousands_sep or ""
        try:
            return mail_command_value.parse_number(text, point, mark)
        except ValueError:
            return self._refuse_value(
                text, [self.env._("a number such as %s", f"1{mark}234{point}50")]
            )

    def _read_command_amount(self, text, section, name):
        """Read an amount in the company's currency, which may be named."""
        currency = (section.company_id or self.company_id).currency_id
        bare = text
        for sign in filter(None, (currency.name, currency.symbol)):
            bare = bare.removeprefix(sign).removesuffix(sign).strip()
        value = self._parse_command_number(bare)
        return value, currency.format(value)

    def _read_command_percent(self, text, _section, _name):
        value = self._parse_command_number(text.removesuffix("%").strip())
        if not 0 <= value <= 100:
            self._refuse_value(text, [self.env._("a percentage from 0 to 100")])
        return value, f"{value:g} %"

    def _read_command_moment(self, text, _section, _name):
        """Read a date in the user's form or as 2026-11-30, or a delay such as +3d."""
        if text == NOTHING:
            return False, NOTHING
        language = self._get_command_language()
        zone = ZoneInfo(self.env.user.tz or "UTC")
        now = fields.Datetime.now().replace(tzinfo=timezone.utc).astimezone(zone)
        date_format = language.date_format or "%Y-%m-%d"
        try:
            local = mail_command_value.parse_moment(
                text,
                now.replace(tzinfo=None, microsecond=0),
                date_format,
                language.time_format or "%H:%M",
            )
        except ValueError:
            return self._refuse_value(
                text,
                [
                    f"{now:%Y-%m-%d}",
                    f"{now:%Y-%m-%d %H:%M}",
                    f"{now:{date_format}}",
                    "+3d",
                ],
            )
        moment = local.replace(tzinfo=zone).astimezone(timezone.utc)
        return moment.replace(tzinfo=None), f"{local:{date_format} %H:%M} ({zone.key})"


def _literal(text):
    """Let no character of a value stand for others in a search."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _path(name):
    return " / ".join(
        " ".join(step.split()) for step in (name or "").split("/")
    ).casefold()
