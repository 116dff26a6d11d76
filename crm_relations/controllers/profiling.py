from odoo import http
from odoo.http import request

_MAX_ANSWERS = 200  # what a page sends; nobody has more questions than patience


class ProfilingController(http.Controller):
    """The page behind a personal link: one question after the other, no login.

    Nothing is written before the last one, and opening the page (a mail scanner does)
    uses nothing up. The form carries what was answered so far; it is checked again when
    it is saved, so that a forged one gains nothing.
    """

    @http.route(
        "/crm/questions/<string:token>",
        type="http",
        auth="public",
        methods=["GET", "POST"],
        sitemap=False,
    )
    def answer_questions(self, token, **post):
        """Show the next question, or save after the last one."""
        invitation = request.env["crm.profiling.invitation"]._find_by_token(token)
        if not invitation:
            return self._render("gone", status=404)
        if invitation.date_answered:
            return self._render("used", invitation)
        given, done = self._read_form(invitation)
        question = invitation._get_next_question(given, done)
        if question:
            return self._render(
                "question", invitation, question=question, given=given, done=done
            )
        if request.httprequest.method == "POST" and invitation._save(given):
            return self._render("thanks", invitation)
        return self._render("used", invitation)

    @http.route(
        "/crm/fair/<string:code>",
        type="http",
        auth="public",
        methods=["GET", "POST"],
        sitemap=False,
    )
    def visit_fair(self, code, **post):
        """Ask a visitor of a stand who he is, then lead him to the questions."""
        questionnaire = request.env["crm.profiling.questionnaire"]._find_by_fair_code(
            code
        )
        if not questionnaire:
            return self._render("gone", status=404)
        if request.httprequest.method == "GET" or not post.get("name", "").strip():
            return self._render("contact")
        if post.get("website"):
            # nobody sees that field: it was a robot, which learns nothing from this
            return self._render("thanks")
        if questionnaire._is_fair_crowded():
            return self._render("crowded", status=429)
        invitation = questionnaire._invite_visitor(post, request.env.lang)
        return request.redirect(invitation._get_link(), code=303)

    def _read_form(self, invitation):
        """Give (answers, ids of questions gone on from) out of the form.

        Answers of other questionnaires, and what is no number, are left out.
        """
        form = request.httprequest.form
        questions = invitation.questionnaire_id.question_ids
        own = {str(answer.id): answer.id for answer in questions.answer_ids}
        sent = form.getlist("answer")[:_MAX_ANSWERS]
        answers = questions.answer_ids.browse(
            dict.fromkeys(own[key] for key in sent if key in own)
        )
        asked = set(form.getlist("done")[:_MAX_ANSWERS])
        return answers, {q.id for q in questions if str(q.id) in asked}

    def _get_company(self, invitation):
        """Give the company that asks: its name and logo stand on the page."""
        if not invitation:
            return request.env.company.sudo()
        # sudo as the invitation is: the visitor has no user
        sender = invitation.user_id.company_id
        return invitation.partner_id.company_id or sender or invitation.env.company

    def _render(self, page, invitation=None, status=200, **values):
        lang = invitation and invitation.partner_id.lang
        if lang:
            request.update_context(lang=lang)
            values = {
                key: value.with_context(lang=lang) if key == "question" else value
                for key, value in values.items()
            }
        response = request.render(
            "crm_relations.crm_profiling_invitation_page",
            {
                "page": page,
                "company": self._get_company(invitation),
                "page_lang": (lang or request.env.lang or "en").replace("_", "-"),
                "no_header": True,
                "no_footer": True,
                **values,
            },
            status=status,
        )
        # the address is a key: no cache, no search engine, and no other site gets it
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
