"""The same mails through Odoo's gateway, into our cases and into leads of the peer."""

import os
import random
import time

from mail_messages import DOMAIN, Feed
from populate import fill_contacts

TARGETS = {"case": "crm.case.section", "lead": "crm.team"}
SEED = 20  # mails before anything is measured: caches are warm, answers have a parent


def fill_missing_contacts(env, count):
    """Have ``count`` contacts with addresses that mails can come from."""
    have = env["res.partner"].search_count([("email", "like", f"@{DOMAIN}")])
    if have < count:
        fill_contacts(env.cr, count)
        env.cr.execute("ANALYZE res_partner")


def make_feeds(env, names=TARGETS):
    """Open an address for each target that this database has, and a feed to it.

    Sections and teams have neither members nor a manager: nobody is told, so that the
    gateway alone is measured.

    :return: {name: Feed}, what is in the database being committed
    """
    domain = env.company.alias_domain_id
    if not domain:
        domain = env["mail.alias.domain"].create({"name": f"mail.{DOMAIN}"})
        env["res.company"].search([]).alias_domain_id = domain
    contacts = env["res.partner"].search_count([("email", "like", f"@{DOMAIN}")])
    run = f"{int(time.time())}x{os.getpid()}x{random.randrange(1000)}"
    feeds = {}
    for name, model in TARGETS.items():
        if name in names and model in env:
            owner = _find_owner(env[model], f"mail-bench-{name}")
            owner.alias_id.alias_domain_id = domain
            to = f"{owner.alias_name}@{domain.name}"
            feeds[name] = Feed(name, to, run, max(contacts, 1))
    env.cr.commit()
    return feeds


def _find_owner(Model, alias):
    owner = Model.search([("alias_name", "=", alias)], limit=1)
    return owner or Model.create(
        {
            "name": f"Mail bench {Model._name}",
            "alias_name": alias,
            "user_id": False,
            # leads rather than opportunities is a setting of the peer's users
            **({"use_leads": False} if "use_leads" in Model._fields else {}),
        }
    )


def process(env, mails):
    """Hand mails in one by one, as Odoo's own fetching does: a commit after each."""
    thread = env["mail.thread"].with_context(fetchmail_cron_running=True)
    for raw in mails:
        found = thread.message_process(
            model=False, message=raw, save_original=False, strip_attachments=False
        )
        if not found:
            raise RuntimeError("a mail found no place: the figure would be void")
        env["ir.cron"]._commit_progress(1)


def warm_up(env, feeds, count=SEED):
    """Process some mails of each feed, whose threads the answers then find."""
    for feed in feeds.values():
        process(env, feed.new(count))
        process(env, feed.reply(3))
    env.cr.execute("ANALYZE mail_message")
    env.cr.commit()
