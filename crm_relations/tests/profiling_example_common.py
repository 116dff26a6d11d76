from odoo.tools import convert_file

from .common import CrmRelationsCommon

_FILES = ("res_partner_category_demo", "crm_profiling_demo", "crm_segment_demo")
_OFFERS = ("training", "partner", "hosted", "meeting")


class ProfilingExampleCommon(CrmRelationsCommon):
    """The book's six questions and four offers, as shipped in demo/, made by the test.

    Who is a journalist is offered nothing; IT services a partner contract; of the rest,
    who has no specification a training, with a budget below 100k the hosted service,
    all others a meeting.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in _FILES:
            path = f"demo/{name}.xml"
            convert_file(cls.env, "crm_relations", path, {}, mode="init", noupdate=True)
        cls.questionnaire = cls._ref("profiling_questionnaire_offer")
        cls.questions = cls.questionnaire.question_ids
        cls.offers = cls.env["crm.segment"].union(
            *(cls._ref(f"segment_offer_{name}") for name in _OFFERS)
        )
        # beside the example company they may be archived by another common class
        (cls.offers | cls.offers.parent_id).active = True
        # and it may have questionnaires of its users' own
        others = cls.env["crm.profiling.questionnaire"].search([]) - cls.questionnaire
        others.active = False

    @classmethod
    def _ref(cls, name):
        return cls.env.ref(f"crm_relations.crm_{name}")

    @classmethod
    def _find_answers(cls, *names):
        """Find answers of the questionnaire, such as ``sector_industry``."""
        answers = cls.env["crm.profiling.answer"]
        return answers.union(*(cls._ref(f"profiling_answer_{name}") for name in names))
