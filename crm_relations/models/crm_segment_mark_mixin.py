import hashlib
import logging
from collections import defaultdict

from odoo import api, models
from odoo.tools import SQL

from .crm_mail_intake_queue_mixin import CONCURRENCY_ERRORS
from .segment_facts import Facts

_logger = logging.getLogger(__name__)


class CrmSegmentMarkMixin(models.AbstractModel):
    """A mark per segment that stays the same as long as nothing has changed for it.

    The mark is what its criteria read, summed up: the criteria themselves; who is
    active and of which company; who gave which answer that counts; which partners a
    filter finds and a figure's bound holds for; who has the category. They are read
    *as they are now*, not told of: no writer can pass by, be it another addon, bulk SQL
    or a restored table, and what changes with time alone (expiry, periods, days since)
    counts at the moment it does. Sums of 64-bit hashes over rows: two contents share
    one by chance in 1 of 2^64. What is read twice, by one segment or by several, is
    read once: a scan per table, no sorting, no joining.
    """

    _name = "crm.segment.mark.mixin"
    _description = "Marks of Segments"

    @api.model
    def _get_marks(self):
        """Give the mark of every segment; one that cannot be read has none.

        :return: {id of a segment: text}, its end behind a slash the category's part
        """
        self.env.flush_all()
        # few, and written by people
        segments = self.search([])  # pylint: disable=no-search-all
        facts = Facts()
        readings = {one: one._try_readings(facts) for one in segments}
        readings = {one: found for one, found in readings.items() if found}
        try:
            with self.env.cr.savepoint(), self._bulk_plan():
                values = self._read_digests(readings.values())
        except CONCURRENCY_ERRORS:
            raise
        except Exception:
            # broad: one of them asks for what the database cannot answer. Then none
            # has a mark, and each is computed alone, which says which one it is
            _logger.info("Segments could not be compared", exc_info=True)
            return {}
        categories = segments._get_category_digests()
        return {
            segment.id: segment._make_mark(
                [values[repr(reading)] for reading in found],
                categories.get(segment.category_id.id, ""),
            )
            for segment, found in readings.items()
        }

    def _make_mark(self, values, category):
        text = repr((self._get_definition(), values))
        return f"{hashlib.sha256(text.encode()).hexdigest()}/{category}"

    def _get_definition(self):
        """Give the criteria themselves, as plain values."""
        names = ("measure", "operator", "value", "days", "mandatory")
        return [self.category_id.id, self.company_id.id] + [
            (
                [(answer.question_id.id, answer.id) for answer in one.answer_yes_ids],
                one.answer_no_ids.ids,
                one.filter_domain,
                [[line[name] for name in names] for line in one.line_ids],
            )
            for one in self._get_chain()
        ]

    # ------------------------------------------------------------
    # READ
    # ------------------------------------------------------------

    def _try_readings(self, facts):
        """Give what to read: list of (table, aggregate), SQL; none if that fails."""
        try:
            criteria = self._get_criteria(facts)
        except Exception:
            # broad: whatever a filter on what is gone raises; its own run will tell
            return []
        base = facts.get_partner_reading()
        return [base, *(one for found in criteria for one in found.readings)]

    def _read_digests(self, readings):
        """Read each table once.

        :return: {repr of a reading: what was read}
        """
        by_table = defaultdict(dict)
        for reading in {repr(one): one for found in readings for one in found}.values():
            by_table[repr(reading[0])][repr(reading)] = reading
        values = {}
        for found in by_table.values():
            table = next(iter(found.values()))[0]
            aggregates = SQL(", ").join(
                aggregate for _table, aggregate in found.values()
            )
            [row] = self.env.execute_query(SQL("SELECT %s FROM %s", aggregates, table))
            values.update(zip(found, row, strict=True))
        return values

    def _get_category_digests(self):
        """Give {id of a category: who has it, summed up}."""
        rows = self.env.execute_query(
            SQL(
                """SELECT category_id, count(*) || ' ' || sum(%s)
                FROM res_partner_res_partner_category_rel
                WHERE category_id = ANY(%s) GROUP BY category_id""",
                SQL("hashint8extended(partner_id, 0)"),
                self.category_id.ids,
            )
        )
        return dict(rows)
