"""What is kept of each case for statistics, as the columns of a table, in SQL."""

# What a figure may be grouped and filtered by: the column's type and its value in a row
# of `crm_case`. Days are kept as the first of their month.
_MONTH = "date_trunc('month', {r}.%s::timestamp)::date"
DIMENSIONS = {
    "active": ("bool", "COALESCE({r}.active, FALSE)"),
    "company_id": ("int4", "{r}.company_id"),
    "currency_id": ("int4", "{r}.currency_id"),
    "section_id": ("int4", "{r}.section_id"),
    "user_id": ("int4", "{r}.user_id"),
    "day_created": ("date", _MONTH % "day_created"),
    "day_closed": ("date", _MONTH % "day_closed"),
    "stage_id": ("int4", "{r}.stage_id"),
    "state": ("varchar", "{r}.state"),
    "category_id": ("int4", "{r}.category_id"),
    "channel_id": ("int4", "{r}.channel_id"),
    "priority": ("varchar", "{r}.priority"),
    "sla_state": ("varchar", "{r}.sla_state"),
}
# record rules and currencies need these, so that all levels have them
BASE = ("active", "company_id", "currency_id", "section_id", "user_id")
# What is kept besides, smallest first: sums by few things are few rows, and one level
# by everything would have as many rows as there are cases. Three years of a million
# cases of fifty people are 9,000 rows on the first, see bench/results/analysis.json.
LEVELS = (
    ("day_created",),
    ("day_closed",),
    ("day_created", "channel_id"),
    ("day_created", "priority"),
    ("day_created", "sla_state"),
    ("day_created", "stage_id", "state"),
    ("day_closed", "stage_id", "state"),
    ("day_created", "category_id"),
    ("day_closed", "category_id"),
    ("day_created", "stage_id", "state", "category_id"),
)
# measures that are no columns of `crm_case`
EXPRESSIONS = {
    "reopened": "({r}.reopen_count > 0)::int",
    "escalated": "({r}.escalation_level > 0)::int",
    "sla_met_share": "CASE {r}.sla_state WHEN 'met' THEN 1 WHEN 'missed' THEN 0 END",
}
SUMS = {
    "planned_revenue": "numeric",
    "planned_cost": "numeric",
    "weighted_revenue": "numeric",
    "duration": "float8",
    "reopen_count": "int4",
    "reopened": "int4",
    "escalated": "int4",
}
MEANS = {
    "hours_first_response": "float8",
    "hours_close": "float8",
    "hours_working_first_response": "float8",
    "hours_working_close": "float8",
    "message_count": "int4",
    "rating_value": "float8",
    "sentiment": "int4",
    "probability": "float8",
    "sla_met_share": "float8",
}


def columns():
    """Name the columns of the kept sums after ``n``, the number of cases.

    >>> columns()[0], columns()[-1]
    ('active', 'sla_met_share_n')
    """
    counts = [f"{name}_n" for name in MEANS]
    return [*DIMENSIONS, *SUMS, *MEANS, *counts]


def values_of(row, sign=1):
    """Give what one case adds, in the order of `columns`.

    A mean is a sum and the number of cases that have the value.

    :param str row: the alias of a row of `crm_case`
    :param int sign: -1 for what a case takes away when it changes

    >>> values_of("r")[1:3]
    ['r.company_id', 'r.currency_id']
    >>> dict(zip(columns(), values_of("OLD", -1)))["planned_revenue"]
    '-1 * COALESCE(OLD.planned_revenue, 0)'
    >>> dict(zip(columns(), values_of("OLD", -1)))["hours_close_n"]
    '-1 * (OLD.hours_close IS NOT NULL)::int'
    >>> len(values_of("r")) == len(columns())
    True
    """
    values = [expression.format(r=row) for _type, expression in DIMENSIONS.values()]
    measures = [
        EXPRESSIONS.get(name, "{r}." + name).format(r=row) for name in (*SUMS, *MEANS)
    ]
    values += [f"{sign} * COALESCE({measure}, 0)" for measure in measures]
    means = measures[len(SUMS) :]
    return values + [f"{sign} * ({measure} IS NOT NULL)::int" for measure in means]


def sources():
    """Name the columns of `crm_case` that decide what a case adds.

    >>> {"day_created", "escalation_level", "hours_close"} - set(sources())
    set()
    >>> set(EXPRESSIONS) & set(sources())
    set()
    """
    measured = ({**SUMS, **MEANS}.keys() | {"escalation_level"}) - EXPRESSIONS.keys()
    return [*DIMENSIONS, *sorted(measured)]


def listed(values):
    """Give values as they stand in a statement.

    >>> listed(["n", "active"])
    'n, active'
    """
    return ", ".join(values)
