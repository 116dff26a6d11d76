from .common import CrmRelationsCommon


class ProfilingCommon(CrmRelationsCommon):
    """Six questions, as at a fair.

    ============== ======== ============================ =========================
    question       kind     answers (points)             asked only after
    ============== ======== ============================ =========================
    journalist     single   yes, no
    sector         single   services (2), industry (1)   not a journalist
    topics         multiple cases, mail, figures         not a journalist
    specification  single   yes (3), no                  not a journalist
    budget         single   small (1), middle (4), large specification: yes
    contact        single   phone, meeting               not a journalist
    ============== ======== ============================ =========================
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.questions, cls.answers = {}, {}
        no = ["journalist no"]
        cls._new_question("journalist", "yes", "no")
        cls._new_question("sector", "services:2", "industry:1", after=no)
        cls._new_question(
            "topics", "cases", "mail", "figures", after=no, kind="multiple"
        )
        cls._new_question("specification", "yes:3", "no", after=no)
        cls._new_question(
            "budget", "small:1", "middle:4", "large:8", after=["specification yes"]
        )
        cls._new_question("contact", "phone", "meeting", after=no)
        cls.fair = cls._new_questionnaire("Fair", *cls.questions)

    def setUp(self):
        super().setUp()
        # a test may add to them
        for name in ("questions", "answers"):
            self.patch(type(self), name, dict(getattr(self, name)))

    @classmethod
    def _new_question(cls, name, *answers, after=(), **values):
        """Make a question; an answer may carry points ("services:2")."""
        named = [answer.partition(":") for answer in answers]
        question = cls.env["crm.profiling.question"].create(
            {
                "name": name,
                "condition_answer_ids": [cls.answers[key].id for key in after],
                "answer_ids": [
                    (0, 0, {"name": text, "points": int(points or 0), "sequence": n})
                    for n, (text, _, points) in enumerate(named)
                ],
                **values,
            }
        )
        cls.questions[name] = question
        for answer in question.answer_ids:
            cls.answers[f"{name} {answer.name}"] = answer
        return question

    @classmethod
    def _new_questionnaire(cls, name, *questions, **values):
        ids = [cls.questions[question].id for question in questions]
        return cls.env["crm.profiling.questionnaire"].create(
            {"name": name, "question_ids": [(6, 0, ids)], **values}
        )

    def _given(self, *answers):
        """Give what `_save_answers` takes: {question: answers}."""
        chosen = self.env["crm.profiling.answer"].union(
            *(self.answers[answer] for answer in answers)
        )
        return dict(chosen.grouped("question_id"))

    def _save(self, partner, *answers, user=None, **values):
        responses = self.env["crm.profiling.response"].with_user(user or self.env.user)
        return responses._save_answers(
            {partner: self._given(*answers)}, self.fair, **values
        )
