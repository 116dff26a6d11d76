from odoo import models


class MailMail(models.Model):
    _inherit = "mail.mail"

    def send(self, *args, **kwargs):
        """Leave notices about incoming mail to the queue; see `mail.thread`."""
        if self.env.context.get("crm_mail_intake_queue"):
            # sudo: a wake-up call
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
            return True
        return super().send(*args, **kwargs)
