"""How much and when: counts, calls' lengths, active days, gaps between events.

Counts are added up from cells of (customer, period, part of week, part of day); a gap is taken after filtering to the
split and the week, so night gaps span the day between and gaps across weeks are lost, as in bandicoot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.builder import Step
from custintel.indicators._statistics import statistics_steps
from custintel.indicators._table import BOTH, CALLS, GROUP, KEYS, TEXTS, Indicator, Table, exploded_sql

if TYPE_CHECKING:
    from custintel.indicators._rules import Rules

__all__ = ["gaps_sql", "volume_tables"]


def volume_tables(rules: Rules) -> list[Table]:
    """Counts, active days, lengths of calls and gaps."""
    return [_counts(rules), _days(rules), _durations(rules), _gaps(rules)]


def _counts(rules: Rules) -> Table:
    cells = Step(
        "cells",
        "select line, period, week_part, day_part, service, count(*) as n, count_if(outgoing) as n_out\n"
        "from records\ngroup by line, period, week_part, day_part, service",
        "interactions by part of the week and the day",
    )
    source = exploded_sql(rules, ["line", "period", "service", "day_part", "n", "n_out"], "cells")
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
    return Table(
        (cells, last),
        (
            Indicator("percent_nocturnal", "nocturnal", both),
            Indicator("percent_initiated_interactions", "initiated", (CALLS,)),
            Indicator("number_of_interactions", "n", both),
            Indicator("number_of_interaction_in", "n_in", both),
            Indicator("number_of_interaction_out", "n_out", both),
        ),
    )


def _days(rules: Rules) -> Table:
    splits = "[0, by_day, by_night, 3 * week_part, 3 * week_part + by_day, 3 * week_part + by_night]"
    sql = f"""select {KEYS}, count(*) as days
from (
    select line, period, unnest({splits if rules.splits else "[0]"}) as split, {BOTH} as service
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
    return Table((last,), (Indicator("active_days", "days", (BOTH,)),))


def _durations(rules: Rules) -> Table:
    calls = f"(select * from records where service = {CALLS} and seconds is not null)"
    source = exploded_sql(rules, ["line", "period", "service", "seconds as x"], calls)
    steps = statistics_steps("durations", Step("durations_values", source, "lengths of calls"), rules)
    return Table(tuple(steps), (Indicator("call_duration", "x", (CALLS,), distribution=True),))


def _gaps(rules: Rules) -> Table:
    steps = statistics_steps("gaps", Step("gaps_values", gaps_sql("records", rules), "seconds between events"), rules)
    return Table(tuple(steps), (Indicator("interevent_time", "x", (CALLS, TEXTS), distribution=True),))


def gaps_sql(relation: str, rules: Rules) -> str:
    """Seconds from each event to the one before in the same split, period and service."""
    parts = ["0", "day_part", "3 * week_part", "3 * week_part + day_part"]
    return "\nunion all\n".join(
        f"select {KEYS}, (tick - before) / 1e6 as x\nfrom (\n"
        f"    select line, period, service, {split} as split, tick,\n"
        f"        lag(tick) over (partition by {GROUP} + {split} order by tick) as before\n"
        f"    from {relation}\n)\nwhere before is not null"
        for split in (parts if rules.splits else parts[:1])
    )
