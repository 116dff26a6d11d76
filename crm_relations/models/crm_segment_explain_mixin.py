from odoo import models
from odoo.tools.misc import format_date


class CrmSegmentExplainMixin(models.AbstractModel):
    """Why a partner is in a segment, or why not and what is missing."""

    _name = "crm.segment.explain.mixin"
    _description = "Explanation of Segments"

    def explain(self, partner):
        """Say why a partner is in the segment, or why not and what is missing.

        :param partner: res.partner, or its id
        :return: text, one line per criterion
        """
        self.ensure_one()
        partner = self.env["res.partner"].browse(
            partner if isinstance(partner, int) else partner.ids
        )
        partner.ensure_one()
        self.check_access("read")
        partner.check_access("read")
        # sudo: whether the criteria of a segment hold is what its category tells
        segment, partner = self.sudo(), partner.sudo()
        found = segment._examine(partner)
        lines = [segment._get_verdict(partner, found)]
        lines += [
            segment._get_line_words(one, holds, values) for one, holds, values in found
        ]
        return "\n".join(lines)

    def _get_verdict(self, partner, found):
        membership = self.env["crm.segment.membership"].search(
            [
                ("segment_id", "=", self.id),
                ("partner_id", "=", partner.id),
                ("date_end", "=", False),
            ]
        )
        values = {
            "partner": partner.display_name,
            "segment": self.name,
            "date": format_date(self.env, membership.date),
        }
        if not found:
            return self.env._(
                "%(segment)s asks for nothing: it has no members", **values
            )
        missing = sum(not holds for _one, holds, _values in found)
        if membership and not missing:
            return self.env._("%(partner)s is in %(segment)s since %(date)s", **values)
        if membership:
            return self.env._(
                "%(partner)s is in %(segment)s since %(date)s, and leaves it with the "
                "next run",
                **values,
            )
        if not missing:
            return self._get_outside_words(partner, values)
        return self.env._(
            "%(partner)s is not in %(segment)s: %(count)s missing",
            count=missing,
            **values,
        )

    def _get_outside_words(self, partner, values):
        if not partner.active:
            return self.env._("%(partner)s is not in %(segment)s: archived", **values)
        if self.company_id and partner.company_id not in (
            self.company_id,
            self.env["res.company"],
        ):
            return self.env._(
                "%(partner)s is not in %(segment)s: of another company", **values
            )
        return self.env._(
            "%(partner)s joins %(segment)s with the next run: nothing is missing",
            **values,
        )

    def _get_line_words(self, criterion, holds, values):
        text = criterion.text
        figures = ", ".join(
            f"{label}: {self.env._('unknown') if value is None else f'{value:g}'}"
            for label, value in zip(criterion.labels, values, strict=True)
        )
        if figures:
            text = f"{text} ({figures})"
        if holds:
            return self.env._("✓ %s", text)
        return self.env._("✗ missing: %s", text)
