from datetime import timedelta

from odoo import api, fields, models
from odoo.tools.constants import GC_UNLINK_LIMIT

KEEP_DAYS = 400  # a mail that comes again after a year is not a second delivery


class CrmMailIntakeReceipt(models.Model):
    """One mail that entered one place: a section as a new case, or a case as an answer.

    Made in the transaction that makes the entry. Its unique key is what lets no mail
    enter a place twice, by however many workers at once; it outlives the ledger's row.
    """

    _name = "crm.mail.intake.receipt"
    _description = "Incoming Mail Receipt"
    _order = "id"
    _rec_name = "key"

    key = fields.Char(required=True, readonly=True)
    content_key = fields.Char(
        readonly=True, help="Digest of the mail's content; it outlives the mail."
    )
    intake_id = fields.Many2one(
        "crm.mail.intake", readonly=True, index="btree_not_null", ondelete="set null"
    )

    _key_uniq = models.UniqueIndex("(key)", "Key: this mail has entered there already.")
    _create_date_idx = models.Index("(create_date)")

    @api.autovacuum
    def _gc_old(self):
        """Forget receipts that no second delivery can ask for any more.

        :return: (number removed, whether there is more)
        """
        limit = fields.Datetime.now() - timedelta(days=KEEP_DAYS)
        old = self.search(
            [("create_date", "<", limit)], order="create_date", limit=GC_UNLINK_LIMIT
        )
        old.unlink()
        return len(old), int(len(old) == GC_UNLINK_LIMIT)
