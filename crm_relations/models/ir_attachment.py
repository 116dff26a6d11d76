from odoo import api, models

INDEX_LIMIT = 256 * 1024  # bytes of a received file that can be searched for


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

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
