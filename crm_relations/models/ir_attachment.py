import os
from contextlib import suppress

from odoo import api, models


class IrAttachment(models.Model):
    """Files of incoming mails survive a disk that was full, and a killed worker."""

    _inherit = "ir.attachment"

    @api.model
    def _get_path(self, bin_data, sha):
        """Remove what was left of this very file by a write that was cut short.

        Odoo would take it for another file of the same name and refuse the mail for
        ever. Only with a mail in hand, whose next try this may be.
        """
        if self.env["crm.mail.intake"]._get_current():
            path = self._full_path(f"{sha[:2]}/{sha}")
            if os.path.isfile(path) and _is_cut_short(path, bin_data):
                with suppress(FileNotFoundError):  # another worker was faster
                    os.unlink(path)
        return super()._get_path(bin_data, sha)


def _is_cut_short(path, content):
    """Tell whether a file holds the beginning of ``content``, but not all of it."""
    size = os.path.getsize(path)
    if size >= len(content):
        return False
    with open(path, "rb") as file:
        return file.read() == content[:size]
