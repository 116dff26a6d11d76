from ast import literal_eval
from dataclasses import dataclass

import psycopg2
from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, Query

from ..tools.mail_priority import HIGH, LOW, NORMAL, URGENT
from ..tools.pattern import has_back_reference
from .crm_case_mail_recipients_mixin import EXCHANGE_TYPES

# characters of a text that a pattern looks at; the time of a search grows with it
PATTERN_REACH = 20_000
# milliseconds that PostgreSQL may take to read a pattern and try it on an ugly text
PATTERN_TIMEOUT = 500
PATTERN_LIMIT = 500  # characters

PRIORITIES = [(LOW, "Low"), (NORMAL, "Normal"), (HIGH, "High"), (URGENT, "Urgent")]


@dataclass(frozen=True)
class Criterion:
    """One condition on cases.

    ``name`` is the field it was written in, ``domain`` what it asks of a case,
    ``value_of`` gives a case's own value for people to read.
    """

    name: str
    domain: Domain
    value_of: object = None


class CrmCaseCriteriaMixin(models.AbstractModel):
    """Conditions on cases; all are optional, all that are filled must hold.

    Whatever acts on some cases and not on others (rules, service level policies)
    states which ones with these fields. A whole set of cases is tested by one query.
    """

    _name = "crm.case.criteria.mixin"
    _description = "Criteria on Cases"

    section_id = fields.Many2one(
        "crm.case.section",
        index="btree_not_null",
        ondelete="restrict",
        help="The section and all its sub-sections.",
    )
    category_id = fields.Many2one(
        "crm.case.category", index="btree_not_null", ondelete="restrict"
    )
    user_id = fields.Many2one("res.users", "Responsible", ondelete="restrict")
    partner_id = fields.Many2one(
        "res.partner",
        ondelete="restrict",
        help="The partner, and its contacts if it is a company.",
    )
    partner_category_id = fields.Many2one(
        "res.partner.category",
        ondelete="restrict",
        help="Partners in this category or one below it. A company's category "
        "counts for its contacts.",
    )
    channel_id = fields.Many2one("crm.case.channel", ondelete="restrict")
    company_id = fields.Many2one(
        "res.company",
        index="btree_not_null",
        ondelete="restrict",
        default=lambda self: self.env.company,
    )
    priority_min = fields.Selection(PRIORITIES, "Priority at Least")
    priority_max = fields.Selection(PRIORITIES, "Priority at Most")
    min_messages = fields.Integer(
        "Messages at Least",
        help="Mails and comments of the discussion; notes of the system do not count.",
    )
    subject_pattern = fields.Char(
        help="Regular expression found in the subject, whatever the case of letters. "
        "Example: invoice|bill"
    )
    body_pattern = fields.Char(
        "Text Pattern",
        help="Regular expression found in the description or in the latest message, "
        "whatever the case of letters.",
    )
    filter_domain = fields.Char("Other Conditions", help="Any condition on cases.")

    _min_messages_positive = models.Constraint(
        "CHECK(min_messages >= 0)", "Messages at least: it cannot be negative."
    )

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("priority_min", "priority_max")
    def _check_priorities(self):
        for record in self:
            low, high = record.priority_min, record.priority_max
            if low and high and low > high:
                raise ValidationError(
                    self.env._(
                        "Priority: at least “%(low)s” and at most “%(high)s” leaves "
                        "none.",
                        low=dict(PRIORITIES)[low],
                        high=dict(PRIORITIES)[high],
                    )
                )

    @api.constrains("subject_pattern", "body_pattern")
    def _check_patterns(self):
        for record in self:
            for name in ("subject_pattern", "body_pattern"):
                if record[name]:
                    record._check_pattern(name)

    def _check_pattern(self, name):
        """Let PostgreSQL read a pattern and try it, within a short time.

        Its engine takes a time that grows with the text and not with its power, but
        for back-references, which are refused.

        :raise ValidationError: names the field and what is wrong with its pattern
        """
        label = self._fields[name]._description_string(self.env)
        pattern = self[name]
        if len(pattern) > PATTERN_LIMIT:
            reason = self.env._("it is longer than %s characters.", PATTERN_LIMIT)
        elif has_back_reference(pattern):
            reason = self.env._("back-references (\\1) are not supported.")
        else:
            reason = self._try_pattern(pattern)
        if reason:
            raise ValidationError(
                self.env._("%(field)s: %(reason)s", field=label, reason=reason)
            )

    def _try_pattern(self, pattern):
        """Tell why PostgreSQL refuses a pattern, or give None."""
        ugly = ("a" * 40 + " " + "1@." * 20) * (PATTERN_REACH // 100)
        try:
            with self.env.cr.savepoint(flush=False):
                # SQL: only the engine that will search can say whether it can
                self.env.cr.execute(
                    SQL("SET LOCAL statement_timeout = %s", PATTERN_TIMEOUT),
                    log_exceptions=False,
                )
                self.env.cr.execute(
                    SQL("SELECT %s ~* %s", ugly, pattern), log_exceptions=False
                )
                # the savepoint keeps the setting when it succeeds
                self.env.cr.execute("SET LOCAL statement_timeout = DEFAULT")
        except psycopg2.errors.QueryCanceled:
            return self.env._("the expression takes too long to search for.")
        except psycopg2.DataError as error:
            return str(error).strip().splitlines()[0]
        return None

    @api.constrains("filter_domain")
    def _check_filter_domain(self):
        for record in self:
            record._check_readable()

    def _check_readable(self):
        try:
            domain = Domain(self._read_filter_domain())
            domain.validate(self.env["crm.case"])
            # some mistakes only show when the condition is turned into SQL
            self.env["crm.case"].sudo()._search(domain)
        except Exception as error:
            # whatever is wrong with it, its author is told what
            raise ValidationError(
                self.env._(
                    "Other Conditions: “%(domain)s” cannot be read: %(error)s",
                    domain=self.filter_domain,
                    error=error,
                )
            ) from error

    def _read_filter_domain(self):
        return literal_eval(self.filter_domain or "[]")

    # ------------------------------------------------------------
    # CRITERIA
    # ------------------------------------------------------------

    def _get_criteria(self):
        """List the conditions that are filled, in the order people read them.

        :return: list of `Criterion`; empty means every case
        """
        return self._get_lasting_criteria()

    def _get_lasting_criteria(self):
        """List the conditions of this mixin's own fields."""
        self.ensure_one()
        builders = self._get_criterion_builders()
        criteria = (
            Criterion(name, Domain(build()), self._get_value_reader(name))
            for name, build in builders.items()
            if self[name]
        )
        return list(criteria)

    def _get_criterion_builders(self):
        """Map each field to a function that gives its domain over `crm.case`."""
        return {
            "company_id": lambda: [("company_id", "=", self.company_id.id)],
            "section_id": lambda: [("section_id", "child_of", self.section_id.id)],
            "category_id": lambda: [("category_id", "=", self.category_id.id)],
            "user_id": lambda: [("user_id", "=", self.user_id.id)],
            "partner_id": self._get_partner_domain,
            "partner_category_id": self._get_partner_category_domain,
            "channel_id": lambda: [("channel_id", "=", self.channel_id.id)],
            # the values of priorities sort as their meaning does
            "priority_min": lambda: [("priority", ">=", self.priority_min)],
            "priority_max": lambda: [("priority", "<=", self.priority_max)],
            "min_messages": self._get_messages_domain,
            "subject_pattern": self._get_subject_domain,
            "body_pattern": self._get_body_domain,
            "filter_domain": self._read_filter_domain,
        }

    def _get_partner_domain(self):
        one = Domain("partner_id", "=", self.partner_id.id)
        return one | Domain("commercial_partner_id", "=", self.partner_id.id)

    def _get_partner_category_domain(self):
        found = Domain("category_id", "child_of", self.partner_category_id.id)
        return Domain("partner_id", "any!", found) | Domain(
            "commercial_partner_id", "any!", found
        )

    def _get_messages_domain(self):
        """Count no further than needed: a case may have thousands of messages."""
        count = self.min_messages

        def to_sql(_model, alias, _query):
            return SQL(
                """(SELECT count(*) FROM (
                    SELECT FROM mail_message
                     WHERE model = 'crm.case' AND res_id = %s
                       AND message_type IN %s LIMIT %s) messages) >= %s""",
                SQL.identifier(alias, "id"),
                EXCHANGE_TYPES,
                count,
                count,
            )

        return Domain.custom(to_sql=to_sql)

    def _get_subject_domain(self):
        pattern = self.subject_pattern

        def to_sql(_model, alias, _query):
            return SQL(
                "COALESCE(%s ~* %s, FALSE)", SQL.identifier(alias, "name"), pattern
            )

        return Domain.custom(to_sql=to_sql)

    def _get_body_domain(self):
        pattern = self.body_pattern

        def to_sql(_model, alias, _query):
            return SQL(
                """(COALESCE(left(%(description)s, %(reach)s) ~* %(pattern)s, FALSE)
                 OR COALESCE((
                    SELECT left(body, %(reach)s) FROM mail_message
                     WHERE model = 'crm.case' AND res_id = %(id)s
                       AND message_type IN %(types)s
                     ORDER BY id DESC LIMIT 1) ~* %(pattern)s, FALSE))""",
                description=SQL.identifier(alias, "description"),
                id=SQL.identifier(alias, "id"),
                types=EXCHANGE_TYPES,
                reach=PATTERN_REACH,
                pattern=pattern,
            )

        return Domain.custom(to_sql=to_sql)

    def _get_criteria_domain(self):
        """Give all conditions as one Domain over `crm.case`, archived ones left out."""
        return Domain("active", "=", True) & Domain.AND(
            criterion.domain for criterion in self._get_criteria()
        )

    def _get_criteria_watch(self):
        """Name the fields of `crm.case` whose change can change the answer."""
        names = {"active"}
        for criterion in self._get_criteria():
            names |= self._get_criterion_watch(criterion)
        return names

    def _get_criterion_watch(self, criterion):
        of_texts = {
            "min_messages": {"date_last_action"},
            "subject_pattern": {"name"},
            "body_pattern": {"description", "date_last_action"},
        }
        if criterion.name in of_texts:
            return of_texts[criterion.name]
        return {
            condition.field_expr.split(".")[0]
            for condition in criterion.domain.iter_conditions()
        }

    # ------------------------------------------------------------
    # TESTS
    # ------------------------------------------------------------

    def _match(self, cases):
        """Give those of ``cases`` that meet all conditions, with one query.

        :param cases: any number of crm.case
        :return: crm.case, in the order of ``cases``
        """
        if not cases:
            return cases
        # sudo: conditions are about the case, not about who happens to touch it
        Case = self.env["crm.case"].sudo()
        domain = Domain("id", "in", cases.ids) & self._get_criteria_domain()
        found = set(Case._search(domain))
        return cases.filtered(lambda case: case.id in found)

    def explain(self, case):
        """Tell of each condition whether a case meets it, with one query.

        :param case: one crm.case; remote callers give its id
        :return: list of dict: ``name`` of the field, its ``label``, what is ``wanted``,
            the case's ``value`` as people read it, and whether it ``holds``
        """
        self.ensure_one()
        if isinstance(case, int):
            case = self.env["crm.case"].browse(case)
        case.ensure_one()
        case.check_access("read")
        criteria = self._get_criteria()
        verdicts = self._get_verdicts(case, criteria)
        return [
            {
                "name": criterion.name,
                "label": self._get_label(criterion.name),
                "wanted": self._format_wanted(criterion),
                "value": self._format_value(criterion, case),
                "holds": holds,
            }
            for criterion, holds in zip(criteria, verdicts, strict=True)
        ]

    def _get_label(self, name):
        return self._fields[name]._description_string(self.env)

    def _get_verdicts(self, case, criteria):
        """Tell for each criterion whether it holds for a case, with one query."""
        if not criteria:
            return []
        # sudo: see `_match`
        Case = self.env["crm.case"].sudo()
        Case.flush_model()
        query = Query(self.env, Case._table, Case._table_sql)
        query.add_where(SQL("%s = %s", SQL.identifier(Case._table, "id"), case.id))
        conditions = [
            self._domain_to_sql(Case, criterion.domain, query) for criterion in criteria
        ]
        [row] = self.env.execute_query(query.select(*conditions))
        return [bool(verdict) for verdict in row]

    @api.model
    def _domain_to_sql(self, Case, domain, query):
        domain = domain.optimize_full(Case)
        if domain.is_true() or domain.is_false():
            return SQL("TRUE") if domain.is_true() else SQL("FALSE")
        return domain._to_sql(Case, Case._table, query)

    def _format_wanted(self, criterion):
        field = self._fields[criterion.name]
        value = self[criterion.name]
        if field.relational:
            return value.sudo().display_name
        if field.type == "selection":
            return dict(field._description_selection(self.env)).get(value, value)
        return str(value)

    def _get_value_reader(self, name):
        """Give the field of a case that shows its value, or a function of the case."""
        return {
            "priority_min": "priority",
            "priority_max": "priority",
            "subject_pattern": "name",
            "partner_category_id": lambda case: ", ".join(
                (case.partner_id | case.commercial_partner_id).category_id.mapped(
                    "display_name"
                )
            ),
            "min_messages": lambda case: str(
                len(
                    case.message_ids.filtered(
                        lambda message: message.message_type in EXCHANGE_TYPES
                    )
                )
            ),
            "body_pattern": lambda _case: "",
            "filter_domain": lambda _case: "",
        }.get(name, name)

    def _format_value(self, criterion, case):
        """Give a case's own value; that the reader may see the case was checked."""
        reader = criterion.value_of
        case = case.sudo()
        if callable(reader):
            return reader(case)
        field = case._fields[reader]
        value = case[reader]
        if field.relational:
            return value.display_name or ""
        if field.type == "selection":
            return dict(field._description_selection(self.env)).get(value, "")
        return str(value or "")
