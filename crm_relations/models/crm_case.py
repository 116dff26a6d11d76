from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, ormcache

from ..exceptions import CaseDeletionError
from ..fields import OptionalInteger, SanitizedHtml
from ..tools import transitions
from ..tools.mail_priority import HIGH, LOW, NORMAL, URGENT


class CrmCase(models.Model):
    """A discussion with a partner about one subject, whatever its kind.

    An opportunity, a support request, a supplier's quality problem, a meeting: one
    model, so that a case can pass from one section to any other and lose nothing.
    What it does beyond being one is in the mixins, one file each.
    """

    _name = "crm.case"
    _description = "Case"
    _inherit = [
        # first: rules see a case when all the others are through with it
        "crm.case.automation.mixin",
        # before the state: clocks are reckoned from the stays that it records
        "crm.case.sla.mixin",
        "crm.case.ladder.mixin",
        # before the state: it counts the moves that are recorded there
        "crm.case.figures.mixin",
        "crm.case.analysis.mixin",
        "crm.case.command.mixin",
        "crm.case.state.mixin",
        "crm.case.transfer.mixin",
        "crm.case.memory.mixin",
        "crm.case.segment.mixin",
        "crm.case.backlog.mixin",
        "crm.case.assignment.mixin",
        "crm.case.intake.mixin",
        "crm.case.route.mixin",
        # before the mail mixin: it completes what that one sends
        "crm.case.outgoing.mixin",
        "crm.case.mail.mixin",
    ]
    _order = "priority desc, id desc"
    _rec_names_search = ["name", "number"]
    _check_company_auto = True

    name = fields.Char("Subject", required=True, index="trigram", tracking=True)
    number = fields.Char(
        copy=False,
        readonly=True,
        help="Stands in the subject of every mail about the case, as in [101].",
    )
    active = fields.Boolean(default=True, tracking=True, copy=False)
    description = SanitizedHtml(
        sanitize_style=True, help="What it is about; the text of the first mail."
    )

    # Where it belongs
    section_id = fields.Many2one(
        "crm.case.section",
        required=True,
        index=True,
        tracking=True,
        ondelete="restrict",
        check_company=True,
        default=lambda self: self._default_section_id(),
    )
    board_stage_ids = fields.Many2many(related="section_id.board_stage_ids")
    category_id = fields.Many2one(
        "crm.case.category",
        index="btree_not_null",
        tracking=True,
        ondelete="restrict",
        domain="""[
            '|', ('section_id', '=', False), ('section_id', 'parent_of', section_id)
        ]""",
    )
    company_id = fields.Many2one(
        "res.company",
        compute="_compute_company_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    priority = fields.Selection(
        [(LOW, "Low"), (NORMAL, "Normal"), (HIGH, "High"), (URGENT, "Urgent")],
        default=NORMAL,
        required=True,
        tracking=True,
    )

    # With whom
    partner_id = fields.Many2one(
        "res.partner", index="btree_not_null", tracking=True, check_company=True
    )
    commercial_partner_id = fields.Many2one(
        "res.partner",
        "Company of the Partner",
        compute="_compute_commercial_partner_id",
        store=True,
        precompute=True,
        index="btree_not_null",
    )
    partner_case_count = fields.Integer(
        related="partner_id.case_count",
        string="Cases of the Partner",
        # those the reader may see, as the partner's own figure
        related_sudo=False,
    )
    # to group by, see `crm.case.analysis.mixin`
    partner_category_ids = fields.Many2many(
        related="partner_id.category_id", string="Categories of the Partner"
    )
    contact_name = fields.Char(
        compute="_compute_contact_name", store=True, readonly=False, precompute=True
    )
    phone = fields.Char(
        compute="_compute_phone", store=True, readonly=False, precompute=True
    )
    channel_id = fields.Many2one("crm.case.channel", ondelete="restrict")
    sentiment = OptionalInteger(
        aggregator="avg",
        help="How the partner feels: 0 very dissatisfied to 10 extremely satisfied.",
    )
    reference = fields.Reference(
        selection="_selection_reference",
        index="btree_not_null",
        help="Any document the case is about.",
    )

    # When
    date = fields.Datetime(default=fields.Datetime.now, index=True)
    duration = fields.Float("Duration (hours)", default=1.0)
    date_deadline = fields.Datetime("Deadline", tracking=True)
    is_late = fields.Boolean(
        "Late", compute="_compute_is_late", search="_search_is_late"
    )

    # What it is worth
    planned_revenue = fields.Monetary(tracking=True)
    planned_cost = fields.Monetary()
    probability = fields.Float(
        "Probability (%)",
        compute="_compute_probability",
        store=True,
        precompute=True,
        readonly=False,
        aggregator="avg",
    )
    weighted_revenue = fields.Monetary(
        compute="_compute_weighted_revenue",
        store=True,
        precompute=True,
        help="Planned revenue multiplied by the probability.",
    )
    currency_id = fields.Many2one(
        "res.currency", related="company_id.currency_id", store=True, precompute=True
    )

    _number_uniq = models.UniqueIndex("(number)", "Number: another case has it.")
    _probability_range = models.Constraint(
        "CHECK(probability >= 0 AND probability <= 100)",
        "Probability: give a percentage between 0 and 100.",
    )
    _duration_positive = models.Constraint(
        "CHECK(duration >= 0)", "Duration: it cannot be negative."
    )
    _sentiment_range = models.Constraint(
        "CHECK(sentiment >= 0 AND sentiment <= 10)",
        "Sentiment: give a mark from 0 to 10.",
    )
    # The figures behind these are in bench/: without them, counts and boards at a
    # million cases read the wide rows instead of an index.
    # the order of every list, without sorting
    _order_idx = models.Index("(priority DESC, id DESC) WHERE active IS TRUE")
    # "my unclosed", in the list's order
    _my_idx = models.Index(
        """(user_id, priority DESC, id DESC)
        WHERE active IS TRUE AND state IN ('draft', 'open', 'pending')"""
    )
    # the columns of a board, record rules included
    _board_idx = models.Index(
        "(stage_id, section_id, user_id, company_id) WHERE active IS TRUE"
    )
    _late_idx = models.Index(
        "(date_deadline) WHERE state IN ('draft', 'open', 'pending')"
    )

    # ------------------------------------------------------------
    # DEFAULTS
    # ------------------------------------------------------------

    def _default_section_id(self):
        """Give the first section the user works in, else the first of the company."""
        Section = self.env["crm.case.section"]
        own = Section.search(
            [
                ("staff_ids", "in", self.env.uid),
                ("company_id", "in", [self.env.company.id, False]),
            ],
            limit=1,
        )
        return own or Section._get_default_section()

    @api.model
    @ormcache("self.env.lang")
    def _selection_reference(self):
        """List what `reference` may point to: whatever has a discussion of its own."""
        # sudo: model names are no secret, and only those are read
        found = (
            self.env["ir.model"]
            .sudo()
            .search_fetch(
                [("is_mail_thread", "=", True), ("transient", "=", False)],
                ["model", "name"],
            )
        )
        return sorted(
            (
                (model.model, model.name)
                for model in found
                if model.model in self.env and not self.env[model.model]._abstract
            ),
            key=lambda pair: pair[1],
        )

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("name", "number")
    def _compute_display_name(self):
        for case in self:
            mark = f"[{case.number}] " if case.number else ""
            case.display_name = f"{mark}{case.name or ''}"

    @api.depends("section_id.company_id")
    def _compute_company_id(self):
        for case in self:
            case.company_id = (
                case.section_id.company_id or case.company_id or self.env.company
            )

    @api.depends("partner_id.commercial_partner_id")
    def _compute_commercial_partner_id(self):
        for case in self:
            case.commercial_partner_id = case.partner_id.commercial_partner_id

    # One method per field: Odoo leaves alone all the fields of a method as soon as
    # one of them is given, and mail always gives the address.

    @api.depends("partner_id")
    def _compute_contact_name(self):
        for case in self:
            case.contact_name = case._get_contact().name or case.contact_name

    @api.depends("partner_id")
    def _compute_email_from(self):
        for case in self:
            email = case.partner_id.email or case._get_contact().email
            case.email_from = email or case.email_from

    @api.depends("partner_id")
    def _compute_phone(self):
        for case in self:
            phone = case.partner_id.phone or case._get_contact().phone
            case.phone = phone or case.phone

    def _get_contact(self):
        """Give the person to talk to: the partner, or a company's first contact."""
        partner = self.partner_id
        if not partner.is_company:
            return partner
        return partner.child_ids.filtered(lambda child: child.type == "contact")[:1]

    @api.depends("date_deadline", "state")
    def _compute_is_late(self):
        now = fields.Datetime.now()
        for case in self:
            case.is_late = (
                bool(case.date_deadline)
                and case.date_deadline < now
                and case.state in transitions.UNCLOSED
            )

    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        late = self._get_late_domain()
        return Domain.OR(late if wanted else ~late for wanted in value)

    @api.depends("category_id")
    def _compute_probability(self):
        for case in self:
            case.probability = case.category_id.probability or case.probability

    @api.depends("planned_revenue", "probability")
    def _compute_weighted_revenue(self):
        for case in self:
            case.weighted_revenue = case.planned_revenue * case.probability / 100

    @api.model
    def _get_late_domain(self):
        return Domain("state", "in", transitions.UNCLOSED) & Domain(
            "date_deadline", "<", "now"
        )

    @api.model
    def _get_card_domains(self):
        """Give what each figure on a section's card counts.

        :return: {field of crm.case.section: Domain over crm.case}
        """
        unclosed = Domain("state", "in", transitions.UNCLOSED)
        return {
            "open_count": unclosed,
            "unassigned_count": unclosed & Domain("user_id", "=", False),
            "late_count": self._get_late_domain(),
            "my_count": unclosed & Domain("user_id", "=", self.env.uid),
            "undelivered_count": Domain("delivery_ids", "!=", False),
            **self._get_sla_card_domains(),
        }

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("category_id", "section_id")
    def _check_category_company(self):
        for case in self:
            company = case.category_id.company_id
            if company and company != case.company_id:
                raise ValidationError(
                    self.env._(
                        "Category: “%(category)s” belongs to another company than "
                        "section “%(section)s”.",
                        category=case.category_id.name,
                        section=case.section_id.display_name,
                    )
                )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        fallback = None
        prepared = []
        missing = [vals for vals in vals_list if not vals.get("number")]
        numbers = iter(self._next_numbers(len(missing)))
        for vals in vals_list:
            extra = {}
            if not vals.get("number"):
                extra["number"] = next(numbers)
            if not vals.get("section_id"):
                # mixins look the section up before the defaults are in
                fallback = fallback or self.default_get(["section_id"])
                extra |= fallback
            prepared.append(vals | extra)
        return super().create(prepared)

    @api.model
    def _next_numbers(self, count):
        """Draw ``count`` numbers; three queries for Odoo's standard sequences.

        :return: list of str
        """
        if not count:
            return []
        sequence_id, padding = self._get_number_sequence()
        if not padding:
            # one query each: what gaps, date ranges or dates in the prefix cost cannot
            # be had in bulk. sudo: people open cases, they do not manage sequences
            sequence = self.env["ir.sequence"].sudo().browse(sequence_id)
            return [sequence.next_by_id() for _index in range(count)]
        rows = self.env.execute_query(
            SQL(
                "SELECT nextval(%s) FROM generate_series(1, %s)",
                f"ir_sequence_{sequence_id:03d}",
                count,
            )
        )
        return [f"{number:0{padding[0]}d}" for (number,) in rows]

    @api.model
    @ormcache()
    def _get_number_sequence(self):
        """Give the sequence of the numbers.

        :return: (its id, (width,) if it only counts, else empty)
        """
        # sudo: as in `_next_numbers`
        sequence = self.env.ref("crm_relations.ir_sequence_crm_case").sudo()
        is_plain = sequence.implementation == "standard" and not (
            sequence.use_date_range or sequence.prefix or sequence.suffix
        )
        return sequence.id, (sequence.padding,) if is_plain else ()

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        if "name" not in (default or {}):
            for case, vals in zip(self, vals_list, strict=True):
                vals["name"] = self.env._("%s (copy)", case.name)
        return vals_list

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        """Describe the fields; for each mail Odoo's gateway only asks for names."""
        hand = self.env["crm.mail.intake"]._get_hand()
        if hand is not None and not allfields and not attributes:
            attributes = ["type"]
        return super().fields_get(allfields, attributes)

    def action_view_partner_cases(self):
        """Open all cases of this case's partner."""
        self.ensure_one()
        return self.partner_id.action_view_cases()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_not_draft(self):
        for case in self:
            if case.state != transitions.DRAFT and not case.section_id.allow_unlink:
                raise CaseDeletionError(
                    self.env._(
                        "State: “%(case)s” is no draft and section “%(section)s” "
                        "allows to delete only drafts. Cancel it instead.",
                        case=case.display_name,
                        section=case.section_id.display_name,
                    )
                )
