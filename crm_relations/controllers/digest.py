from odoo import http
from odoo.http import request


class DigestController(http.Controller):
    """Ends the weekly summary from the mail itself, without a login."""

    @http.route(
        "/crm/digest/stop",
        type="http",
        auth="public",
        methods=["GET", "POST"],
        csrf=False,  # mail programs post it with one click, and have no session
        sitemap=False,
    )
    def stop(self, user="", token="", **post):
        """Ask on GET, so that a mail scanner ends nothing; end it on POST."""
        known = user.isdigit() and len(user) < 10
        reader = request.env["res.users"].browse(int(user) if known else 0)
        is_done = request.httprequest.method == "POST"
        if is_done and not reader._stop_crm_digest(token):
            raise request.not_found()
        return request.render(
            "crm_relations.crm_case_digest_stop",
            {"is_done": is_done, "user_id": user, "token": token},
        )
