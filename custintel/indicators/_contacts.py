"""With whom: contacts, entropy, balance, interactions and seconds per contact, shares of contacts (Pareto)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder import Step
from custintel.indicators._statistics import statistics_steps
from custintel.indicators._table import CALLS, GROUP, KEYS, TEXTS, Indicator, Table, exploded_sql

if TYPE_CHECKING:
    from custintel.indicators._rules import Rules

__all__ = ["PARETO", "contact_tables", "fewest_sql", "levels_sql"]

PARETO = "cast(0.8 as double)"
"""The share that the fewest of them make up."""


def contact_tables(rules: Rules) -> list[Table]:
    """Diversity of contacts, and the distributions over contacts."""
    per_contact = _per_contact_steps(rules)
    return [_diversity(per_contact), _talk(per_contact), _per_contact(per_contact, rules)]


def _per_contact_steps(rules: Rules) -> list[Step]:
    keys = "line, period, week_part, day_part, service, party"
    sums = "count(*) as n, count_if(outgoing) as n_out, sum(seconds) as s"
    cells = f"select {keys}, {sums}\nfrom records\nwhere party is not null\ngroup by {keys}"
    columns = ["line", "period", "service", "party", "n", "n_out", "s"]
    source = exploded_sql(rules, columns, "contact_cells")
    added = "sum(n) as n, sum(n_out) as n_out, coalesce(sum(s), 0) as s"
    whole = f"select {KEYS}, party, {added}\nfrom ({source})\ngroup by {KEYS}, party"
    totals = f"select {KEYS}, sum(n) as all_n, sum(s) as all_s\nfrom contact\ngroup by {KEYS}"
    return [
        Step("contact_cells", cells, "interactions with each contact by part of the week and the day"),
        Step("contact", whole, "interactions with each contact in each split"),
        Step("totals", totals, "interactions and seconds of each split"),
    ]


def _diversity(per_contact: list[Step]) -> Table:
    sql = f"""select {KEYS},
    sum(k) as contacts,
    ln(any_value(all_n)) - sum(k * n * ln(n)) / any_value(all_n) as entropy,
    {fewest_sql("n", "all_n")} / sum(k) as pareto
from ({levels_sql("contact", "n")}) join totals using ({KEYS})
group by {KEYS}"""
    last = Step("contacts", sql, "diversity of contacts")
    both = (CALLS, TEXTS)
    return Table(
        (*per_contact, last),
        (
            Indicator("number_of_contacts", "contacts", both),
            Indicator("entropy_of_contacts", "entropy", both),
            Indicator("percent_pareto_interactions", "pareto", both),
        ),
    )


def levels_sql(relation: str, x: str) -> str:
    """How many (k) have each value of x, and what those with more have together: far fewer rows to sort than items."""
    levels = f"select {KEYS}, {x}, count(*) as k from {relation} group by {KEYS}, {x}"
    over = f"partition by {GROUP} + split order by {x} desc rows between unbounded preceding and 1 preceding"
    return f"\n    select *, coalesce(sum({x} * k) over ({over}), 0) as before\n    from ({levels})\n"


def fewest_sql(x: str, total: str) -> str:
    """The fewest items that make up 80 % of the total, rounded up."""
    missing = f"ceil({PARETO} * {total}) - before"
    return f"sum(case when {x} > 0 then greatest(0, least(k, ceil(({missing}) / {x}))) else 0 end)"


def _talk(per_contact: list[Step]) -> Table:
    calls = f"(select {KEYS}, s from contact where service = {CALLS})"
    sql = f"""select {KEYS}, {fewest_sql("s", "all_s")} / sum(k) as pareto
from ({levels_sql(calls, "s")}) join totals using ({KEYS})
group by {KEYS}"""
    last = Step("talk", sql, "contacts by seconds talked")
    return Table((*per_contact, last), (Indicator("percent_pareto_durations", "pareto", (CALLS,)),))


def _per_contact(per_contact: list[Step], rules: Rules) -> Table:
    """Interactions with a contact, and the balance: outgoing ones as a share of ALL interactions of the split."""
    balance = [
        # the shape of a distribution does not change with its scale: whole numbers until here
        f"n_out_{one} as balance_{one}" if one in ("skewness", "kurtosis") else f"n_out_{one} / all_n as balance_{one}"
        for one in rules.statistics
    ]
    body = ", ".join([KEYS, *(f"n_{one}" for one in rules.statistics), *balance])
    last = Step("shares", f"select {body}\nfrom per_contact join totals using ({KEYS})", "balance of contacts")
    steps = [*per_contact, *statistics_steps("per_contact", per_contact[1], rules, ("n", "n_out"))[1:], last]
    both = (CALLS, TEXTS)
    return Table(
        tuple(steps),
        (
            Indicator("interactions_per_contact", "n", both, distribution=True),
            Indicator("balance_of_contacts", "balance", both, distribution=True),
        ),
    )
