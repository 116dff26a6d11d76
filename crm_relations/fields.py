"""Field types that Odoo lacks."""

import base64
import io
import struct

import psycopg2
from markupsafe import Markup
from odoo import fields
from odoo.tools import SQL

PIECE = 1 << 18  # bytes that go to the database, or come from there, at a time


class _Optional:
    """A number that knows "not given": stored as NULL, read as ``False``.

    Odoo's own numbers turn an empty value into 0, which would drag every average: on
    the scale of sentiments it is "very dissatisfied", and what is not closed yet took
    no time at all.
    """

    falsy_value = None
    aggregator = "avg"
    _number = float

    def convert_to_column(self, value, record, values=None, validate=True):
        return None if _is_missing(value) else self._number(value)

    def convert_to_cache(self, value, record, validate=True):
        return None if _is_missing(value) else self._number(value)

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


class OptionalInteger(_Optional, fields.Integer):
    """An integer that may be missing; 0 is a mark like any other."""

    _number = int


class OptionalFloat(_Optional, fields.Float):
    """A number that may be missing; without ``digits``."""

    _number = float


def _is_missing(value):
    # not `in (None, False, "")`: 0 equals False
    return value is None or value is False or value == ""


class Sanitized(Markup):
    """HTML that a field with the same rules has sanitized; no remote caller has it."""


class SanitizedHtml(fields.Html):
    """HTML that is not sanitized again when it comes from another such field.

    It is the dearest step of taking in a mail, whose text stands in the message and in
    the case's description.
    """

    def _convert(self, value, record, validate):
        return super()._convert(
            value, record, validate and not isinstance(value, Sanitized)
        )


class RawBinary(fields.Binary):
    """Bytes kept as they are, in the table itself.

    Odoo's own binary field holds base64. The ledger of mails keeps what the mailbox
    sent, byte for byte: a third less to store and nothing to decode, and inside the
    transaction that stores the rest of the row. Remote callers read base64.

    Large ones come from the database in pieces and go there as a stream: in one piece
    they are in memory six times on the way.
    """

    attachment = False

    def convert_to_column(self, value, record, values=None, validate=True):
        if value is None or value is False:
            return None
        return psycopg2.Binary(value.encode() if isinstance(value, str) else value)

    def convert_to_read(self, value, record, use_display_name=True):
        return base64.b64encode(value).decode() if value else False

    def update_db_column(self, model, column):
        result = super().update_db_column(model, column)
        # kept as it is, not compressed: faster to store, and pieces can be read
        model.env.cr.execute(
            SQL(
                "ALTER TABLE %s ALTER COLUMN %s SET STORAGE EXTERNAL",
                SQL.identifier(model._table),
                SQL.identifier(self.name),
            )
        )
        return result

    def __get__(self, record, owner=None):
        if record is not None and self._is_missing_in_cache(record):
            self._read_in_pieces(record)
        return super().__get__(record, owner)

    def _is_missing_in_cache(self, record):
        size_only = record.env.context.get("bin_size") or record.env.context.get(
            f"bin_size_{self.name}"
        )
        return (
            len(record) == 1
            and isinstance(record.id, int)
            and not size_only
            and record.id not in self._get_cache(record.env)
        )

    def _read_in_pieces(self, record):
        """Read one record's bytes into the cache: the first piece, then the rest."""
        record.check_access("read")
        column = SQL.identifier(self.name)
        table = SQL.identifier(record._table)
        # SQL: the ORM knows no parts of values; access was checked above
        query = SQL(
            "SELECT octet_length(%s), substring(%s FROM 1 FOR %s) FROM %s "
            "WHERE id = %s",
            column,
            column,
            PIECE,
            table,
            record.id,
        )
        rows = record.env.execute_query(query)
        if not rows:
            return
        size, piece = rows[0]
        if size is None or size <= PIECE:
            self._update_cache(record, None if piece is None else bytes(piece))
            return
        buffer = io.BytesIO()
        buffer.write(piece)
        while buffer.tell() < size:
            query = SQL(
                "SELECT substring(%s FROM %s FOR %s) FROM %s WHERE id = %s",
                column,
                buffer.tell() + 1,
                PIECE,
                table,
                record.id,
            )
            buffer.write(record.env.execute_query(query)[0][0])
        # without a copy
        self._update_cache(record, buffer.getvalue())

    def write_stream(self, record, content):
        """Store bytes of any size; they are in memory once.

        :param record: one record, whose row exists
        :param content: bytes
        """
        cr = record.env.cr
        # SQL: COPY in binary is the one way that neither escapes nor copies; a table
        # of this transaction takes it, because COPY only adds rows
        cr.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS crm_relations_stream (content bytea) "
            "ON COMMIT DELETE ROWS; "
            "ALTER TABLE crm_relations_stream "
            "ALTER COLUMN content SET STORAGE EXTERNAL; "
            "TRUNCATE crm_relations_stream"
        )
        cr.copy_expert(
            "COPY crm_relations_stream FROM STDIN (FORMAT binary)",
            _CopyStream(content),
            PIECE,
        )
        cr.execute(
            SQL(
                "UPDATE %s SET %s = (SELECT content FROM crm_relations_stream) "
                "WHERE id = %s",
                SQL.identifier(record._table),
                SQL.identifier(self.name),
                record.id,
            )
        )
        cr.execute("TRUNCATE crm_relations_stream")


class _CopyStream:
    """One row of one column in PostgreSQL's binary format, read piece by piece."""

    def __init__(self, content):
        sizes = struct.pack("!iihi", 0, 0, 1, len(content))
        pieces = (b"PGCOPY\n\xff\r\n\0" + sizes, content, b"\xff\xff")
        self.pieces = list(map(memoryview, pieces))

    def read(self, size=-1):  # as of a file: pylint: disable=method-required-super
        while self.pieces and not self.pieces[0]:
            del self.pieces[0]
        if not self.pieces:
            return b""
        piece = self.pieces[0][:size] if size >= 0 else self.pieces[0]
        self.pieces[0] = self.pieces[0][len(piece) :]
        return piece.tobytes()
