"""The tests of the addons: spread over processes, run by Odoo, counted."""

import ast
import os

from suite.odoo_log import is_result, read_results
from suite.odoo_process import ROOT, database, free_port, odoo
from suite.report import Outcome

SHARD_TESTS = 80  # a process per so many tests: each pays the installation, about 15 s
BROWSER_WEIGHT = 10  # a browser test takes as long as so many others

# Odoo's own tests of mail that comes in and goes out, by the tags they have
MAIL_TAGS = (
    *("mail_gateway", "mail_loop", "mail_reply", "mail_flow", "mail_alias"),
    *("mail_message", "mail_mail", "mail_post", "mail_notify", "mail_thread"),
    "multi_company",
)
MAIL_LEFT_OUT = (
    "is_query_count",  # counts of statements hold for Odoo's own set of addons
    # not about mail received or sent, and slow
    *("/test_mail:TestMessagePostLang", "/test_mail:TestComposerResultsComment"),
    # These fail without our addon as well: they expect bare text in <p>, while lxml,
    # as the system has it, makes it <span>.
    "/test_mail:TestAPI.test_body_escape",
    "/test_mail:TestAPI.test_message_update_content",
    "/test_mail:TestMailMessageAccess.test_assert_initial_values",
    "/test_mail:TestMessagePost.test_message_post",
    "/test_mail:TestMessagePost.test_message_post_defaults",
    "/test_mail:TestMessagePostHelpers.test_message_post_with_template",
    "/test_mail:TestMessagePostHelpers.test_message_post_with_template_defaults",
    "/test_mail:TestMessageValues.test_mail_message_values_body_base64_image",
)


def test_classes(addon):
    """Read the test files of an addon.

    :return: {class: weight}, the weight of those that own no test being left out
    """
    weights = {}
    for path in sorted((ROOT / addon / "tests").glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        factor = BROWSER_WEIGHT if "start_tour" in text or "browser_js" in text else 1
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef):
                count = sum(
                    getattr(m, "name", "").startswith("test") for m in node.body
                )
                if count:
                    weights[node.name] = count * factor
    return weights


def shards(addons, most):
    """Split the tests of addons over processes.

    All but the first shard name classes; the first takes whatever the others do not,
    so that no test can be missed.

    :return: a list of Odoo's test tags, at least one
    """
    classes = {
        f"/{addon}:{name}": weight
        for addon in addons
        for name, weight in test_classes(addon).items()
    }
    total = sum(classes.values())
    count = max(1, min(most, total // SHARD_TESTS))
    bins = [[] for _ in range(count)]
    loads = [0] * count
    for tag, weight in sorted(classes.items(), key=lambda item: -item[1]):
        lightest = loads.index(min(loads))
        bins[lightest].append(tag)
        loads[lightest] += weight
    others = [tag for tags in bins[1:] for tag in tags]
    rest = [f"/{addon}" for addon in addons] + [f"-{tag}" for tag in others]
    return [",".join(tags) for tags in [rest, *bins[1:]]]


def run_tests(name, source, install, tags):
    """Install addons on a copy of a template and run the tests ``tags`` selects."""
    with database(name, source) as copy:
        return judge(name, _install_and_test(name, copy, install, tags))


def run_odoo_mail_tests(name, source, install):
    """Run Odoo's own tests of its mail gateway with our addons in the database.

    Ours are installed first: tests that run while their addon is installed then meet
    them, whatever the order in which Odoo loads addons.
    """
    tags = [f"{tag}/test_mail" for tag in MAIL_TAGS]
    tags += [f"-{left_out}" for left_out in MAIL_LEFT_OUT]
    with database(name, source) as copy:
        options = ("-i", ",".join(install), "--stop-after-init", "--no-http")
        odoo(f"{name}_install", "-d", copy, *options)
        run = _install_and_test(name, copy, ["test_mail"], ",".join(tags))
    return judge(name, run)


def _install_and_test(name, copy, install, tags):
    return odoo(
        name,
        *("-d", copy, "-i", ",".join(install), "--test-tags", tags),
        *("--http-port", free_port(), "--max-cron-threads", "0"),
        "--stop-after-init",
    )


def judge(name, run):
    """Count what the tests of a run came to, and read its log for warnings."""
    records = run.records
    results = read_results(records)
    outcome = Outcome(results.passed, tests=results.passed, skipped=results.skipped)
    for test, tracebacks in results.broken.items():
        outcome.fail(test, "\n".join(tracebacks))
    loud = [r for r in records if r.is_loud() and not is_result(r)]
    outcome.check(
        f"the log of {name} holds no warning",
        [f"{r.level} {r.logger}: {r.text}" for r in loud],
    )
    # A run that died on the way has passed nothing, whatever it counted before.
    if run.code not in (0, 1) or (results.started and not results.finished):
        outcome.fail(
            f"{name} came to its end", f"it did not (code {run.code}): {run.log}"
        )
    return outcome


def most_shards():
    """Leave cores to the checks of the life cycle, which run beside."""
    return max(1, (os.cpu_count() or 2) // 2)
