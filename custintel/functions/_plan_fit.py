"""Plan fit: what the same use would cost under every plan of the same billing type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custintel.functions.function_registry import Reads, sql_function

if TYPE_CHECKING:
    from custintel.functions.function_context import FunctionContext, Step


_ALLOWANCES = ("included_minutes", "included_sms", "included_data_mb")
_PRICES = ("price_per_minute", "price_per_sms", "price_per_gb")
_MB_A_GB = 1000
_DAYS, _MONTHS = 30, 3
_TRACE = 0.005


@sql_function(
    "plan_fit",
    reads=[
        Reads(
            "usage",
            required=("service", "direction", "duration_s", "data_mb"),
            optional=("destination", "roaming_country"),
            days=_DAYS * _MONTHS,
        ),
        Reads("subscriptions", required=("plan_id",)),
        Reads("plans", required=("plan_id", "billing_type", "monthly_fee"), optional=(*_ALLOWANCES, *_PRICES)),
    ],
    outputs={
        "plan_cost": (),
        "cheapest_cost": (),
        "cheapest_plan": (),
        "plan_gap": (),
        "cheaper_plans": (),
        "beyond_cost": (),
    },
)
def plan_fit(context: FunctionContext) -> list[Step]:
    """Cost a month under the present plan and the cheapest: the mean of the last three months of 30 days.

    Each month is priced by itself, because what is left of one month's allowance does not pay for the next. A month
    counts if the customer had a plan on all of its days; for those who came less than 30 days ago the one month is
    stretched from the days they have been with us. A customer who used nothing costs the fee.

    List prices: fee, and what goes beyond the allowance; no discounts, no device. Use is what plans include: outgoing
    calls and texts (not to other countries, premium or service numbers) and data, all at home, not roaming. A GB is
    1000 MB, as bills count it. Where a plan has no price beyond its allowance, more is free.
    """
    return [_use(context), _plan(context), _costs(context), _answer(context)]


def _use(context: FunctionContext) -> Step:
    home = "coalesce(roaming_country, '') = ''"
    outgoing = (
        f"{home} and direction = 'out' and coalesce(destination, '') not in ('international', 'premium', 'service')"
    )
    kinds = {
        "minutes": f"sum(case when {{month}} and {outgoing} and service = 'voice'"
        " then cast(duration_s as double) / 60 end)",
        "texts": f"cast(count(case when {{month}} and {outgoing} and service = 'sms' then 1 end) as double)",
        "mb": f"sum(case when {{month}} and {home} and service = 'data' then cast(data_mb as double) end)",
    }
    reference_sql = ",\n    ".join(
        f"coalesce({sql.format(month=_in_month(month))}, 0) as {kind}_{month}"
        for month in range(_MONTHS)
        for kind, sql in kinds.items()
    )
    sql = f"""select
    customer_id,
    as_of,
    {reference_sql}
from (
    select *, date_diff('day', event_date, as_of) as age
    from (
{context.rows_sql("usage")}
    ) as r
) as u
group by customer_id, as_of"""
    return context.step("use", sql, "use that plans include in each of the last three months of 30 days")


def _in_month(month: int) -> str:
    """The days of a month, counted back from the date: 0 is the last one."""
    return f"age >= {_DAYS * month} and age < {_DAYS * (month + 1)}"


def _plan(context: FunctionContext) -> Step:
    sql = f"""select customer_id, as_of, plan_id, billing_type,
    greatest(least(floor(days / {_DAYS}.0), {_MONTHS}), 1) as months,
    {_DAYS}.0 / least(days, {_DAYS}) as stretch
from (
    select s.customer_id, s.as_of, s.plan_id, p.billing_type,
        greatest(date_diff('day', s.first_day, s.as_of) + 1, 1) as days
    from (
        select
            customer_id,
            as_of,
            plan_id,
            min(event_date) over (partition by customer_id, as_of) as first_day,
            row_number() over (partition by customer_id, as_of order by event_date desc, plan_id desc) as place
        from (
{context.rows_sql("subscriptions")}
        ) as r
    ) as s
    join (
{context.reference_sql("plans")}
    ) as p on p.plan_id = s.plan_id
    where s.place = 1
) as c"""
    return context.step("plan", sql, "the plan in force, and how many months are priced")


def _costs(context: FunctionContext) -> Step:
    beyond = " + ".join(_beyond_in(month) for month in range(_MONTHS))
    sql = f"""select *, fee + beyond as cost
from (
    select
        c.customer_id,
        c.as_of,
        p.plan_id,
        case when p.plan_id = c.plan_id then 1 else 0 end as present,
        cast(p.monthly_fee as double) as fee,
        ({beyond}) / cast(c.months as double) as beyond
    from {context.name}_plan as c
    left join {context.name}_use as u on u.customer_id = c.customer_id and u.as_of = c.as_of
    join (
{context.reference_sql("plans")}
    ) as p on p.billing_type = c.billing_type and p.monthly_fee is not null
) as b"""
    return context.step("costs", sql, "what the use would cost under each plan")


def _beyond_in(month: int) -> str:
    """What one month costs beyond the allowance; nothing where the customer was not there for the whole of it."""
    stretch = " * cast(c.stretch as double)" if month == 0 else ""

    def part(use: str, allowance: str, price: str, unit: str = "") -> str:
        used = f"coalesce(u.{use}_{month}, 0){stretch} - coalesce(cast(p.{allowance} as double), 0)"
        return f"greatest({used}, 0){unit} * coalesce(cast(p.{price} as double), 0)"

    parts = " + ".join(
        (
            part("minutes", "included_minutes", "price_per_minute"),
            part("texts", "included_sms", "price_per_sms"),
            part("mb", "included_data_mb", "price_per_gb", f" / {_MB_A_GB}"),
        )
    )
    return f"case when c.months > {month} then {parts} else 0 end"


def _answer(context: FunctionContext) -> Step:
    sql = f"""select
    customer_id,
    as_of,
    max(plan_cost) as plan_cost,
    min(cost) as cheapest_cost,
    max(case when place = 1 then plan_id end) as cheapest_plan,
    max(plan_cost) - min(cost) as plan_gap,
    case when max(plan_cost) is not null then count(case when cost < plan_cost - {_TRACE} then 1 end) end
        as cheaper_plans,
    max(case when present = 1 then beyond end) as beyond_cost
from (
    select
        *,
        max(case when present = 1 then cost end) over (partition by customer_id, as_of) as plan_cost,
        row_number() over (partition by customer_id, as_of order by cost, present desc, plan_id) as place
    from {context.name}_costs
) as c
group by customer_id, as_of"""
    return context.step("answer", sql, "the present plan against the cheapest")
