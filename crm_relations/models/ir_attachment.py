import os
from contextlib import suppress

from odoo import api, models

INDEX_LIMIT = 256 * 1024  # bytes of a received file that can be searched for


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

    @api.model
    def _index(self, bin_data, file_type, checksum=None):
        """Look into the beginning of received files only, and into no archive.

        What is found is kept in memory and in the database, and a small archive can
        hold gigabytes.
        """
        if self.env.context.get("crm_mail_file"):
            bin_data = bin_data[:INDEX_LIMIT]
            if bin_data[:2] == b"PK":
                return None
        return super()._index(bin_data, file_type, checksum=checksum)


def _is_cut_short(path, content):
    """Tell whether a file holds the beginning of ``content``, but not all of it."""
    size = os.path.getsize(path)
    if size >= len(content):
        return False
    with open(path, "rb") as file:
        return file.read() == content[:size]
