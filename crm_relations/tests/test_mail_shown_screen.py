from odoo.tests import HttpCase, tagged

from .mail_case_common import STRANGER, MailCaseCommon


@tagged("crm_relations_mail")
class TestMailShownScreen(MailCaseCommon, HttpCase):
    """A received mail on the screen, before and after the click."""

    def test_remote_images_load_on_a_click_and_for_the_reader_only(self):
        # the same server by another name: to the browser it is elsewhere
        elsewhere = self.base_url().replace("127.0.0.1", "localhost")
        case = self._receive(
            STRANGER,
            html=f"<p>Dear all,</p><p><img src='{elsewhere}/web/static/img/nologo.png'"
            " alt='Logo'></p><p>Yours</p>",
        )
        shown = case.description
        self.start_tour(
            f"/odoo/crm-cases/{case.id}", "crm_relations_remote_images", login="boss"
        )
        self.assertEqual(case.description, shown)
        self.assertNotIn("<img", self._get_mails(case).body)

    def test_active_files_are_offered_for_download_or_as_text(self):
        mail = self._new_mail(STRANGER)
        svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>'
        for kind, name in (("image/svg+xml", "i.svg"), ("text/html", "p.html")):
            mail.add_attachment(svg, *kind.split("/"), filename=name)
        case = self.env["crm.case"].browse(self._process(mail))
        self.authenticate("boss", "boss")
        files = self._get_mails(case).attachment_ids
        self.assertEqual(len(files), 2)
        for file in files:
            for path in ("content", "image"):
                response = self.url_open(f"/web/{path}/{file.id}")
                kind = response.headers["Content-Type"]
                self.assertNotRegex(kind, "html|svg|xml")
                self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
