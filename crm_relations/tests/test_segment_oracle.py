from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from odoo import Command, fields
from odoo.tests import tagged

from .segment_common import SegmentCommon

PARTNERS, ANSWERS = 6, 6  # how many there are to draw from
_OPERATORS = {
    "<": lambda left, right: left < right,
    "=": lambda left, right: left == right,
    ">": lambda left, right: left > right,
}

_answers = st.sets(st.integers(0, ANSWERS - 1), max_size=3)
_lines = st.lists(
    st.tuples(
        st.sampled_from(("open_cases", "cases", "profiling_score")),
        st.sampled_from(sorted(_OPERATORS)),
        st.integers(-1, 12),
        st.sampled_from((0, 15)),
        st.booleans(),
    ),
    max_size=2,
)
_segment = st.fixed_dictionaries(
    {
        "parent": st.integers(0, 9),  # which of those before; beyond them: none
        "yes": _answers,
        "no": st.sets(st.integers(0, ANSWERS - 1), max_size=1),
        "lines": _lines,
        "refs": st.sets(st.sampled_from("ab"), max_size=1),
    }
)
# (partner, answer): days ago; 40 days is beyond expiry and period
_given = st.dictionaries(
    st.tuples(st.integers(0, PARTNERS - 1), st.integers(0, ANSWERS - 1)),
    st.sampled_from((0, 10, 20, 40)),
    max_size=14,
)


@tagged("crm_relations_segment")
class TestSegmentOracle(SegmentCommon):
    """Members are those whom plain Python finds by reading the rules one by one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        questions = [
            cls._new_question(f"Question {index}?", A=1, B=4, C=7) for index in range(2)
        ]
        for question, _found in questions:
            question.kind = "multiple"
        questions[1][0].days_valid = 30
        cls.answers = questions[0][1] | questions[1][1]
        cls.company = cls.env["res.partner"].create(
            {"name": "Company", "is_company": True, "ref": "a"}
        )
        cls.partners = cls.company | cls.env["res.partner"].create(
            [
                {
                    "name": f"Partner {index}",
                    "ref": "ab"[index % 2],
                    "parent_id": index < 3 and cls.company.id,
                    "active": index != 4,
                }
                for index in range(1, PARTNERS)
            ]
        )
        for index, partner in enumerate(cls.partners):
            for number in range(index % 4):
                case = cls._new_case(partner_id=partner.id)
                if number:
                    case.action_close()

    # ------------------------------------------------------------
    # THE ORACLE
    # ------------------------------------------------------------

    def _known(self, partner, days=0):
        """List the answers in force, within the last days if any."""
        now = fields.Datetime.now()
        found = self.env["crm.profiling.response"].search(
            [("partner_id", "=", partner.id)]
        )
        return [
            response.answer_id
            for response in found
            if (not response.date_expiry or response.date_expiry > now)
            and (not days or response.date >= now - timedelta(days=days))
        ]

    def _figure(self, partner, measure, days):
        if measure == "profiling_score":
            return sum(answer.points for answer in self._known(partner, days))
        cases = self.env["crm.case"].search([])
        if partner == partner.commercial_partner_id:
            own = [one for one in cases if one.commercial_partner_id == partner]
        else:
            own = [one for one in cases if one.partner_id == partner]
        if measure == "open_cases":
            own = [one for one in own if one.state in ("draft", "open", "pending")]
        return len(own)  # all were opened today

    def _meets_own(self, segment, partner):
        known = self._known(partner)
        for question in segment.answer_yes_ids.question_id:
            listed = [
                one for one in segment.answer_yes_ids if one in question.answer_ids
            ]
            if not any(one in known for one in listed):
                return False
        if any(one in known for one in segment.answer_no_ids):
            return False
        optional = []
        for line in segment.line_ids:
            figure = self._figure(partner, line.measure, line.days)
            holds = _OPERATORS[line.operator](figure, line.value)
            if line.mandatory and not holds:
                return False
            if not line.mandatory:
                optional.append(holds)
        if optional and not any(optional):
            return False
        return not segment.filter_domain or partner.ref in segment.filter_domain

    def _is_member(self, segment, partner):
        chain, has_criteria = segment, False
        while chain:
            has_criteria |= bool(
                chain.answer_yes_ids
                or chain.answer_no_ids
                or chain.line_ids
                or chain.filter_domain
            )
            if not self._meets_own(chain, partner):
                return False
            chain = chain.parent_id
        return has_criteria and partner.active

    # ------------------------------------------------------------
    # TESTS
    # ------------------------------------------------------------

    def _make_tree(self, drawn):
        segments = []
        keys = ("measure", "operator", "value", "days", "mandatory")
        for one in drawn:
            parent = one["parent"]
            segments.append(
                self.env["crm.segment"].create(
                    {
                        "name": "Drawn",
                        "parent_id": parent < len(segments) and segments[parent].id,
                        "answer_yes_ids": [
                            Command.link(self.answers[i].id) for i in one["yes"]
                        ],
                        "answer_no_ids": [
                            Command.link(self.answers[i].id) for i in one["no"]
                        ],
                        "line_ids": [
                            Command.create(dict(zip(keys, line, strict=True)))
                            for line in one["lines"]
                        ],
                        "filter_domain": bool(one["refs"])
                        and repr([("ref", "in", tuple(one["refs"]))]),
                    }
                )
            )
        return self.env["crm.segment"].union(*segments)

    def _save(self, given_answers):
        now = fields.Datetime.now()
        for (partner, answer), days in given_answers.items():
            self.env["crm.profiling.response"].create(
                {
                    "partner_id": self.partners[partner].id,
                    "answer_id": self.answers[answer].id,
                    "date": now - timedelta(days=days),
                }
            )

    def _check(self, segments, way):
        self.env.invalidate_all()
        for segment in segments:
            expected = {
                partner
                for partner in self.partners
                if self._is_member(segment, partner)
            }
            members = set(segment.partner_ids.with_context(active_test=False))
            self.assertEqual(members & set(self.partners), expected, way)
            current = segment.membership_ids.filtered(lambda row: not row.date_end)
            self.assertEqual(set(current.partner_id), members, way)

    @seed(6)
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(_segment, min_size=1, max_size=3),
        _given,
        _given,
    )
    def _check_drawn(self, drawn, first, second):
        with self.env.cr.savepoint() as point:
            segments = self._make_tree(drawn)
            segments.action_compute()
            self._save(first)
            self._check(segments, "at once")
            segments.action_compute()
            self._check(segments, "full run")
            self._save(second)
            self._check(segments, "at once after a full run")
            segments.action_compute()
            self._check(segments, "full run again")
            point.rollback()
        self.env.invalidate_all()

    def test_members_are_those_of_the_oracle(self):
        self._check_drawn()
