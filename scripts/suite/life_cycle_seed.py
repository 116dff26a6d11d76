"""Fill a database before the addons are uninstalled; piped into an Odoo shell.

The shell gives ``env``. What belongs to partners here must outlive the addons.
"""

category = env["res.partner.category"].create({"name": "Life cycle category"})
partners = env["res.partner"].create(
    [
        {
            "name": f"Life cycle {number}",
            "email": f"life.cycle.{number}@example.com",
            "category_id": [(4, category.id)],
        }
        for number in range(3)
    ]
)
for partner in partners:
    partner.message_post(
        body=f"A mail from {partner.name}",
        subject="Life cycle",
        message_type="email",
        author_id=partner.id,
        attachments=[("letter.txt", b"Dear all")],
    )
    partner.message_post(body="A note", subtype_xmlid="mail.mt_note")

# A case with a discussion and a file: the uninstallation has something to remove.
if "crm.case" in env:
    section = env["crm.case.section"].create({"name": "Life cycle section"})
    case = env["crm.case"].create(
        {
            "name": "Life cycle case",
            "section_id": section.id,
            "partner_id": partners[0].id,
        }
    )
    case.message_post(
        body="An answer",
        message_type="comment",
        subtype_xmlid="mail.mt_comment",
        attachments=[("answer.txt", b"Dear customer")],
    )
    case.action_open()
env.cr.commit()
