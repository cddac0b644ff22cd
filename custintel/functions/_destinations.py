"""Destinations: countries and kinds of the numbers abroad and premium numbers, by the longest prefix known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


_COUNTRY, _RISK = ("numbering.country",), ("numbering.risk",)
_RISKY = 0.5


@sql_function(
    "destinations",
    reads=[
        Reads(
            "usage",
            required=("other_party", "destination", "direction"),
            optional=("duration_s", "number_range"),
            days=90,
        ),
        Reads("numbering", required=("prefix",), optional=("country", "risk")),
    ],
    outputs={
        "countries": _COUNTRY,
        "new_countries": _COUNTRY,
        "top_country": _COUNTRY,
        "top_country_share": _COUNTRY,
        "country_entropy": _COUNTRY,
        "risk_mean": _RISK,
        "risk_max_7": _RISK,
        "risky_calls_7": _RISK,
        "risky_minutes_7": (*_RISK, "usage.duration_s"),
        "risky_minutes_90": (*_RISK, "usage.duration_s"),
    },
)
def destinations(context: FunctionContext) -> list[Step]:
    """Countries of international numbers, and risk of the international and premium numbers called, over 90 days.

    Risk counts outgoing calls and texts only; a range is risky from 0.5 on. A number takes the country and risk of
    the longest prefix that it begins with; where a call has a `number_range`, that stands for the digits, which a
    pseudonym does not have.
    """
    return [_events(context), _ranges(context), _known(context), _countries(context), _answer(context)]


def _events(context: FunctionContext) -> Step:
    age = "date_diff('day', event_date, as_of)"
    sql = f"""select
    customer_id,
    as_of,
    other_party,
    max(number_range) as number_range,
    cast(count(*) as double) as n,
    max(case when destination = 'international' then 1 else 0 end) as abroad,
    max({age}) as oldest,
    min({age}) as newest,
    count(case when direction = 'out' then 1 end) as n_out,
    count(case when direction = 'out' and {age} < 7 then 1 end) as n_out_7,
    sum(case when direction = 'out' then cast(duration_s as double) / 60 end) as minutes_90,
    sum(case when direction = 'out' and {age} < 7 then cast(duration_s as double) / 60 end) as minutes_7
from (
{context.rows_sql("usage")}
) as u
where destination in ('international', 'premium') and other_party is not null
group by customer_id, as_of, other_party"""
    return context.step("events", sql, "one row an international or premium number")


def _ranges(context: FunctionContext) -> Step:
    # by equality for each length of prefix: comparing every number with every prefix would not end
    sql = f"""select other_party, country, risk
from (
    select
        p.other_party,
        r.country,
        r.risk,
        row_number() over (partition by p.other_party order by length(r.prefix) desc) as place
    from (
        select e.other_party, l.digits, substr(e.number, 1, l.digits) as start
        from (
            select distinct other_party, coalesce(number_range, other_party) as number
            from {context.name}_events
        ) as e
        cross join (select distinct length(prefix) as digits from (
{context.reference_sql("numbering")}
        ) as n) as l
    ) as p
    join (
{context.reference_sql("numbering")}
    ) as r on r.prefix = p.start and length(r.prefix) = p.digits
) as p
where place = 1"""
    return context.step("ranges", sql, "the longest known prefix of each number")


def _known(context: FunctionContext) -> Step:
    sql = f"""select e.*, r.country, cast(r.risk as double) as risk
from {context.name}_events as e
left join {context.name}_ranges as r on r.other_party = e.other_party"""
    return context.step("known", sql, "numbers with country and risk")


def _countries(context: FunctionContext) -> Step:
    sql = f"""select
    customer_id,
    as_of,
    country,
    sum(n) as n,
    max(oldest) as oldest,
    row_number() over (partition by customer_id, as_of order by sum(n) desc, country) as place
from {context.name}_known
where country is not null and abroad = 1
group by customer_id, as_of, country"""
    return context.step("countries", sql, "one row a country")


def _answer(context: FunctionContext) -> Step:
    whole = f"""select
    customer_id,
    as_of,
    count(*) as countries,
    count(case when oldest < 30 then 1 end) as new_countries,
    max(case when place = 1 then country end) as top_country,
    max(n) / sum(n) as top_country_share,
    greatest(ln(sum(n)) - sum(n * ln(n)) / sum(n), 0) as country_entropy
from {context.name}_countries
group by customer_id, as_of"""
    sql = f"""select
    k.customer_id,
    k.as_of,
    coalesce(max(c.countries), 0) as countries,
    coalesce(max(c.new_countries), 0) as new_countries,
    max(c.top_country) as top_country,
    max(c.top_country_share) as top_country_share,
    max(c.country_entropy) as country_entropy,
    sum(k.n_out * k.risk) / nullif(sum(case when k.risk is not null then k.n_out end), 0) as risk_mean,
    max(case when k.n_out_7 > 0 then k.risk end) as risk_max_7,
    sum(case when k.risk >= {_RISKY} then k.n_out_7 else 0 end) as risky_calls_7,
    sum(case when k.risk >= {_RISKY} then coalesce(k.minutes_7, 0) else 0 end) as risky_minutes_7,
    sum(case when k.risk >= {_RISKY} then coalesce(k.minutes_90, 0) else 0 end) as risky_minutes_90
from {context.name}_known as k
left join (
{whole}
) as c on c.customer_id = k.customer_id and c.as_of = k.as_of
group by k.customer_id, k.as_of"""
    return context.step("answer", sql, "destinations of each customer")
