from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odoo.tests import tagged

from .profiling_import_common import ProfilingImportCommon

# few of each, so that they meet
_MAIL = st.sampled_from(
    ("", "", "a@o.example", "B@o.example", "c@o.example", "d@o.example", "no mail")
)
_ROW = st.fixed_dictionaries(
    {
        "Name": st.sampled_from(("", "Ann", "Ben")),
        "Mail": _MAIL,
        "Reference": st.sampled_from(("", "", "r1", "r2", "r3")),
        "ID": st.sampled_from(("", "", "", "x1", "x2", "crm_relations.taken")),
        "sector": st.sampled_from(("", "services", "Industry", "2", "trade")),
        "topics": st.sampled_from(("", "mail", "1;figures", "fax; mail", "fax")),
    }
)
_PARTNERS = st.lists(
    st.fixed_dictionaries(
        {
            "email": _MAIL.filter(lambda mail: mail != "no mail"),
            "ref": st.sampled_from(("", "", "r1", "r2")),
            "xmlid": st.sampled_from(("", "", "x1", "x2")),
        }
    ),
    max_size=4,
)
_HEADERS = ("Name", "Mail", "Reference", "ID", "sector", "topics")
_SECTORS = {"services": "services", "Industry": "industry", "2": "industry"}
_TOPICS = {"mail": "mail", "1": "cases", "figures": "figures"}


@tagged("crm_relations_import")
class TestProfilingImportOracle(ProfilingImportCommon):
    """Whatever rows and partners: what a slow, obvious reading of the file says."""

    def _make_partners(self, wanted):
        """Make partners; of two with one external id, the last has it."""
        partners = []
        for values in wanted:
            partner = self.env["res.partner"].create(
                {"name": "P", "email": values["email"], "ref": values["ref"]}
            )
            if values["xmlid"]:
                for other in partners:
                    other["xmlid"] = (
                        other["xmlid"] != values["xmlid"] and other["xmlid"]
                    )
                self.env["ir.model.data"]._update_xmlids(
                    [{"xml_id": f"__import__.{values['xmlid']}", "record": partner}]
                )
            partners.append({**values, "partner": partner})
        return partners

    def _find_partner(self, row, partners):
        """Give (finding, partner) by the first key that finds any."""
        for finding, key, value in (
            ("xmlid", "xmlid", row["ID"]),
            ("email", "email", "@" in row["Mail"] and row["Mail"]),
            ("ref", "ref", row["Reference"]),
        ):
            found = [
                one["partner"]
                for one in partners
                if value and (one[key] or "").lower() == value.lower()
            ]
            if found:
                return ("several", None) if found[1:] else (finding, found[0])
        if row["ID"] == "crm_relations.taken":
            return "invalid", None
        if row["Mail"] == "no mail":
            return "mail", None
        return ("new" if row["Name"] or row["Mail"] else "invalid"), None

    def _expect(self, rows, partners):
        """Give {row: (finding, partner)} of rows that have anything in them."""
        found, seen = {}, set()
        for number, row in enumerate(rows, 2):
            if not any(row.values()):
                continue
            finding, partner = self._find_partner(row, partners)
            key = partner or row["ID"] or row["Mail"].lower() or row["Reference"]
            if finding in ("several", "mail", "invalid"):
                found[number] = finding, None
            elif key and key in seen:
                found[number] = "double", partner
            else:
                found[number] = finding, partner
                seen.add(key)
        return found

    def _expect_answers(self, row):
        sector = _SECTORS.get(row["sector"])
        texts = [text.strip() for text in row["topics"].split(";")]
        names = [f"topics {_TOPICS[text]}" for text in texts if text in _TOPICS]
        names += [f"sector {sector}"] if sector else []
        return sorted(set(names))

    # the examples share the test's transaction, each within its own savepoint
    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
    @given(
        _PARTNERS,
        st.lists(_ROW, min_size=1, max_size=6).filter(
            lambda r: any(map(any, (x.values() for x in r)))
        ),
    )
    def test_import_says_and_does_what_the_oracle_says(self, wanted, rows):
        savepoint = self.env.cr.savepoint()
        try:
            self.env["ir.model.data"]._update_xmlids(
                [{"xml_id": "crm_relations.taken", "record": self.fair}]
            )
            partners = self._make_partners(wanted)
            expected = self._expect(rows, partners)
            job = self._preview(*rows, headers=_HEADERS)
            self.assertEqual(
                {row.number: (row.finding, row.partner_id) for row in job.row_ids},
                {
                    number: (finding, partner or self.env["res.partner"])
                    for number, (finding, partner) in expected.items()
                },
            )
            if job.todo_count:
                job.action_apply()
            self._check_result(job, rows, expected)
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    def _check_result(self, job, rows, expected):
        for row in job.row_ids:
            finding, partner = expected[row.number]
            if finding in ("several", "double", "mail", "invalid"):
                self.assertEqual(row.state, "skipped")
                continue
            self.assertEqual(row.state, "done")
            self.assertEqual(
                self._answers_of(row.partner_id),
                self._expect_answers(rows[row.number - 2]),
            )
            if partner:
                self.assertEqual(row.partner_id, partner)
