import logging
from datetime import timedelta
from typing import NamedTuple

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools.misc import format_date, formatLang

from ..tools import control_chart, transitions

_logger = logging.getLogger(__name__)

WEEKS = 12  # that a week is compared with
WEEKS_NEEDED = 6  # with something in them, before chance can be told from change
LATE_SHOWN = 8


class Figure(NamedTuple):
    """A figure of a week; see `crm.case.digest._get_figures`."""

    label: str
    domain: tuple
    day: str  # field of crm.case by which it belongs to a week
    total: str = ""  # field that is averaged; empty: the cases are counted
    lower_is_better: bool = False


class CrmCaseDigest(models.AbstractModel):
    """A weekly mail to managers: what changed beyond chance, and what is late.

    A figure is told only if the week lies outside the limits of an individuals chart
    over the twelve weeks before, so that nobody learns to ignore the mail. A week in
    which there is nothing to tell sends none.
    """

    _name = "crm.case.digest"
    _description = "Weekly Summary"

    # ------------------------------------------------------------
    # SENDING
    # ------------------------------------------------------------

    @api.model
    def _cron_send(self):
        """Send each manager his summary of last week, once, each in a transaction.

        The mark on the user is written with the mail: a killed run goes on where it
        stopped, and no one gets a second one.
        """
        monday = self._get_monday()
        due = self._get_recipient_domain() & (
            Domain("crm_digest_date", "=", False)
            | Domain("crm_digest_date", "<", monday)
        )
        users = self.env["res.users"].search(due)
        time_left = self.env["ir.cron"]._commit_progress(remaining=len(users))
        for user in users:
            if not time_left:
                break
            # another worker may have sent it since; it holds the row meanwhile
            if user.try_lock_for_update(allow_referencing=True).filtered_domain(due):
                self._send_or_tell(user, monday)
            time_left = self.env["ir.cron"]._commit_progress(1)

    @api.model
    def _send_or_tell(self, user, monday):
        try:
            with self.env.cr.savepoint():
                self._send(user, monday)
        except Exception:
            # broad: one manager's summary must not keep back those of the others
            _logger.exception("The weekly summary of %s was not sent", user.login)

    @api.model
    def _get_monday(self):
        today = fields.Date.context_today(self)
        return today - timedelta(days=today.weekday())

    @api.model
    def _get_recipient_domain(self):
        """Those who have a role here, an address, and did not decline."""
        group = self.env.ref("crm_relations.crm_relations_group_user")
        return (
            Domain("crm_digest", "in", ("sections", "all"))
            & Domain("share", "=", False)
            & Domain("all_group_ids", "in", group.ids)
            & Domain("partner_id.email_normalized", "!=", False)
        )

    @api.model
    def _send(self, user, monday):
        """Send one user the summary of the week before ``monday``, if it tells any.

        :return: mail.mail, empty if there is nothing to tell
        """
        user.crm_digest_date = monday
        # as the reader: the totals are of what he may see, in his words
        own = self.with_user(user).with_context(
            lang=user.lang, tz=user.tz, allowed_company_ids=user.company_ids.ids
        )
        content = own._get_content(monday)
        if not content:
            return self.env["mail.mail"]
        url = user._get_crm_digest_url()
        body = own.env["ir.qweb"]._render(
            "crm_relations.crm_case_digest_mail",
            {
                "user": user,
                "blocks": content,
                "monday": monday - timedelta(days=7),
                "sunday": monday - timedelta(days=1),
                "base_url": self.get_base_url(),
                "unsubscribe_url": url,
                "format_date": lambda day: format_date(own.env, day),
            },
        )
        # sudo: mails of the system are made by it
        return (
            self.env["mail.mail"]
            .sudo()
            .create(
                {
                    "subject": own.env._(
                        "Your cases last week: %s",
                        "; ".join(block["headline"] for block in content),
                    ),
                    "body_html": body,
                    "email_to": user.email_formatted,
                    "email_from": user.company_id.email_formatted
                    or self.env.user.email_formatted,
                    "auto_delete": True,
                    "headers": {
                        "List-Unsubscribe": f"<{url}>",
                        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                        # no out-of-office notice may come back
                        "Auto-Submitted": "auto-generated",
                        "X-Auto-Response-Suppress": "OOF",
                    },
                }
            )
        )

    # ------------------------------------------------------------
    # CONTENT
    # ------------------------------------------------------------

    @api.model
    def _get_content(self, monday):
        """Give what there is to tell the reader about the week before ``monday``.

        :return: list of dicts, one per section with anything to tell: ``title``,
            ``section``, ``headline``, ``changes``, ``signals``, ``targets``, ``late``,
            ``late_count``. The number of queries does not depend on the number of
            sections.
        """
        sections = self._get_sections()
        if not sections:
            return []
        trees = self._get_trees(sections)
        weeks = self._get_weeks(trees, monday)
        late = self._get_late(trees)
        targets = self._get_targets(trees, monday)
        signals = self._get_signals(trees, monday)
        blocks = [
            {
                "section": section,
                "title": section.display_name,
                "changes": self._get_changes(weeks[section]),
                "signals": signals[section],
                "targets": targets[section],
                **late[section],
            }
            for section in sections
        ]
        return [
            block | {"headline": self._get_headline(block)}
            for block in blocks
            if any(
                block[part] for part in ("changes", "signals", "targets", "late_count")
            )
        ]

    @api.model
    def _get_sections(self):
        """Give the sections to report on, each with those below it."""
        Section = self.env["crm.case.section"]
        user = self.env.user
        if user.crm_digest == "all" and user.has_group(
            "crm_relations.crm_relations_group_manager"
        ):
            return Section.search([("parent_id", "=", False)])
        managed = Section.search([("user_id", "=", user.id)])
        # one that stands below another one is told with it
        return managed.filtered(
            lambda one: (
                not any(
                    other != one and one.parent_path.startswith(other.parent_path)
                    for other in managed
                )
            )
        )

    @api.model
    def _get_trees(self, sections):
        """Give {section: it and those below it}."""
        below = self.env["crm.case.section"].search([("id", "child_of", sections.ids)])
        return {
            section: below.filtered(
                lambda one, path=section.parent_path: one.parent_path.startswith(path)
            )
            for section in sections
        }

    @api.model
    def _get_figures(self):
        """Give the figures that are compared; addons that know more extend this."""
        _ = self.env._
        done = ("state", "=", transitions.DONE)
        return [
            Figure(_("Cases opened"), (), "day_created"),
            Figure(_("Cases closed"), (done,), "day_closed"),
            Figure(
                _("Service levels missed"),
                (("sla_state", "=", "missed"),),
                "day_created",
                lower_is_better=True,
            ),
            Figure(
                _("Hours to the first answer"),
                (("date_first_response", "!=", False),),
                "day_created",
                "hours_first_response",
                lower_is_better=True,
            ),
            Figure(
                _("Hours to close"),
                (done,),
                "day_closed",
                "hours_close",
                lower_is_better=True,
            ),
        ]

    @api.model
    def _get_weeks(self, trees, monday):
        """Give each section's figures of the last weeks, oldest first.

        :return: {section: [(figure, [value or None] of `WEEKS` + 1 weeks)]}; one query
            per figure
        """
        first = monday - timedelta(weeks=WEEKS + 1)
        weeks = {section: [] for section in trees}
        everywhere = self._union(trees)
        for figure in self._get_figures():
            rows = self.env["crm.case"]._read_group(
                Domain(list(figure.domain))
                & Domain("section_id", "in", everywhere.ids)
                & Domain(figure.day, ">=", first)
                & Domain(figure.day, "<", monday),
                ["section_id", f"{figure.day}:day"],
                ["__count", f"{figure.total}:sum" if figure.total else "__count"],
            )
            for section, tree in trees.items():
                sums = [[0, 0.0] for _week in range(WEEKS + 1)]
                for place, day, count, total in rows:
                    if place in tree:
                        # by its days: weeks begin on Monday whatever the language
                        week = sums[(day - first).days // 7]
                        week[0] += count
                        week[1] += total
                values = [self._get_value(figure, *week) for week in sums]
                weeks[section].append((figure, values))
        return weeks

    @api.model
    def _union(self, trees):
        return self.env["crm.case.section"].union(*trees.values())

    @api.model
    def _get_value(self, figure, count, total):
        if not figure.total:
            return count
        return total / count if count else None

    @api.model
    def _get_changes(self, weeks):
        """Give the figures whose last week lies outside what chance explains.

        Limits are those of an individuals chart over the weeks before (Shewhart; see
        `tools.control_chart`); with fewer than `WEEKS_NEEDED` of them with anything in
        them, nothing is said.
        """
        changes = []
        for figure, (*before, last) in weeks:
            known = [value for value in before if value is not None]
            if last is None or sum(map(bool, known)) < WEEKS_NEEDED:
                continue
            lower, centre, upper = control_chart.individuals(known)
            if lower <= last <= upper:
                continue
            is_up = last > upper
            is_neutral = not figure.total and figure.domain == ()
            changes.append(
                {
                    "label": figure.label,
                    "value": self._format(figure, last),
                    "usual": self._format(figure, centre),
                    "is_up": is_up,
                    "mood": "neutral"
                    if is_neutral
                    else "bad"
                    if is_up == figure.lower_is_better
                    else "good",
                }
            )
        return changes

    @api.model
    def _format(self, figure, value):
        is_count = not figure.total and float(value).is_integer()
        return formatLang(self.env, value, digits=0 if is_count else 1)

    @api.model
    def _get_late(self, trees):
        """Give {section: {late_count, late: the latest ones}}; two queries."""
        Case = self.env["crm.case"]
        late = Case._get_late_domain() & Domain(
            "section_id", "in", self._union(trees).ids
        )
        counts = dict(Case._read_group(late, ["section_id"], ["__count"]))
        cases = Case.search_fetch(
            late,
            ["name", "number", "section_id", "user_id", "date_deadline"],
            order="date_deadline, id",
            limit=LATE_SHOWN * len(trees),
        )
        return {
            section: {
                "late_count": sum(counts.get(one, 0) for one in tree),
                "late": cases.filtered(lambda case, tree=tree: case.section_id in tree)[
                    :LATE_SHOWN
                ],
            }
            for section, tree in trees.items()
        }

    @api.model
    def _get_targets(self, trees, monday):
        """Give {section: its targets that are behind, or ended last week}."""
        lately = monday - timedelta(days=7)
        targets = self.env["crm.case.target"].search(
            [
                ("section_id", "in", self._union(trees).ids),
                ("date_from", "<=", monday),
                ("date_to", ">=", lately),
            ]
        )
        worth = targets.filtered(
            lambda one: (
                one.state == "behind"
                or one.state in ("reached", "missed")
                and one.date_to < monday
            )
        )
        return {
            section: worth.filtered(lambda one, tree=tree: one.section_id in tree)
            for section, tree in trees.items()
        }

    @api.model
    def _get_signals(self, trees, monday):
        """Give {section: last week's signals of its indicators}.

        Those of indicators over all sections stand with the first one.
        """
        since = fields.Datetime.to_datetime(monday - timedelta(days=7))
        recent = self.env["crm.quality.signal"]._get_recent(since, self.env.user)
        found = {
            section: recent.filtered(
                lambda one, tree=tree: one.indicator_id.section_id in tree
            )
            for section, tree in trees.items()
        }
        first = next(iter(trees))
        found[first] |= recent.filtered(lambda one: not one.indicator_id.section_id)
        return found

    @api.model
    def _get_headline(self, block):
        """Say in a line what the reader should know before he opens the mail."""
        words = [
            f"{change['label']} {'▲' if change['is_up'] else '▼'}"
            for change in block["changes"]
        ]
        if block["late_count"]:
            words.append(self.env._("%s late", block["late_count"]))
        name = block["section"].name
        return f"{name}: {', '.join(words)}" if words else name
