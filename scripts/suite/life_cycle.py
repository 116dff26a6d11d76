"""The life of an installation: install, upgrade, uninstall, with demo, beside crm."""

from pathlib import Path

from suite.odoo_process import database, odoo, sql, template
from suite.report import Outcome

SEED = (Path(__file__).parent / "life_cycle_seed.py").read_text(encoding="utf-8")

# Whatever bridges extend, read once more after they went.
READ = """
partner = env["res.partner"].create({"name": "Somebody"})
env["crm.partner.history"].search([("partner_id", "=", partner.id)]).read()
partner.read(["relation_figures"])
"""

# Everything of the seeded partners that an uninstallation must leave as it was.
PARTNERS = "SELECT id FROM res_partner WHERE name LIKE 'Life cycle %'"
KEPT = {
    "partners": f"""SELECT id, name, email, active FROM res_partner
        WHERE id IN ({PARTNERS})""",
    "their categories": f"""SELECT r.partner_id, c.id, c.name
        FROM res_partner_res_partner_category_rel r
        JOIN res_partner_category c ON c.id = r.category_id
        WHERE r.partner_id IN ({PARTNERS})""",
    "their mails": f"""SELECT id, res_id, author_id, subject, md5(body), message_type
        FROM mail_message WHERE model = 'res.partner' AND res_id IN ({PARTNERS})""",
    "their files": f"""SELECT id, name, checksum, res_id FROM ir_attachment
        WHERE res_model = 'res.partner' AND res_id IN ({PARTNERS})
        AND res_field IS NULL""",
}
# What the addons brought: tables, columns in tables of others, and named records.
OWN_TABLES = """SELECT replace(m.model, '.', '_') FROM ir_model m
    WHERE m.id IN ({own}) AND m.id NOT IN ({foreign})"""
OWN_COLUMNS = """SELECT replace(m.model, '.', '_') || '.' || f.name
    FROM ir_model_fields f JOIN ir_model m ON m.id = f.model_id
    WHERE f.store AND f.id IN ({own}) AND f.id NOT IN ({foreign})"""
OWN_IDS = "SELECT res_id FROM ir_model_data WHERE model = '{model}' AND module {which}"


def quoted(addons):
    return "(" + ", ".join(f"'{addon}'" for addon in addons) + ")"


def whole_life(name, source, addons):
    """Install, fill, upgrade, uninstall and install again on one database."""
    outcome = Outcome()
    with database(name, source) as copy:
        for step in (_install, _upgrade, _uninstall, _install_again):
            if not step(outcome, name, copy, addons):
                break
    return outcome


def _install(outcome, name, copy, addons):
    run = odoo(f"{name}_install", *quiet(copy), "-i", ",".join(addons))
    return outcome.check(f"{name}: install, no warning in the log", run.faults())


def _upgrade(outcome, name, copy, addons):
    seed = odoo(f"{name}_seed", "shell", "-d", copy, "--no-http", stdin=SEED)
    if not outcome.check(f"{name}: partners, mails and a case are made", seed.faults()):
        return False
    run = odoo(f"{name}_upgrade", *quiet(copy), "-u", ",".join(addons))
    return outcome.check(f"{name}: upgrade, no warning in the log", run.faults())


def _uninstall(outcome, name, copy, addons):
    before = {
        title: sql(copy, f"{query} ORDER BY 1, 2") for title, query in KEPT.items()
    }
    own = _own_tables(copy, addons), _own_columns(copy, addons)
    run = odoo(f"{name}_uninstall", "module", "uninstall", "-d", copy, *addons)
    outcome.check(f"{name}: uninstall, no warning in the log", run.faults())
    outcome.check(
        f"{name}: what the addons brought is gone", _remains(copy, addons, *own)
    )
    after = {
        title: sql(copy, f"{query} ORDER BY 1, 2") for title, query in KEPT.items()
    }
    return outcome.check(
        f"{name}: partners, their categories, mails and files are intact",
        [
            f"{title}: {before[title] or 'none was made'} became {after[title]}"
            for title in KEPT
            if not before[title] or before[title] != after[title]
        ],
    )


def _install_again(outcome, name, copy, addons):
    run = odoo(f"{name}_install_again", *quiet(copy), "-i", ",".join(addons))
    return outcome.check(f"{name}: install again, no warning in the log", run.faults())


def _own(copy, addons, query, model):
    """Run a query on what these addons define and no other one does."""
    own = OWN_IDS.format(model=model, which=f"IN {quoted(addons)}")
    foreign = OWN_IDS.format(model=model, which=f"NOT IN {quoted(addons)}")
    return set(sql(copy, query.format(own=own, foreign=foreign)))


def _own_tables(copy, addons):
    return _own(copy, addons, OWN_TABLES, "ir.model")


def _own_columns(copy, addons):
    return _own(copy, addons, OWN_COLUMNS, "ir.model.fields")


def _remains(copy, addons, tables, columns):
    relations = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')"
    fields = "SELECT table_name || '.' || column_name FROM information_schema.columns"
    records = f"""SELECT module || '.' || name FROM ir_model_data
        WHERE module IN {quoted(addons)}"""
    left = tables & set(sql(copy, relations))
    left |= columns & set(sql(copy, fields))
    left |= set(sql(copy, records))
    return sorted(left)


def with_demo(name, label, addons):
    """Install with the example company, on a database that has Odoo's own examples."""
    outcome = Outcome()
    with database(name, template(label, "demo", addons)) as copy:
        run = odoo(name, *quiet(copy), "--with-demo", "-i", ",".join(addons))
        outcome.check(
            f"{name}: install with demo data, no warning in the log", run.faults()
        )
    return outcome


def beside_crm(name, source, addons):
    """Install beside Odoo's own CRM, whose names resemble ours."""
    outcome = Outcome()
    with database(name, source) as copy:
        run = odoo(name, *quiet(copy), "-i", ",".join(["crm", *addons]))
        outcome.check(
            f"{name}: install with Odoo's crm, no warning in the log", run.faults()
        )
    return outcome


def without_bridges(name, source, addons, bridges):
    """Uninstall the bridges alone; the main addon stays and works."""
    outcome = Outcome()
    with database(name, source) as copy:
        odoo(f"{name}_install", *quiet(copy), "-i", ",".join(addons))
        own = _own_tables(copy, bridges), _own_columns(copy, bridges)
        run = odoo(f"{name}_uninstall", "module", "uninstall", "-d", copy, *bridges)
        outcome.check(f"{name}: uninstall, no warning in the log", run.faults())
        outcome.check(
            f"{name}: what the bridges brought is gone", _remains(copy, bridges, *own)
        )
        run = odoo(f"{name}_read", "shell", "-d", copy, "--no-http", stdin=READ)
        outcome.check(f"{name}: timeline and card work without them", run.faults())
    return outcome


def quiet(copy):
    """Return the options of a run that only installs or upgrades."""
    return ("-d", copy, "--stop-after-init", "--no-http")
