from collections import defaultdict

from odoo import fields
from odoo.tools import SQL

_WORD = 62  # bits that are used of a bigint


class Facts:
    """What the criteria of segments read about partners, beside ``res_partner``.

    Whatever several segments ask for is joined once, so that one pass over the
    partners decides all of them. The answers of a partner are bits: one pass over the
    responses for all questions, then a comparison of numbers for each criterion.
    """

    def __init__(self, ids=None):
        """Start with nothing read.

        :param ids: ids of the only partners it is about; None means all
        """
        self.ids = None if ids is None else list(ids)
        self.now = fields.Datetime.now()
        self.figures = {}  # {crm.segment.line: SQL of its rows}
        self._joined = {}  # {repr of the rows: (alias, rows)}; SQL has no hash
        self._places = {}

    def join(self, rows):
        """Join rows, one for a partner at most.

        :param rows: SQL of rows with a partner_id
        :return: the name by which they are known; the same for equal rows
        """
        alias = f"fact_{len(self._joined)}"
        return self._joined.setdefault(repr(rows), (alias, rows))[0]

    def has_any(self, answer_ids):
        """Give the SQL condition that one of these answers is in force."""
        masks = defaultdict(int)
        for answer_id in answer_ids:
            word, bit = self._get_place(answer_id)
            masks[word] |= bit
        return SQL(
            "(%s)",
            SQL(" OR ").join(
                SQL("COALESCE(%s & %s::bigint, 0) <> 0", _column("given", word), mask)
                for word, mask in masks.items()
            ),
        )

    def _get_place(self, answer_id):
        number = self._places.setdefault(answer_id, len(self._places))
        return number // _WORD, 1 << number % _WORD

    def get_valid(self):
        """Give the SQL condition that ``crm_profiling_response r`` counts."""
        condition = SQL(
            "r.active AND (r.date_expiry IS NULL OR r.date_expiry > %s)", self.now
        )
        if self.ids is None:
            return condition
        return SQL("%s AND r.partner_id = ANY(%s)", condition, self.ids)

    # ------------------------------------------------------------
    # READINGS: (table, aggregate), SQL; see `crm.segment.mark.mixin`
    # ------------------------------------------------------------

    def get_partner_reading(self, condition=None):
        """Read who is active, of which company, and whom a condition holds for."""
        key = SQL("(id::bigint << 32) + COALESCE(company_id, 0)")
        if condition is not None:
            key = SQL("CASE WHEN %s THEN id::bigint END", condition)
        return SQL("res_partner WHERE active"), sum_up(key)

    def get_answer_reading(self, condition=None):
        """Read who gave which answer that counts; within a condition, if any."""
        key = SQL("(r.partner_id::bigint << 32) + r.answer_id")
        if condition is not None:
            key = SQL("CASE WHEN %s THEN %s END", condition, key)
        table = SQL("crm_profiling_response r WHERE %s", self.get_valid())
        return table, sum_up(key)

    def get_rows_reading(self, rows, condition=None):
        """Read which partners have a row, or one that a condition holds for."""
        alias = self.join(rows)
        key = SQL("%s::bigint", SQL.identifier(alias, "partner_id"))
        if condition is not None:
            key = SQL("CASE WHEN %s THEN %s END", condition, key)
        return SQL("(%s) %s", rows, SQL.identifier(alias)), sum_up(key)

    # ------------------------------------------------------------
    # TABLES
    # ------------------------------------------------------------

    def get_tables(self):
        """Give the SQL after FROM: the partners, and all that was joined."""
        joined = list(self._joined.values())
        if self._places:
            joined.append(("given", self._get_answers()))
        return SQL(
            "res_partner %s",
            SQL(" ").join(
                SQL(
                    "LEFT JOIN (%s) %s ON %s = res_partner.id",
                    rows,
                    SQL.identifier(alias),
                    SQL.identifier(alias, "partner_id"),
                )
                for alias, rows in joined
            ),
        )

    def _get_answers(self):
        words = range(len(self._places) // _WORD + 1)
        rows = []
        for answer_id in self._places:
            word, bit = self._get_place(answer_id)
            bits = (SQL("%s::bigint", bit if word == one else 0) for one in words)
            rows.append(SQL("(%s, %s)", answer_id, SQL(", ").join(bits)))
        return SQL(
            """SELECT r.partner_id, %(sums)s FROM crm_profiling_response r
                JOIN (VALUES %(rows)s) place(answer_id, %(names)s)
                    ON place.answer_id = r.answer_id
                WHERE %(valid)s GROUP BY r.partner_id""",
            sums=SQL(", ").join(
                SQL("bit_or(%s) AS %s", _column("place", word), _column(word))
                for word in words
            ),
            names=SQL(", ").join(_column(word) for word in words),
            rows=SQL(", ").join(rows),
            valid=self.get_valid(),
        )


def sum_up(key):
    """Give the SQL that sums up the values of a bigint, as text; NULLs do not count."""
    return SQL("count(%s) || ' ' || sum(hashint8extended(%s, 0))", key, key)


def _column(*path):
    *table, word = path
    return SQL.identifier(*table, f"bits_{word}")
