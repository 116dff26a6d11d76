from odoo.tests import tagged

from ..tools import question_tree
from .profiling_example_common import ProfilingExampleCommon
from .segment_common import SegmentCommon


@tagged("crm_relations_segment")
class TestProfilingExample(ProfilingExampleCommon, SegmentCommon):
    """Whatever a prospect answers, he is offered one thing; a journalist nothing."""

    def _find_paths(self, given=None, done=frozenset()):
        """List every complete way through the questions, as recordsets of answers."""
        given = self.env["crm.profiling.answer"] if given is None else given
        tree = self.questions._get_tree()
        opened = question_tree.find_open(tree, set(given.ids), done)
        if not opened:
            return [given]
        question = self.questions.browse(opened[0].key)
        self.assertEqual(question.kind, "single")
        return [
            path
            for answer in question.answer_ids
            for path in self._find_paths(given | answer, done | {question.id})
        ]

    def _find_offer(self, path):
        """Give the offer by the words of the book."""
        xml_ids = path.get_external_id().values()
        names = {xml_id.partition("_answer_")[2] for xml_id in xml_ids}
        if "journalist_yes" in names:
            return self.offers.browse()
        if "sector_services" in names:
            return self._ref("segment_offer_partner")
        if "specification_no" in names:
            return self._ref("segment_offer_training")
        if "budget_under_100" in names:
            return self._ref("segment_offer_hosted")
        return self._ref("segment_offer_meeting")

    def test_every_path_ends_in_exactly_one_offer(self):
        paths = self._find_paths()
        self.assertGreater(len(paths), 100)
        self.assertEqual(
            {question for path in paths for question in path.question_id},
            set(self.questions),
            "every question is asked on some way",
        )
        prospects = self.env["res.partner"].create(
            [{"name": f"Prospect {number}"} for number in range(len(paths))]
        )
        self.env["crm.profiling.response"]._save_answers(
            {
                prospect: dict(path.grouped("question_id"))
                for prospect, path in zip(prospects, paths, strict=True)
            },
            self.questionnaire,
        )
        for moment in ("at once", "after a full run"):
            for prospect, path in zip(prospects, paths, strict=True):
                with self.subTest(moment, path=path.mapped("name")):
                    offer = self._find_offer(path)
                    self.assertEqual(prospect.segment_ids & self.offers, offer)
                    self.assertEqual(
                        prospect.category_id & self.offers.category_id,
                        offer.category_id,
                    )
            self.offers.action_compute()
            self.env.invalidate_all()

    def test_an_interview_is_never_in_doubt_at_its_end(self):
        nothing = self.env["crm.profiling.question"]
        for path in self._find_paths():
            states = {
                offer: offer._get_outcome_state(path, nothing) for offer in self.offers
            }
            certain = [offer for offer, state in states.items() if state == "certain"]
            with self.subTest(path=path.mapped("name")):
                self.assertEqual(certain, list(self._find_offer(path)))
                self.assertNotIn("possible", states.values())

    def test_offers_are_possible_until_an_answer_rules_them_out(self):
        fill = self.env["crm.profiling.fill"].create(
            {"partner_id": self.walter.id, "questionnaire_id": self.questionnaire.id}
        )

        def read_states(step):
            states = {row["name"]: row["state"] for row in step["outcome"]}
            return [states[offer.name][0] for offer in self.offers]

        # training, partner contract, hosted service, meeting: possible, excluded…
        self.assertEqual(read_states(fill.get_step()), ["p", "p", "p", "p"])
        for name, expected in (
            ("journalist_no", ["p", "p", "p", "p"]),
            ("sector_trade", ["p", "e", "p", "p"]),
            ("staff_1_20", ["p", "e", "p", "p"]),
            ("function_it", ["p", "e", "p", "p"]),
            ("specification_yes", ["e", "e", "p", "p"]),
            ("budget_unknown", ["e", "e", "e", "c"]),
        ):
            answer = self._find_answers(name)
            step = fill.action_answer(answer.question_id.id, answer.ids)
            with self.subTest(name):
                self.assertEqual(read_states(step), expected)

    def test_questions_contradict_nothing(self):
        self.assertFalse(self.questionnaire.problems)

    def test_an_answer_that_expires_at_night_takes_the_offer_away(self):
        answers = self._find_answers(
            "journalist_no", "sector_industry", "specification_no"
        )
        self.env["crm.profiling.response"]._save_answers(
            {self.walter: dict(answers.grouped("question_id"))}, self.questionnaire
        )
        training = self._ref("segment_offer_training")
        self.assertEqual(self.walter.segment_ids & self.offers, training)
        days = self._ref("profiling_question_specification").days_valid
        for after, expected in ((days - 1, training), (days + 1, training.browse())):
            with self._days_later(after):
                self._run_night()
                self.assertEqual(self.walter.segment_ids & self.offers, expected)
                self.assertEqual(
                    self.walter.category_id & self.offers.category_id,
                    expected.category_id,
                )
        last = training.membership_ids.filtered(lambda m: m.partner_id == self.walter)
        self.assertTrue(last.date_end)
