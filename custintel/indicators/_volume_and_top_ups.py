"""How much and when: counts, active days, lengths of calls, gaps between events, and top-ups.

Counts are added up from cells of (customer, period, part of week, part of day); a gap is taken after filtering to the
split and the week, so night gaps span the day between and gaps across weeks are lost, as in bandicoot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_context import Step
from custintel.indicators._contacts_and_conversations import PARETO
from custintel.indicators._indicator_tables import (
    BOTH,
    CALLS,
    GROUP,
    KEYS,
    PLAIN,
    TEXTS,
    Indicator,
    IndicatorTable,
    split_rows_sql,
    statistics_steps,
)

if TYPE_CHECKING:
    from custintel.indicators._indicator_options import IndicatorOptions


def volume_tables(options: IndicatorOptions) -> list[IndicatorTable]:
    """Counts, active days, lengths of calls and gaps."""
    return [_counts(options), _days(options), _durations(options), _gaps(options)]


def _counts(options: IndicatorOptions) -> IndicatorTable:
    cells = Step(
        "cells",
        "select line, period, week_part, day_part, service, count(*) as n, count_if(outgoing) as n_out\n"
        "from records\ngroup by line, period, week_part, day_part, service",
        "interactions by part of the week and the day",
    )
    source = split_rows_sql(options, ["line", "period", "service", "day_part", "n", "n_out"], "cells")
    sql = f"""select {KEYS},
    sum(n) as n,
    sum(n) - sum(n_out) as n_in,
    sum(n_out) as n_out,
    sum(n_out) / sum(n) as initiated,
    sum(case when day_part = 2 then n else 0 end) / sum(n) as nocturnal
from ({source})
group by {KEYS}"""
    last = Step("counts", sql, "interactions in each split")
    both = (CALLS, TEXTS)
    return IndicatorTable(
        (cells, last),
        (
            Indicator("percent_nocturnal", "nocturnal", both),
            Indicator("percent_initiated_interactions", "initiated", (CALLS,)),
            Indicator("number_of_interactions", "n", both),
            Indicator("number_of_interaction_in", "n_in", both),
            Indicator("number_of_interaction_out", "n_out", both),
        ),
    )


def _days(options: IndicatorOptions) -> IndicatorTable:
    splits = "[0, by_day, by_night, 3 * week_part, 3 * week_part + by_day, 3 * week_part + by_night]"
    sql = f"""select {KEYS}, count(*) as days
from (
    select line, period, unnest({splits if options.splits else "[0]"}) as split, {BOTH} as service
    from (
        select line, period, day, week_part,
            max(case when day_part = 1 then 1 end) as by_day, max(case when day_part = 2 then 2 end) as by_night
        from records
        group by line, period, day, week_part
    )
)
where split is not null
group by {KEYS}"""
    last = Step("active", sql, "days with a call or text")
    return IndicatorTable((last,), (Indicator("active_days", "days", (BOTH,)),))


def _durations(options: IndicatorOptions) -> IndicatorTable:
    calls = f"(select * from records where service = {CALLS} and seconds is not null)"
    source = split_rows_sql(options, ["line", "period", "service", "seconds as x"], calls)
    steps = statistics_steps("durations", Step("durations_values", source, "lengths of calls"), options)
    return IndicatorTable(tuple(steps), (Indicator("call_duration", "x", (CALLS,), distribution=True),))


def _gaps(options: IndicatorOptions) -> IndicatorTable:
    steps = statistics_steps(
        "gaps", Step("gaps_values", gaps_sql("records", options), "seconds between events"), options
    )
    return IndicatorTable(tuple(steps), (Indicator("interevent_time", "x", (CALLS, TEXTS), distribution=True),))


def gaps_sql(relation: str, options: IndicatorOptions) -> str:
    """Seconds from each event to the one before in the same split, period and service."""
    parts = ["0", "day_part", "3 * week_part", "3 * week_part + day_part"]
    return "\nunion all\n".join(
        f"select {KEYS}, (tick - before) / 1e6 as x\nfrom (\n"
        f"    select line, period, service, {split} as split, tick,\n"
        f"        lag(tick) over (partition by {GROUP} + {split} order by tick) as before\n"
        f"    from {relation}\n)\nwhere before is not null"
        for split in (parts if options.splits else parts[:1])
    )


def top_up_tables(options: IndicatorOptions) -> list[IndicatorTable]:
    """The tables of top-ups."""
    columns = ["line", "period", "service", "recharge_id", "amount as x"]
    values = Step("amounts_values", split_rows_sql(options, columns, "top_ups"), "amounts in each split")
    gaps = Step("top_up_gaps_values", gaps_sql("top_ups", options), "seconds between top-ups")
    return [
        _top_up_counts(values),
        IndicatorTable(
            tuple(statistics_steps("amounts", values, options)),
            (Indicator("amount_recharges", "x", (PLAIN,), distribution=True),),
        ),
        IndicatorTable(
            tuple(statistics_steps("top_up_gaps", gaps, options)),
            (Indicator("interevent_time_recharges", "x", (PLAIN,), distribution=True),),
        ),
    ]


def _top_up_counts(values: Step) -> IndicatorTable:
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
    return IndicatorTable(
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
