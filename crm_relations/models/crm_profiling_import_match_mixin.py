from odoo import models
from odoo.tools import SQL

from ..tools.answer_book import AnswerBook
from .crm_profiling_import_row import EXTERNAL_ID

_MOST_TEXTS = 5_000  # different cells that are looked at, the most frequent first
_MOST_UNKNOWN = 500  # that anybody would decide on; the rest is left out
_MOST_NUMBERS = 10  # rows that are named for each

# how partners are found, in this order; the first that finds any decides. k.key is
# what the rows have.
_WAYS = {
    "xmlid": """ir_model_data d ON d.module = split_part(k.key, '.', 1)
        AND d.name = substr(k.key, strpos(k.key, '.') + 1) AND d.model = 'res.partner'
        JOIN res_partner p ON p.id = d.res_id""",
    "email": "res_partner p ON p.active AND p.email_normalized = k.key",
    "ref": "res_partner p ON p.active AND p.ref = k.key",
    "vat": """res_partner p ON p.active
        AND upper(regexp_replace(p.vat, '[^[:alnum:]]', '', 'g')) = k.key""",
}
# those that an index answers, for a batch about to be applied
_QUICK_WAYS = ("xmlid", "email", "ref")


class CrmProfilingImportMatchMixin(models.AbstractModel):
    """Looking up what rows mean: a few statements, however many rows there are."""

    _name = "crm.profiling.import.match.mixin"
    _description = "Matching of an Import"

    # ------------------------------------------------------------
    # PARTNERS
    # ------------------------------------------------------------

    def _match(self):
        """Find each row's partner among those the user sees, and what is in the way."""
        self.env.flush_all()
        scope = SQL("r.import_id = %s AND r.finding IS NULL", self.id)
        for way in self._get_ways():
            self._match_by(way, scope)
        self._settle(scope)
        self._skip_doubles()
        self._forget_rows()

    def _match_again(self, rows):
        """Look once more for partners that were to be created: days may have passed."""
        self.env.flush_all()
        scope = SQL("r.id = ANY(%s) AND r.finding = 'new'", list(rows.ids))
        for way in self._get_ways():
            if way in _QUICK_WAYS:
                self._match_by(way, scope)
        self._forget_rows()

    def _get_ways(self):
        """Give the ways for which the file has a column, in their order."""
        columns = set(self.column_ids.mapped("field_name"))
        return [w for w in _WAYS if (EXTERNAL_ID if w == "xmlid" else w) in columns]

    def _match_by(self, way, scope):
        readable = self.env["res.partner"]._search([], active_test=False)
        # raw SQL: one statement for all rows; what the user may not see is left out
        self.env.cr.execute(
            SQL(
                """WITH found AS (
                    SELECT k.key, count(*) AS count, min(p.id) AS id,
                        array_to_string((array_agg(
                            COALESCE(p.complete_name, p.email) ORDER BY p.id))[1:4],
                            ' / ') AS names
                    FROM (SELECT DISTINCT r.%(key)s AS key
                        FROM crm_profiling_import_row r
                        WHERE %(scope)s AND r.%(key)s IS NOT NULL) k
                    JOIN %(way)s
                    WHERE p.id IN %(readable)s
                    GROUP BY k.key)
                UPDATE crm_profiling_import_row r
                SET partner_id = CASE WHEN found.count = 1 THEN found.id END,
                    finding = CASE WHEN found.count = 1 THEN %(name)s
                        ELSE 'several' END,
                    state = CASE WHEN found.count = 1 THEN 'todo' ELSE 'skipped' END,
                    problem = CASE WHEN found.count > 1 THEN found.names END
                FROM found WHERE r.%(key)s = found.key AND %(scope)s""",
                key=SQL.identifier(way),
                way=SQL(_WAYS[way]),
                name=way,
                scope=scope,
                readable=readable.subselect(),
            )
        )

    def _settle(self, scope):
        """Decide on rows without a partner: created, or left out with the reason."""
        places = {c.field_name: c.place for c in self.column_ids if c.field_name}
        # a place that does not exist has no cell
        name, company = (places.get(f, -1) for f in ("name", "company_name"))
        name, company = (
            SQL("r.cells->>%s", 10**6 if place < 0 else place)
            for place in (name, company)
        )
        # raw SQL: as above
        self.env.cr.execute(
            SQL(
                """UPDATE crm_profiling_import_row r
                SET finding = v.finding, problem = v.problem,
                    state = CASE WHEN v.finding = 'new' THEN 'todo' ELSE 'skipped' END
                FROM (SELECT r.id, CASE
                        WHEN d.id IS NOT NULL THEN 'invalid'
                        WHEN r.wrong_mail IS NOT NULL THEN 'mail'
                        WHEN %(nobody)s THEN 'invalid'
                        ELSE 'new' END AS finding, CASE
                        WHEN d.id IS NOT NULL THEN %(taken)s
                        WHEN r.wrong_mail IS NOT NULL THEN r.wrong_mail
                        WHEN %(nobody)s THEN %(nameless)s END AS problem
                    FROM crm_profiling_import_row r
                    LEFT JOIN ir_model_data d
                        ON d.module = split_part(r.xmlid, '.', 1)
                        AND d.name = substr(r.xmlid, strpos(r.xmlid, '.') + 1)
                    WHERE %(scope)s) v
                WHERE v.id = r.id""",
                scope=scope,
                nobody=SQL(
                    "COALESCE(NULLIF(%s, ''), NULLIF(%s, ''), r.email) IS NULL",
                    name,
                    company,
                ),
                taken=self.env._("The external ID is taken by another record."),
                nameless=self.env._("There is no name, company or mail."),
            )
        )

    def _skip_doubles(self):
        """Leave out all rows but the first about one partner."""
        # raw SQL: as above
        self.env.cr.execute(
            SQL(
                """UPDATE crm_profiling_import_row r
                SET finding = 'double', state = 'skipped',
                    problem = replace(%s, '0', v.first::text)
                FROM (SELECT r.id, r.number, min(r.number) OVER (PARTITION BY
                        r.partner_id, CASE WHEN r.partner_id IS NULL THEN
                            COALESCE('x' || r.xmlid, 'e' || r.email, 'r' || r.ref,
                                'v' || r.vat, 'n' || r.number) END) AS first
                    FROM crm_profiling_import_row r
                    WHERE r.import_id = %s AND r.state = 'todo') v
                WHERE v.id = r.id AND v.number > v.first""",
                self.env._("The same partner as in row %s.", 0),
                self.id,
            )
        )

    # ------------------------------------------------------------
    # ANSWERS
    # ------------------------------------------------------------

    def _get_books(self):
        """Give {column: AnswerBook}, with what was decided about unknown texts."""
        questions = self.column_ids.question_id
        names = self._get_names(questions.answer_ids)
        books = {
            column: AnswerBook(
                [
                    (answer, names[answer])
                    for answer in column.question_id.answer_ids.ids
                ],
                column.question_id.kind == "multiple",
            )
            for column in self.column_ids.filtered("question_id")
        }
        for value in self.value_ids.filtered("answer_id"):
            books[value.column_id].decide(value.name, value.answer_id.id)
        return books

    def _find_unknown(self):
        """List the texts that are no answers, each once, with rows and the nearest."""
        books = {
            column.place: (column, book) for column, book in self._get_books().items()
        }
        unknown = {}
        for place, cell, count in self._count_cells(list(books)):
            column, book = books[place]
            for text in book.recognize(cell)[1]:
                found = unknown.setdefault((column, text.casefold()), [text, 0, []])
                found[1] += count
                found[2].append(cell)
        most = sorted(unknown.items(), key=lambda item: -item[1][1])[:_MOST_UNKNOWN]
        numbers = self._get_numbers(
            {(key[0].place, cell) for key, found in most for cell in found[2]}
        )
        self.env["crm.profiling.import.value"].create(
            [
                self._prepare_value(column, books[column.place][1], found, numbers)
                for (column, _key), found in most
            ]
        )

    def _prepare_value(self, column, book, found, numbers):
        text, count, cells = found
        rows = sorted(
            {
                number
                for cell in cells
                for number in numbers.get((column.place, cell), ())
            }
        )[:_MOST_NUMBERS]
        return {
            "import_id": self.id,
            "column_id": column.id,
            "name": text,
            "row_count": count,
            "row_numbers": ", ".join(map(str, rows))
            + ("…" if count > len(rows) else ""),
            "proposal_ids": book.get_nearest(text),
        }

    def _count_cells(self, places):
        """Give (place, text, number of rows) of the different cells of questions."""
        return self.env.execute_query(
            SQL(
                """SELECT c.place, r.cells->>c.place, count(*)
                FROM crm_profiling_import_row r, unnest(%s::int[]) AS c(place)
                WHERE r.import_id = %s AND r.cells->>c.place <> ''
                GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %s""",
                places,
                self.id,
                _MOST_TEXTS,
            )
        )

    def _get_numbers(self, cells):
        """Give {(place, text): numbers of the first rows that have it}."""
        if not cells:
            return {}
        places, texts = zip(*cells, strict=True)
        rows = self.env.execute_query(
            SQL(
                """SELECT c.place, c.cell,
                    (array_agg(r.number ORDER BY r.number))[1:%s]
                FROM crm_profiling_import_row r
                JOIN unnest(%s::int[], %s::text[]) AS c(place, cell)
                    ON r.cells->>c.place = c.cell
                WHERE r.import_id = %s GROUP BY 1, 2""",
                _MOST_NUMBERS,
                list(places),
                list(texts),
                self.id,
            )
        )
        return {(place, cell): numbers for place, cell, numbers in rows}

    def _add_answers(self):
        """Make answers of the texts that are to be added; managers only, by ACL."""
        added = self.value_ids.filtered("is_added")
        answers = self.env["crm.profiling.answer"].create(
            [
                {
                    "name": value.name,
                    "question_id": value.question_id.id,
                    "sequence": max(
                        value.question_id.answer_ids.mapped("sequence"), default=0
                    )
                    + 1,
                }
                for value in added
            ]
        )
        for value, answer in zip(added, answers, strict=True):
            value.write({"is_added": False, "answer_id": answer.id})
