"""Top-ups: amounts, gaps, how many of them make up 80 % of the money, and the balance between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder import Step
from custintel.indicators._contacts import PARETO
from custintel.indicators._statistics import statistics_steps
from custintel.indicators._table import KEYS, PLAIN, Indicator, Table, exploded_sql
from custintel.indicators._volume import gaps_sql

if TYPE_CHECKING:
    from custintel.indicators._rules import Rules

__all__ = ["drained_balance_steps", "top_up_tables"]


def top_up_tables(rules: Rules) -> list[Table]:
    """The tables of top-ups."""
    columns = ["line", "period", "service", "recharge_id", "amount as x"]
    values = Step("amounts_values", exploded_sql(rules, columns, "top_ups"), "amounts in each split")
    gaps = Step("top_up_gaps_values", gaps_sql("top_ups", rules), "seconds between top-ups")
    return [
        _counts(values),
        Table(
            tuple(statistics_steps("amounts", values, rules)),
            (Indicator("amount_recharges", "x", (PLAIN,), distribution=True),),
        ),
        Table(
            tuple(statistics_steps("top_up_gaps", gaps, rules)),
            (Indicator("interevent_time_recharges", "x", (PLAIN,), distribution=True),),
        ),
    ]


def _counts(values: Step) -> Table:
    """The count covers the top-up with which 80 % is reached; one at least."""
    before = "order by x desc, recharge_id rows between unbounded preceding and 1 preceding"
    sql = f"""select {KEYS}, count(*) as n,
    greatest(count_if(x_before < {PARETO} * all_x), 1) / count(*) as pareto
from (
    select {KEYS}, sum(x) over (partition by {KEYS}) as all_x,
        coalesce(sum(x) over (partition by {KEYS} {before}), 0) as x_before
    from amounts_values
)
group by {KEYS}"""
    last = Step("top_up_counts", sql, "number of top-ups, and the share of them that makes up 80 %")
    return Table(
        (values, last),
        (
            Indicator("percent_pareto_recharges", "pareto", (PLAIN,)),
            Indicator("number_of_recharges", "n", (PLAIN,)),
        ),
    )


def drained_balance_steps() -> list[Step]:
    """Mean balance when each top-up is used up evenly by the next: what bandicoot's average_balance_recharges means."""
    sql = """select line, sum(amount * days / 2) / sum(days) as drained_balance_recharges
from (
    select line, amount, greatest(1, next_day - day) as days
    from (
        select line, amount, day, lead(day) over (partition by line order by tick, recharge_id) as next_day
        from top_ups
    )
    where next_day is not null
)
group by line"""
    return [Step("drained", sql, "mean balance between top-ups")]
