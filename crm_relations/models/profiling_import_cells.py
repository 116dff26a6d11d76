from datetime import datetime, time

import pytz
from odoo import fields
from odoo.exceptions import UserError

from .crm_profiling_import_row import DATE, EXTERNAL_ID


class RowError(Exception):
    """Why one row cannot be imported, in words for its user."""


class CellReader:
    """Turns the cells of a row into values, each different text once."""

    def __init__(self, job):
        self._job, self._env = job, job.env
        self._columns = {c.field_name: c for c in job.column_ids if c.field_name}
        self._cache = {}

    def get_cell(self, cells, column):
        return cells[column.place] if column.place < len(cells) else ""

    def _get(self, cells, name):
        column = self._columns.get(name)
        return self.get_cell(cells, column) if column else ""

    def get_partner(self, cells):
        """Give the values of a new partner."""
        values = {}
        for name in self._columns:
            text = self._get(cells, name)
            if text and name not in (EXTERNAL_ID, DATE):
                values[name] = self._convert(name, text)
        # whoever has no name is called by what there is
        values["name"] = (
            values.get("name") or values.get("company_name") or values.get("email")
        )
        return values

    def _convert(self, name, text):
        partners = self._env["res.partner"]
        kind = partners._fields[name].type
        if kind in ("char", "text"):
            return text
        key = name, text
        if key not in self._cache:
            self._cache[key] = self._convert_once(partners, name, text, kind)
        return self._cache[key]

    def _convert_once(self, partners, name, text, kind):
        try:
            with self._env.cr.savepoint(flush=False) as savepoint:
                converter = self._env["ir.fields.converter"].to_field(
                    partners, partners._fields[name], str, savepoint=savepoint
                )
                value, warnings = converter(
                    [{None: text}] if kind == "many2one" else text
                )
        except (ValueError, UserError) as error:
            value, warnings = False, [error]
        if warnings:
            raise RowError(
                self._env._(
                    "Column “%(column)s”: “%(text)s” does not fit.",
                    column=self._columns[name].name,
                    text=text,
                )
            )
        return value

    def get_date(self, cells):
        """Give the date of the answers in UTC, None for now."""
        text = self._get(cells, DATE)
        if not text:
            return None
        if text not in self._cache:
            self._cache[text] = self._read_date(text)
        return self._cache[text]

    def _read_date(self, text):
        lang = self._env["res.lang"]._get_data(code=self._env.lang or "en_US")
        formats = [
            f"{date}{clock}"
            for date in ("%Y-%m-%d", lang.date_format)
            for clock in ("", " %H:%M", " %H:%M:%S")
        ]
        for form in formats:
            try:
                local = datetime.strptime(text, form)
            except ValueError:
                continue
            return self._to_utc(local, text)
        raise RowError(self._env._("Date of the Answers: “%s” is no date.", text))

    def _to_utc(self, local, text):
        if local.time() == time():
            local = datetime.combine(local.date(), time(12))
        here = self._env.tz.localize(local)
        moment = here.astimezone(pytz.utc).replace(tzinfo=None)
        if moment.date() > fields.Date.today():
            raise RowError(
                self._env._("Date of the Answers: “%s” is in the future.", text)
            )
        return min(moment, fields.Datetime.now())
