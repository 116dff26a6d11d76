"""Field types that Odoo lacks."""

import base64

import psycopg2
from odoo import fields


class OptionalInteger(fields.Integer):
    """An integer that knows "not given": stored as NULL, read as ``False``.

    Odoo's own integer turns an empty value into 0, which is a valid mark on the
    scale of sentiments (0 is "very dissatisfied"), and would drag every average.
    """

    falsy_value = None
    aggregator = "avg"

    def convert_to_column(self, value, record, values=None, validate=True):
        return None if _is_missing(value) else int(value)

    def convert_to_cache(self, value, record, validate=True):
        return None if _is_missing(value) else int(value)

    def convert_to_record(self, value, record):
        return False if value is None else value

    def convert_to_read(self, value, record, use_display_name=True):
        return False if _is_missing(value) else value

    def convert_to_export(self, value, record):
        return "" if _is_missing(value) else value

    def filter_function(self, records, field_expr, operator, value):
        """Tell 0 and none apart in `filtered_domain` too, as the database does."""
        if operator != "in":
            return super().filter_function(records, field_expr, operator, value)
        get_value = self.expression_getter(field_expr)
        wanted = {None if _is_missing(item) else item for item in value}
        return lambda record: (
            (None if _is_missing(found := get_value(record)) else found) in wanted
        )


def _is_missing(value):
    # not `in (None, False, "")`: 0 equals False
    return value is None or value is False or value == ""


class RawBinary(fields.Binary):
    """Bytes kept as they are, in the table itself.

    Odoo's own binary field holds base64. The ledger of mails keeps what the mailbox
    sent, byte for byte: a third less to store and nothing to decode, and inside the
    transaction that stores the rest of the row. Remote callers read base64.
    """

    attachment = False

    def convert_to_column(self, value, record, values=None, validate=True):
        if value is None or value is False:
            return None
        return psycopg2.Binary(value.encode() if isinstance(value, str) else value)

    def convert_to_read(self, value, record, use_display_name=True):
        return base64.b64encode(value).decode() if value else False
