from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..fields import OptionalFloat

NEW, SEEN, EXPLAINED = "new", "seen", "explained"
RULES = [
    ("1", "One point is beyond the limits"),
    ("2", "Nine points in a row are on the same side of the centre"),
    ("3", "Six points in a row rise or fall steadily"),
    ("4", "Fourteen points in a row go up and down in turn"),
    ("5", "Two of three points in a row are in the outer third on the same side"),
    ("6", "Four of five points in a row are beyond the inner third on the same side"),
    ("7", "Fifteen points in a row are in the inner third"),
    ("8", "Eight points in a row are outside the inner third, on both sides"),
]
ACTIVITY_TYPE = "crm_relations.mail_activity_type_signal"
# what people may write; all else is what happened
_OPEN_FIELDS = {"state", "note"}


class CrmQualitySignal(models.Model):
    """A point of an indicator that something else than chance has made.

    Written when the point is reckoned, with the limits of that moment, once for each
    rule that it breaks; kept whatever the limits become. People add what they found.
    New are those that somebody was told of: not the points with which a signal goes
    on, nor those that were there when the indicator was made.
    """

    _name = "crm.quality.signal"
    _description = "Signal of an Indicator"
    _order = "date desc, id desc"
    _rec_name = "rule"

    indicator_id = fields.Many2one(
        "crm.quality.indicator",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    company_id = fields.Many2one(related="indicator_id.company_id", store=True)
    owner_id = fields.Many2one(related="indicator_id.owner_id")
    date = fields.Date("Period from", required=True, readonly=True)
    date_end = fields.Date("Period to before", required=True, readonly=True)
    rule = fields.Selection(RULES, required=True, readonly=True)
    value = OptionalFloat(readonly=True)
    value_text = fields.Char("Value as Shown", compute="_compute_value_text")
    centre = OptionalFloat("Centre then", readonly=True)
    lower_limit = OptionalFloat("Lower Limit then", readonly=True)
    upper_limit = OptionalFloat("Upper Limit then", readonly=True)
    side = fields.Selection(
        [("above", "Up"), ("below", "Down"), ("neither", "Neither")],
        "Points",
        readonly=True,
    )
    mood = fields.Selection(
        [("worse", "Worse"), ("better", "Better"), ("open", "Neither")],
        "Change",
        readonly=True,
    )
    is_continued = fields.Boolean(
        "Goes on",
        readonly=True,
        help="The point before broke the same rule: told already.",
    )
    date_told = fields.Datetime("Owner Told on", readonly=True)
    state = fields.Selection(
        [(NEW, "New"), (SEEN, "Seen"), (EXPLAINED, "Explained")],
        required=True,
        default=NEW,
    )
    note = fields.Text(help="What was behind it.")
    case_id = fields.Many2one(
        "crm.case", "Case Opened", readonly=True, ondelete="set null", index=True
    )

    _point_rule_uniq = models.UniqueIndex("(indicator_id, date, rule)")
    _told_idx = models.Index("(date_told) WHERE date_told IS NOT NULL")

    # ------------------------------------------------------------
    # COMPUTE
    # ------------------------------------------------------------

    @api.depends("indicator_id", "date", "rule")
    def _compute_display_name(self):
        for signal in self:
            indicator = signal.indicator_id
            label = indicator._get_period_label(signal.date) if indicator else ""
            signal.display_name = f"{indicator.name or ''} {label}".strip()

    @api.depends("value", "indicator_id.measure")
    def _compute_value_text(self):
        for signal in self:
            value = signal.value
            signal.value_text = value is not False and (
                signal.indicator_id._format_value(value)
            )

    def write(self, vals):
        if not self.env.su and vals.keys() - _OPEN_FIELDS:
            raise AccessError(
                self.env._(
                    "Signals: only the state and the note can be changed, the rest is "
                    "what happened."
                )
            )
        return super().write(vals)

    # ------------------------------------------------------------
    # RECORDING
    # ------------------------------------------------------------

    @api.model
    def _record(self, indicator, figures, spans, found, candidates, is_first):
        """Keep the signals of an indicator, and let each be heard once.

        The indicator's row is locked: no other worker records its signals. They, what
        the owner is told and the cases are one transaction; the unique index is the
        last guard.

        :param found: {index of a figure: {number of the rule: side}}
        :param candidates: indexes of the figures that may be news
        :param is_first: everything is new: only the latest point is news
        """
        dates = [one.period.date_from for one in figures]
        kept = self.search([("indicator_id", "=", indicator.id), ("date", "in", dates)])
        known = {(signal.date, int(signal.rule)): signal for signal in kept}
        broken = {(dates[index], rule) for index in found for rule in found[index]}
        looked_at = {dates[index] for index in candidates}
        for key, signal in known.items():
            if key[0] in looked_at and key not in broken:
                signal._on_correction()
        baselines = [span.baseline for span in spans for _n in range(*span[:2])]
        latest = sum(one.is_finished for one in figures) - 1
        vals_list = []
        for index in sorted(candidates & found.keys()):
            before = found.get(index - 1, {})
            vals_list += [
                indicator._prepare_signal(figures[index], baselines[index], rule, side)
                | self._prepare_hearing(
                    before.get(rule) == side, index >= latest if is_first else None
                )
                for rule, side in found[index].items()
                if (dates[index], rule) not in known
            ]
        signals = self.create(vals_list)
        signals.filtered(lambda signal: signal.state == NEW)._tell()

    @api.model
    def _prepare_hearing(self, is_continued, is_latest):
        """Say whether anybody is to hear of a signal: where it begins.

        :param is_latest: None, unless all is new and only the latest point is news,
            whether the signal begins there or goes on
        """
        is_heard = not is_continued if is_latest is None else is_latest
        return {"is_continued": is_continued, "state": NEW if is_heard else SEEN}

    def _on_correction(self):
        """Close a signal whose point is none any more, by figure or by limits."""
        if self.state == EXPLAINED:
            return
        if not (self.date_told or self.case_id or self.note):
            self.unlink()
            return
        said = self.env._("By the figures and limits of today it is no signal.")
        self.write(
            {"state": EXPLAINED, "note": "\n".join(filter(None, (self.note, said)))}
        )

    # ------------------------------------------------------------
    # NEWS
    # ------------------------------------------------------------

    def _tell(self):
        """Tell the owner, and open a case for each point that is not for the better."""
        if not self:
            return
        self.date_told = fields.Datetime.now()
        owner = self.indicator_id.owner_id
        # whoever computes, it is for the owner to read
        signals = self.with_context(lang=owner.lang)
        indicator = signals.indicator_id
        # one who has lost his role is not told, and nothing fails for it
        if owner.active and indicator.with_user(owner).has_access("read"):
            indicator.activity_schedule(
                ACTIVITY_TYPE,
                summary=signals.env._("Signal: %s", indicator.name),
                note=signals._get_story(),
                user_id=owner.id,
            )
        if indicator.case_section_id:
            for same_point in signals.grouped("date").values():
                same_point._open_case()

    def _get_story(self):
        """Tell in words what was found; HTML."""
        return Markup("<br/>").join(signal._get_sentence() for signal in self)

    def _get_sentence(self):
        indicator = self.indicator_id
        rule = dict(self._fields["rule"]._description_selection(self.env))[self.rule]
        return self.env._(
            "%(period)s: %(value)s, %(usual)s. %(rule)s.",
            period=indicator._get_period_label(self.date),
            value=self.value_text,
            usual=indicator._format_limits(self.lower_limit, self.upper_limit),
            rule=rule,
        )

    def _open_case(self):
        """Open the case of a point, unless it has one or has changed for the better."""
        indicator = self.indicator_id
        same_point = [("indicator_id", "=", indicator.id), ("date", "=", self[0].date)]
        former = self.search([*same_point, ("case_id", "!=", False)], limit=1).case_id
        if not former and all(signal.mood == "better" for signal in self):
            return
        self.case_id = former or self.env["crm.case"].create(
            {
                "name": self.env._("Signal: %s", self[0].display_name),
                "description": self._get_story(),
                "section_id": indicator.case_section_id.id,
                "category_id": indicator.case_category_id.id,
                "user_id": indicator.case_user_id.id,
                "company_id": indicator.company_id.id,
                "reference": f"{indicator._name},{indicator.id}",
            }
        )

    @api.model
    def _get_recent(self, since, user):
        """Give the changes beyond chance that a user may know of, newest first.

        For digests and the like: each change once, those that owners were told of.

        :param since: naive UTC datetime; signals told from then on
        :param user: res.users, whose access counts
        :return: crm.quality.signal, as that user
        """
        return self.with_user(user).search(
            [
                ("date_told", ">=", since),
                ("state", "!=", EXPLAINED),
                ("indicator_id.active", "=", True),
            ]
        )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_mark_seen(self):
        """Mark new signals as seen."""
        self.filtered(lambda signal: signal.state == NEW).state = SEEN
        return True

    def action_view_cases(self):
        """Open the cases behind the point, those that the reader may see."""
        self.ensure_one()
        return self.indicator_id.action_view_cases(self.date)
